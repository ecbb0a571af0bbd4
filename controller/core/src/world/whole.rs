//! The parts of the world, put together.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::alarm::Alarm;
use super::instance::{Checks, Instance};
use super::observed::{Listing, Observed};
use super::snapshot::Snapshot;
use super::volume::Volume;
use crate::agent::AgentReport;
use crate::group::Group;
use crate::ids::{AddressId, AlarmName, GroupName, InstanceId, SnapshotId, VolumeId};

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
    pub addresses: Listing<AddressId, Address>,
    /// The alarms that the spec names.
    pub alarms: Listing<AlarmName, Alarm>,
    /// Auto Scaling groups tagged with the service, or named by the spec.
    pub groups: Listing<GroupName, Group>,
    /// What the boot agents of the service's instances reported last.
    pub agents: Listing<InstanceId, AgentReport>,
    /// How long the last observation took: in a zone that is down, calls take seconds, and nothing can be seen more freshly than that.
    pub observation_took: SignedDuration,
}

/// Parts of the world that can be observed separately; one part is one kind of call.
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
    /// Every part, in the order in which they are told.
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
        const WHY: &str = "not observed yet";
        Self {
            instances: Listing::unknown(WHY, at),
            checks: Listing::unknown(WHY, at),
            volumes: Listing::unknown(WHY, at),
            snapshots: Listing::unknown(WHY, at),
            addresses: Listing::unknown(WHY, at),
            alarms: Listing::unknown(WHY, at),
            groups: Listing::unknown(WHY, at),
            agents: Listing::unknown(WHY, at),
            observation_took: SignedDuration::ZERO,
        }
    }

    /// Whether the whole of a part was read, and when it was last observed.
    pub fn completeness(&self, part: Part) -> &Observed<()> {
        match part {
            Part::Instances => &self.instances.complete,
            Part::Checks => &self.checks.complete,
            Part::Volumes => &self.volumes.complete,
            Part::Snapshots => &self.snapshots.complete,
            Part::Addresses => &self.addresses.complete,
            Part::Alarms => &self.alarms.complete,
            Part::Groups => &self.groups.complete,
            Part::Agents => &self.agents.complete,
        }
    }

    /// When a part was last observed.
    pub fn seen_at(&self, part: Part) -> Timestamp {
        self.completeness(part).at()
    }

    /// Whether an instance is known to be off. One that can't be seen, or that AWS no longer lists, is not: its volumes may still be
    /// written to.
    pub fn is_off(&self, instance: &InstanceId) -> bool {
        self.instances.get(instance).is_some_and(Instance::is_off)
    }

    /// Whether an instance is known to run.
    pub fn runs(&self, instance: &InstanceId) -> bool {
        self.instances.get(instance).is_some_and(Instance::runs)
    }

    /// Whether an address is known to lead to an instance.
    pub fn leads_to(&self, address: &AddressId, instance: &InstanceId) -> bool {
        self.addresses.get(address).is_some_and(|address| address.leads_to(instance))
    }

    /// Whether a volume is known to be attached to an instance, for good.
    pub fn is_attached(&self, volume: &VolumeId, instance: &InstanceId) -> bool {
        self.volumes.get(volume).is_some_and(|volume| volume.is_attached_to(instance))
    }
}
