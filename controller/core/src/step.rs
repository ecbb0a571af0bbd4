//! Steps: single idempotent effects on AWS, as values.
//!
//! A step carries everything that carrying it out needs, so that it can be recorded before it is tried.
//! That AWS accepted a step proves nothing; only a later observation does.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::group::HookResult;
use crate::ids::{AllocationId, GroupName, HookName, InstanceId, SnapshotId, SubnetId, VolumeId, VolumeName, Zone};
use crate::world::{Tags, VolumeShape};

/// How hard to stop an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopMode {
    /// Let the operating system shut down.
    Graceful,
    /// Cut it: `Force` with `SkipOsShutdown`. `Force` alone first tries the graceful way again.
    Forced,
}

/// A volume to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSource {
    /// Which data.
    pub name: VolumeName,
    /// On which volume.
    pub volume: VolumeId,
    /// The tags that the snapshot gets at its creation.
    pub tags: Tags,
}

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// `StartInstances`.
    StartInstance {
        /// Which.
        instance: InstanceId,
    },
    /// `StopInstances`.
    StopInstance {
        /// Which.
        instance: InstanceId,
        /// How hard.
        mode: StopMode,
    },
    /// One point in time for all of `sources`: `CreateSnapshots` over their instance where they share one, `CreateSnapshot` otherwise.
    TakeSnapshots {
        /// What to copy.
        sources: Vec<SnapshotSource>,
        /// The instance that all of them are attached to, and what else is attached there and must be left out. `None` if they aren't.
        together: Option<Together>,
    },
    /// `CreateVolume` from a snapshot.
    RestoreVolume {
        /// Which data.
        name: VolumeName,
        /// From which copy.
        snapshot: SnapshotId,
        /// Where.
        zone: Zone,
        /// Size, type, performance and encryption of the source.
        shape: VolumeShape,
        /// `VolumeInitializationRate` in MiB/s, if the spec pays for one.
        initialization_rate_mib_per_second: Option<u32>,
        /// The tags that the volume gets at its creation.
        tags: Tags,
        /// The client token: the same failover, data, copy, zone and attempt never make two volumes.
        client_token: String,
    },
    /// `DetachVolume`.
    DetachVolume {
        /// Which.
        volume: VolumeId,
        /// From where.
        instance: InstanceId,
        /// Without the guest's consent.
        force: bool,
    },
    /// `AttachVolume`.
    AttachVolume {
        /// Which.
        volume: VolumeId,
        /// To what.
        instance: InstanceId,
        /// Under which device name.
        device: String,
    },
    /// `AssociateAddress`.
    MoveAddress {
        /// Which.
        allocation: AllocationId,
        /// To what.
        instance: InstanceId,
    },
    /// `CreateTags` on a volume that no longer serves: for people, the controller itself reads the ledger.
    MarkSuperseded {
        /// Which.
        volume: VolumeId,
    },
    /// `DeleteVolume`, of a volume past its retention.
    DeleteVolume {
        /// Which.
        volume: VolumeId,
    },
    /// `DeleteSnapshot`, of a snapshot past its retention.
    DeleteSnapshot {
        /// Which.
        snapshot: SnapshotId,
    },
    /// `CreateVolume`, empty: the very first volume of a service that never had one.
    CreateBlank {
        /// Which data.
        name: VolumeName,
        /// Where.
        zone: Zone,
        /// Size, type, encryption.
        shape: VolumeShape,
        /// The tags that the volume gets at its creation.
        tags: Tags,
        /// The client token.
        client_token: String,
    },
    /// `CompleteLifecycleAction`.
    CompleteHook {
        /// Of which group.
        group: GroupName,
        /// Which hook.
        hook: HookName,
        /// For which instance.
        instance: InstanceId,
        /// With what result.
        result: HookResult,
    },
    /// `RecordLifecycleActionHeartbeat`.
    ExtendHook {
        /// Of which group.
        group: GroupName,
        /// Which hook.
        hook: HookName,
        /// For which instance.
        instance: InstanceId,
    },
    /// `TerminateInstanceInAutoScalingGroup` without lowering the desired capacity: the group runs its hooks and launches another.
    ReplaceMember {
        /// Of which group.
        group: GroupName,
        /// Which instance.
        instance: InstanceId,
    },
    /// `UpdateAutoScalingGroup` of the subnets alone: where the group launches from now on.
    SetSubnets {
        /// Of which group.
        group: GroupName,
        /// Which subnets.
        subnets: Vec<SubnetId>,
    },
}

/// Volumes that are snapshotted together through their instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    /// The instance.
    pub instance: InstanceId,
    /// Data volumes of the instance that are not part of it (the root volume never is).
    pub exclude: Vec<VolumeId>,
}

/// What a step is remembered by in the ledger: the kind of effect and what it is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(pub String);

impl fmt::Display for StepKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Step {
    /// The key of the step in the ledger.
    pub fn key(&self) -> StepKey {
        StepKey(format!("{} {}", self.kind(), self.resource()))
    }

    /// What is done, in the words of the report.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::StartInstance { .. } => "start",
            Self::StopInstance { mode: StopMode::Graceful, .. } => "stop",
            Self::StopInstance { mode: StopMode::Forced, .. } => "force-stop",
            Self::TakeSnapshots { .. } => "snapshot",
            Self::RestoreVolume { .. } => "restore",
            Self::DetachVolume { force: false, .. } => "detach",
            Self::DetachVolume { force: true, .. } => "force-detach",
            Self::AttachVolume { .. } => "attach",
            Self::MoveAddress { .. } => "address",
            Self::MarkSuperseded { .. } => "mark-superseded",
            Self::DeleteVolume { .. } => "delete-volume",
            Self::DeleteSnapshot { .. } => "delete-snapshot",
            Self::CreateBlank { .. } => "create-blank",
            Self::CompleteHook { result: HookResult::Continue, .. } => "complete-hook",
            Self::CompleteHook { result: HookResult::Abandon, .. } => "abandon-hook",
            Self::ExtendHook { .. } => "extend-hook",
            Self::ReplaceMember { .. } => "replace",
            Self::SetSubnets { .. } => "subnets",
        }
    }

    /// What it is done to. A restore is named by its data, since the volume has no id yet.
    pub fn resource(&self) -> String {
        match self {
            Self::StartInstance { instance }
            | Self::StopInstance { instance, .. }
            | Self::ReplaceMember { instance, .. } => instance.to_string(),
            Self::TakeSnapshots { sources, .. } => {
                sources.iter().map(|source| source.volume.as_str()).collect::<Vec<_>>().join("+")
            }
            Self::RestoreVolume { name, zone, .. } | Self::CreateBlank { name, zone, .. } => format!("{name}@{zone}"),
            Self::CompleteHook { hook, instance, .. } | Self::ExtendHook { hook, instance, .. } => {
                format!("{hook}@{instance}")
            }
            Self::SetSubnets { subnets, .. } => subnets.iter().map(SubnetId::as_str).collect::<Vec<_>>().join("+"),
            Self::DetachVolume { volume, .. }
            | Self::AttachVolume { volume, .. }
            | Self::MarkSuperseded { volume }
            | Self::DeleteVolume { volume } => volume.to_string(),
            Self::MoveAddress { allocation, .. } => allocation.to_string(),
            Self::DeleteSnapshot { snapshot } => snapshot.to_string(),
        }
    }

    /// Whether AWS would still allow the service to go on as before if the step were done by mistake.
    ///
    /// A step that is not reversible is never taken on anything unknown.
    pub fn is_reversible(&self) -> bool {
        match self {
            Self::StartInstance { .. }
            | Self::StopInstance { mode: StopMode::Graceful, .. }
            | Self::TakeSnapshots { .. }
            | Self::RestoreVolume { .. }
            | Self::CreateBlank { .. }
            | Self::ExtendHook { .. }
            | Self::SetSubnets { .. }
            | Self::MarkSuperseded { .. } => true,
            Self::StopInstance { mode: StopMode::Forced, .. }
            | Self::DetachVolume { .. }
            | Self::AttachVolume { .. }
            | Self::MoveAddress { .. }
            | Self::DeleteVolume { .. }
            | Self::DeleteSnapshot { .. }
            | Self::CompleteHook { .. }
            | Self::ReplaceMember { .. } => false,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartInstance { instance } => write!(formatter, "start {instance}"),
            Self::StopInstance { instance, mode: StopMode::Graceful } => write!(formatter, "stop {instance}"),
            Self::StopInstance { instance, mode: StopMode::Forced } => write!(formatter, "stop {instance} by force"),
            Self::TakeSnapshots { sources, .. } => {
                let volumes = sources.iter().map(|source| format!("{} ({})", source.name, source.volume));
                write!(formatter, "snapshot {}", volumes.collect::<Vec<_>>().join(", "))
            }
            Self::RestoreVolume { name, snapshot, zone, .. } => {
                write!(formatter, "restore {name} from {snapshot} in {zone}")
            }
            Self::DetachVolume { volume, instance, force } => {
                write!(formatter, "detach {volume} from {instance}{}", if *force { " by force" } else { "" })
            }
            Self::AttachVolume { volume, instance, device } => {
                write!(formatter, "attach {volume} to {instance} as {device}")
            }
            Self::MoveAddress { allocation, instance } => write!(formatter, "move {allocation} to {instance}"),
            Self::MarkSuperseded { volume } => write!(formatter, "mark {volume} superseded"),
            Self::DeleteVolume { volume } => write!(formatter, "delete {volume}"),
            Self::DeleteSnapshot { snapshot } => write!(formatter, "delete {snapshot}"),
            Self::CreateBlank { name, zone, shape, .. } => {
                write!(formatter, "create {name}, {} GiB and empty, in {zone}", shape.size_gib)
            }
            Self::CompleteHook { hook, instance, result, .. } => {
                write!(formatter, "complete {hook} of {instance} with {}", result.as_str())
            }
            Self::ExtendHook { hook, instance, .. } => write!(formatter, "extend {hook} of {instance}"),
            Self::ReplaceMember { group, instance } => write!(formatter, "let {group} replace {instance}"),
            Self::SetSubnets { group, subnets } => {
                let subnets = subnets.iter().map(SubnetId::as_str).collect::<Vec<_>>();
                write!(formatter, "let {group} launch in {}", subnets.join(", "))
            }
        }
    }
}

/// What became of a step, as far as the caller of AWS knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It was recorded and perhaps sent; no answer was seen (yet). It may have happened.
    Unanswered,
    /// AWS accepted it (or it turned out to be done already). Not yet proven.
    Accepted {
        /// Ids of what was made, if something was.
        made: Vec<String>,
    },
    /// AWS refused it, or it could not be sent.
    Failed {
        /// What kind of failure.
        class: FailureClass,
        /// AWS's code, or a word of ours for what never reached AWS.
        code: String,
        /// AWS's message.
        message: String,
    },
}

/// What a failed call means for going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Try again after a while: throttling, a server's error.
    Retryable,
    /// AWS has no room: try elsewhere.
    Capacity,
    /// Not allowed: an operator has to do something.
    Denied,
    /// The resource is in another state than the step needs: look again.
    Conflict,
    /// The resource does not exist, or not yet for this reader.
    Gone,
    /// The request itself is wrong: trying again cannot help.
    Invalid,
    /// No answer: it may have happened.
    UnknownOutcome,
}
