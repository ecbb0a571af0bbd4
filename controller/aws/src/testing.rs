//! A transport that answers by script, for this crate's own tests. It knows nothing of AWS: what it says is what the test wrote.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::clients::Aws;
use crate::clock::Clock;
use crate::transport::{Transport, TransportError};

/// A request as the script sees it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// `DescribeInstances`, `UpdateItem`, ...
    pub(crate) action: String,
    /// The body: a form for EC2, Auto Scaling and SNS, with escapes undone; JSON for DynamoDB and SSM.
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the script answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Answer(u16, String),
    Ec2(String),
    AutoScaling(String),
    Cbor(ciborium::Value),
    Hang,
    Refused,
    Broken,
    Later(Duration, Box<Reply>),
}

impl Reply {
    /// An EC2 answer: what is in its root element, which is named after the action.
    pub(crate) fn ec2(inner: &str) -> Self {
        Self::Ec2(inner.to_owned())
    }

    /// An Auto Scaling answer: what is in its result element, which is named after the action.
    pub(crate) fn autoscaling(inner: &str) -> Self {
        Self::AutoScaling(inner.to_owned())
    }

    /// An Auto Scaling error.
    pub(crate) fn autoscaling_error(status: u16, code: &str, message: &str) -> Self {
        let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::Answer(status, format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"))
    }

    /// An EC2 error.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let error = format!("<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>");
        Self::Answer(status, format!("<Response>{error}<RequestID>r</RequestID></Response>"))
    }

    /// A DynamoDB or SSM answer.
    pub(crate) fn json(value: &serde_json::Value) -> Self {
        Self::Answer(200, value.to_string())
    }

    /// A DynamoDB or SSM error.
    pub(crate) fn json_error(code: &str, more: serde_json::Value) -> Self {
        let mut body = more;
        body["__type"] = format!("com.amazonaws.test#{code}").into();
        Self::Answer(400, body.to_string())
    }
}

type Rule = dyn Fn(&Request) -> Reply + Send + Sync;

/// Answers by a rule, and remembers what it was asked.
#[derive(Clone)]
pub(crate) struct Script {
    rule: Arc<Rule>,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Script")
    }
}

impl Script {
    pub(crate) fn new(rule: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self { rule: Arc::new(rule), seen: Arc::default() }
    }

    /// A script that answers one after the other, and panics when asked for more.
    pub(crate) fn of(replies: impl IntoIterator<Item = Reply>) -> Self {
        let left = Mutex::new(replies.into_iter().collect::<std::collections::VecDeque<_>>());
        Self::new(move |request| {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            next.unwrap_or_else(|| panic!("unexpected {request:?}"))
        })
    }

    pub(crate) fn aws(&self) -> Aws {
        Aws::over(Arc::new(self.clone()), Clock::new(now), "eu-central-1")
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn actions(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.action).collect()
    }
}

/// The time at which every test happens.
pub(crate) fn now() -> Timestamp {
    "2026-01-05T09:00:00Z".parse().unwrap()
}

impl Transport for Script {
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let request = read(&request);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        answer((self.rule)(&request), request.action)
    }
}

fn answer(reply: Reply, action: String) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
    async move {
        match reply {
            Reply::Answer(status, body) => Ok(response(status, body)),
            Reply::Ec2(inner) => {
                let root = format!("<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">");
                Ok(response(200, format!("{root}<requestId>r</requestId>{inner}</{action}Response>")))
            }
            Reply::AutoScaling(inner) => {
                let root = format!("<{action}Response xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">");
                let result = format!("<{action}Result>{inner}</{action}Result>");
                Ok(response(200, format!("{root}{result}</{action}Response>")))
            }
            Reply::Cbor(value) => {
                let mut body = Vec::new();
                ciborium::into_writer(&value, &mut body).unwrap();
                let answer = http::Response::builder().header("smithy-protocol", "rpc-v2-cbor");
                Ok(answer.header("content-type", "application/cbor").body(Bytes::from(body)).unwrap())
            }
            Reply::Hang => futures::future::pending().await,
            Reply::Refused => Err(TransportError::Refused("nobody listens".to_owned())),
            Reply::Broken => Err(TransportError::Broken("reset".to_owned())),
            Reply::Later(wait, reply) => {
                tokio::time::sleep(wait).await;
                answer(*reply, action).await
            }
        }
    }
    .boxed()
}

fn response(status: u16, body: String) -> http::Response<Bytes> {
    http::Response::builder().status(status).body(Bytes::from(body)).unwrap()
}

fn read(request: &http::Request<Bytes>) -> Request {
    let body = String::from_utf8_lossy(request.body()).into_owned();
    let target = request.headers().get("x-amz-target").map(|value| value.to_str().unwrap());
    if let Some((_, action)) = target.and_then(|target| target.split_once('.')) {
        return Request { action: action.to_owned(), body };
    }
    let body = unescaped(&body);
    let in_form = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned);
    // CloudWatch's protocol has the action in its path (aws-facts 10).
    let in_path = || request.uri().path().rsplit('/').next().unwrap().to_owned();
    Request { action: in_form.unwrap_or_else(in_path), body }
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' && after.len() >= 2 {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}
