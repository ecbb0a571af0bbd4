//! What the region's data services hold: tables, parameters, topics, published metrics.
//!
//! Each store is a plain state machine: an operation's name, its input as JSON and the time go in, the output or an
//! [`AwsError`] comes out. Which protocol carried the input is not known here; `wire` decodes and encodes.

pub(crate) mod dynamodb;
pub(crate) mod input;
pub(crate) mod metrics;
pub(crate) mod setup;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

pub(crate) use crate::protocol::error::AwsError;

use crate::model::parameter::Parameters;
use crate::model::topic::Topics;

/// All data services of a region.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) tables: dynamodb::Tables,
    pub(crate) parameters: Parameters,
    pub(crate) topics: Topics,
    pub(crate) metrics: metrics::Metrics,
}

impl Stores {
    pub(crate) fn new(settings: &Settings) -> Stores {
        Stores {
            tables: dynamodb::Tables::new(settings.clone()),
            parameters: Parameters::new(settings.region_name.clone(), settings.account_id.clone()),
            topics: Topics::new(settings.seed, settings.region_name.clone(), settings.account_id.clone()),
            metrics: metrics::Metrics::default(),
        }
    }

    /// Everything, readable.
    pub(crate) fn overview(&self, now: SystemTime) -> Value {
        json!({
            "dynamodb": self.tables.overview(now),
            "ssm": crate::services::ssm::overview(&self.parameters),
            "sns": self.topics.overview(),
            "metrics": self.metrics.overview(),
        })
    }
}

/// What the stores need to know of their region.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) region_name: String,
    pub(crate) account_id: String,
    /// How much faster than the wall the region's time runs.
    pub(crate) speed: f64,
    /// How often a read that need not be fresh is not.
    pub(crate) stale_read_probability: f64,
}

impl Settings {
    /// A law's duration as it passes on the wall's clock.
    pub(crate) fn scaled(&self, duration: Duration) -> Duration {
        if self.speed.is_finite() && self.speed > 0.0 { duration.div_f64(self.speed) } else { duration }
    }

    /// Settings for tests.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Settings {
        Settings {
            seed: 1,
            region_name: "eu-central-1".to_owned(),
            account_id: "123456789012".to_owned(),
            speed: 1.0,
            stale_read_probability: 0.1,
        }
    }
}
