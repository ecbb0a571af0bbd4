//! What calls meet: latency, consistency, throttling, and a zone that is down.

use serde::{Deserialize, Serialize};

use crate::timing::distribution::Distribution;

/// Latency, consistency and throttling of calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallTiming {
    /// EC2 reads. Assumed: 50-300 ms.
    pub describe_latency: Distribution,
    /// EC2 writes. Assumed: 100-800 ms.
    pub mutate_latency: Distribution,
    /// `RunInstances`: about 1.5 s in the field.
    pub run_instances_latency: Distribution,
    /// `DynamoDB`. Assumed: 5-15 ms.
    pub dynamodb_latency: Distribution,
    /// Systems Manager. Assumed: 20-60 ms.
    pub ssm_latency: Distribution,
    /// Auto Scaling. Assumed: 50-500 ms.
    pub scaling_latency: Distribution,
    /// All other services. Assumed: 20-120 ms.
    pub other_latency: Distribution,
    /// A read shows EC2's state as it was at most this long ago, so that a new id may not be found yet. Assumed: 2 s; zero turns it off.
    pub visibility_lag_seconds: f64,
    /// How often a read lags at all. Assumed: one in ten.
    pub stale_read_probability: f64,
    /// Whether AWS's token buckets refuse calls. On.
    pub throttling: bool,
    /// After how long the transport gives up on a call that nobody answers. Longer than any caller waits.
    pub hang_seconds: f64,
}

impl Default for CallTiming {
    fn default() -> Self {
        Self {
            describe_latency: Distribution::between(0.05, 0.3),
            mutate_latency: Distribution::between(0.1, 0.8),
            run_instances_latency: Distribution::between(1.0, 2.0),
            dynamodb_latency: Distribution::between(0.005, 0.015),
            ssm_latency: Distribution::between(0.02, 0.06),
            scaling_latency: Distribution::between(0.05, 0.5),
            other_latency: Distribution::between(0.02, 0.12),
            visibility_lag_seconds: 2.0,
            stale_read_probability: 0.1,
            throttling: true,
            hang_seconds: 900.0,
        }
    }
}

/// What calls meet that touch a zone that is down. AWS documents the effect on `DescribeInstances` only; the rest is assumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZoneDownTiming {
    /// How often a call that must fail hangs instead of answering with an error.
    pub hang_probability: f64,
    /// How often a write is accepted and its transition stays stuck until the zone is back.
    pub stuck_probability: f64,
    /// How often a write that was accepted so is never answered.
    pub lost_answer_probability: f64,
    /// Whether `DescribeInstanceStatus` fails as `DescribeInstances` does. No source; assumed so.
    pub describe_instance_status_alike: bool,
    /// Whether `DescribeVolumes` fails as `DescribeInstances` does. No source; assumed not.
    pub describe_volumes_alike: bool,
    /// How long after the zone is back its transitions go on.
    pub recovery: Distribution,
    /// When `DescribeAvailabilityZones` begins to call the zone impaired.
    pub reported_after_seconds: f64,
}

impl Default for ZoneDownTiming {
    fn default() -> Self {
        Self {
            hang_probability: 0.4,
            stuck_probability: 0.4,
            lost_answer_probability: 0.3,
            describe_instance_status_alike: true,
            describe_volumes_alike: false,
            recovery: Distribution::between(1.0, 60.0),
            reported_after_seconds: 600.0,
        }
    }
}
