//! Keys: by which the ledger remembers what was tried.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{InstanceId, VolumeId};

/// What a step is remembered by in the ledger: the kind of effect and what it is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(pub String);

impl StepKey {
    /// The key of an effect of some kind on some resource.
    pub(super) fn of(kind: &str, resource: &str) -> Self {
        Self(format!("{kind} {resource}"))
    }

    /// The instance that it is on, or whose hook; none: it is on something else.
    pub fn instance(&self) -> Option<InstanceId> {
        let (_, resource) = self.0.split_once(' ')?;
        let held = resource.rsplit_once(HOLDS).map_or(resource, |(_, held)| held);
        held.starts_with("i-").then(|| InstanceId::new(held).ok())?
    }

    /// The kind of effect.
    pub fn kind(&self) -> &str {
        self.0.split_once(' ').map_or(self.0.as_str(), |(kind, _)| kind)
    }

    /// Whether the step copies a volume, alone or with others at one point in time.
    pub fn copies(&self, volume: &VolumeId) -> bool {
        let copied = self.0.strip_prefix(kind::SNAPSHOT).and_then(|rest| rest.strip_prefix(' '));
        copied.is_some_and(|volumes| volumes.split(TOGETHER).any(|one| one == volume.as_str()))
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Between resources that one step is done to.
pub(super) const TOGETHER: char = '+';
/// Between a hook and the instance that it holds.
pub(super) const HOLDS: char = '@';

/// Whether a resource is a hook that holds `instance`.
pub fn is_hook_of(resource: &str, instance: &str) -> bool {
    resource.rsplit_once(HOLDS).is_some_and(|(_, held)| held == instance)
}

/// The kinds of effects, in the words of the report and of the keys.
pub mod kind {
    /// `StartInstances`.
    pub const START: &str = "start";
    /// `StopInstances`, gracefully.
    pub const STOP: &str = "stop";
    /// `StopInstances` with `Force` and `SkipOsShutdown`.
    pub const FORCE_STOP: &str = "force-stop";
    /// `CreateSnapshot` or `CreateSnapshots`.
    pub const SNAPSHOT: &str = "snapshot";
    /// `CreateVolume` from a snapshot.
    pub const RESTORE: &str = "restore";
    /// `DetachVolume`.
    pub const DETACH: &str = "detach";
    /// `DetachVolume` with `Force`.
    pub const FORCE_DETACH: &str = "force-detach";
    /// `AttachVolume`.
    pub const ATTACH: &str = "attach";
    /// An address led elsewhere.
    pub const ADDRESS: &str = "address";
    /// `CreateTags`.
    pub const MARK_SUPERSEDED: &str = "mark-superseded";
    /// `DeleteVolume`.
    pub const DELETE_VOLUME: &str = "delete-volume";
    /// `DeleteSnapshot`.
    pub const DELETE_SNAPSHOT: &str = "delete-snapshot";
    /// `CreateVolume`, empty.
    pub const CREATE_BLANK: &str = "create-blank";
    /// `CompleteLifecycleAction` with `CONTINUE`.
    pub const COMPLETE_HOOK: &str = "complete-hook";
    /// `CompleteLifecycleAction` with `ABANDON`.
    pub const ABANDON_HOOK: &str = "abandon-hook";
    /// `RecordLifecycleActionHeartbeat`.
    pub const EXTEND_HOOK: &str = "extend-hook";
    /// `TerminateInstanceInAutoScalingGroup`.
    pub const REPLACE: &str = "replace";
    /// `UpdateAutoScalingGroup`.
    pub const SUBNETS: &str = "subnets";
}
