//! What the region's data services hold, side by side.

use super::dynamodb::tables::Tables;
use super::metric::Metrics;
use super::parameter::Parameters;
use super::settings::Settings;
use super::topic::Topics;

/// All data services of a region.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) tables: Tables,
    pub(crate) parameters: Parameters,
    pub(crate) topics: Topics,
    pub(crate) metrics: Metrics,
}

impl Stores {
    pub(crate) fn new(settings: &Settings) -> Stores {
        Stores {
            tables: Tables::new(settings.clone()),
            parameters: Parameters::new(settings.region_name.clone(), settings.account_id.clone()),
            topics: Topics::new(settings.seed, settings.region_name.clone(), settings.account_id.clone()),
            metrics: Metrics::default(),
        }
    }
}
