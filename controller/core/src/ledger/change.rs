//! Changes of the ledger: everything that may ever be written to it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use thiserror::Error;

use super::failover::{Failover, OlderCopies, Proof, SeenLease, Target};
use super::record::{CurrentVolume, Member, Pause, Superseded, Suspicion};
use super::report::Outcome;
use super::request::Request;
use crate::ids::{InstanceId, SubnetId, VolumeId, VolumeName};
use crate::step::{Step, StepKey, StepOutcome};
use crate::world::VolumeShape;

/// One transition. Several are written together, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Members that were seen, and those that are gone for good.
    Members(BTreeMap<InstanceId, Member>),
    /// An operator pauses (or wakes) the service.
    Pause(Option<Pause>),
    /// An operator requests a failover.
    Request(Request),
    /// The request is not granted.
    Decline(String),
    /// Evidence of a failure was seen, or (none) is no longer seen.
    Suspect(Option<Suspicion>),
    /// AWS does not answer for the active instance since then; none: it does again.
    Unseen(Option<Timestamp>),
    /// The active instance fails, and no failover may begin; why.
    Refuse(String),
    /// A failover begins, from the active instance.
    Begin(Box<Failover>),
    /// Another target, because the first can't be one.
    Retarget {
        /// The new one; none: the group has to launch one.
        to: Option<Target>,
        /// The one that is ruled out, and why.
        excluded: Option<(InstanceId, String)>,
    },
    /// The target is out of sight, or back in it.
    TargetSeen(bool),
    /// Fencing begins: written before the first disturbance of the old instance.
    BeginFence,
    /// The old instance was fenced and can write again: copies made so far are not the newest data.
    ReopenFence,
    /// The old instance was seen fenced.
    Fenced(Proof),
    /// The old active's agent renewed its lease.
    LeaseSeen(SeenLease),
    /// The old instance could not be shown to be fenced, and the spec says to go on.
    WaiveFence(String),
    /// Older copies are taken, since the newest data can't be reached.
    ChooseCopies {
        /// Completed copies of all volumes, of one moment.
        copies: OlderCopies,
        /// How much of the newest data they lack, at most.
        loss_seconds: u64,
    },
    /// The point of no return: the target is the active one, its volumes hold the newest data.
    Promote {
        /// Where the newest data is from now on.
        current_volumes: BTreeMap<VolumeName, CurrentVolume>,
    },
    /// A step of the failover was seen to be done.
    StepsConfirmed(Vec<StepKey>),
    /// The failover reached its end.
    Finish,
    /// The failover ends without reaching it.
    Abort {
        /// `Refused`, if nothing was taken down; `Halted` otherwise.
        outcome: Outcome,
        /// What the operator is told.
        reason: String,
    },
    /// The failover stands still; why, and what an operator can do.
    Halt(String),
    /// Instances that are gone for good: what was tried on them, and why they can't be the target.
    ForgetGone(BTreeSet<InstanceId>),
    /// Something that an operator should know.
    Warn(String),
    /// Effects are about to be tried.
    Intend(Vec<Step>),
    /// What AWS said to them.
    Resolve(Vec<(StepKey, StepOutcome, u32)>),
    /// Volumes that are kept for their retention from now on.
    Supersede(BTreeMap<VolumeId, Superseded>),
    /// Superseded volumes that no longer exist.
    Forget(BTreeSet<VolumeId>),
    /// Former volumes of which there is no copy any more.
    ForgetFormer(BTreeSet<VolumeId>),
    /// The very first volume of some data was created, empty.
    Bootstrapped {
        /// The data, by its name in the spec.
        name: VolumeName,
        /// The empty volume.
        current: CurrentVolume,
    },
    /// A current volume was seen to have another size, type or performance than it is remembered with.
    Reshaped {
        /// The data, by its name in the spec.
        name: VolumeName,
        /// As it is now.
        shape: VolumeShape,
    },
    /// Where the group launched before a planned move narrowed it down; none: it may launch there again.
    Narrow(Option<Vec<SubnetId>>),
    /// A kind of maintenance that AWS refuses again and again; what it says.
    RefusedMaintenance(String, String),
    /// A kind of maintenance that is no longer refused.
    MaintenanceGoesOn(String),
    /// Maintenance that was seen to be done.
    ForgetMaintenance(BTreeSet<StepKey>),
    /// The oldest notices were sent.
    Sent(usize),
}

/// A change that does not fit the ledger: a mistake in the controller, or a ledger that someone else wrote.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the ledger of {service} does not allow to {change} now: {why}")]
pub struct IllegalChange {
    pub(super) service: String,
    pub(super) change: &'static str,
    pub(super) why: &'static str,
}
