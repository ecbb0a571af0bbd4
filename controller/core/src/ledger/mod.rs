//! The ledger: what the controller knows of a service beyond what AWS shows, and the only truth about which instance is active.
//!
//! It changes only through [`Change`]s, one compare-and-set each. An effect on AWS is preceded by a change that names it
//! ([`Change::Intend`]), so that whoever comes after a crash knows what may have happened.
//!
//! ```text
//!            Begin                 Promote                  Finish
//! settled ──────────► fencing, ──────────────► taking over ─────────► settled
//!    ▲                copying    epoch + 1,                              ▲
//!    │                   │       active = to                             │
//!    └── GiveUp ◄────────┴────────────┴──────────── GiveUp ──────────────┘
//! ```

mod change;
mod destination;
mod failover;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AllocationId, FailoverId, InstanceId, ServiceName, SubnetId, VolumeId, VolumeName, Zone};
use crate::report::Report;
use crate::step::StepKey;
use crate::world::VolumeShape;

pub use change::{Change, IllegalChange};
pub use destination::{BadDestination, Destination};
pub use failover::{Attempt, Cause, Failover, FenceState, Halted, Proof, SeenLease, StepRecord, Target};

/// The record of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Whose record it is.
    pub service: ServiceName,
    /// Grows by one with every promotion; never falls.
    pub epoch: u64,
    /// The one instance that serves.
    pub active: InstanceId,
    /// Where it lives.
    pub active_zone: Zone,
    /// Since when it is the active one.
    pub active_since: Timestamp,
    /// Every instance that was ever seen as part of the service, and still exists.
    pub members: BTreeMap<InstanceId, Member>,
    /// For each data volume of the spec, the EBS volume that holds the newest data.
    pub heads: BTreeMap<VolumeName, Head>,
    /// Data of the spec that never had a volume: only for these an empty one is ever created, once.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unborn: BTreeSet<VolumeName>,
    /// Volumes that were created empty for this service, and still hold its newest data: only these may ever be formatted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub blank: BTreeSet<VolumeId>,
    /// Instances that were the active one and still exist.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub retired: BTreeSet<InstanceId>,
    /// Where the group launched before a planned move narrowed it down: put back when nothing runs any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets_before: Option<Vec<SubnetId>>,
    /// The addresses that the service was adopted with.
    pub addresses: BTreeSet<AllocationId>,
    /// Set by an operator: observed and reported, never changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// An operator's wish that was not looked at yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// The ids of the latest wishes, newest last.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub asked: VecDeque<String>,
    /// Evidence of a failure that is not confirmed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspicion: Option<Suspicion>,
    /// Why no failover begins although the active instance fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// The failover that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<Failover>,
    /// Steps of upkeep (retention, periodic snapshots, late fences) that were tried; those of a failover are in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub upkeep: BTreeMap<StepKey, Attempt>,
    /// Volumes that served once, or were restored and never served; kept until their retention has passed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub superseded: BTreeMap<VolumeId, Superseded>,
    /// When automatic failovers began, newest last: for the daily cap.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub automatic_starts: VecDeque<Timestamp>,
    /// When the last failover ended, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastFailover>,
    /// Messages to people and history that still have to be sent; a crash sends one twice rather than never.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub outbox: VecDeque<Notice>,
}

/// An instance of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where it lives: remembered, so that it is known when the zone is down.
    pub zone: Zone,
}

/// Where the newest data of a volume is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// On which EBS volume.
    pub volume: VolumeId,
    /// In which zone.
    pub zone: Zone,
    /// Its size and kind: remembered, so that a copy can be restored when the volume can't be read.
    pub shape: VolumeShape,
    /// The device name under which it is attached.
    pub device: String,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When.
    pub at: Timestamp,
    /// By whom, as far as the command line knows.
    pub by: String,
}

/// An operator's wish for a failover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What tells it from another wish for the same: one that was seen before is not granted twice, however often its event arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where to.
    pub to: Destination,
    /// Only when everything is known and well; otherwise nothing is touched.
    pub drill: bool,
    /// Older data may be promoted if no more than this is lost.
    pub accepted_loss_seconds: Option<u64>,
    /// When.
    pub at: Timestamp,
    /// By whom, as far as the command line or the event knows.
    pub by: String,
}

/// Evidence of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// Of which instance.
    pub instance: InstanceId,
    /// Since when the evidence has been seen, without a break.
    pub since: Timestamp,
    /// What was seen, in words.
    pub evidence: Vec<String>,
}

/// Why no failover begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Since when.
    pub at: Timestamp,
    /// In words.
    pub reason: String,
}

/// A volume that does not serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// Which data it carries.
    pub name: VolumeName,
    /// Since when it is kept.
    pub since: Timestamp,
    /// The failover that left it behind.
    pub failover: FailoverId,
}

/// How the last failover ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailover {
    /// Which.
    pub id: FailoverId,
    /// When.
    pub ended_at: Timestamp,
    /// Whether it brought the service to its target.
    pub done: bool,
}

/// Something that people should hear of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A failover ended or was refused: to the history, and to the topic.
    Ended(Box<Report>),
    /// A failover can't go on without an operator.
    Halted(Box<Report>),
    /// The active instance fails, and no failover may begin.
    Refused {
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: String,
    },
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
    pub fn is_head(&self, volume: &VolumeId) -> bool {
        self.heads.values().any(|head| head.volume == *volume)
    }

    /// Whether nothing is under way and nothing is suspected: a slow look is enough.
    pub fn is_settled(&self) -> bool {
        self.failover.is_none() && self.suspicion.is_none() && self.request.is_none() && self.outbox.is_empty()
    }
}
