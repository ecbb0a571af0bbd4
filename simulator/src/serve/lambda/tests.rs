//! The host, tried with real processes: this test binary plays the function.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use super::*;
use crate::serve::invocations::Dispatcher;

/// Run as a process of its own, this is a function that does what its event says. Run as a test, it has nothing to do.
#[test]
fn function_process() {
    let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") else { return };
    if std::env::var("BEHAVIOUR").is_ok_and(|behaviour| behaviour == "fails at start") {
        http(
            &api,
            "POST",
            "/2018-06-01/runtime/init/error",
            &json!({"errorType": "Init.Failed", "errorMessage": "no table"}).to_string(),
        );
        std::process::exit(1);
    }
    loop {
        let (head, body) = http(&api, "GET", "/2018-06-01/runtime/invocation/next", "");
        let header = |name: &str| {
            head.lines()
                .find_map(|line| line.strip_prefix(name))
                .map(|value| value.trim_start_matches(':').trim().to_owned())
                .unwrap()
        };
        let request_id = header("lambda-runtime-aws-request-id");
        assert!(header("lambda-runtime-deadline-ms").parse::<u64>().is_ok());
        let event: Value = serde_json::from_str(&body).unwrap();
        match event["do"].as_str().unwrap_or_default() {
            "fail" => {
                let report = json!({"errorType": "Halted", "errorMessage": "cannot"}).to_string();
                http(&api, "POST", &format!("/2018-06-01/runtime/invocation/{request_id}/error"), &report);
            }
            "exit" => std::process::exit(3),
            "hang" => std::thread::sleep(Duration::from_mins(10)),
            _ => {
                let pause = event["pause_ms"].as_u64().unwrap_or_default();
                std::thread::sleep(Duration::from_millis(pause));
                let answer = json!({
                    "pid": std::process::id(), "request_id": request_id, "arn": header("lambda-runtime-invoked-function-arn"),
                    "table": std::env::var("FAILOVER_TABLE").ok(), "home": std::env::var("HOME").ok(), "endpoint": std::env::var("AWS_ENDPOINT_URL").ok(),
                });
                http(
                    &api,
                    "POST",
                    &format!("/2018-06-01/runtime/invocation/{request_id}/response"),
                    &answer.to_string(),
                );
            }
        }
    }
}

fn http(api: &str, method: &str, path: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(api).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

fn options() -> LambdaOptions {
    LambdaOptions {
        arguments: ["--exact", "serve::lambda::tests::function_process", "--nocapture"].map(str::to_owned).to_vec(),
        environment: BTreeMap::from([("FAILOVER_TABLE".to_owned(), "failover".to_owned())]),
        timeout: Some(Duration::from_secs(5)),
        endpoint_url: Some("http://127.0.0.1:1".to_owned()),
        ..LambdaOptions::new(std::env::current_exe().unwrap())
    }
}

fn payload(result: &InvocationResult) -> &Value {
    match &result.outcome {
        InvocationOutcome::Ok { payload } => payload,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_process_serves_one_event_after_another() {
    let host = LambdaHost::start(options()).unwrap();
    let first = host.invoke(json!({})).await;
    let second = host.invoke(json!({})).await;
    assert_eq!(payload(&first)["pid"], payload(&second)["pid"]);
    assert_ne!(payload(&first)["request_id"], payload(&second)["request_id"]);
    assert_eq!(payload(&first)["arn"], "arn:aws:lambda:eu-central-1:123456789012:function:failover");
    assert_eq!(payload(&first)["table"], "failover");
    assert_eq!(payload(&first)["endpoint"], "http://127.0.0.1:1");
    assert_eq!(payload(&first)["home"], Value::Null, "nothing of our own environment may leak into the function");
    assert!(first.init_duration.is_some() && second.init_duration.is_none());
    assert!(first.max_memory_kib.is_some_and(|kib| kib > 100));
}

#[tokio::test]
async fn failures_are_told_apart() {
    let host = LambdaHost::start(LambdaOptions { timeout: Some(Duration::from_millis(500)), ..options() }).unwrap();
    let before = payload(&host.invoke(json!({})).await)["pid"].clone();
    match host.invoke(json!({"do": "fail"})).await.outcome {
        InvocationOutcome::Error { error_type, message, payload } => {
            assert_eq!((error_type.as_str(), message.as_str()), ("Halted", "cannot"));
            assert_eq!(payload["errorType"], "Halted");
        }
        other => panic!("{other:?}"),
    }
    // A function that reports an error goes on living; one that exits or hangs is replaced.
    assert_eq!(payload(&host.invoke(json!({})).await)["pid"], before);
    let crashed = host.invoke(json!({"do": "exit"})).await.outcome;
    assert_eq!(crashed, InvocationOutcome::Crash { status: "exit status: 3".to_owned() });
    let after_crash = payload(&host.invoke(json!({})).await)["pid"].clone();
    assert_ne!(after_crash, before);
    let hung = host.invoke(json!({"do": "hang"})).await.outcome;
    assert_eq!(hung, InvocationOutcome::Timeout { limit: Duration::from_millis(500) });
    let pid = after_crash.as_u64().unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "the process that ran over its time must be gone");
    assert!(host.invoke(json!({})).await.outcome.is_ok());
}

#[tokio::test]
async fn a_failing_start_is_an_error() {
    let environment = BTreeMap::from([("BEHAVIOUR".to_owned(), "fails at start".to_owned())]);
    let host = LambdaHost::start(LambdaOptions { environment, ..options() }).unwrap();
    match host.invoke(json!({})).await.outcome {
        InvocationOutcome::Error { error_type, message, .. } => {
            assert_eq!((error_type.as_str(), message.as_str()), ("Init.Failed", "no table"));
        }
        other => panic!("{other:?}"),
    }
    let missing = LambdaHost::start(LambdaOptions::new("/nonexistent/bootstrap")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot run the Lambda program /nonexistent/bootstrap");
}

#[tokio::test]
async fn a_busy_function_gets_more_processes_up_to_its_limit() {
    let host = LambdaHost::start(LambdaOptions { max_concurrency: 2, ..options() }).unwrap();
    let invoke = || host.invoke(json!({"pause_ms": 300}));
    let started = Instant::now();
    let (one, two, three) = tokio::join!(invoke(), invoke(), invoke());
    let mut pids: Vec<u64> =
        [&one, &two, &three].iter().map(|result| payload(result)["pid"].as_u64().unwrap()).collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 2);
    assert!(started.elapsed() >= Duration::from_millis(600));
}

#[tokio::test]
async fn what_fails_three_times_is_a_dead_letter() {
    let host = LambdaHost::start(options()).unwrap();
    let waits = [Duration::from_millis(50), Duration::from_millis(100)];
    let dispatcher = Dispatcher::new(host, waits);
    let good = dispatcher.accept(json!({"do": "well"}));
    let bad = dispatcher.accept(json!({"do": "fail"}));
    for _ in 0..200 {
        if !dispatcher.dead_letters().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let letters = dispatcher.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].request_id.as_str(), letters[0].attempts), (bad.as_str(), 3));
    let runs = dispatcher.invocations();
    assert_eq!(runs.iter().filter(|run| run.request_id == bad).map(|run| run.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(runs.iter().filter(|run| run.request_id == good).count(), 1);
}
