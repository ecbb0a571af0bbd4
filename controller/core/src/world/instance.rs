//! Instances and their status checks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{VolumeId, Zone};

/// An instance's state, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// On its way to running, from a launch or a start.
    Pending,
    /// Up, as EC2 sees it.
    Running,
    /// On its way to terminated; on a dead host for hours (aws-facts 1.2).
    ShuttingDown,
    /// Gone for good, and still listed for about an hour.
    Terminated,
    /// On its way to stopped; the guest may still write.
    Stopping,
    /// Stopped; it can be started again.
    Stopped,
}

impl InstanceState {
    /// Whether nothing runs in it any more: the proof of a fence. `stopping` and `shutting-down` are not: the guest may still write
    /// (aws-facts 1.1, 1.3).
    pub fn is_off(self) -> bool {
        matches!(self, Self::Stopped | Self::Terminated)
    }

    /// Whether it runs or is about to: `pending` comes with a launch and with a start alike (aws-facts 1.1).
    pub fn is_coming_or_running(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }

    /// Whether nothing brings it back: it is terminated, or will be (aws-facts 1.1).
    pub fn is_gone_or_going(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }

    /// AWS's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

/// An EC2 instance (`DescribeInstances`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Where it lives; an instance never changes its zone.
    pub zone: Zone,
    /// As AWS last showed it; reads lag behind effects by seconds (aws-facts 7).
    pub state: InstanceState,
    /// What is attached under which device name (root included): the names that are taken.
    pub devices: BTreeMap<String, VolumeId>,
    /// The device name of the root volume, which multi-volume snapshots leave out by a flag, never by its id (aws-facts 2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_device: Option<String>,
}

impl Instance {
    /// Whether nothing runs in it any more.
    pub fn is_off(&self) -> bool {
        self.state.is_off()
    }

    /// Whether it is up, as EC2 sees it. That says nothing of its guest or of the service.
    pub fn runs(&self) -> bool {
        self.state == InstanceState::Running
    }
}

/// One status check, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// It passed.
    Ok,
    /// It failed: evidence against the instance.
    Impaired,
    /// Too early to say: minutes after a start (aws-facts 1.2).
    Initializing,
    /// It can't be said.
    InsufficientData,
    /// Not run for this instance.
    NotApplicable,
}

/// The status checks of an instance (`DescribeInstanceStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// The host: power, network, hardware.
    pub system: Check,
    /// The guest's network stack.
    pub instance: Check,
    /// Whether every attached EBS volume does I/O.
    pub attached_ebs: Check,
}

impl Checks {
    /// Every check passed. Attached EBS volumes are only checked on Nitro instances (aws-facts 1.5).
    pub fn passed(self) -> bool {
        self.system == Check::Ok
            && self.instance == Check::Ok
            && matches!(self.attached_ebs, Check::Ok | Check::NotApplicable)
    }

    /// The names of the checks that fail.
    pub fn impaired(self) -> Vec<&'static str> {
        [("system", self.system), ("instance", self.instance), ("attached EBS", self.attached_ebs)]
            .into_iter()
            .filter_map(|(name, check)| (check == Check::Impaired).then_some(name))
            .collect()
    }
}
