//! What the command prints, to the byte: the same for the same seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{failover, golden};

#[test]
fn help() {
    golden("help.txt", &failover(&["--help"]).stdout);
    for command in ["status", "plan", "check", "history", "pause", "resume", "apply", "daemon", "simulate"] {
        let ended = failover(&[command, "--help"]);
        assert_eq!(ended.code, 0, "{ended:?}");
        golden(&format!("help-{command}.txt"), &ended.stdout);
    }
}

/// Name of the golden file, arguments beside `--simulated`, exit code.
const SIMULATED: [(&str, &[&str], i32); 14] = [
    ("failover.txt", &["--to", "standby"], 0),
    ("failover.json", &["--to", "standby", "--output", "json"], 0),
    ("failover-cold.txt", &["--to", "eu-central-1c", "--seed", "7"], 0),
    ("failover-refused.txt", &["--to", "eu-central-1a"], 3),
    ("failover-unfinished.txt", &["--to", "standby", "--timeout", "60s"], 4),
    ("dry-run.txt", &["--to", "standby", "--dry-run"], 0),
    ("status.txt", &["status"], 0),
    ("status.json", &["status", "--output", "json"], 0),
    ("plan.txt", &["plan", "--to", "eu-central-1c"], 0),
    ("plan.json", &["plan", "--output", "json"], 0),
    ("check.txt", &["check"], 0),
    ("check.json", &["check", "--output", "json"], 0),
    ("history.txt", &["history"], 0),
    ("pause.json", &["pause", "--output", "json"], 0),
];

#[test]
fn each_command_over_the_embedded_region() {
    for (name, arguments, code) in SIMULATED {
        let ended = failover(&[arguments, &["--simulated"]].concat());
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        golden(name, &ended.stdout);
    }
}

#[test]
fn the_progress_of_a_failover() {
    golden("progress.txt", &failover(&["--simulated", "--to", "standby"]).stderr);
}

#[test]
fn the_seed_decides_and_nothing_else() {
    let run = |seed| failover(&["--simulated", "--to", "standby", "--output", "json", "--seed", seed]).stdout;
    assert_eq!(run("5"), run("5"));
    assert_ne!(run("5"), run("6"));
}

#[test]
fn pausing_resuming_and_applying_are_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("failover.toml");
    std::fs::write(&file, failover_scenarios::embedded::sample::SPEC).expect("a file");
    let file = file.to_str().expect("a UTF-8 path");
    for (arguments, told) in [
        (vec!["pause"], "sample: paused"),
        (vec!["resume"], "sample: resumed"),
        (vec!["apply", file], "sample: its spec was replaced"),
    ] {
        let ended = failover(&[&arguments[..], &["--simulated"]].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.stdout.starts_with(told), "{ended:?}");
    }
}

#[test]
fn scenarios_are_listed_and_played() {
    let listed = failover(&["simulate", "--list", "--output", "json"]);
    let scenarios: serde_json::Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let names: Vec<&str> =
        scenarios.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.contains(&"no-volume"), "{names:?}");
    let played = failover(&["simulate", "no-volume", "--runs", "2", "--seed", "3", "--output", "json"]);
    let seeds: Vec<u64> = played
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("a line of JSON")["seed"].as_u64().expect("a seed")
        })
        .collect();
    assert_eq!(seeds, [3, 4]);
}

#[test]
fn a_story_in_which_calls_fail_says_how_it_ended_and_nothing_else() {
    let played = failover(&["simulate", "zone-down-and-back"]);
    assert!(played.stdout.starts_with("ok   zone-down-and-back"), "{played:?}");
    assert_eq!(played.stderr, "");
}
