//! The keys of a `failover.toml`.

use serde::{Deserialize, Serialize};

use super::agent::AgentSpec;
use super::units::{Bounded, Count, Gib, MibPerSecond, Seconds};
use crate::ids::{AddressId, AlarmName, AllocationId, GroupName, HookName, ServiceName, VolumeId, VolumeName};

/// One service's `failover.toml`, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The service's name: the value of the tag `failover:service` on everything that belongs to it.
    pub service: ServiceName,
    /// The way of failing over.
    pub topology: Topology,
    /// The Auto Scaling group, with `topology = "auto-scaling"`.
    #[serde(default)]
    pub group: GroupSpec,
    /// The addresses that move. None given: the Elastic IP that carries the service's tag, if there is one.
    #[serde(default, rename = "address")]
    pub addresses: Vec<AddressSpec>,
    /// The data volumes, each with a name that outlives the EBS volumes that carry it.
    #[serde(default, rename = "volume")]
    pub volumes: Vec<VolumeSpec>,
    /// When a failure counts as one.
    #[serde(default)]
    pub detect: Detect,
    /// How the old active is kept from writing.
    #[serde(default)]
    pub fence: Fence,
    /// What may happen to data, and how long copies are kept.
    #[serde(default)]
    pub data: Data,
    /// What keeps automatic failovers from following one another.
    #[serde(default)]
    pub limits: Limits,
    /// What runs on the instance.
    #[serde(default)]
    pub agent: AgentSpec,
}

/// The way of failing over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Two or more instances, one of them active.
    Standby,
    /// An Auto Scaling group of one.
    AutoScaling,
}

/// The Auto Scaling group, with `topology = "auto-scaling"`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupSpec {
    /// Which one. None given: the group that carries the service's tag.
    pub name: Option<GroupName>,
    /// The lifecycle hooks that the controller completes. None given: those whose names begin with `failover`.
    pub hooks: Vec<HookName>,
}

/// What the names of our lifecycle hooks begin with, where the spec lists none.
pub const OUR_HOOKS: &str = "failover";

impl GroupSpec {
    /// Whether a lifecycle hook is ours to extend and to end. A group may have others, whose owner alone knows when they are done
    /// (decision 9).
    pub fn is_ours(&self, hook: &HookName) -> bool {
        match self.hooks.as_slice() {
            [] => hook.as_str().starts_with(OUR_HOOKS),
            named => named.contains(hook),
        }
    }
}

/// An address that moves with the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressSpec {
    /// What kind of address: it says which of the other keys names it.
    pub kind: AddressKind,
    /// The Elastic IP, by its allocation.
    pub allocation_id: AllocationId,
}

impl AddressSpec {
    /// Which address it is: each kind has a key of its own that says so.
    pub fn id(&self) -> AddressId {
        match self.kind {
            AddressKind::ElasticIp => AddressId::ElasticIp(self.allocation_id.clone()),
        }
    }
}

/// Kinds of address. [`AddressSpec::id`] matches on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressKind {
    /// An Elastic IP, by its `allocation_id`.
    ElasticIp,
}

/// A data volume: never the root volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeSpec {
    /// Its name, the value of the tag `failover:volume`.
    pub name: VolumeName,
    /// The EBS volume that holds the data when the service is adopted, where no tag says so. Afterwards the ledger knows.
    pub volume_id: Option<VolumeId>,
    /// Where the agent mounts it.
    pub mount: Option<String>,
    /// What the agent expects on it.
    pub filesystem: Option<Filesystem>,
    /// Mount options, besides those that the agent needs itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The very first volume, where none exists yet.
    pub blank: Option<Blank>,
}

/// File systems that the agent handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filesystem {
    /// ext4: grown and checked with e2fsprogs.
    Ext4,
    /// XFS: grown and checked with xfsprogs.
    Xfs,
}

/// A new, empty volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blank {
    /// Its size: what the service begins with.
    pub size_gib: Gib,
    /// Its EBS type; gp3 where none is named.
    #[serde(default = "Blank::default_type", rename = "type")]
    pub volume_type: String,
}

impl Blank {
    fn default_type() -> String {
        "gp3".to_owned()
    }
}

/// When a failure counts as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detect {
    /// CloudWatch alarms that speak of the active instance.
    pub alarms: Vec<AlarmName>,
    /// How long evidence must last, read again, before it is believed. An instance seen stopped or terminated needs none.
    pub confirm_seconds: Seconds<0, 3_600>,
    /// How long the active instance's agent may be silent before that is evidence, as a failure that it reports then is, too. None: never.
    pub agent_silent_seconds: Option<Seconds<60, 3_600>>,
}

impl Default for Detect {
    fn default() -> Self {
        Self { alarms: Vec::new(), confirm_seconds: Bounded::of(20), agent_silent_seconds: None }
    }
}

/// How the old active is kept from writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fence {
    /// How long the operating system may take to shut down before the instance is cut.
    pub stop_grace_seconds: Seconds<0, 1_800>,
    /// How long a fence may stay unproven before `when_unconfirmed` decides.
    pub confirm_within_seconds: Seconds<30, 7_200>,
    /// What to do when the old active can't be shown to be fenced.
    pub when_unconfirmed: WhenUnconfirmed,
    /// The agent serves only while it can renew its lease in the ledger, and a lease that ran out counts as a fence. None: no lease.
    pub lease_seconds: Option<Seconds<20, 3_600>>,
}

impl Default for Fence {
    fn default() -> Self {
        Self {
            stop_grace_seconds: Bounded::of(30),
            confirm_within_seconds: Bounded::of(300),
            when_unconfirmed: WhenUnconfirmed::Halt,
            lease_seconds: None,
        }
    }
}

/// What to do when the old active can't be shown to be fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenUnconfirmed {
    /// Stop, and say what an operator can do.
    Halt,
    /// Go on with the newest completed copies, if they are young enough. The old active may still run.
    Proceed,
}

/// What may happen to data, and how long copies are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// How much of the newest data may be lost when it can't be reached.
    pub max_loss_seconds: Seconds<0, 2_592_000>,
    /// How often a running service is snapshotted; none: never. At least 15 s apart, as EBS demands.
    pub snapshot_every_seconds: Option<Seconds<60, 604_800>>,
    /// How many snapshots of each volume are kept.
    pub keep_snapshots: Count<1, 1_000>,
    /// How long a volume that no longer serves is kept.
    pub keep_superseded_seconds: Seconds<0, 31_536_000>,
    /// Rate at which a restored volume is filled (`VolumeInitializationRate`, paid for); none: blocks load at first use.
    pub initialization_rate_mib_per_second: Option<MibPerSecond>,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            max_loss_seconds: Bounded::of(0),
            snapshot_every_seconds: None,
            keep_snapshots: Bounded::of(8),
            keep_superseded_seconds: Bounded::of(604_800),
            initialization_rate_mib_per_second: None,
        }
    }
}

/// What keeps automatic failovers from following one another. An operator's are not held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How long after a failover no automatic one begins.
    pub cooldown_seconds: Seconds<0, 86_400>,
    /// How many automatic failovers may begin in 24 hours.
    pub failovers_per_day: Count<1, 1_000>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cooldown_seconds: Bounded::of(600), failovers_per_day: Bounded::of(4) }
    }
}

impl Spec {
    /// The addresses that it names.
    pub fn address_ids(&self) -> impl Iterator<Item = AddressId> + '_ {
        self.addresses.iter().map(AddressSpec::id)
    }

    /// The spec of a volume.
    pub fn volume(&self, name: &VolumeName) -> Option<&VolumeSpec> {
        self.volumes.iter().find(|volume| volume.name == *name)
    }

    /// The spec as `failover.toml`, with every default spelt out.
    pub fn to_toml(&self) -> String {
        // The only failure of the serializer is a type that TOML lacks; none is used. An empty text would fail to parse, loudly.
        toml::to_string_pretty(self).unwrap_or_default()
    }
}
