//! SDK clients, built once.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ec2::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::config::{
    AppName, BehaviorVersion, Credentials, IdentityCache, Region, SharedAsyncSleep, SharedCredentialsProvider,
    StalledStreamProtectionConfig,
};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use thiserror::Error;

use crate::clock::Clock;
use crate::dated::Dated;
use crate::transport::{InProcess, Transport};

/// The SDK has no timeouts of its own but for connecting (aws-facts 7); a zone that is down makes calls hang (1.4).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// An EC2 call that is answered at all is answered within a second or two.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// All attempts of one call, with the pauses between them.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
/// Reads, and writes that are safe to repeat. More attempts would only hide a failure from the engine, which tries again itself.
const READ_ATTEMPTS: u32 = 3;

/// What an operator says about how to reach AWS. What is left out comes from `AWS_*` variables and profiles, as everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// The region.
    pub region: Option<String>,
    /// The profile in the shared configuration files.
    pub profile: Option<String>,
    /// Where requests go instead of AWS's own endpoints.
    pub endpoint_url: Option<String>,
}

/// AWS can't be reached with what is configured.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SetupError {
    /// No region is configured.
    #[error("no AWS region: give --region, set AWS_REGION, or put `region` into the profile")]
    NoRegion,
    /// The endpoint is no URL.
    #[error("endpoint URL {url:?} can't be used: {why}")]
    Endpoint {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
}

/// AWS, as this crate uses it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Aws(Arc<Clients>);

#[derive(Debug)]
struct Clients {
    autoscaling: aws_sdk_autoscaling::Client,
    autoscaling_effects: aws_sdk_autoscaling::Client,
    ec2: aws_sdk_ec2::Client,
    ec2_effects: aws_sdk_ec2::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    sns: aws_sdk_sns::Client,
    ssm: aws_sdk_ssm::Client,
    clock: Clock,
    region: String,
}

impl Aws {
    /// AWS as the environment, the profile and `settings` configure it, over TLS.
    pub async fn from_environment(settings: &ClientSettings) -> Result<Self, SetupError> {
        let clock = Clock::system();
        let mut loader = aws_config::defaults(behavior())
            .http_client(Dated::over(over_tls(), clock.clone()))
            .sleep_impl(TokioSleep::new())
            .retry_config(read_retries())
            .timeout_config(timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(region) = &settings.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Ok(name) = AppName::new("failover") {
            loader = loader.app_name(name);
        }
        let config = loader.load().await;
        if let Some(url) = config.endpoint_url() {
            check_endpoint(url)?;
        }
        Self::build(&config, clock).ok_or(SetupError::NoRegion)
    }

    /// Any region that lives in this process. Requests are signed with credentials that mean nothing; time comes from `clock`.
    pub fn over(transport: Arc<dyn Transport>, clock: Clock, region: &str) -> Self {
        let credentials = Credentials::new("AKIDINPROCESS", "no-secret", None, None, "in-process region");
        let config = SdkConfig::builder()
            .behavior_version(behavior())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            // Static credentials need no cache in front of them.
            .identity_cache(IdentityCache::no_cache())
            .http_client(Dated::over(SharedHttpClient::new(InProcess::new(transport)), clock.clone()))
            .time_source(SharedTimeSource::new(clock.clone()))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(read_retries())
            .timeout_config(timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // The region answers in its own time: there is no skew to correct.
            .disable_clock_skew_correction(true)
            .build();
        Self(Arc::new(Clients::build(&config, clock, region)))
    }

    fn build(config: &SdkConfig, clock: Clock) -> Option<Self> {
        let region = config.region()?.to_string();
        Some(Self(Arc::new(Clients::build(config, clock, &region))))
    }

    /// The clock that dates what is observed; AWS's answers set it right.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The region's name.
    pub fn region(&self) -> &str {
        &self.0.region
    }

    /// For calls that are safe to repeat.
    pub(crate) fn ec2(&self) -> &aws_sdk_ec2::Client {
        &self.0.ec2
    }

    /// For effects: one attempt, because most have no client token (aws-facts 2.9); the engine observes before it tries again.
    pub(crate) fn ec2_effects(&self) -> &aws_sdk_ec2::Client {
        &self.0.ec2_effects
    }

    /// For calls that are safe to repeat.
    pub(crate) fn autoscaling(&self) -> &aws_sdk_autoscaling::Client {
        &self.0.autoscaling
    }

    /// For effects: one attempt, as with EC2's. No call of Auto Scaling's that is made here has a client token (aws-facts 2.9).
    pub(crate) fn autoscaling_effects(&self) -> &aws_sdk_autoscaling::Client {
        &self.0.autoscaling_effects
    }

    pub(crate) fn cloudwatch(&self) -> &aws_sdk_cloudwatch::Client {
        &self.0.cloudwatch
    }

    pub(crate) fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.0.dynamodb
    }

    pub(crate) fn sns(&self) -> &aws_sdk_sns::Client {
        &self.0.sns
    }

    pub(crate) fn ssm(&self) -> &aws_sdk_ssm::Client {
        &self.0.ssm
    }
}

impl Clients {
    fn build(config: &SdkConfig, clock: Clock, region: &str) -> Self {
        let ec2 = aws_sdk_ec2::config::Builder::from(config).retry_partition(partition("ec2"));
        let effects = ec2.clone().retry_config(RetryConfig::disabled());
        let autoscaling = aws_sdk_autoscaling::config::Builder::from(config).retry_partition(partition("autoscaling"));
        let autoscaling_effects = autoscaling.clone().retry_config(RetryConfig::disabled());
        let cloudwatch = aws_sdk_cloudwatch::config::Builder::from(config).retry_partition(partition("cloudwatch"));
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(config).retry_partition(partition("dynamodb"));
        let sns = aws_sdk_sns::config::Builder::from(config).retry_partition(partition("sns"));
        let ssm = aws_sdk_ssm::config::Builder::from(config).retry_partition(partition("ssm"));
        Self {
            autoscaling: aws_sdk_autoscaling::Client::from_conf(autoscaling.build()),
            autoscaling_effects: aws_sdk_autoscaling::Client::from_conf(autoscaling_effects.build()),
            ec2: aws_sdk_ec2::Client::from_conf(ec2.build()),
            ec2_effects: aws_sdk_ec2::Client::from_conf(effects.build()),
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(cloudwatch.build()),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sns: aws_sdk_sns::Client::from_conf(sns.build()),
            ssm: aws_sdk_ssm::Client::from_conf(ssm.build()),
            clock,
            region: region.to_owned(),
        }
    }
}

/// Named rather than `latest`: an update of the SDK must not change how often and how long we wait.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

pub(crate) fn over_tls() -> SharedHttpClient {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    aws_smithy_http_client::Builder::new().tls_provider(ring).build_https()
}

fn read_retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(READ_ATTEMPTS)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// The SDK's retry quota is shared by the whole process unless it is given a partition of its own: one simulated region's
/// outage must not use up another's retries.
fn partition(service: &'static str) -> RetryPartition {
    RetryPartition::custom(service).token_bucket(TokenBucket::default()).build()
}

fn check_endpoint(url: &str) -> Result<(), SetupError> {
    let wrong = |why: String| SetupError::Endpoint { url: url.to_owned(), why };
    let uri: http::Uri = url.parse().map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(_)) => Ok(()),
        _ => Err(wrong("it needs http:// or https:// and a host".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use failover_core::step::FailureClass;

    use super::*;
    use crate::error::code;

    /// Over real sockets, on the clients that talk to AWS.
    fn at(url: &str) -> Aws {
        let config = SdkConfig::builder()
            .behavior_version(behavior())
            .region(Region::new("eu-central-1"))
            .endpoint_url(url)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "AKID", "secret", None, None, "test",
            )))
            .http_client(over_tls())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts())
            .build();
        Aws::build(&config, Clock::system()).unwrap()
    }

    #[tokio::test]
    async fn a_request_that_was_certainly_not_sent_is_told_from_one_that_may_have_been() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let aws = at(&url);
        let hang_up = async { drop(listener.accept().await.unwrap()) };
        let (answer, ()) = futures::join!(aws.service_of("i-00000001"), hang_up);
        let error = answer.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (FailureClass::UnknownOutcome, code::NO_ANSWER), "{error}");

        drop(listener);
        let error = aws.service_of("i-00000001").await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (FailureClass::Retryable, code::NOT_CONNECTED), "{error}");
    }

    #[test]
    fn an_endpoint_is_checked_before_the_first_call() {
        assert_eq!(check_endpoint("http://127.0.0.1:4566"), Ok(()));
        for wrong in ["127.0.0.1:4566", "ftp://host", "http:// host", ""] {
            assert!(matches!(check_endpoint(wrong), Err(SetupError::Endpoint { .. })), "{wrong:?}");
        }
    }
}
