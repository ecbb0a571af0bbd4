//! What checkers ask about Auto Scaling: who is in which group, which hooks wait, which nobody ended in time.

use std::collections::BTreeMap;

use serde::Serialize;

pub use crate::model::scaling::hook::TimedOutHook;
use crate::time::RegionTime;

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupMember {
    /// The instance.
    pub instance: String,
    /// Its zone.
    pub zone: String,
    /// Such as `Pending:Wait`.
    pub lifecycle_state: &'static str,
    /// `Healthy` or `Unhealthy`.
    pub health_status: &'static str,
    /// When it was launched.
    pub launched_at: RegionTime,
}

/// A hook's action that nobody has ended yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingHook {
    /// The group.
    pub group: String,
    /// The hook.
    pub hook: String,
    /// The instance.
    pub instance: String,
    /// The action's token.
    pub token: String,
    /// `autoscaling:EC2_INSTANCE_LAUNCHING` or `autoscaling:EC2_INSTANCE_TERMINATING`.
    pub transition: &'static str,
    /// When it began.
    pub since: RegionTime,
    /// When it times out.
    pub expires_at: RegionTime,
    /// Heartbeats so far.
    pub heartbeats: u32,
}

/// What the truth knows of groups.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct GroupTruth {
    pub(crate) members: BTreeMap<String, Vec<GroupMember>>,
    pub(crate) waiting_hooks: Vec<WaitingHook>,
    pub(crate) timed_out_hooks: Vec<TimedOutHook>,
}
