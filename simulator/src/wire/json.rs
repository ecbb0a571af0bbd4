//! The AWS JSON protocols, 1.0 and 1.1.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Answer;
use crate::store::AwsError;

/// A request's body; an empty one is an empty structure.
pub(super) fn input(body: &[u8]) -> Result<Value, AwsError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(AwsError::client("SerializationException", "The request's body is no JSON object")),
    }
}

pub(super) fn success(content_type: &'static str, output: &Value, request_id: &str) -> Answer {
    answer(200, content_type, output, request_id, None)
}

/// The error's members, with its type in `__type` below the service's own namespace.
pub(super) fn failure(content_type: &'static str, namespace: &str, error: &AwsError, request_id: &str) -> Answer {
    // What every service takes from the common framework, it also names so.
    let namespace = match error.code.as_ref() {
        "ValidationException" if namespace.starts_with("com.amazonaws.dynamodb") => "com.amazon.coral.validate#",
        "SerializationException" | "UnknownOperationException" => "com.amazon.coral.service#",
        _ => namespace,
    };
    let mut members = error.members.clone();
    members.insert("__type".to_owned(), json!(format!("{namespace}{}", error.code)));
    members.insert("message".to_owned(), json!(error.message));
    answer(error.status, content_type, &Value::Object(members), request_id, Some(error.code.to_string()))
}

fn answer(
    status: u16,
    content_type: &'static str,
    body: &Value,
    request_id: &str,
    error_code: Option<String>,
) -> Answer {
    Answer {
        status,
        content_type,
        headers: vec![("x-amzn-requestid", request_id.to_owned())],
        body: Bytes::from(body.to_string()),
        error_code,
    }
}
