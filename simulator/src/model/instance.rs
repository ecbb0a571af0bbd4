//! An instance as EC2 holds it, and what a new one is made from.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::model::status::StatusChecks;
use crate::time::RegionTime;

/// The six states of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl InstanceState {
    /// The low byte of the state's code.
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// Terminated or on the way there: nothing brings it back.
    pub(crate) const fn is_ending(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

/// How a forced stop ends on a failed host.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForceStop {
    /// After a while that the timing model draws.
    Works,
    /// After this many seconds.
    AfterSeconds(f64),
    /// Never.
    Never,
}

/// What is wrong with an instance, put there by faults.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Condition {
    /// The host is dead: no guest, no graceful stop.
    pub(crate) host_failed: Option<ForceStop>,
    /// The guest does not answer the shutdown.
    pub(crate) ignores_shutdown: bool,
    /// The guest lives and writes, but nobody reaches it.
    pub(crate) network_impaired: bool,
    /// The attached volumes do no I/O.
    pub(crate) ebs_impaired: bool,
}

/// What the instance's metadata service announces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Notices {
    /// A spot interruption: `stop` or `terminate`, and when.
    pub(crate) spot: Option<(&'static str, RegionTime)>,
    /// A rebalance recommendation, and when it came.
    pub(crate) rebalance: Option<RegionTime>,
}

/// How a stop was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct StopMode {
    pub(crate) force: bool,
    pub(crate) skip_os_shutdown: bool,
}

/// A stop under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Stop {
    pub(crate) mode: StopMode,
    pub(crate) requested_at: RegionTime,
}

/// One instance.
#[expect(clippy::struct_field_names, clippy::struct_excessive_bools, reason = "EC2's own names and switches")]
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) reservation_id: String,
    pub(crate) client_token: String,
    pub(crate) zone: String,
    pub(crate) subnet_id: String,
    pub(crate) instance_type: String,
    pub(crate) image_id: String,
    pub(crate) state: InstanceState,
    /// It has been `running` before: what never was cannot be stopped.
    pub(crate) has_run: bool,
    pub(crate) launched_at: RegionTime,
    pub(crate) private_ip: Ipv4Addr,
    pub(crate) network_interface_id: String,
    pub(crate) root_device: &'static str,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) state_reason: Option<(&'static str, &'static str)>,
    pub(crate) transition_reason: String,
    pub(crate) disable_api_termination: bool,
    pub(crate) disable_api_stop: bool,
    pub(crate) terminate_on_shutdown: bool,
    pub(crate) user_data: Option<String>,
    pub(crate) workload: Option<String>,
    /// The instance profile's name.
    pub(crate) profile: Option<String>,
    /// Whether its metadata service shows its tags.
    pub(crate) metadata_tags: bool,
    pub(crate) notices: Notices,
    pub(crate) status: StatusChecks,
    pub(crate) condition: Condition,
    pub(crate) stop: Option<Stop>,
    /// Grows with each request that changes the state; a transition of an older one is void.
    pub(crate) generation: u64,
    /// When the transition under way was asked for.
    pub(crate) requested_at: RegionTime,
}

/// What a new instance is made from.
#[expect(clippy::struct_excessive_bools, reason = "EC2's own switches")]
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) zone: String,
    pub(crate) instance_type: String,
    pub(crate) image_id: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) client_token: String,
    pub(crate) user_data: Option<String>,
    pub(crate) disable_api_termination: bool,
    pub(crate) disable_api_stop: bool,
    pub(crate) terminate_on_shutdown: bool,
    pub(crate) workload: Option<String>,
    pub(crate) mapping: Mapping,
    pub(crate) profile: Option<String>,
    pub(crate) metadata_tags: bool,
}

/// Where current Amazon machine images have the root volume.
pub(crate) const ROOT_DEVICE: &str = "/dev/xvda";

/// The volumes that a launch makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) root: MappedVolume,
    pub(crate) others: Vec<MappedVolume>,
    /// Of all of them, the root volume too.
    pub(crate) tags: BTreeMap<String, String>,
}

/// One of these volumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MappedVolume {
    pub(crate) device: String,
    pub(crate) size_gib: u32,
    pub(crate) volume_type: String,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) snapshot_id: Option<String>,
    pub(crate) initialization_mib_per_second: Option<u32>,
    pub(crate) delete_on_termination: bool,
}

impl Default for Mapping {
    /// What the images of this region have.
    fn default() -> Self {
        let root = MappedVolume {
            device: ROOT_DEVICE.to_owned(),
            size_gib: 8,
            volume_type: "gp3".to_owned(),
            iops: None,
            throughput: None,
            kms_key_id: None,
            snapshot_id: None,
            initialization_mib_per_second: None,
            delete_on_termination: true,
        };
        Self { root, others: Vec::new(), tags: BTreeMap::new() }
    }
}
