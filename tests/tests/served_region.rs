//! The served region as others see it: boto3 asks whether it answers as AWS does, and the built Lambda binary does a failover behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use failover_tests::tools::{built, python, succeeded};
use serde_json::Value;

/// How many checks the boto3 script makes at least.
const LEAST_CHECKS: usize = 130;
/// How many walks over AWS's models there are.
const LEAST_WALKS: usize = 6;
/// A failover of some two minutes, sixteen times as fast, with room for a slow machine.
const LONGEST_FAILOVER: Duration = Duration::from_mins(4);

/// A region that `failover simulate --serve` serves, ended with the test.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(built("failover", "failover-cli"));
        command.args(["simulate", "--serve", "127.0.0.1:0", "--output", "json"]).args(arguments);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut told = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        while !told.trim_end().ends_with('}') {
            assert!(out.read_line(&mut told).unwrap() > 0, "it ended: {told}");
        }
        let told: Value = serde_json::from_str(&told).unwrap();
        Self { process, url: told["url"].as_str().unwrap().to_owned() }
    }

    fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

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

/// How many checks of a script passed; none may fail.
fn asked_by(script: &str, arguments: &[&str]) -> usize {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("wire").join(script);
    let output = Command::new(python()).arg("-B").arg(script).args(arguments).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    let last = printed.lines().last().unwrap_or_default();
    println!("{last}");
    last.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
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
    let bootstrap = built("bootstrap", "failover-lambda");
    let lambda = bootstrap.to_str().expect("a path in UTF-8");
    let served = Served::start(&["--scenario", scenario, "--speed", "16", "--lambda", lambda]);
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
