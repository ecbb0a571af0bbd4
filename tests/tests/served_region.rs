//! The served region as others see it: boto3 asks whether it answers as AWS does, and the built Lambda binary does a failover behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::process::Command;
use std::time::{Duration, Instant};

use failover_tests::served::{Served, asked_by};
use failover_tests::tools::{built, succeeded};
use serde_json::Value;

/// How many checks the boto3 script makes at least.
const LEAST_CHECKS: usize = 130;
/// How many walks over AWS's models there are.
const LEAST_WALKS: usize = 6;
/// A failover of some two minutes, sixteen times as fast, with room for a slow machine.
const LONGEST_FAILOVER: Duration = Duration::from_mins(4);

#[test]
fn boto3_finds_aws() {
    let served = Served::start(&["--scenario", "empty", "--speed", "30"]);
    let passed = asked_by("wire_truth.py", &[&served.url, "1"]);
    assert!(passed >= LEAST_CHECKS, "{passed} checks");
}

/// Every operation and every parameter of AWS's own models is modelled, named as irrelevant, or refused by name.
#[test]
fn what_is_not_modelled_is_refused() {
    let served = Served::start(&["--scenario", "empty", "--speed", "100"]);
    let passed = asked_by("model_walk.py", &[&served.url]);
    assert!(passed >= LEAST_WALKS, "{passed} walks");
}

/// From a user's hand that stops the active instance to the standby that serves: events, Runtime API, binary, wire, all real.
#[test]
fn the_built_lambda_fails_a_service_over_behind_the_region() {
    takes_over("stopped-by-a-user");
}

/// Terminate hook, snapshot, launch hook, volume, address, in service: the events of Auto Scaling lead the binary through all of it.
#[test]
fn the_built_lambda_follows_a_group_behind_the_region() {
    let served = takes_over("group-terminated-by-group");
    let events = served.get("/_region/events").to_string();
    for detail_type in ["EC2 Instance-terminate Lifecycle Action", "EC2 Instance-launch Lifecycle Action"] {
        assert!(events.contains(detail_type), "{detail_type} is not among the events");
    }
    let truth = served.get("/_region/truth");
    assert_eq!(truth["groups"]["waiting_hooks"], serde_json::json!([]), "{truth}");
    assert_eq!(truth["groups"]["timed_out_hooks"], serde_json::json!([]), "{truth}");
}

fn takes_over(scenario: &str) -> Served {
    let served = Served::with_lambda(&["--scenario", scenario, "--speed", "16"]);
    let began = Instant::now();
    let first = loop {
        if let Some(instance) = serving(&served) {
            break instance;
        }
        assert!(began.elapsed() < LONGEST_FAILOVER, "nobody serves at first");
        std::thread::sleep(Duration::from_millis(200));
    };
    let second = loop {
        match serving(&served) {
            Some(instance) if instance != first => break instance,
            _ => assert!(began.elapsed() < LONGEST_FAILOVER, "no failover: {}", served.get("/_region/invocations")),
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    let truth = served.get("/_region/truth");
    assert_eq!(truth["two_writers"], serde_json::json!([]), "{truth}");
    assert_eq!(truth["deleted_only_copy"], serde_json::json!([]), "{truth}");
    assert_eq!(served.get("/_region/dlq"), serde_json::json!([]));
    println!("{second} took over from {first} after {:.0} s", began.elapsed().as_secs_f64());
    let mut history = Command::new(built("failover", "failover-cli"));
    history
        .args(["history", "--output", "json", "--service", "sample"])
        .env_clear()
        .envs([("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .env("AWS_ENDPOINT_URL", &served.url);
    done_in_history(&mut history, &second);
    served
}

/// The service's clients are served before the proof is complete: the report comes a little later.
fn done_in_history(command: &mut Command, active: &str) {
    let began = Instant::now();
    loop {
        let printed = succeeded("failover history", &command.output().unwrap());
        let reports: Value = serde_json::from_slice(&printed).unwrap();
        if let Some(report) = reports.as_array().and_then(|reports| reports.first()) {
            assert_eq!(report["outcome"], "done", "{report}");
            assert_eq!(report["to"]["instance_id"], active, "{report}");
            assert_eq!(report["data_loss_seconds"], 0, "{report}");
            return;
        }
        assert!(began.elapsed() < LONGEST_FAILOVER, "no report");
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn serving(served: &Served) -> Option<String> {
    let truth = served.get("/_region/truth");
    truth["serving"]["sample"]["instance"].as_str().map(str::to_owned)
}
