//! The instance metadata service, version 2: what an instance learns about itself at 169.254.169.254.
//!
//! A token first (`PUT /latest/api/token` with a time to live), then reads that carry it. AWS's codes: 400 for a bad `PUT`, 401 without a
//! valid token, 403 for what is forbidden, 404 for what is absent. There is no state but the region's: a token proves itself.

mod paths;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::model::instance::InstanceState;
use crate::region::Region;
use crate::state::State;
use crate::time::RegionTime;

const TOKEN_PATH: &str = "/latest/api/token";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";
const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
/// AWS: a second to six hours.
const TTL_SECONDS: std::ops::RangeInclusive<u64> = 1..=21_600;

/// An answer of the metadata service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataAnswer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: String,
    /// The time to live that a token's answer names.
    pub token_ttl_seconds: Option<u64>,
}

impl MetadataAnswer {
    fn found(body: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, body: body.into(), token_ttl_seconds: None }
    }

    fn error(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html><head><title>{} - {reason}</title></head><body><h1>{} - {reason}</h1></body></html>\n",
            status.as_u16(),
            status.as_u16()
        );
        Self { status, body, token_ttl_seconds: None }
    }

    fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
        if let Some(ttl) = self.token_ttl_seconds {
            headers.insert(TTL_HEADER, http::HeaderValue::from(ttl));
        }
        response
    }
}

impl Region {
    /// What the instance's metadata service answers; none if there is nobody to ask it: no such instance, or one that does not run.
    pub fn metadata(
        &self,
        instance_id: &str,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<MetadataAnswer> {
        let (state, now) = self.lock();
        state.metadata(instance_id, method, path, headers, now)
    }

    /// The same over HTTP: the path is `/_imds/INSTANCE-ID/latest/...`.
    pub(crate) fn metadata_over_http<B>(&self, request: &Request<B>) -> Option<Response<Bytes>> {
        let rest = request.uri().path().strip_prefix(PREFIX)?.strip_prefix('/')?;
        let (instance_id, path) = rest.split_at(rest.find('/')?);
        self.metadata(instance_id, request.method(), path, request.headers()).map(MetadataAnswer::into_response)
    }
}

/// Where a served region has the metadata services of all its instances.
pub const PREFIX: &str = "/_imds";

impl State {
    /// Changes nothing: instance, method, path and headers in, status and body out.
    fn metadata(
        &self,
        id: &str,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        now: RegionTime,
    ) -> Option<MetadataAnswer> {
        let instance = self.instances.get(id)?;
        if matches!(instance.state, InstanceState::Stopped | InstanceState::Terminated) {
            return None;
        }
        let path = path.trim_end_matches('/');
        Some(match (method, path) {
            (&Method::PUT, TOKEN_PATH) => self.new_token(id, headers, now),
            (&Method::PUT | &Method::POST | &Method::DELETE, _) | (_, TOKEN_PATH) => {
                MetadataAnswer::error(StatusCode::METHOD_NOT_ALLOWED)
            }
            _ if !self.token_is_valid(id, headers, now) => MetadataAnswer::error(StatusCode::UNAUTHORIZED),
            _ => match path.strip_prefix("/latest/") {
                Some(item) => self
                    .metadata_item(instance, item, now)
                    .map_or_else(|| MetadataAnswer::error(StatusCode::NOT_FOUND), MetadataAnswer::found),
                None => MetadataAnswer::error(StatusCode::NOT_FOUND),
            },
        })
    }

    fn new_token(&self, id: &str, headers: &HeaderMap, now: RegionTime) -> MetadataAnswer {
        // AWS: a request that came through a proxy gets no token.
        if headers.contains_key("x-forwarded-for") {
            return MetadataAnswer::error(StatusCode::FORBIDDEN);
        }
        let ttl = headers.get(TTL_HEADER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        let Some(ttl) = ttl.filter(|ttl| TTL_SECONDS.contains(ttl)) else {
            return MetadataAnswer::error(StatusCode::BAD_REQUEST);
        };
        let expires_at = now.after(Duration::from_secs(ttl));
        MetadataAnswer { token_ttl_seconds: Some(ttl), ..MetadataAnswer::found(self.token(id, expires_at)) }
    }

    /// A token is bound to its instance: it names when it expires, and a sum over both that only the region makes.
    fn token(&self, id: &str, expires_at: RegionTime) -> String {
        let text = format!("{} {} {id} {}", self.account_id, self.region_name, expires_at.0);
        format!("AQAE{:016x}{:016x}==", expires_at.0, sum(&text))
    }

    fn token_is_valid(&self, id: &str, headers: &HeaderMap, now: RegionTime) -> bool {
        let given = headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let expires_at = given.get(4..20).and_then(|digits| u64::from_str_radix(digits, 16).ok()).map(RegionTime);
        expires_at.is_some_and(|expires_at| now < expires_at && given == self.token(id, expires_at))
    }
}

/// FNV-1a: enough to tell a token from a guess in a region without secrets.
fn sum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
