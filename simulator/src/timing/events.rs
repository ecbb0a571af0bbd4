//! How events are delivered.

use serde::{Deserialize, Serialize};

use crate::timing::distribution::Distribution;

/// Delivery of events. EC2, EBS, spot and Health are best effort; alarms are delivered at least once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventTiming {
    /// From the change to its event. Assumed: 0.2-5 s, one in a hundred up to 60 s.
    pub delay: Distribution,
    /// Best-effort events lost. Assumed: 0.1 %.
    pub loss_probability: f64,
    /// Events that come twice, alarms included. Assumed: 0.5 %.
    pub duplicate_probability: f64,
    /// Events held back so that later ones overtake them. Assumed: 1 %.
    pub reorder_probability: f64,
    /// How long such an event is held back.
    pub reorder_delay: Distribution,
}

impl Default for EventTiming {
    fn default() -> Self {
        Self {
            delay: Distribution::LongTail {
                low_seconds: 0.2,
                high_seconds: 5.0,
                tail_probability: 0.01,
                tail_seconds: 60.0,
            },
            loss_probability: 0.001,
            duplicate_probability: 0.005,
            reorder_probability: 0.01,
            reorder_delay: Distribution::between(5.0, 90.0),
        }
    }
}
