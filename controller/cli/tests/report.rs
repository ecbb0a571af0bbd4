//! The report and what hangs on it: its shape, that a dry run changes nothing, the page.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::failover;
use serde_json::Value;

fn report(arguments: &[&str]) -> Value {
    let ended = failover(&[&["--simulated", "--output", "json"], arguments].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    serde_json::from_str(&ended.stdout).expect("stdout is one JSON document")
}

#[test]
fn the_report_has_the_documented_shape() {
    let report = report(&["--to", "standby"]);
    let keys: Vec<&str> = report.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut documented = [
        "service",
        "failover_id",
        "epoch",
        "cause",
        "drill",
        "outcome",
        "reason",
        "from",
        "to",
        "started_at",
        "finished_at",
        "downtime_seconds",
        "data_loss_seconds",
        "steps",
        "warnings",
    ];
    documented.sort_unstable();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, documented);
    assert_eq!(report["outcome"], "done");
    assert_eq!(report["drill"], false);
    assert_eq!(report["data_loss_seconds"], 0);
    assert_ne!(report["from"]["zone"], report["to"]["zone"]);
    assert!(report["downtime_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{report}");
    let steps = report["steps"].as_array().expect("steps");
    let named: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    for needed in ["stop", "snapshot", "restore", "attach", "address"] {
        assert!(named.contains(&needed), "{needed} in {named:?}");
    }
    for step in steps {
        for key in ["step", "resource", "started_at", "finished_at", "attempts", "api_calls"] {
            assert!(!step[key].is_null(), "{key} in {step}");
        }
    }
    serde_json::from_value::<failover_core::report::Report>(report).expect("it is the core's report");
}

#[test]
fn a_drill_is_told_as_one() {
    assert_eq!(report(&["--to", "standby", "--drill"])["drill"], true);
}

#[test]
fn the_region_agrees_with_the_report() {
    let ended = failover(&["--simulated", "--to", "standby"]);
    let truth = ended.stdout.lines().last().expect("a last line");
    assert!(
        truth.starts_with("ground truth of the region: two writers: none; acknowledged writes lost: 0 s;"),
        "{truth}"
    );
    let to = report(&["--to", "standby"])["to"]["instance_id"].as_str().expect("an id").to_owned();
    assert!(truth.ends_with(&format!("clients reach {to}")), "{truth}");
}

#[test]
fn the_page_is_whole_and_loads_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("page.html");
    let path = file.to_str().expect("a UTF-8 path");
    let ended = failover(&["--simulated", "history", "--report", path]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let page = std::fs::read_to_string(&file).expect("the page");
    for part in ["<!DOCTYPE html>", "</html>", "<svg", "snapshot", "restore", "class=\"bar\""] {
        assert!(page.contains(part), "{part}");
    }
    for foreign in ["<script", "http://", "https://", "src="] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn one_failover_of_the_history_is_its_report() {
    let list = report(&["history"]);
    let id = list[0]["failover_id"].as_str().expect("an id");
    assert_eq!(report(&["history", id]), list[0]);
}
