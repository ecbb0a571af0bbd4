//! Invocations without AWS behind them: what needs no call makes none, and what can't be called fails with an error that says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use failover_aws::{Aws, Clock, Transport, TransportError};
use failover_engine::{Deadline, Engine, Names};
use failover_lambda::{HandlerError, Invocation, handle};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A network in which nobody answers.
#[derive(Debug, Default)]
struct Nobody {
    calls: AtomicUsize,
}

impl Transport for Nobody {
    fn call(&self, _: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        async { Err(TransportError::Refused("nobody is there".to_owned())) }.boxed()
    }
}

async fn invoked(event: &Value) -> (Result<Value, HandlerError>, usize) {
    let nobody = Arc::new(Nobody::default());
    let aws = Aws::over(nobody.clone(), Clock::system(), "eu-central-1");
    let engine = Engine::new(aws, &Names::default(), "a test");
    let answer = handle(&engine, event.clone(), Deadline::none()).await;
    let answer = answer.map(|answer| serde_json::to_value(answer).unwrap());
    (answer, nobody.calls.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn what_is_nothing_to_us_succeeds_without_a_call() {
    let event = json!({ "source": "aws.s3", "detail-type": "Object Created", "detail": {} });
    let (answer, calls) = invoked(&event).await;
    let answer = answer.unwrap();
    assert_eq!(answer["nothing"], json!("events \"Object Created\" of \"aws.s3\" lead to no service"));
    assert_eq!(calls, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_malformed_fails_without_a_call() {
    let (answer, calls) = invoked(&json!({ "service": "db", "to": "standby", "dril": true })).await;
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), "Failover.BadEvent");
    assert_eq!(
        error.text(),
        "the event has the unknown keys \"dril\"; allowed are service, to, drill, accept_data_loss_seconds, by"
    );
    assert_eq!(calls, 0);
}

/// An error, and not "nothing of ours": Lambda hands the event over again.
#[tokio::test(start_paused = true)]
async fn when_aws_can_not_be_reached_the_invocation_fails() {
    let cases = [
        (json!({ "source": "aws.events", "detail-type": "Scheduled Event" }), "services could not be listed"),
        (
            json!({ "source": "aws.ec2", "detail-type": "EC2 Instance Rebalance Recommendation",
                "detail": { "instance-id": "i-0123456789abcdef0" } }),
            "which services the event is about could not be found out",
        ),
        (json!({ "service": "db", "to": "standby" }), "the request was not recorded"),
    ];
    for (event, operation) in cases {
        let (answer, calls) = invoked(&event).await;
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), "Failover.Broken", "{event}");
        assert!(error.text().starts_with(operation), "{}", error.text());
        assert!(error.text().contains("nobody is there"), "{}", error.text());
        assert!(calls > 0);
    }
}

#[test]
fn an_invocation_with_too_little_time_is_refused_before_it_begins() {
    let now: Timestamp = "2026-01-05T09:10:00Z".parse().unwrap();
    let error = Invocation::until(now + SignedDuration::from_secs(10), now, "r1").unwrap_err();
    assert_eq!(error.kind(), "Failover.TimeoutTooShort");
    assert!(error.text().contains("10 s are left") && error.text().contains("raise the function's timeout"));
    let invocation = Invocation::until(now + SignedDuration::from_secs(60), now, "r1").unwrap();
    assert_eq!(invocation.request_id.as_deref(), Some("r1"));
}
