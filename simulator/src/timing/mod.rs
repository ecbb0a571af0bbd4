//! The laws of the region: how long things take, when calls are refused, what is shown when.
//!
//! Every number can be set. The defaults are AWS's own where AWS publishes one; all others are assumptions, stated with the field, and
//! drawn from the region's seed. Durations are in seconds of region time.

mod calls;
pub(crate) mod distribution;
mod events;
mod resources;
mod scaling;

use serde::{Deserialize, Serialize};

pub use crate::timing::calls::{CallLaws, ZoneDownLaws};
pub use crate::timing::distribution::Distribution;
pub use crate::timing::events::EventLaws;
pub use crate::timing::resources::{AddressLaws, GuestLaws, InstanceLaws, SnapshotLaws, StatusLaws, VolumeLaws};
pub use crate::timing::scaling::ScalingLaws;

/// All laws of a region.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Laws {
    /// Latency, consistency and throttling of calls.
    pub calls: CallLaws,
    /// Life of instances.
    pub instances: InstanceLaws,
    /// What runs inside instances.
    pub guests: GuestLaws,
    /// Status checks and alarms.
    pub status: StatusLaws,
    /// Life of volumes and their attachments.
    pub volumes: VolumeLaws,
    /// Life of snapshots.
    pub snapshots: SnapshotLaws,
    /// Elastic IP addresses.
    pub addresses: AddressLaws,
    /// Delivery of events.
    pub events: EventLaws,
    /// What calls meet in a zone that is down.
    pub zone_down: ZoneDownLaws,
    /// How fast Auto Scaling groups act.
    pub scaling: ScalingLaws,
}

impl Laws {
    /// Laws without chance at the edges: calls take no time, reads never lag, nothing is throttled, events arrive at once, exactly once.
    /// The transitions themselves keep their durations. For tests and for measuring.
    pub fn exact_calls() -> Self {
        Self {
            calls: CallLaws {
                describe_latency: Distribution::NONE,
                mutate_latency: Distribution::NONE,
                run_instances_latency: Distribution::NONE,
                dynamodb_latency: Distribution::NONE,
                ssm_latency: Distribution::NONE,
                scaling_latency: Distribution::NONE,
                other_latency: Distribution::NONE,
                visibility_lag_seconds: 0.0,
                throttling: false,
                ..CallLaws::default()
            },
            events: EventLaws {
                delay: Distribution::NONE,
                loss_probability: 0.0,
                duplicate_probability: 0.0,
                reorder_probability: 0.0,
                ..EventLaws::default()
            },
            ..Self::default()
        }
    }
}
