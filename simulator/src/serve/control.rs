//! The control endpoints: what people and tests see of a served region, and how they change it.
//!
//! | request | answer |
//! |---|---|
//! | `GET /_region` | everything |
//! | `GET /_region/events`, `/calls`, `/transitions`, `/truth` | parts of it |
//! | `GET /_region/hardware` | instances, volumes, snapshots and addresses only, for whoever mirrors them many times a second |
//! | `GET /_region/timing` | the timing model; `POST` sets what the body names of it, for all that begins from then on |
//! | `POST /_region/fault` | injects the fault in the body |
//! | `GET /_region/operations` | every operation of every service, and what the region makes of its parameters |
//! | `GET /_region/invocations`, `/dlq` | what the Lambda was asked, and what it never managed |
//! | `POST /_region/event` | hands the event in the body to the Lambda; with `?wait` answers when it is done with it |

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::invocations::Dispatcher;
use crate::faults::Fault;
use crate::region::Region;
use crate::services;

/// Paths that are the region's own and no service's.
pub const PREFIX: &str = "/_region";

const NAMES: [&str; 12] = [
    "",
    "events",
    "calls",
    "transitions",
    "truth",
    "hardware",
    "timing",
    "operations",
    "invocations",
    "dlq",
    "fault",
    "event",
];

pub(super) async fn answer(
    request: &Request<Bytes>,
    region: &Region,
    dispatcher: Option<&Dispatcher>,
) -> Response<Bytes> {
    let path = request.uri().path();
    let name = path.strip_prefix(PREFIX).unwrap_or_default().trim_matches('/');
    let (status, body) = match (request.method(), name) {
        (&Method::GET, "") => (StatusCode::OK, region.state()),
        (&Method::GET, "events") => (StatusCode::OK, region.state()["events"].take()),
        (&Method::GET, "calls") => (StatusCode::OK, json!(region.calls())),
        (&Method::GET, "transitions") => (StatusCode::OK, json!(region.transitions())),
        (&Method::GET, "truth") => (StatusCode::OK, region.truth().readable()),
        (&Method::GET, "hardware") => (StatusCode::OK, region.hardware()),
        (&Method::GET, "timing") => (StatusCode::OK, json!(region.timing())),
        (&Method::GET, "operations") => (StatusCode::OK, services::operations()),
        (&Method::POST, "timing") => set_timing(region, request.body()),
        (&Method::POST, "fault") => inject(region, request.body()),
        (&Method::GET, "invocations") => with_lambda(dispatcher, |dispatcher| json!(dispatcher.invocations())),
        (&Method::GET, "dlq") => with_lambda(dispatcher, |dispatcher| json!(dispatcher.dead_letters())),
        (&Method::POST, "event") => {
            let wait = request
                .uri()
                .query()
                .is_some_and(|query| query.split('&').any(|part| part == "wait" || part == "wait=true"));
            deliver(dispatcher, request.body(), wait).await
        }
        (_, name) if NAMES.contains(&name) => {
            (StatusCode::METHOD_NOT_ALLOWED, problem(&format!("{path} does not answer {}", request.method())))
        }
        _ => (StatusCode::NOT_FOUND, problem(&format!("there is no {path}; GET {PREFIX} shows the region"))),
    };
    respond(status, &body)
}

fn inject(region: &Region, body: &[u8]) -> (StatusCode, Value) {
    let fault: Fault = match serde_json::from_slice(body) {
        Ok(fault) => fault,
        Err(error) => return (StatusCode::BAD_REQUEST, problem(&format!("not a fault: {error}"))),
    };
    match region.inject(fault) {
        Ok(()) => (StatusCode::OK, json!({"injected": true})),
        Err(error) => (StatusCode::BAD_REQUEST, problem(&error.to_string())),
    }
}

/// Sets what the body names: `{"instances": {"graceful_stop": ...}}`; all else stays as it is.
fn set_timing(region: &Region, body: &[u8]) -> (StatusCode, Value) {
    let named: serde_json::Map<String, Value> = match serde_json::from_slice(body) {
        Ok(named) => named,
        Err(error) => return (StatusCode::BAD_REQUEST, problem(&format!("not a JSON object: {error}"))),
    };
    let mut timing = json!(region.timing());
    merge(&mut timing, named);
    match serde_json::from_value(timing) {
        Ok(timing) => {
            region.set_timing(timing);
            (StatusCode::OK, json!(region.timing()))
        }
        Err(error) => (StatusCode::BAD_REQUEST, problem(&format!("this is no timing model: {error}"))),
    }
}

/// A value is replaced as a whole; what holds values by name is gone into, two levels deep as the timing model is.
fn merge(timing: &mut Value, named: serde_json::Map<String, Value>) {
    for (group, changes) in named {
        match (timing.get_mut(&group), changes) {
            (Some(Value::Object(known)), Value::Object(changes)) => known.extend(changes),
            (_, other) => timing[&group] = other,
        }
    }
}

fn with_lambda(dispatcher: Option<&Dispatcher>, shown: impl FnOnce(&Dispatcher) -> Value) -> (StatusCode, Value) {
    match dispatcher {
        Some(dispatcher) => (StatusCode::OK, shown(dispatcher)),
        None => (StatusCode::NOT_FOUND, problem("this region is served without a Lambda")),
    }
}

async fn deliver(dispatcher: Option<&Dispatcher>, body: &[u8], wait: bool) -> (StatusCode, Value) {
    let Some(dispatcher) = dispatcher else { return with_lambda(None, |_| Value::Null) };
    let event: Value = match serde_json::from_slice(body) {
        Ok(event) => event,
        Err(error) => return (StatusCode::BAD_REQUEST, problem(&format!("not JSON: {error}"))),
    };
    if wait {
        let (request_id, outcome) = dispatcher.invoke_once(event).await;
        return (StatusCode::OK, json!({"request_id": request_id, "result": outcome}));
    }
    (StatusCode::ACCEPTED, json!({"request_id": dispatcher.accept(event)}))
}

fn problem(text: &str) -> Value {
    json!({"error": text})
}

fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let text = serde_json::to_string_pretty(body).unwrap_or_default();
    let mut response = Response::new(Bytes::from(text + "\n"));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
