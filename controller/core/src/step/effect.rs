//! The effects, each with all that carrying it out needs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::group::HookResult;
use crate::ids::{AddressId, GroupName, HookName, InstanceId, SnapshotId, SubnetId, VolumeId, VolumeName, Zone};
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
    /// The data, by its name in the spec.
    pub name: VolumeName,
    /// The volume that holds its newest state.
    pub volume: VolumeId,
    /// The tags that the snapshot gets at its creation.
    pub tags: Tags,
}

/// One effect. What is true of each is on its [`Card`](super::Card).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// `StartInstances`.
    StartInstance {
        /// A stopped one.
        instance: InstanceId,
    },
    /// `StopInstances`.
    StopInstance {
        /// One that could write to the data.
        instance: InstanceId,
        /// Whether the guest is asked, or cut.
        mode: StopMode,
    },
    /// One point in time for all of `sources`: `CreateSnapshots` over their instance where they share one, `CreateSnapshot` otherwise.
    TakeSnapshots {
        /// What to copy; never empty.
        sources: Vec<SnapshotSource>,
        /// The instance that all of them are attached to, and what else is attached there and must be left out. `None` if they aren't.
        together: Option<Together>,
    },
    /// `CreateVolume` from a snapshot.
    RestoreVolume {
        /// The data, by its name in the spec.
        name: VolumeName,
        /// A completed copy of it.
        snapshot: SnapshotId,
        /// The target's zone.
        zone: Zone,
        /// Size, type, performance and encryption of the source.
        shape: VolumeShape,
        /// `VolumeInitializationRate` in MiB/s, if the spec pays for one.
        initialization_rate_mib_per_second: Option<u32>,
        /// The tags that the volume gets at its creation.
        tags: Tags,
        /// The client token: the same failover and the same request never make two volumes.
        client_token: String,
    },
    /// `DetachVolume`.
    DetachVolume {
        /// A volume that carries, or carried, the service's data.
        volume: VolumeId,
        /// The instance that it leaves: one that is off or quiet, unless it is forced.
        instance: InstanceId,
        /// Without the guest's consent: what it has not written is lost, and it may not notice (aws-facts 2.3).
        force: bool,
    },
    /// `AttachVolume`.
    AttachVolume {
        /// A free volume in the instance's zone.
        volume: VolumeId,
        /// The active instance.
        instance: InstanceId,
        /// A device name that the instance has free, such as `/dev/sdf`.
        device: String,
    },
    /// Leads an address to another instance: an Elastic IP by `AssociateAddress`.
    MoveAddress {
        /// The address, whose kind says by which call it is led elsewhere.
        address: AddressId,
        /// The instance that it is to lead to.
        instance: InstanceId,
    },
    /// `CreateTags` on a volume that no longer serves: for people, the controller itself reads the ledger.
    MarkSuperseded {
        /// One that the ledger lists as superseded.
        volume: VolumeId,
    },
    /// `DeleteVolume`, of a volume past its retention.
    DeleteVolume {
        /// A superseded one, attached to nothing.
        volume: VolumeId,
    },
    /// `DeleteSnapshot`, of a snapshot past its retention.
    DeleteSnapshot {
        /// One that the controller made.
        snapshot: SnapshotId,
    },
    /// `CreateVolume`, empty: the very first volume of a service that never had one.
    CreateBlank {
        /// The data, by its name in the spec.
        name: VolumeName,
        /// The active instance's zone.
        zone: Zone,
        /// Size, type, encryption.
        shape: VolumeShape,
        /// The tags that the volume gets at its creation.
        tags: Tags,
        /// Equal for the same service, data and zone: two controllers make one volume.
        client_token: String,
    },
    /// `CompleteLifecycleAction`.
    CompleteHook {
        /// The group that holds the instance.
        group: GroupName,
        /// One of ours; a group may have others.
        hook: HookName,
        /// The instance that it holds.
        instance: InstanceId,
        /// Whether the instance goes on, or is given up.
        result: HookResult,
    },
    /// `RecordLifecycleActionHeartbeat`.
    ExtendHook {
        /// The group that holds the instance.
        group: GroupName,
        /// One of ours; a group may have others.
        hook: HookName,
        /// The instance that it holds.
        instance: InstanceId,
    },
    /// `TerminateInstanceInAutoScalingGroup` without lowering the desired capacity: the group runs its hooks and launches another.
    ReplaceMember {
        /// The instance's group.
        group: GroupName,
        /// The active instance, which an operator wants elsewhere.
        instance: InstanceId,
    },
    /// `UpdateAutoScalingGroup` of the subnets alone: where the group launches from now on.
    SetSubnets {
        /// The service's group.
        group: GroupName,
        /// All that it may launch in.
        subnets: Vec<SubnetId>,
    },
}

/// Volumes that are snapshotted together through their instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    /// The instance that holds them all.
    pub instance: InstanceId,
    /// Data volumes of the instance that are not part of it (the root volume never is).
    pub exclude: Vec<VolumeId>,
    /// Whether one snapshot after another is as good, where the instance's state is in the way: nothing is written meanwhile.
    pub or_each: bool,
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
            Self::MoveAddress { address, instance } => write!(formatter, "move {address} to {instance}"),
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
