//! The record of one service.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::failover::{Attempt, Failover, Target};
use super::report::Notification;
use super::request::Request;
use crate::ids::{AddressId, FailoverId, InstanceId, ServiceName, SubnetId, VolumeId, VolumeName, Zone};
use crate::step::StepKey;
use crate::world::VolumeShape;

/// How far back `limits.failovers_per_day` looks.
pub const DAILY_CAP_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// The record of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// The service whose record it is.
    pub service: ServiceName,
    /// Grows by one with every promotion; never falls.
    pub epoch: u64,
    /// The one instance that serves.
    pub active: InstanceId,
    /// Its zone: remembered, so that it is known when the zone is down.
    pub active_zone: Zone,
    /// Since when it is the active one.
    pub active_since: Timestamp,
    /// Every instance that was ever seen as part of the service, and still exists.
    pub members: BTreeMap<InstanceId, Member>,
    /// For each data volume of the spec, the EBS volume that holds the newest data.
    pub current_volumes: BTreeMap<VolumeName, CurrentVolume>,
    /// Data of the spec that never had a volume: only for these an empty one is ever created, once.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub uninitialized: BTreeSet<VolumeName>,
    /// Volumes that were created empty for this service, and still hold its newest data: only these may ever be formatted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub blank: BTreeSet<VolumeId>,
    /// Instances that were the active one and still exist.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former_actives: BTreeSet<InstanceId>,
    /// Where the group launched before a planned move narrowed it down: put back when nothing runs any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets_before: Option<Vec<SubnetId>>,
    /// The addresses that the service was adopted with.
    pub addresses: BTreeSet<AddressId>,
    /// Set by an operator: observed and reported, never changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// An operator's request that was not handled yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// The ids of the latest requests, newest last.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub recent_request_ids: VecDeque<String>,
    /// Evidence of a failure that is not confirmed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspicion: Option<Suspicion>,
    /// Since when AWS does not answer for the active instance. That is no evidence, but nobody knows whether it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_since: Option<Timestamp>,
    /// Why no failover begins although the active instance fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// The failover that runs; never more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<Failover>,
    /// Steps of maintenance (retention, periodic snapshots, late fences) that were tried; those of a failover are in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub maintenance: BTreeMap<StepKey, Attempt>,
    /// Volumes that served once, or were restored and never served; kept until their retention has passed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub superseded: BTreeMap<VolumeId, Superseded>,
    /// Volumes that held the newest data once, and of which there may still be copies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub former_volumes: BTreeMap<VolumeId, FormerVolume>,
    /// Kinds of maintenance that AWS refuses again and again; people were told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused_maintenance: BTreeMap<String, Refused>,
    /// When automatic failovers began, newest last: for the daily cap.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub automatic_starts: VecDeque<Timestamp>,
    /// When the last failover ended, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastFailover>,
    /// Messages to people and history that still have to be sent; a crash sends one twice rather than never.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub outbox: VecDeque<Notification>,
}

/// An instance of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where it lives: remembered, so that it is known when the zone is down.
    pub zone: Zone,
}

/// Where the newest data of a volume is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentVolume {
    /// The EBS volume that carries it.
    pub volume: VolumeId,
    /// That volume's zone: elsewhere the data has to be copied.
    pub zone: Zone,
    /// Its size and kind: remembered, so that a copy can be restored when the volume can't be read.
    pub shape: VolumeShape,
    /// The device name under which it is attached.
    pub device: String,
}

/// A pause: until `resume` nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When the operator asked for it.
    pub at: Timestamp,
    /// By whom, as far as the command line knows.
    pub by: String,
}

/// Evidence of a failure that has to last before it is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// The active instance then: another's evidence counts for nothing.
    pub instance: InstanceId,
    /// Since when the evidence has been seen, without a break.
    pub since: Timestamp,
    /// What was seen, in words.
    pub evidence: Vec<String>,
}

/// Why no failover begins, told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When it was told.
    pub at: Timestamp,
    /// The refusal, in the words that people were told.
    pub reason: String,
}

/// A volume that does not serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// The data that it carries, by its name in the spec.
    pub name: VolumeName,
    /// Since when it is kept.
    pub since: Timestamp,
    /// The failover that left it behind.
    pub failover: FailoverId,
}

/// A volume that held the newest data once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerVolume {
    /// The data, by its name in the spec.
    pub name: VolumeName,
    /// Up to when what it holds is data of the service: copies that were taken later are of what nobody serves from.
    pub until: Timestamp,
}

/// How the last failover ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailover {
    /// Its id, which leads to its report in the history.
    pub id: FailoverId,
    /// When it ended: the cooldown begins then.
    pub ended_at: Timestamp,
    /// Whether it brought the service to its target.
    pub done: bool,
}

impl Ledger {
    /// The active instance in its zone.
    pub fn active_target(&self) -> Target {
        Target { instance_id: self.active.clone(), zone: self.active_zone.clone() }
    }

    /// Every instance but the active one.
    pub fn standbys(&self) -> impl Iterator<Item = (&InstanceId, &Member)> {
        self.members.iter().filter(|(id, _)| **id != self.active)
    }

    /// Whether a volume is one that holds newest data.
    pub fn is_current_volume(&self, volume: &VolumeId) -> bool {
        self.current_volumes.values().any(|current| current.volume == *volume)
    }

    /// Whether nothing is under way and nothing is suspected: a slow tick is enough.
    pub fn is_settled(&self) -> bool {
        self.failover.is_none() && self.suspicion.is_none() && self.request.is_none() && self.outbox.is_empty()
    }
}
