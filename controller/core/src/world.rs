//! The world: what was just observed of a service in AWS.
//!
//! A part is known, or it is unknown; unknown is never 'absent' and never 'dead'. [`Listing`] holds things that AWS lists,
//! and tells a thing that AWS says nothing about from one that a complete answer did not contain.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::agent::AgentReport;
use crate::group::Group;
use crate::ids::{AlarmName, AllocationId, FailoverId, GroupName, InstanceId, SnapshotId, VolumeId, VolumeName, Zone};

/// One observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed<T> {
    /// AWS said so; `at` is when its answer arrived.
    Known {
        /// What AWS said.
        value: T,
        /// When the answer arrived.
        at: Timestamp,
    },
    /// AWS could not be asked, or its answer could not be used.
    Unknown {
        /// In words for the operator.
        why: String,
        /// When the attempt ended.
        at: Timestamp,
    },
}

impl<T> Observed<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Unknown { .. } => None,
        }
    }

    /// When it was observed, or tried to.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Known { at, .. } | Self::Unknown { at, .. } => *at,
        }
    }
}

/// Things of one kind that AWS lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "K: Ord + Deserialize<'de>, V: Deserialize<'de>"))]
pub struct Listing<K: Ord, V> {
    /// Whether the whole list was read: only then is a missing thing absent.
    pub complete: Observed<()>,
    /// What was read, or tried to, one by one.
    pub items: BTreeMap<K, Observed<V>>,
}

/// One thing seen through a [`Listing`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sight<'a, V> {
    /// It is there, and this is how it is.
    Known(&'a V),
    /// A complete answer did not contain it.
    Absent,
    /// Nothing can be said of it.
    Unknown(&'a str),
}

impl<K: Ord, V> Listing<K, V> {
    /// A list that was read whole.
    pub fn known(items: impl IntoIterator<Item = (K, V)>, at: Timestamp) -> Self {
        let items = items.into_iter().map(|(key, value)| (key, Observed::Known { value, at })).collect();
        Self { complete: Observed::Known { value: (), at }, items }
    }

    /// A list that could not be read.
    pub fn unknown(why: impl Into<String>, at: Timestamp) -> Self {
        Self { complete: Observed::Unknown { why: why.into(), at }, items: BTreeMap::new() }
    }

    /// How one thing is seen.
    pub fn sight(&self, key: &K) -> Sight<'_, V> {
        match (self.items.get(key), &self.complete) {
            (Some(Observed::Known { value, .. }), _) => Sight::Known(value),
            (Some(Observed::Unknown { why, .. }), _) | (None, Observed::Unknown { why, .. }) => Sight::Unknown(why),
            (None, Observed::Known { .. }) => Sight::Absent,
        }
    }

    /// The thing, if it is known.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.items.get(key).and_then(Observed::known)
    }

    /// Everything that is known.
    pub fn iter_known(&self) -> impl Iterator<Item = (&K, &V)> {
        self.items.iter().filter_map(|(key, observed)| observed.known().map(|value| (key, value)))
    }

    /// Whether the list was read whole.
    pub fn is_complete(&self) -> bool {
        self.complete.known().is_some()
    }
}

/// What was observed of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// Instances tagged with the service, and those that the ledger knows as members.
    pub instances: Listing<InstanceId, Instance>,
    /// Status checks, of the same instances. Stopped ones have none.
    pub checks: Listing<InstanceId, Checks>,
    /// Data volumes tagged with the service, and those that the ledger knows.
    pub volumes: Listing<VolumeId, Volume>,
    /// Snapshots tagged with the service.
    pub snapshots: Listing<SnapshotId, Snapshot>,
    /// Addresses tagged with the service, or named by the spec.
    pub addresses: Listing<AllocationId, Address>,
    /// The alarms that the spec names.
    pub alarms: Listing<AlarmName, Alarm>,
    /// Auto Scaling groups tagged with the service, or named by the spec.
    pub groups: Listing<GroupName, Group>,
    /// What the boot agents of the service's instances reported last.
    pub agents: Listing<InstanceId, AgentReport>,
    /// How long the last look took: in a zone that is down, calls take seconds, and nothing can be seen more freshly than that.
    pub look_took: SignedDuration,
}

/// Parts of the world that can be looked at separately; one part is one kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// [`World::instances`].
    Instances,
    /// [`World::checks`].
    Checks,
    /// [`World::volumes`].
    Volumes,
    /// [`World::snapshots`].
    Snapshots,
    /// [`World::addresses`].
    Addresses,
    /// [`World::alarms`].
    Alarms,
    /// [`World::groups`].
    Groups,
    /// [`World::agents`].
    Agents,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 8] = [
        Self::Instances,
        Self::Checks,
        Self::Volumes,
        Self::Snapshots,
        Self::Addresses,
        Self::Alarms,
        Self::Groups,
        Self::Agents,
    ];
}

impl World {
    /// A world of which nothing is known yet.
    pub fn unseen(at: Timestamp) -> Self {
        const WHY: &str = "not looked at yet";
        Self {
            instances: Listing::unknown(WHY, at),
            checks: Listing::unknown(WHY, at),
            volumes: Listing::unknown(WHY, at),
            snapshots: Listing::unknown(WHY, at),
            addresses: Listing::unknown(WHY, at),
            alarms: Listing::unknown(WHY, at),
            groups: Listing::unknown(WHY, at),
            agents: Listing::unknown(WHY, at),
            look_took: SignedDuration::ZERO,
        }
    }

    /// When a part was last looked at.
    pub fn seen_at(&self, part: Part) -> Timestamp {
        match part {
            Part::Instances => self.instances.complete.at(),
            Part::Checks => self.checks.complete.at(),
            Part::Volumes => self.volumes.complete.at(),
            Part::Snapshots => self.snapshots.complete.at(),
            Part::Addresses => self.addresses.complete.at(),
            Part::Alarms => self.alarms.complete.at(),
            Part::Groups => self.groups.complete.at(),
            Part::Agents => self.agents.complete.at(),
        }
    }
}

/// An instance's state, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// Starting.
    Pending,
    /// Started.
    Running,
    /// Being terminated.
    ShuttingDown,
    /// Gone for good.
    Terminated,
    /// Being stopped.
    Stopping,
    /// Stopped; it can be started again.
    Stopped,
}

impl InstanceState {
    /// Whether nothing runs in it any more: the proof of a fence.
    pub fn is_off(self) -> bool {
        matches!(self, Self::Stopped | Self::Terminated)
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

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Where it lives; an instance never changes its zone.
    pub zone: Zone,
    /// Its state.
    pub state: InstanceState,
    /// What is attached under which device name (root included): the names that are taken.
    pub devices: BTreeMap<String, VolumeId>,
}

/// One status check, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Passed.
    Ok,
    /// Failed.
    Impaired,
    /// Too early to say.
    Initializing,
    /// Cannot be said.
    InsufficientData,
    /// Not run for this instance.
    NotApplicable,
}

/// The status checks of an instance (`DescribeInstanceStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// The host.
    pub system: Check,
    /// The guest's network stack.
    pub instance: Check,
    /// The attached EBS volumes.
    pub attached_ebs: Check,
}

impl Checks {
    /// Every check passed, or does not apply.
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

/// A volume's state, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeState {
    /// Not ready yet.
    Creating,
    /// Attached to nothing.
    Available,
    /// Attached, or being attached or detached.
    InUse,
    /// Being deleted.
    Deleting,
    /// Deleted.
    Deleted,
    /// Lost.
    Error,
}

/// An attachment's state, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttachmentState {
    /// On its way.
    Attaching,
    /// There.
    Attached,
    /// Leaving.
    Detaching,
    /// Left.
    Detached,
    /// Would leave, but the guest holds it.
    Busy,
}

/// A volume's place in an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Which instance.
    pub instance: InstanceId,
    /// Under which device name.
    pub device: String,
    /// How far.
    pub state: AttachmentState,
}

/// What a restored volume must have in common with its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeShape {
    /// Size in GiB.
    pub size_gib: u32,
    /// Type, such as `gp3`.
    pub volume_type: String,
    /// Provisioned IOPS, where the type has them.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s, where the type has it.
    pub throughput_mib_per_second: Option<u32>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The KMS key of an encrypted volume.
    pub kms_key: Option<String>,
}

/// An EBS volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Where it lives; a volume never changes its zone.
    pub zone: Zone,
    /// Its state.
    pub state: VolumeState,
    /// Size, type, performance, encryption.
    pub shape: VolumeShape,
    /// Where it is attached.
    pub attachments: Vec<Attachment>,
    /// The snapshot it was restored from.
    pub restored_from: Option<SnapshotId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its tags.
    pub tags: Tags,
}

impl Volume {
    /// Attached nowhere, and AWS says so: nobody can write to it.
    pub fn is_free(&self) -> bool {
        self.state == VolumeState::Available && self.attachments.is_empty()
    }

    /// Whether the volume is gone or will never be usable.
    pub fn is_lost(&self) -> bool {
        matches!(self.state, VolumeState::Deleting | VolumeState::Deleted | VolumeState::Error)
    }

    /// The attachment to an instance, in whatever state.
    pub fn attachment_to(&self, instance: &InstanceId) -> Option<&Attachment> {
        self.attachments.iter().find(|attachment| attachment.instance == *instance)
    }
}

/// A snapshot's state, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotState {
    /// Being copied; nothing can be restored from it yet.
    Pending,
    /// Usable.
    Completed,
    /// Failed, or archived and not to be had now.
    Error,
}

/// An EBS snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Of which volume.
    pub volume: VolumeId,
    /// Its state.
    pub state: SnapshotState,
    /// 0 to 100.
    pub progress_percent: u8,
    /// The point in time whose data it holds.
    pub started_at: Timestamp,
    /// The volume's size in GiB.
    pub size_gib: u32,
    /// Its tags.
    pub tags: Tags,
}

/// An Elastic IP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address itself.
    pub public_ip: String,
    /// The instance it leads to, if it does.
    pub instance: Option<InstanceId>,
    /// Its tags.
    pub tags: Tags,
}

/// An alarm's state, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// All is well.
    Ok,
    /// Its condition holds.
    Alarm,
    /// It cannot say.
    InsufficientData,
}

/// A CloudWatch alarm, metric or composite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its state.
    pub state: AlarmState,
    /// Since when.
    pub since: Timestamp,
    /// The instance that its metric is about, if its dimensions name one.
    pub instance: Option<InstanceId>,
}

/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// The tags that the controller reads and writes.
pub mod tag {
    /// The service that a resource belongs to.
    pub const SERVICE: &str = "failover:service";
    /// The data volume (by its name in the spec) that a volume or snapshot carries.
    pub const VOLUME: &str = "failover:volume";
    /// The failover that made the resource.
    pub const ID: &str = "failover:id";
    /// The epoch for which it was made.
    pub const EPOCH: &str = "failover:epoch";
    /// What it was made for: `failover` or `periodic`; on a volume that no longer serves, `superseded`.
    pub const ROLE: &str = "failover:role";
    /// How often the fence of its failover had been opened again when it was made.
    pub const FENCE: &str = "failover:fence";
    /// Which try of its failover made it.
    pub const ATTEMPT: &str = "failover:attempt";
}

/// What the tags of a volume or snapshot say of its lineage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// Which data it carries.
    pub name: Option<VolumeName>,
    /// The failover that made it, if one did.
    pub failover: Option<FailoverId>,
}

impl Lineage {
    /// Reads the tags; values that are no names count as missing.
    pub fn of(tags: &Tags) -> Self {
        let name = tags.get(tag::VOLUME).and_then(|value| VolumeName::new(value.as_str()).ok());
        let failover = tags.get(tag::ID).and_then(|value| FailoverId::new(value.as_str()).ok());
        Self { name, failover }
    }
}
