//! The Lambda Runtime API, as one function process sees it.
//!
//! Each process has an address of its own, so a process can only ever take and answer its own invocations. The exchange holds at most one
//! invocation: a process works on one event at a time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

/// AWS's limit on a function's response.
const LARGEST_RESPONSE_BYTES: usize = 6 * 1024 * 1024;
const API: &str = "/2018-06-01/runtime/";

/// One event for the function.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) event: Value,
    pub(super) function_arn: String,
    pub(super) deadline: SystemTime,
}

/// What the function made of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    Response(Value),
    Error { error_type: String, message: String, payload: Value },
}

#[derive(Debug, Default)]
struct Slot {
    waiting: Option<Invocation>,
    in_work: Option<(String, oneshot::Sender<Reply>)>,
    reply_to: Option<oneshot::Sender<Reply>>,
    init_error: Option<Reply>,
}

/// Between one process and the host.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    slot: Mutex<Slot>,
    offered: Notify,
    /// The process asked for work, or said that it cannot start.
    pub(super) heard_from: Notify,
}

impl Exchange {
    /// Offers an invocation; the reply comes through the receiver.
    pub(super) fn offer(&self, invocation: Invocation) -> oneshot::Receiver<Reply> {
        let (reply_to, reply) = oneshot::channel();
        let mut slot = self.slot();
        slot.waiting = Some(invocation);
        slot.reply_to = Some(reply_to);
        drop(slot);
        self.offered.notify_one();
        reply
    }

    /// Why the process could not start, if it said so.
    pub(super) fn init_error(&self) -> Option<Reply> {
        self.slot().init_error.take()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next(&self) -> Invocation {
        self.heard_from.notify_one();
        loop {
            let offered = self.offered.notified();
            if let Some(invocation) = self.take() {
                return invocation;
            }
            offered.await;
        }
    }

    fn take(&self) -> Option<Invocation> {
        let mut slot = self.slot();
        let invocation = slot.waiting.take()?;
        if let Some(reply_to) = slot.reply_to.take() {
            slot.in_work = Some((invocation.request_id.clone(), reply_to));
        }
        Some(invocation)
    }

    /// Hands the reply on; `false` if no such invocation is in work.
    fn reply(&self, request_id: &str, reply: Reply) -> bool {
        let mut slot = self.slot();
        match slot.in_work.take() {
            // The host may have given up waiting; the function was still in its right to answer.
            Some((in_work, reply_to)) if in_work == request_id => {
                let _late = reply_to.send(reply);
                true
            }
            other => {
                slot.in_work = other;
                false
            }
        }
    }

    /// Answers one request of the process.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, LARGEST_RESPONSE_BYTES).collect().await else {
            return problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "Exceeded maximum allowed payload size (6291556 bytes).",
            );
        };
        let body = body.to_bytes();
        let Some(path) = parts.uri.path().strip_prefix(API) else {
            return problem(StatusCode::NOT_FOUND, "NotFound", "no such path");
        };
        let steps: Vec<&str> = path.split('/').collect();
        let error_type =
            || parts.headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
        match (&parts.method, steps.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => work(&self.next().await),
            (&Method::POST, ["invocation", request_id, "response"]) => {
                // What is no JSON is passed on as text.
                let payload = serde_json::from_slice(&body)
                    .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
                self.accepted(request_id, Reply::Response(payload))
            }
            (&Method::POST, ["invocation", request_id, "error"]) => {
                self.accepted(request_id, error_reply(&body, error_type()))
            }
            (&Method::POST, ["init", "error"]) => {
                self.slot().init_error = Some(error_reply(&body, error_type()));
                self.heard_from.notify_one();
                accepted()
            }
            _ => problem(StatusCode::NOT_FOUND, "NotFound", "no such path"),
        }
    }

    fn accepted(&self, request_id: &str, reply: Reply) -> Response<Full<Bytes>> {
        if self.reply(request_id, reply) {
            accepted()
        } else {
            problem(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
        }
    }
}

fn work(invocation: &Invocation) -> Response<Full<Bytes>> {
    let deadline = invocation.deadline.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    let mut response = Response::new(Full::new(Bytes::from(invocation.event.to_string())));
    for (name, value) in [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.request_id.clone()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn.clone()),
        ("lambda-runtime-trace-id", trace_id(&invocation.request_id)),
    ] {
        if let Ok(value) = http::HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// An X-Ray trace id that belongs to the request.
fn trace_id(request_id: &str) -> String {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).take(32).collect();
    let (epoch, unique) = hex.split_at(hex.len().min(8));
    format!("Root=1-{epoch}-{unique};Sampled=0")
}

/// The body of an error report: `{"errorType", "errorMessage", "stackTrace"}`.
fn error_reply(body: &[u8], header: Option<&str>) -> Reply {
    let payload: Value =
        serde_json::from_slice(body).unwrap_or_else(|_| json!({"errorMessage": String::from_utf8_lossy(body)}));
    let text = |name: &str| payload.get(name).and_then(Value::as_str).map(str::to_owned);
    Reply::Error {
        error_type: text("errorType").or_else(|| header.map(str::to_owned)).unwrap_or_else(|| "Unknown".to_owned()),
        message: text("errorMessage").unwrap_or_default(),
        payload,
    }
}

fn accepted() -> Response<Full<Bytes>> {
    json_response(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

fn problem(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    json_response(status, &json!({"errorType": error_type, "errorMessage": message}))
}

fn json_response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
