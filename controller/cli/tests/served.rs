//! The command against a region in another process, over HTTP: what one run writes, the next one finds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use common::{Ended, command, ended, failover};
use serde_json::Value;

/// A served region; it ends with the test.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let all = [&["simulate", "--serve", "127.0.0.1:0"], arguments].concat();
        let mut child = command(&all).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its stdout")).read_line(&mut line).expect("a first line");
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("its URL").to_owned();
        Self { child, url }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        failover(&[arguments, &["--endpoint-url", &self.url]].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--output", "json"]].concat());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Region time runs this much faster than the wall: minutes of a failover pass in seconds.
const FAST: [&str; 2] = ["--speed", "100"];

#[test]
fn a_failover_dry_refused_and_done() {
    let served = Served::start(&FAST);
    let before = served.json(&["status"]);
    assert_eq!(before["state"], "settled");

    let dry = served.run(&["--to", "standby", "--dry-run"]);
    assert_eq!(dry.code, 0, "{dry:?}");
    assert_eq!(served.json(&["status"]), before, "a dry run changes nothing");
    assert_eq!(served.json(&["history"]), serde_json::json!([]));

    assert_eq!(served.run(&["pause"]).code, 0);
    let refused = served.run(&["--to", "standby", "--yes"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stdout.contains("the service is paused"), "{refused:?}");
    assert_eq!(served.run(&["check"]).code, 3, "a paused service is not ready");
    assert_eq!(served.run(&["resume"]).code, 0);

    let done = served.json(&["--to", "standby", "--yes"]);
    assert_eq!(done["outcome"], "done", "{done}");
    let after = served.json(&["status"]);
    assert_eq!(after["active"], done["to"]["instance_id"]);
    assert_eq!(after["epoch"], 2);
    let history = served.json(&["history"]);
    assert_eq!(history[0], done, "the newest is the last one: {history}");
}

#[test]
fn two_that_ask_at_once_both_hear_the_end() {
    let served = Served::start(&FAST);
    let arguments = ["--to", "standby", "--yes", "--output", "json", "--endpoint-url", served.url.as_str()];
    let first = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let second = ended(&mut command(&arguments));
    let first = first.wait_with_output().expect("it ends");
    let codes = [first.status.code(), Some(second.code)];
    // One is done; the other was refused because a failover ran, or waited for the same end.
    assert!(codes.contains(&Some(0)), "{codes:?} {second:?}");
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 3))), "{codes:?} {second:?}");
    assert_eq!(served.json(&["status"])["state"], "settled");
}

#[test]
fn apply_makes_the_table_and_says_so() {
    let served = Served::start(&["--scenario", "empty"]);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("failover.toml");
    std::fs::write(&file, failover_scenarios::embedded::sample::SPEC).expect("a file");
    let applied = served.run(&["apply", file.to_str().expect("a UTF-8 path")]);
    // Nothing there carries the service's tag: the table is made, the service is not adopted.
    assert_eq!(applied.code, 3, "{applied:?}");
    assert!(applied.stderr.contains("table failover does not exist: creating it"), "{applied:?}");
    assert!(applied.stderr.contains("no instance carries the tag"), "{applied:?}");
    let status = served.run(&["status"]);
    assert_eq!(status.code, 1, "{status:?}");
    assert!(status.stderr.contains("no service is under control here"), "{status:?}");
}

#[test]
fn the_daemon_does_what_was_asked_for_and_ends_on_a_signal() {
    let served = Served::start(&FAST);
    let asked = served.run(&["--to", "standby", "--yes", "--timeout", "1s"]);
    assert_eq!(asked.code, 4, "{asked:?}");
    let arguments = ["daemon", "--every", "5s", "--output", "json", "--endpoint-url", served.url.as_str()];
    let mut daemon = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(daemon.stdout.take().expect("its stdout")).read_line(&mut line).expect("a report");
    let report: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    assert_eq!(report["outcome"], "done", "{report}");
    let signalled = ended(std::process::Command::new("kill").args(["-TERM", &daemon.id().to_string()]));
    assert_eq!(signalled.code, 0, "{signalled:?}");
    assert_eq!(daemon.wait().expect("it ends").code(), Some(0));
}
