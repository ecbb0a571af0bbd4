//! Answers in the words of the protocol that the request came in.

use std::time::SystemTime;

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};

use super::cbor;
use super::error::ApiError;
use super::request::Request;
use super::service::{Profile, Protocol, Service};
use super::xml::Xml;
use crate::time::http_date;

/// What goes back to the caller.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    /// The error code in the body, for the call log.
    pub(crate) error_code: Option<String>,
}

/// What becomes of a call once it has reached the service.
#[derive(Debug)]
pub(crate) enum CallOutcome {
    /// An answer is on its way.
    Answer(Answer),
    /// Nothing comes back; whether there was an effect, the caller cannot know.
    Silence,
}

/// The id of answers that no service gave.
pub(crate) const NO_REQUEST_ID: &str = "00000000-0000-0000-0000-000000000000";

impl Answer {
    /// `at` is the region's wall time, which its `Date` tells, as AWS's services do: clients measure their clock's skew by it.
    pub(crate) fn into_response(self, at: SystemTime) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() =
            http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(self.content_type));
        date(&mut response, at);
        for (name, value) in self.headers {
            if let Ok(value) = http::HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn new(status: u16, content_type: &'static str, request_id: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("x-amzn-requestid", request_id.to_owned())];
        Self { status, content_type, headers, body: body.into(), error_code: None }
    }
}

/// Dates a response.
pub(crate) fn date<T>(response: &mut Response<T>, at: SystemTime) {
    if let Ok(date) = http::HeaderValue::from_str(&http_date(at)) {
        response.headers_mut().insert(http::header::DATE, date);
    }
}

/// The answer with an operation's output. Null: the operation has none.
pub(crate) fn success(request: &Request, output: &Value, request_id: &str) -> Answer {
    match request.protocol {
        Protocol::Query | Protocol::Ec2Query | Protocol::RestXml => {
            let maps = request.service.map_or(&[][..], |service| service.profile().maps);
            let mut members = Xml::with_capacity(1024);
            if let Value::Object(structure) = output {
                members.element(&format!("{}Result", request.action), |xml| push_members(xml, maps, structure));
            }
            success_xml(request, members, request_id)
        }
        protocol => structured(protocol, 200, output, request_id),
    }
}

/// The answer with members that a handler wrote as XML by itself.
pub(crate) fn success_xml(request: &Request, members: Xml, request_id: &str) -> Answer {
    let members = members.finish();
    let namespace = request.service.map_or("", |service| service.profile().xml_namespace);
    let mut xml = Xml::with_capacity(members.len() + 512);
    let document = format!("{}Response", request.action);
    if request.protocol == Protocol::Ec2Query {
        xml.raw(DECLARATION);
        xml.root(&document, namespace, |xml| {
            xml.text("requestId", request_id);
            xml.raw(&members);
        });
        return ec2(200, xml);
    }
    xml.root(&document, namespace, |xml| {
        xml.raw(&members);
        xml.element("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    });
    Answer::new(200, "text/xml", request_id, xml.finish())
}

/// An error in the envelope of the request's protocol.
pub(crate) fn failure(request: &Request, error: &ApiError, request_id: &str) -> Answer {
    let profile = request.service.map(Service::profile);
    let answer = match request.protocol {
        Protocol::Ec2Query => ec2_failure(error, request_id),
        Protocol::Query | Protocol::RestXml => xml_failure(request, error, request_id),
        protocol => structured_failure(protocol, profile, error, request_id),
    };
    Answer { error_code: Some(error.code.to_string()), ..answer }
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// EC2 names the request in the document only.
fn ec2(status: u16, xml: Xml) -> Answer {
    let body = Bytes::from(xml.finish());
    Answer { status, content_type: "text/xml;charset=UTF-8", headers: Vec::new(), body, error_code: None }
}

fn ec2_failure(error: &ApiError, request_id: &str) -> Answer {
    let mut xml = Xml::with_capacity(256);
    xml.raw(DECLARATION);
    xml.element("Response", |xml| {
        xml.element("Errors", |xml| {
            xml.element("Error", |xml| {
                xml.text("Code", &error.code);
                xml.text("Message", &error.message);
            });
        });
        xml.text("RequestID", request_id);
    });
    ec2(error.status, xml)
}

fn xml_failure(request: &Request, error: &ApiError, request_id: &str) -> Answer {
    let mut xml = Xml::with_capacity(256);
    let push_error = |xml: &mut Xml| {
        xml.text("Type", error.side());
        xml.text("Code", &error.code);
        xml.text("Message", &error.message);
    };
    if request.protocol == Protocol::RestXml {
        xml.element("Error", push_error);
    } else {
        let namespace = request.service.map_or("", |service| service.profile().xml_namespace);
        xml.root("ErrorResponse", namespace, |xml| {
            xml.element("Error", push_error);
            xml.text("RequestId", request_id);
        });
    }
    Answer::new(error.status, "text/xml", request_id, xml.finish())
}

/// The error's members, with its type in `__type` below the service's own namespace.
fn structured_failure(
    protocol: Protocol,
    profile: Option<&'static Profile>,
    error: &ApiError,
    request_id: &str,
) -> Answer {
    let code = error.code.as_ref();
    let shape_of_code = profile.and_then(|profile| profile.shape_of_code);
    let shape = shape_of_code.map_or(code, |shape_of_code| shape_of_code(code));
    let namespace = match (code, profile.map_or("", |profile| profile.json_namespace)) {
        // What DynamoDB takes from the common framework, it also names so.
        ("ValidationException", namespace) if namespace.starts_with("com.amazonaws.dynamodb") => {
            "com.amazon.coral.validate#"
        }
        ("SerializationException", _) => "com.amazon.coral.service#",
        (_, namespace) => namespace,
    };
    let mut members = error.members.clone();
    members.insert("__type".to_owned(), json!(format!("{namespace}{shape}")));
    members.insert("message".to_owned(), json!(error.message));
    let mut answer = structured(protocol, error.status, &Value::Object(members), request_id);
    if shape_of_code.is_some() {
        answer.headers.push(("x-amzn-query-error", format!("{code};{}", error.side())));
    }
    if protocol == Protocol::RestJson {
        answer.headers.push(("x-amzn-errortype", code.to_owned()));
    }
    answer
}

fn structured(protocol: Protocol, status: u16, output: &Value, request_id: &str) -> Answer {
    let empty = Value::Object(Map::new());
    let output = if output.is_null() { &empty } else { output };
    match protocol {
        Protocol::RpcV2Cbor => {
            let mut answer = Answer::new(status, "application/cbor", request_id, cbor::from_json(output));
            answer.headers.push(("smithy-protocol", "rpc-v2-cbor".to_owned()));
            answer
        }
        Protocol::Json10 => Answer::new(status, "application/x-amz-json-1.0", request_id, output.to_string()),
        Protocol::Json11 => Answer::new(status, "application/x-amz-json-1.1", request_id, output.to_string()),
        Protocol::RestJson | Protocol::RestXml | Protocol::Query | Protocol::Ec2Query => {
            Answer::new(status, "application/json", request_id, output.to_string())
        }
    }
}

fn push_members(xml: &mut Xml, maps: &[&str], structure: &Map<String, Value>) {
    for (name, value) in structure {
        push_value(xml, maps, name, value);
    }
}

fn push_value(xml: &mut Xml, maps: &[&str], name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) => xml.text(name, text),
        Value::Bool(flag) => xml.plain(name, flag),
        // As in CBOR, a timestamp is known by its name: it is a number of seconds since the epoch.
        Value::Number(number) if name.ends_with("Timestamp") => xml.time(name, wall(number.as_f64().unwrap_or(0.0))),
        Value::Number(number) => xml.plain(name, number),
        Value::Array(elements) => xml.element(name, |xml| {
            for element in elements {
                push_value(xml, maps, "member", element);
            }
        }),
        Value::Object(entries) if maps.contains(&name) => xml.element(name, |xml| {
            for (key, value) in entries {
                xml.element("entry", |xml| {
                    xml.text("key", key);
                    push_value(xml, maps, "value", value);
                });
            }
        }),
        Value::Object(members) => xml.element(name, |xml| push_members(xml, maps, members)),
    }
}

fn wall(epoch_seconds: f64) -> SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::try_from_secs_f64(epoch_seconds).unwrap_or_default()
}
