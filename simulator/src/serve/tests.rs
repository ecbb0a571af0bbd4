//! A served region as other processes see it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::time::SystemTime;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::setup::{AlarmSetup, InstanceSetup, Setup};
use crate::timing::TimingModel;

fn region(speed: f64) -> Region {
    Region::new(Setup { origin: SystemTime::now(), speed, timing: TimingModel::default(), ..Setup::default() })
}

/// A function that is this test binary: see `lambda::tests::function_process`.
fn function() -> LambdaOptions {
    let arguments = ["--exact", "serve::lambda::tests::function_process", "--nocapture"].map(str::to_owned).to_vec();
    LambdaOptions { arguments, ..LambdaOptions::new(std::env::current_exe().unwrap()) }
}

/// The head and the body of an answer.
async fn exchange(served: &Served, method: &str, path: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(served.address()).await.unwrap();
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn http(served: &Served, method: &str, path: &str, body: &str) -> (u16, String) {
    let (head, body) = exchange(served, method, path, body).await;
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

async fn get(served: &Served, path: &str) -> Value {
    let (status, body) = http(served, "GET", path, "").await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Asks until the answer is as expected, for ten seconds at most.
async fn until(served: &Served, path: &str, expected: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..500 {
        let seen = get(served, path).await;
        if expected(&seen) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{path} never became what was expected; last: {}", get(served, path).await)
}

#[tokio::test]
async fn only_loopback_is_served() {
    let options = ServeOptions { address: SocketAddr::from(([0, 0, 0, 0], 0)), ..ServeOptions::default() };
    let error = serve(region(1.0), options).await.unwrap_err();
    assert!(error.to_string().contains("loopback"), "{error}");
}

/// The region's own time, not this machine's, which the server below would add by itself.
#[tokio::test]
async fn every_served_answer_has_one_date_and_it_is_the_regions() {
    let origin = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 50);
    let region = Region::new(Setup { origin, timing: TimingModel::exact_calls(), ..Setup::default() });
    let instance = region.add_instance(InstanceSetup::default());
    let served = serve(region, ServeOptions::default()).await.unwrap();
    for (method, path, body, status) in [
        ("POST", "/", "Action=DescribeInstances&Version=2016-11-15", 200),
        ("POST", "/", "Action=MakeCoffee&Version=2016-11-15", 400),
        ("GET", "/_region", "", 200),
        ("GET", "/_region/nowhere", "", 404),
        ("GET", &format!("/_imds/{instance}/latest/meta-data/"), "", 401),
    ] {
        let (head, _) = exchange(&served, method, path, body).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
        let dates: Vec<&str> = head.lines().filter(|line| line.to_ascii_lowercase().starts_with("date:")).collect();
        assert_eq!(dates.len(), 1, "{path}: {head}");
        assert!(dates[0].contains(" Dec 2019 00:0") && dates[0].ends_with(" GMT"), "{path}: {}", dates[0]);
    }
}

#[tokio::test]
async fn services_and_control_share_an_address() {
    let region = region(100.0);
    let instance = region.add_instance(InstanceSetup::default());
    let served = serve(region, ServeOptions::default()).await.unwrap();
    let (status, xml) = http(&served, "POST", "/", "Action=DescribeInstances&Version=2016-11-15").await;
    assert!(status == 200 && xml.contains("<DescribeInstancesResponse"), "{xml}");
    assert_eq!(get(&served, "/_region").await["instances"][&instance]["state"], "running");
    assert_eq!(get(&served, "/_region/calls").await[0]["action"], "DescribeInstances");
    let fault = json!({"instance": {"name": instance, "fault": "stop"}}).to_string();
    assert_eq!(http(&served, "POST", "/_region/fault", &fault).await.0, 200);
    until(&served, "/_region", |region| region["instances"][&instance]["state"] == "stopped").await;
    assert_eq!(get(&served, "/_region/transitions").await[0]["kind"], "stop");
    for (method, path, body, expected) in [
        ("POST", "/_region/fault", "{", 400),
        ("POST", "/_region/fault", r#"{"meteorite": {}}"#, 400),
        ("GET", "/_region/fault", "", 405),
        ("GET", "/_region/nowhere", "", 404),
        ("GET", "/_region/dlq", "", 404),
        ("POST", "/_region/event", "{}", 404),
    ] {
        let (status, text) = http(&served, method, path, body).await;
        assert_eq!(status, expected, "{method} {path}: {text}");
        assert!(text.contains("error"), "{text}");
    }
}

#[tokio::test]
async fn timing_changes_by_name_and_hardware_is_shown_alone() {
    let region = region(100.0);
    let instance = region.add_instance(InstanceSetup::default());
    let served = serve(region, ServeOptions::default()).await.unwrap();
    let before = get(&served, "/_region/timing").await;
    let named = json!({"guests": {"shutdown_share": 0.25}}).to_string();
    assert_eq!(http(&served, "POST", "/_region/timing", &named).await.0, 200);
    let mut expected = before.clone();
    expected["guests"]["shutdown_share"] = json!(0.25);
    assert_eq!(get(&served, "/_region/timing").await, expected, "all else must stay as it was");
    for wrong in ["{", "[]", r#"{"gravity": {}}"#, r#"{"guests": {"mood": 1}}"#, r#"{"guests": 1}"#] {
        let (status, text) = http(&served, "POST", "/_region/timing", wrong).await;
        assert!(status == 400 && text.contains("error"), "{wrong}: {status} {text}");
    }
    assert_eq!(get(&served, "/_region/timing").await, expected);
    let hardware = get(&served, "/_region/hardware").await;
    assert_eq!(hardware["instances"][&instance], get(&served, "/_region").await["instances"][&instance]);
    assert!(hardware.get("events").is_none(), "{hardware}");
}

#[tokio::test]
async fn the_regions_events_reach_the_function() {
    let region = region(100.0);
    region.set_tick(None);
    let instance_id = region.add_instance(InstanceSetup::default());
    region.add_alarm(AlarmSetup { instance_id, ..AlarmSetup::default() });
    let options = ServeOptions { lambda: Some(function()), ..ServeOptions::default() };
    let served = serve(region, options).await.unwrap();
    let fault = json!({"alarm": {"name": "status-check-failed", "fault": {"set": {"state": "ALARM"}}}}).to_string();
    assert_eq!(http(&served, "POST", "/_region/fault", &fault).await.0, 200);
    let of_alarm = |run: &Value| run["event"]["detail-type"] == "CloudWatch Alarm State Change";
    let runs = until(&served, "/_region/invocations", |runs| runs.as_array().unwrap().iter().any(of_alarm)).await;
    let run = runs.as_array().unwrap().iter().find(|run| of_alarm(run)).unwrap();
    assert_eq!(run["result"]["outcome"], "ok", "{run}");
    assert_eq!(run["result"]["payload"]["endpoint"], served.url(), "the function must be led to this region");
    // Given by hand, an event is answered when the function is done with it, or taken at once.
    let (status, answer) = http(&served, "POST", "/_region/event?wait", r#"{"do": "fail"}"#).await;
    assert!(status == 200 && answer.contains("Halted"), "{answer}");
    let (status, answer) = http(&served, "POST", "/_region/event", r#"{"do": "fail"}"#).await;
    assert_eq!(status, 202, "{answer}");
    // The retries come after one and two minutes of region time: 0.6 and 1.2 s here.
    let letters = until(&served, "/_region/dlq", |letters| !letters.as_array().unwrap().is_empty()).await;
    assert_eq!((letters[0]["attempts"].as_u64(), &letters[0]["event"]["do"]), (Some(3), &json!("fail")));
}

#[tokio::test]
async fn processes_end_with_the_served_region() {
    let options = ServeOptions { lambda: Some(function()), ..ServeOptions::default() };
    let served = serve(region(1.0), options).await.unwrap();
    let (_, answer) = http(&served, "POST", "/_region/event?wait", "{}").await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let process = std::path::PathBuf::from(format!("/proc/{}", answer["result"]["payload"]["pid"]));
    assert!(process.exists());
    drop(served);
    for _ in 0..250 {
        // A killed process stays as a zombie until it is waited for.
        let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
        if status.is_empty() || status.contains("State:\tZ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the function outlived its host");
}
