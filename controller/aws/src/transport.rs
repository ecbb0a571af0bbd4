//! How requests reach a region that lives in this process: below the SDK, without sockets.

use std::fmt::Debug;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::future::BoxFuture;
use thiserror::Error;

/// Carries one signed HTTP request to whatever answers for AWS.
pub trait Transport: Send + Sync + Debug {
    /// Sends the request. The future may take as long as it likes: the SDK's timeouts apply above it.
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>>;
}

/// No answer came.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransportError {
    /// The connection was not made: the request was certainly not received.
    #[error("connection refused: {0}")]
    Refused(String),
    /// The connection broke: the request may have been received.
    #[error("connection broken: {0}")]
    Broken(String),
}

/// The SDK's view of a [`Transport`]. The connector is made once, since the SDK asks for it at every call.
#[derive(Debug, Clone)]
pub(crate) struct InProcess {
    connector: SharedHttpConnector,
}

impl InProcess {
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Self {
        Self { connector: SharedHttpConnector::new(Connector(transport)) }
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.connector.clone()
    }
}

#[derive(Debug)]
struct Connector(Arc<dyn Transport>);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default())),
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            match answer.await {
                Ok(response) => HttpResponse::try_from(response.map(SdkBody::from))
                    .map_err(|error| ConnectorError::user(error.into())),
                Err(error @ TransportError::Refused(_)) => Err(ConnectorError::io(error.into()).never_connected()),
                Err(error @ TransportError::Broken(_)) => Err(ConnectorError::io(error.into())),
            }
        })
    }
}
