//! The five exit codes, each by what leads to it; and that what was wrong is named with what is allowed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::failover;

/// Runs, and expects a code and a text on stderr, with nothing on stdout: data is data.
fn expect(arguments: &[&str], code: i32, told: &[&str]) {
    let ended = failover(arguments);
    assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
    assert_eq!(ended.stdout, "", "{arguments:?}");
    for text in told {
        assert!(ended.stderr.contains(text), "{arguments:?}: no {text:?} in {}", ended.stderr);
    }
}

#[test]
fn zero_done() {
    for arguments in [&["--simulated", "--to", "standby"][..], &["--simulated", "status"], &["--help"], &["--version"]]
    {
        assert_eq!(failover(arguments).code, 0, "{arguments:?}");
    }
}

#[test]
fn one_error() {
    expect(
        &["status", "--endpoint-url", "http://127.0.0.1:9"],
        1,
        &["the specs can't be reached", "GetParametersByPath"],
    );
    expect(&["status", "--endpoint-url", "127.0.0.1:9"], 1, &["endpoint URL", "http://"]);
    expect(&["apply", "/nonexistent/failover.toml", "--simulated"], 1, &["/nonexistent/failover.toml can't be read"]);
    expect(
        &["history", "--simulated", "--report", "/nonexistent/page.html"],
        1,
        &["/nonexistent/page.html can't be written"],
    );
}

#[test]
fn two_wrong_use() {
    for (arguments, told) in [
        (&[][..], &["failover --to standby", "failover --help"][..]),
        (&["--to", "stanby"], &["stanby", "standby", "instance id", "eu-central-1a"]),
        (&["--to", "i-xyz"], &["i-xyz", "hexadecimal"]),
        (&["--to", "standby", "--accept-data-loss", "15"], &["15 has no unit", "15m"]),
        (&["--to", "standby", "--timeout", "1w"], &["'w' is no unit"]),
        (&["--service", "Billing DB", "status"], &["Billing DB", "a-z"]),
        (&["--output", "xml", "status"], &["xml", "text, json"]),
        (&["fail"], &["fail"]),
        (&["--simulated", "--service", "nope", "status"], &["nope", "known are sample"]),
        (&["--simulated", "--to", "i-0123456789abcdef0"], &["i-0123456789abcdef0", "allowed are standby, i-"]),
        (
            &["--simulated", "--to", "eu-central-1d"],
            &["eu-central-1d", "allowed are standby, eu-central-1b, eu-central-1c"],
        ),
        (&["--simulated", "history", "f1-e9"], &["f1-e9", "the newest are f"]),
        (&["--simulated", "--region", "eu-west-1", "status"], &["--region and --simulated exclude each other"]),
        (&["--to", "standby"], &["standard input is not a terminal", "--yes", "--dry-run"]),
        (&["simulate", "no-such-scenario"], &["no-such-scenario", "known are", "no-volume"]),
        (&["simulate", "--serve", "0.0.0.0:0"], &["0.0.0.0", "127.0.0.1"]),
        (&["simulate", "--serve", "127.0.0.1:0", "--scenario", "nope"], &["nope", "empty", "sample"]),
    ] {
        expect(arguments, 2, told);
    }
}

#[test]
fn two_wrong_use_of_a_spec_before_anything_is_asked_of_aws() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("failover.toml");
    std::fs::write(&file, "service = \"db\"\ntopology = \"standby\"\ncolour = 3\n").expect("a file");
    let file = file.to_str().expect("a UTF-8 path");
    // Nothing listens on that port: the spec was judged first.
    expect(&["apply", file, "--endpoint-url", "http://127.0.0.1:9"], 2, &["colour"]);
}

#[test]
fn three_refused() {
    let ended = failover(&["--simulated", "--to", "eu-central-1a"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stdout.contains("refused: no instance can take over"), "{ended:?}");
    let planned = failover(&["--simulated", "plan", "--to", "eu-central-1a"]);
    assert_eq!(planned.code, 3, "{planned:?}");
    assert!(planned.stdout.contains("would be refused"), "{planned:?}");
}

#[test]
fn four_not_finished_in_time() {
    let ended = failover(&["--simulated", "--to", "standby", "--timeout", "45s", "--output", "json"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("a report");
    assert_eq!(report["outcome"], "in_progress");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child =
        common::command(&["--simulated", "status"]).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    assert!(child.wait().expect("it ends").success());
}
