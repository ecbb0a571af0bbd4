//! Wire protocols: which service a request is for, and what its answer looks like on HTTP.

pub(crate) mod autoscaling;
mod cbor;
pub(crate) mod cloudwatch;
pub(crate) mod dynamodb;
pub(crate) mod ec2;
mod json;
mod query;
pub(crate) mod sns;
pub(crate) mod ssm;

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};

use crate::state::State;
use crate::time::RegionTime;

/// The services that the region answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Ec2,
    AutoScaling,
    CloudWatch,
    DynamoDb,
    Ssm,
    Sns,
    Sts,
}

impl Service {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::CloudWatch => "monitoring",
            Self::DynamoDb => "dynamodb",
            Self::Ssm => "ssm",
            Self::Sns => "sns",
            Self::Sts => "sts",
        }
    }
}

/// A request whose service and operation are known.
#[derive(Debug)]
pub(crate) struct ParsedRequest {
    pub(crate) service: Service,
    /// The operation, such as `DescribeInstances`; empty if the request names none.
    pub(crate) action: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An error as AWS reports it: HTTP status, code and text. Each protocol has its own envelope for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsError {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

impl AwsError {
    /// A client error: HTTP 400, which an SDK does not try again.
    pub(crate) fn client(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code: Cow::Borrowed(code), message: message.into() }
    }

    /// An error with another status.
    pub(crate) fn with_status(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }
}

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

impl Answer {
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() =
            http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(self.content_type));
        for (name, value) in self.headers {
            if let Ok(value) = http::HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// What becomes of a call once it has reached the service.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// An answer is on its way.
    Answer(Answer),
    /// Nothing comes back; whether there was an effect, the caller cannot know.
    Silence,
}

/// Finds service and operation: by the credential scope of `SigV4`, by `X-Amz-Target`, by path, by `Action` and `Version`.
pub(crate) fn parse(request: Request<Bytes>) -> ParsedRequest {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let target = header(&parts.headers, "x-amz-target");
    let from_path = rpc_operation(&path);
    let action = match (&target, from_path) {
        (Some(target), _) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        (None, Some(operation)) => operation.to_owned(),
        (None, None) => {
            form_value(&body, "Action").or_else(|| form_value(query.as_bytes(), "Action")).unwrap_or_default()
        }
    };
    let service = service_of(&parts.headers, target.as_deref(), &path, &body);
    ParsedRequest { service, action, path, query, headers: parts.headers, body }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The operation of a Smithy RPC v2 path, `/service/NAME/operation/OPERATION`.
fn rpc_operation(path: &str) -> Option<&str> {
    let (_, operation) = path.strip_prefix("/service/")?.split_once("/operation/")?;
    Some(operation)
}

fn service_of(headers: &HeaderMap, target: Option<&str>, path: &str, body: &[u8]) -> Service {
    let scope = header(headers, "authorization").and_then(|value| scope_service(&value));
    let by_scope = scope.as_deref().and_then(by_signing_name);
    let by_target = || target.and_then(by_target_prefix);
    let by_path = || path.starts_with("/service/GraniteServiceVersion20100801/").then_some(Service::CloudWatch);
    let by_version = || form_value(body, "Version").as_deref().and_then(by_api_version);
    by_scope.or_else(by_target).or_else(by_path).or_else(by_version).unwrap_or(Service::Ec2)
}

/// `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...` → SERVICE.
fn scope_service(authorization: &str) -> Option<String> {
    let (_, rest) = authorization.split_once("Credential=")?;
    rest.split(',').next()?.split('/').nth(3).map(str::to_owned)
}

fn by_signing_name(name: &str) -> Option<Service> {
    match name {
        "ec2" => Some(Service::Ec2),
        "autoscaling" => Some(Service::AutoScaling),
        "monitoring" => Some(Service::CloudWatch),
        "dynamodb" => Some(Service::DynamoDb),
        "ssm" => Some(Service::Ssm),
        "sns" => Some(Service::Sns),
        "sts" => Some(Service::Sts),
        _ => None,
    }
}

fn by_target_prefix(target: &str) -> Option<Service> {
    match target.split('.').next()? {
        "DynamoDB_20120810" => Some(Service::DynamoDb),
        "AmazonSSM" => Some(Service::Ssm),
        "GraniteServiceVersion20100801" => Some(Service::CloudWatch),
        _ => None,
    }
}

fn by_api_version(version: &str) -> Option<Service> {
    match version {
        "2016-11-15" => Some(Service::Ec2),
        "2011-01-01" => Some(Service::AutoScaling),
        "2010-08-01" => Some(Service::CloudWatch),
        "2010-03-31" => Some(Service::Sns),
        "2011-06-15" => Some(Service::Sts),
        _ => None,
    }
}

/// One value of a form body, without decoding the rest.
pub(crate) fn form_value(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Lets the service that the request is for act on it.
pub(crate) fn answer(state: &mut State, request: &ParsedRequest, now: RegionTime) -> Outcome {
    match request.service {
        Service::Ec2 => ec2::handle(state, request, now),
        service => Outcome::Answer(data_service(state, service, request, now)),
    }
}

/// The services that have no zones.
fn data_service(state: &mut State, service: Service, request: &ParsedRequest, now: RegionTime) -> Answer {
    let request_id = state.ids.uuid();
    let wall = state.clock.wall(now);
    match service {
        Service::AutoScaling => autoscaling::handle(state, request, now, &request_id),
        Service::CloudWatch => cloudwatch::handle(state, request, now, &request_id),
        Service::DynamoDb => dynamodb::handle(&mut state.stores.tables, request, wall, &request_id),
        Service::Ssm => ssm::handle(&mut state.stores.parameters, request, wall, &request_id),
        Service::Sns => sns::handle(&mut state.stores.topics, request, wall, &request_id),
        Service::Sts | Service::Ec2 => sns::handle_sts(&state.account_id, request, &request_id),
    }
}

/// An error in the envelope of the request's protocol, for errors that no service made.
pub(crate) fn error_answer(request: &ParsedRequest, error: &AwsError) -> Answer {
    match request.service {
        Service::Ec2 => ec2::error_with_id(error, NO_REQUEST_ID),
        Service::AutoScaling => autoscaling::failure(&stored(error), NO_REQUEST_ID),
        Service::CloudWatch => cloudwatch::failure(request, &stored(error), NO_REQUEST_ID),
        Service::DynamoDb => dynamodb::failure(&stored(error), NO_REQUEST_ID),
        Service::Ssm => ssm::failure(&stored(error), NO_REQUEST_ID),
        Service::Sns => sns::failure(&stored(error), NO_REQUEST_ID),
        Service::Sts => sns::sts_failure(&stored(error), NO_REQUEST_ID),
    }
}

/// The id of answers that no service gave.
const NO_REQUEST_ID: &str = "00000000-0000-0000-0000-000000000000";

impl From<AwsError> for crate::store::AwsError {
    fn from(error: AwsError) -> Self {
        stored(&error)
    }
}

fn stored(error: &AwsError) -> crate::store::AwsError {
    crate::store::AwsError {
        code: error.code.clone(),
        message: error.message.clone(),
        status: error.status,
        members: serde_json::Map::new(),
    }
}
