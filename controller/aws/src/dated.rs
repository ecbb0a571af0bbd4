//! Below the SDK: the `Date` of each answer sets the clock right.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::clock::Clock;

/// A client whose answers are dated. AWS's services give each answer a `Date`, as RFC 9110 asks of servers with a clock.
#[derive(Debug)]
pub(crate) struct Dated {
    client: SharedHttpClient,
    clock: Clock,
}

impl Dated {
    pub(crate) fn over(client: SharedHttpClient, clock: Clock) -> SharedHttpClient {
        SharedHttpClient::new(Self { client, clock })
    }
}

impl HttpClient for Dated {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, parts);
        SharedHttpConnector::new(Connector { connector, clock: self.clock.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    connector: SharedHttpConnector,
    clock: Clock,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (clock, sent_at) = (self.clock.clone(), self.clock.machine_now());
        let answer = self.connector.call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            if let Some(date) = answer.headers().get("date") {
                clock.hears(date, sent_at);
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use bytes::Bytes;
    use failover_core::ids::ServiceName;
    use futures::FutureExt as _;
    use futures::future::BoxFuture;

    use crate::clients::Aws;
    use crate::clock::Clock;
    use crate::store::Store;
    use crate::transport::{Transport, TransportError};

    /// Answers to everything that there is nothing, and when.
    #[derive(Debug)]
    struct Nothing(&'static str);

    impl Transport for Nothing {
        fn call(&self, _: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
            let answer = http::Response::builder().header("date", self.0).body(Bytes::from_static(b"{}")).unwrap();
            std::future::ready(Ok(answer)).boxed()
        }
    }

    #[tokio::test]
    async fn an_answer_sets_the_clock_right() {
        let noon = "2026-11-29T12:00:00Z".parse().unwrap();
        let aws =
            Aws::over(Arc::new(Nothing("Sun, 29 Nov 2026 12:05:00 GMT")), Clock::new(move || noon), "eu-central-1");
        assert_eq!(aws.clock().now(), noon);
        let store = Store::new(&aws, "failover".to_owned());
        assert!(store.read(&ServiceName::new("billing").unwrap()).await.unwrap().is_none());
        assert_eq!(aws.clock().now(), "2026-11-29T12:05:00Z".parse().unwrap());
    }
}
