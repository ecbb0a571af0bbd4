//! What the data services need to know of their region.

use std::time::Duration;

/// What the data services need to know of their region.
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
    /// A duration of the region's as it passes on the wall's clock.
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
