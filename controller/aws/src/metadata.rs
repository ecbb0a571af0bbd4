//! The instance metadata service, version 2 only: what an instance learns about itself. One method for each fact; what is absent
//! (404) is told from what could not be read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::imds::client::error::ImdsError;
use aws_config::imds::client::{Client, ImdsResponseRetryClassifier};
use aws_config::provider_config::ProviderConfig;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::retries::classifiers::SharedRetryClassifier;
use failover_core::ids::{InstanceId, Zone};
use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;

use crate::clients::{SetupError, over_tls};
use crate::error::chain;
use crate::transport::{InProcess, Transport};

/// The service is on the instance's own link: it answers in milliseconds, or it is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// It is throttled per instance (aws-facts 8): more tries would only add to that.
const ATTEMPTS: u32 = 3;
/// One fact, with its token, all attempts and the pauses between them.
const WITHIN: Duration = Duration::from_secs(8);
/// Text of an answer that an error repeats: enough to recognise it.
const SHOWN_CHARACTERS: usize = 80;

/// The metadata service of the instance that this process runs on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metadata {
    client: Client,
}

/// A fact that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// 401, again with a fresh token.
    #[error("the metadata service refuses its own token for {path} (HTTP 401)")]
    Unauthorized {
        /// Which fact.
        path: &'static str,
    },
    /// 403: it is off.
    #[error(
        "the metadata service is off, or forbidden to this process (HTTP 403 for {path}): enable it with ModifyInstanceMetadataOptions"
    )]
    Forbidden {
        /// Which fact.
        path: &'static str,
    },
    /// 503 and its like: it has too much to do.
    #[error("the metadata service is overloaded (HTTP {status} for {path})")]
    Overloaded {
        /// Which fact.
        path: &'static str,
        /// The status.
        status: u16,
    },
    /// Another status.
    #[error("the metadata service answers HTTP {status} for {path}")]
    Status {
        /// Which fact.
        path: &'static str,
        /// The status.
        status: u16,
    },
    /// No answer.
    #[error(
        "the metadata service does not answer for {path}: {why}; is this an EC2 instance, and its hop limit enough for where this runs?"
    )]
    NoAnswer {
        /// Which fact.
        path: &'static str,
        /// What happened instead.
        why: String,
    },
    /// A fact that every instance has is not there.
    #[error("the metadata service has no {path}")]
    Absent {
        /// Which fact.
        path: &'static str,
    },
    /// An answer that is none.
    #[error("the metadata service answers {value:?} for {path}: {why}")]
    Unreadable {
        /// Which fact.
        path: &'static str,
        /// What it said, shortened.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What will be done to a Spot instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SpotAction {
    /// `hibernate`, `stop` or `terminate`.
    pub action: String,
    /// When.
    pub time: Timestamp,
}

#[derive(Deserialize)]
struct Rebalance {
    #[serde(rename = "noticeTime")]
    notice_time: Timestamp,
}

impl Metadata {
    /// The instance's own, or what `AWS_EC2_METADATA_SERVICE_ENDPOINT` puts in its place.
    pub fn from_environment() -> Self {
        let config = ProviderConfig::default().with_http_client(over_tls()).with_sleep_impl(TokioSleep::new());
        Self { client: client().configure(&config).build() }
    }

    /// The one at `url`.
    pub fn at(url: &str) -> Result<Self, SetupError> {
        let config = ProviderConfig::without_region().with_http_client(over_tls()).with_sleep_impl(TokioSleep::new());
        let wrong = |why: String| SetupError::Endpoint { url: url.to_owned(), why };
        let client = client().configure(&config).endpoint(url).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { client: client.build() })
    }

    /// A metadata service that lives in this process.
    pub fn over(transport: Arc<dyn Transport>) -> Self {
        let config = ProviderConfig::without_region();
        let config = config.with_http_client(InProcess::new(transport)).with_sleep_impl(TokioSleep::new());
        // The address is one, so that the environment's, which would be used otherwise, never is.
        let fixed = client().configure(&config).endpoint("http://169.254.169.254");
        Self { client: fixed.unwrap_or_else(|_| client().configure(&config)).build() }
    }

    /// Which instance this is.
    pub async fn instance_id(&self) -> Result<InstanceId, MetadataError> {
        const PATH: &str = "instance-id";
        let text = self.required(PATH).await?;
        InstanceId::new(text.as_str()).map_err(|error| unreadable(PATH, &text, &error))
    }

    /// Where it lives.
    pub async fn zone(&self) -> Result<Zone, MetadataError> {
        const PATH: &str = "placement/availability-zone";
        let text = self.required(PATH).await?;
        Zone::new(text.as_str()).map_err(|error| unreadable(PATH, &text, &error))
    }

    /// In which region.
    pub async fn region(&self) -> Result<String, MetadataError> {
        const PATH: &str = "placement/region";
        let text = self.required(PATH).await?;
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !text.is_empty() && text.len() <= 40 && text.bytes().all(is_name) {
            Ok(text)
        } else {
            Err(unreadable(PATH, &text, &"it is no region's name"))
        }
    }

    /// The tag that says to which service the instance belongs. None: it has none, or does not allow tags in metadata.
    pub async fn service_tag(&self) -> Result<Option<String>, MetadataError> {
        self.optional("tags/instance/failover:service").await
    }

    /// The state that the Auto Scaling group wants the instance to reach: `InService`, `Terminated`, ... None: it has no group.
    pub async fn target_lifecycle_state(&self) -> Result<Option<String>, MetadataError> {
        const PATH: &str = "autoscaling/target-lifecycle-state";
        let text = self.optional(PATH).await?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b':';
        match text {
            Some(text) if text.is_empty() || text.len() > 40 || !text.bytes().all(is_name) => {
                Err(unreadable(PATH, &text, &"it is no lifecycle state"))
            }
            text => Ok(text),
        }
    }

    /// What will be done to the instance within two minutes, if it is a Spot instance that is about to be interrupted.
    pub async fn spot_action(&self) -> Result<Option<SpotAction>, MetadataError> {
        self.json("spot/instance-action").await
    }

    /// When EC2 first said that the instance runs an elevated risk of being interrupted.
    pub async fn rebalance_recommendation(&self) -> Result<Option<Timestamp>, MetadataError> {
        let found: Option<Rebalance> = self.json("events/recommendations/rebalance").await?;
        Ok(found.map(|rebalance| rebalance.notice_time))
    }

    async fn json<T: for<'a> Deserialize<'a>>(&self, path: &'static str) -> Result<Option<T>, MetadataError> {
        let Some(text) = self.optional(path).await? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| unreadable(path, &text, &error))
    }

    async fn required(&self, path: &'static str) -> Result<String, MetadataError> {
        self.optional(path).await?.ok_or(MetadataError::Absent { path })
    }

    async fn optional(&self, path: &'static str) -> Result<Option<String>, MetadataError> {
        let answer = tokio::time::timeout(WITHIN, self.client.get(format!("/latest/meta-data/{path}"))).await;
        match answer {
            Ok(Ok(text)) => Ok(Some(text.as_ref().trim().to_owned())),
            Ok(Err(error)) => failure(path, &error),
            Err(_) => Err(MetadataError::NoAnswer { path, why: format!("not within {} s", WITHIN.as_secs()) }),
        }
    }
}

fn client() -> aws_config::imds::client::Builder {
    // A boot is when the service is slowest to come up: a connection that was not made is tried again.
    let retries = ImdsResponseRetryClassifier::default().with_retry_connect_timeouts(true);
    Client::builder()
        .max_attempts(ATTEMPTS)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(READ_TIMEOUT)
        .operation_timeout(WITHIN)
        .retry_classifier(SharedRetryClassifier::new(retries))
}

fn failure(path: &'static str, error: &ImdsError) -> Result<Option<String>, MetadataError> {
    let no_answer = || Err(MetadataError::NoAnswer { path, why: shortened(&chain(error)) });
    match error {
        ImdsError::ErrorResponse(answer) => match answer.response().status().as_u16() {
            404 => Ok(None),
            401 => Err(MetadataError::Unauthorized { path }),
            403 => Err(MetadataError::Forbidden { path }),
            status @ (429 | 500..) => Err(MetadataError::Overloaded { path, status }),
            status => Err(MetadataError::Status { path, status }),
        },
        // The SDK keeps the status of a refused token to itself; its text has it.
        ImdsError::FailedToLoadToken(_) if chain(error).contains("forbidden") => Err(MetadataError::Forbidden { path }),
        _ => no_answer(),
    }
}

fn unreadable(path: &'static str, value: &str, why: &impl fmt::Display) -> MetadataError {
    MetadataError::Unreadable { path, value: shortened(value), why: why.to_string() }
}

fn shortened(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS * 4).collect()
}
