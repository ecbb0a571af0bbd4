//! The timing model of the region: how long things take, when calls are refused, what is shown when.
//!
//! Every number can be set. The defaults are AWS's own where AWS publishes one; all others are assumptions, stated with the field, and
//! drawn from the region's seed. Durations are in seconds of region time.

mod calls;
pub(crate) mod distribution;
mod events;
mod resources;
mod scaling;

use serde::{Deserialize, Serialize};

pub use crate::timing::calls::{CallTiming, ZoneDownTiming};
pub use crate::timing::distribution::Distribution;
pub use crate::timing::events::EventTiming;
pub use crate::timing::resources::{
    AddressTiming, GuestTiming, InstanceTiming, SnapshotTiming, StatusTiming, VolumeTiming,
};
pub use crate::timing::scaling::ScalingTiming;

/// The timing model of a region.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimingModel {
    /// Latency, consistency and throttling of calls.
    pub calls: CallTiming,
    /// Life of instances.
    pub instances: InstanceTiming,
    /// What runs inside instances.
    pub guests: GuestTiming,
    /// Status checks and alarms.
    pub status: StatusTiming,
    /// Life of volumes and their attachments.
    pub volumes: VolumeTiming,
    /// Life of snapshots.
    pub snapshots: SnapshotTiming,
    /// Elastic IP addresses.
    pub addresses: AddressTiming,
    /// Delivery of events.
    pub events: EventTiming,
    /// What calls meet in a zone that is down.
    pub zone_down: ZoneDownTiming,
    /// How fast Auto Scaling groups act.
    pub scaling: ScalingTiming,
}

impl TimingModel {
    /// Without chance at the edges: calls take no time, reads never lag, nothing is throttled, events arrive at once, exactly once.
    /// The transitions themselves keep their durations. For tests and for measuring.
    pub fn exact_calls() -> Self {
        Self {
            calls: CallTiming {
                describe_latency: Distribution::NONE,
                mutate_latency: Distribution::NONE,
                run_instances_latency: Distribution::NONE,
                dynamodb_latency: Distribution::NONE,
                ssm_latency: Distribution::NONE,
                scaling_latency: Distribution::NONE,
                other_latency: Distribution::NONE,
                visibility_lag_seconds: 0.0,
                throttling: false,
                ..CallTiming::default()
            },
            events: EventTiming {
                delay: Distribution::NONE,
                loss_probability: 0.0,
                duplicate_probability: 0.0,
                reorder_probability: 0.0,
                ..EventTiming::default()
            },
            ..Self::default()
        }
    }
}
