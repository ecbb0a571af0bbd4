//! A request: which service, operation and region it is for, and its parameters as one tree, whatever its protocol.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::service::{Protocol, Service};
use super::{cbor, form};

/// A request whose addressee is known. It may be one that the region does not have.
#[derive(Debug)]
pub(crate) struct Request {
    /// None: a service that the region does not have.
    pub(crate) service: Option<Service>,
    pub(crate) protocol: Protocol,
    /// The operation, such as `DescribeInstances`; empty if the request names none.
    pub(crate) action: String,
    /// The region in the credentials' scope; requests may come unsigned.
    pub(crate) region: Option<String>,
    /// How the request calls its service.
    signing_name: String,
    pub(crate) query: String,
    pub(crate) body: Bytes,
    compressed: bool,
}

impl Request {
    /// Finds service and operation: by the credential scope of `SigV4`, by `X-Amz-Target`, by path, by `Action` and `Version`.
    pub(crate) fn parse(request: http::Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default();
        let field = |name: &str| form::value(&body, name).or_else(|| form::value(query.as_bytes(), name));
        let rpc = rpc_of_path(parts.uri.path());
        let target = header(&parts.headers, "x-amz-target").and_then(|target| target.split_once('.'));
        let scope = header(&parts.headers, "authorization")
            .and_then(scope_of_header)
            .map(str::to_owned)
            .or_else(|| form::value(query.as_bytes(), "X-Amz-Credential"));
        let scope = scope.as_deref().map(|scope| scope.split('/').skip(2)).map(|mut rest| (rest.next(), rest.next()));
        let (region, signing_name) = scope.map_or((None, None), |(region, service)| (region, service));

        let by_target = || target.or(rpc).map(|(prefix, _)| prefix);
        let service = match signing_name {
            Some(name) => Service::find(|profile| profile.signing_name == name),
            None => match by_target() {
                Some(prefix) => Service::find(|profile| profile.target == Some(prefix)),
                None => field("Version").and_then(|version| Service::find(|profile| profile.api_version == version)),
            },
        };
        let action = target.or(rpc).map(|(_, action)| action.to_owned()).or_else(|| field("Action"));
        let protocol = if rpc.is_some() {
            Protocol::RpcV2Cbor
        } else if target.is_some() {
            json_protocol(service, &parts.headers)
        } else if let Some(service) = service {
            service.profile().protocols.first().copied().unwrap_or(Protocol::Query)
        } else {
            unknown_protocol(signing_name, action.is_some())
        };
        Self {
            service,
            protocol,
            action: action.unwrap_or_default(),
            region: region.map(str::to_owned),
            signing_name: signing_name.unwrap_or_default().to_owned(),
            query: query.to_owned(),
            compressed: parts.headers.contains_key(http::header::CONTENT_ENCODING),
            body,
        }
    }

    /// The name of the service, for logs.
    pub(crate) fn service_name(&self) -> &'static str {
        self.service.map_or("unknown", Service::name)
    }

    /// The service, if it is one of this region's, spoken to in a protocol of its own and with credentials for this region.
    pub(crate) fn service_in(&self, region_name: &str) -> Result<Service, ApiError> {
        let Some(service) = self.service else {
            return Err(ApiError::unsupported(format!(
                "The simulated region has no service '{}'; it has {}.",
                self.signing_name,
                Service::ALL.map(Service::name).join(", ")
            )));
        };
        if !service.profile().protocols.contains(&self.protocol) {
            let message = format!("{} does not speak the protocol {}.", service.name(), self.protocol.name());
            return Err(ApiError::unsupported(message));
        }
        match self.region.as_deref() {
            Some(other) if other != region_name => Err(self.wrong_region(other, region_name)),
            _ => Ok(service),
        }
    }

    fn wrong_region(&self, named: &str, own: &str) -> ApiError {
        let (status, code) = match self.protocol {
            Protocol::Ec2Query => (401, "AuthFailure"),
            Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => (400, "InvalidSignatureException"),
            Protocol::Query | Protocol::RpcV2Cbor | Protocol::RestXml => (403, "SignatureDoesNotMatch"),
        };
        let message =
            format!("Credential should be scoped to a valid region, not '{named}'. This simulated region is '{own}'.");
        ApiError::with_status(status, code, message)
    }

    /// The parameters as one tree.
    pub(crate) fn parameters(&self) -> Result<Value, ApiError> {
        if self.compressed {
            return Err(ApiError::unsupported("The simulated region does not model compressed requests."));
        }
        let unreadable =
            |what: &str| ApiError::client("SerializationException", format!("The request's body is no {what}"));
        match self.protocol {
            Protocol::Ec2Query | Protocol::Query => form::tree(&[self.query.as_bytes(), &self.body]),
            // An empty body is an empty structure.
            _ if self.body.is_empty() => Ok(Value::Object(Map::new())),
            Protocol::RpcV2Cbor => {
                cbor::to_json(&self.body).filter(Value::is_object).ok_or_else(|| unreadable("CBOR map"))
            }
            Protocol::Json10 | Protocol::Json11 | Protocol::RestJson | Protocol::RestXml => {
                serde_json::from_slice(&self.body)
                    .ok()
                    .filter(Value::is_object)
                    .ok_or_else(|| unreadable("JSON object"))
            }
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...` → `KEY/DATE/REGION/...`.
fn scope_of_header(authorization: &str) -> Option<&str> {
    authorization.split_once("Credential=")?.1.split(',').next()
}

/// The service and operation of a Smithy RPC v2 path, `/service/NAME/operation/OPERATION`.
fn rpc_of_path(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/service/")?.split_once("/operation/")
}

fn json_protocol(service: Option<Service>, headers: &HeaderMap) -> Protocol {
    let is_json = |protocol: &&Protocol| matches!(protocol, Protocol::Json10 | Protocol::Json11);
    match service.and_then(|service| service.profile().protocols.iter().find(is_json)) {
        Some(own) => *own,
        None if header(headers, "content-type") == Some("application/x-amz-json-1.0") => Protocol::Json10,
        None => Protocol::Json11,
    }
}

/// The words of services that the region does not have: those of old speak XML, the others JSON.
fn unknown_protocol(signing_name: Option<&str>, has_action: bool) -> Protocol {
    match signing_name {
        _ if has_action => Protocol::Query,
        Some("s3" | "route53" | "cloudfront") => Protocol::RestXml,
        _ => Protocol::RestJson,
    }
}
