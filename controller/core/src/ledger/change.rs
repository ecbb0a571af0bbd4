//! Changes of the ledger: everything that may ever be written to it, and where it may be.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::{
    Attempt, Cause, Failover, FenceState, Halted, Head, LastFailover, Ledger, Member, Notice, Pause, Proof, Refused,
    Request, SeenLease, StepRecord, Superseded, Suspicion, Target,
};
use crate::ids::{InstanceId, SnapshotId, SubnetId, VolumeId, VolumeName};
use crate::report::{Outcome, Report};
use crate::step::{Step, StepKey, StepOutcome};

/// One transition.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Members that were seen, and those that are gone for good.
    Members(BTreeMap<InstanceId, Member>),
    /// An operator pauses (or wakes) the service.
    Pause(Option<Pause>),
    /// An operator wishes a failover.
    Ask(Request),
    /// The wish is not granted.
    Decline(String),
    /// Evidence of a failure was seen, or (none) is no longer seen.
    Suspect(Option<Suspicion>),
    /// The active instance fails, and no failover may begin; why.
    Refuse(String),
    /// A failover begins.
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
    /// Fencing begins: written before the first disturbance of the old side.
    BeginFence,
    /// The old side was fenced and can write again: copies made so far are not the newest data.
    ReopenFence,
    /// The old side was seen fenced.
    Fenced(Proof),
    /// The old active's agent renewed its lease.
    LeaseSeen(SeenLease),
    /// The old side could not be shown to be fenced, and the spec says to go on.
    WaiveFence(String),
    /// An older copy is taken, since the newest data can't be reached.
    ChooseCopy {
        /// Of which data.
        name: VolumeName,
        /// Which copy.
        snapshot: SnapshotId,
        /// What it lacks.
        loss_seconds: u64,
    },
    /// The point of no return: the target is the active one, its volumes hold the newest data.
    Promote {
        /// Where the newest data is from now on.
        heads: BTreeMap<VolumeName, Head>,
    },
    /// A step of the failover was seen to be done.
    Proved(Vec<StepKey>),
    /// The failover reached its end.
    Finish,
    /// The failover ends without reaching it.
    GiveUp {
        /// How.
        outcome: Outcome,
        /// Why.
        reason: String,
    },
    /// The failover stands still.
    Halt(String),
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
    /// The very first volume of some data was created, empty.
    Born {
        /// Which data.
        name: VolumeName,
        /// Where it is.
        head: Head,
    },
    /// Where the group launched before a planned move narrowed it down; none: it may launch there again.
    Narrow(Option<Vec<SubnetId>>),
    /// Upkeep that was seen to be done.
    ForgetUpkeep(BTreeSet<StepKey>),
    /// The oldest notices were sent.
    Sent(usize),
}

/// A change that does not fit the ledger: a mistake in the controller, or a ledger that someone else wrote.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the ledger of {service} does not allow to {change} now: {why}")]
pub struct IllegalChange {
    service: String,
    change: &'static str,
    why: &'static str,
}

/// How many steps a report holds at most: a failover that tries for hours must not outgrow its record (DynamoDB: 400 KB).
const MOST_STEPS: usize = 200;
/// How many notices wait at most; the oldest go first.
const MOST_NOTICES: usize = 20;
/// How many wishes are remembered, so that a repeated event is not a new wish.
const MOST_ASKED: usize = 20;
/// The daily cap looks this far back.
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Ledger {
    /// The ledger after `change`.
    pub fn apply(&self, change: &Change, now: Timestamp) -> Result<Self, IllegalChange> {
        let mut next = self.clone();
        next.change(change, now)?;
        Ok(next)
    }

    fn change(&mut self, change: &Change, now: Timestamp) -> Result<(), IllegalChange> {
        match change {
            Change::Members(members) => {
                self.members.clone_from(members);
                self.retired.retain(|instance| members.contains_key(instance));
            }
            Change::Pause(pause) => self.paused.clone_from(pause),
            Change::Ask(request) => self.ask(request)?,
            Change::Refuse(reason) => {
                self.refused = Some(Refused { at: now, reason: reason.clone() });
                self.tell(Notice::Refused { at: now, reason: reason.clone() });
            }
            Change::Decline(reason) => self.decline(reason, now)?,
            Change::Suspect(suspicion) => {
                self.suspicion.clone_from(suspicion);
                if suspicion.is_none() {
                    self.refused = None;
                }
            }
            Change::Begin(failover) => self.begin(failover, now)?,
            Change::Supersede(volumes) => self.superseded.extend(volumes.clone()),
            Change::Forget(volumes) => self.superseded.retain(|volume, _| !volumes.contains(volume)),
            Change::Born { name, head } => {
                if !self.unborn.remove(name) {
                    return Err(self.illegal("take an empty volume", "the data was there before"));
                }
                self.blank.insert(head.volume.clone());
                self.heads.insert(name.clone(), head.clone());
            }
            Change::Narrow(subnets) => self.subnets_before.clone_from(subnets),
            Change::ForgetUpkeep(keys) => self.upkeep.retain(|key, _| !keys.contains(key)),
            Change::Sent(count) => drop(self.outbox.drain(..(*count).min(self.outbox.len()))),
            Change::Intend(steps) => self.intend(steps, now),
            Change::Resolve(outcomes) => self.resolve(outcomes, now),
            Change::Promote { heads } => self.promote(heads, now)?,
            Change::Finish => self.finish(now)?,
            Change::GiveUp { outcome, reason } => self.give_up(*outcome, reason, now)?,
            Change::Halt(reason) => self.halt(reason, now)?,
            Change::Retarget { .. }
            | Change::TargetSeen(_)
            | Change::BeginFence
            | Change::ReopenFence
            | Change::Fenced(_)
            | Change::LeaseSeen(_)
            | Change::WaiveFence(_)
            | Change::ChooseCopy { .. }
            | Change::Proved(_)
            | Change::Warn(_) => {
                let Some(failover) = &mut self.failover else {
                    return Err(self.illegal("change a failover", "none is running"));
                };
                if let Err((what, why)) = failover.change(change, now) {
                    return Err(self.illegal(what, why));
                }
            }
        }
        Ok(())
    }

    fn illegal(&self, change: &'static str, why: &'static str) -> IllegalChange {
        IllegalChange { service: self.service.to_string(), change, why }
    }

    /// A wish waits for its turn; while a failover runs, only the loss that the operator accepts is taken from it.
    fn ask(&mut self, request: &Request) -> Result<(), IllegalChange> {
        if let Some(id) = &request.id {
            if self.asked.contains(id) {
                return Ok(());
            }
            self.asked.push_back(id.clone());
            while self.asked.len() > MOST_ASKED {
                self.asked.pop_front();
            }
        }
        match (&mut self.failover, request.accepted_loss_seconds) {
            (None, _) => self.request = Some(request.clone()),
            (Some(failover), Some(seconds)) if !failover.is_promoted() => {
                failover.accepted_loss_seconds = Some(seconds);
                failover.warnings.insert(format!("{} accepted the loss of up to {seconds} s of data", request.by));
                failover.halted = None;
            }
            (Some(_), _) => return Err(self.illegal("take a request", "a failover is running")),
        }
        Ok(())
    }

    fn decline(&mut self, reason: &str, now: Timestamp) -> Result<(), IllegalChange> {
        let Some(request) = self.request.take() else {
            return Err(self.illegal("decline a request", "there is none"));
        };
        let report = Report::refused(self, &request, reason, now);
        self.tell(Notice::Ended(Box::new(report)));
        Ok(())
    }

    fn begin(&mut self, failover: &Failover, now: Timestamp) -> Result<(), IllegalChange> {
        if self.failover.is_some() {
            return Err(self.illegal("begin a failover", "one is running"));
        }
        if failover.from.instance_id != self.active {
            return Err(self.illegal("begin a failover", "it does not begin at the active instance"));
        }
        if failover.is_target(&self.active) {
            return Err(self.illegal("begin a failover", "its target is the active instance"));
        }
        // What the group began is followed however often: it leaves a failure its share of the day.
        let followed = matches!(failover.cause, Cause::Replacement(_));
        if self.request.take().is_none() && !followed {
            self.automatic_starts.retain(|start| now.duration_since(*start) < DAY);
            self.automatic_starts.push_back(now);
        }
        self.suspicion = None;
        self.refused = None;
        self.upkeep.clear();
        self.failover = Some(failover.clone());
        Ok(())
    }

    fn promote(&mut self, heads: &BTreeMap<VolumeName, Head>, now: Timestamp) -> Result<(), IllegalChange> {
        let Some(mut failover) = self.failover.take() else {
            return Err(self.illegal("promote", "no failover is running"));
        };
        let refusal = if failover.is_promoted() {
            Some("it was done already")
        } else if matches!(failover.fence, FenceState::Open { .. }) {
            Some("the old side is not fenced")
        } else if !heads.keys().eq(self.heads.keys()) {
            Some("not every volume has its successor")
        } else {
            None
        };
        let (None, Some(to)) = (refusal, failover.to.clone()) else {
            self.failover = Some(failover);
            return Err(self.illegal("promote", refusal.unwrap_or("there is no target")));
        };
        for (name, old) in &self.heads {
            if heads.get(name).is_some_and(|new| new.volume != old.volume) {
                let superseded = Superseded { name: name.clone(), since: now, failover: failover.id.clone() };
                self.superseded.insert(old.volume.clone(), superseded);
            }
        }
        for head in heads.values() {
            self.superseded.remove(&head.volume);
        }
        failover.promoted_at = Some(now);
        failover.halted = None;
        self.epoch += 1;
        self.retired.insert(std::mem::replace(&mut self.active, to.instance_id));
        self.active_zone = to.zone;
        self.active_since = now;
        self.heads.clone_from(heads);
        self.blank.retain(|volume| heads.values().any(|head| head.volume == *volume));
        self.failover = Some(failover);
        Ok(())
    }

    fn finish(&mut self, now: Timestamp) -> Result<(), IllegalChange> {
        match self.failover.take() {
            Some(failover) if failover.is_promoted() => {
                self.end(&failover, Outcome::Done, "the target serves", now);
                Ok(())
            }
            other => {
                self.failover = other;
                Err(self.illegal("finish", "nothing was promoted"))
            }
        }
    }

    fn give_up(&mut self, outcome: Outcome, reason: &str, now: Timestamp) -> Result<(), IllegalChange> {
        let Some(failover) = self.failover.take() else {
            return Err(self.illegal("give up", "no failover is running"));
        };
        self.end(&failover, outcome, reason, now);
        Ok(())
    }

    fn end(&mut self, failover: &Failover, outcome: Outcome, reason: &str, now: Timestamp) {
        self.last = Some(LastFailover { id: failover.id.clone(), ended_at: now, done: outcome == Outcome::Done });
        let report = Report::of(&self.service, self.epoch, failover, outcome, reason, Some(now), now);
        self.tell(Notice::Ended(Box::new(report)));
    }

    fn halt(&mut self, reason: &str, now: Timestamp) -> Result<(), IllegalChange> {
        let Some(mut failover) = self.failover.take() else {
            return Err(self.illegal("halt", "no failover is running"));
        };
        failover.halted = Some(Halted { at: now, reason: reason.to_owned() });
        let report = Report::of(&self.service, self.epoch, &failover, Outcome::Halted, reason, None, now);
        self.failover = Some(failover);
        self.tell(Notice::Halted(Box::new(report)));
        Ok(())
    }

    fn tell(&mut self, notice: Notice) {
        self.outbox.push_back(notice);
        while self.outbox.len() > MOST_NOTICES {
            self.outbox.pop_front();
        }
    }

    fn intend(&mut self, steps: &[Step], now: Timestamp) {
        for step in steps {
            let attempts = match &mut self.failover {
                Some(failover) => {
                    record(&mut failover.steps, step, now);
                    &mut failover.attempts
                }
                None => &mut self.upkeep,
            };
            let attempt = attempts.entry(step.key()).or_insert_with(|| Attempt {
                tries: 0,
                failures: 0,
                first_at: now,
                last_at: now,
                outcome: StepOutcome::Unanswered,
                answered_at: now,
            });
            attempt.tries += 1;
            attempt.failures += 1;
            attempt.last_at = now;
            attempt.answered_at = now;
            attempt.outcome = StepOutcome::Unanswered;
        }
    }

    fn resolve(&mut self, outcomes: &[(StepKey, StepOutcome, u32)], now: Timestamp) {
        for (key, outcome, api_calls) in outcomes {
            let attempts = match &mut self.failover {
                Some(failover) => {
                    if let Some(record) = failover.steps.iter_mut().rev().find(|record| record.key == *key) {
                        record.api_calls += api_calls;
                    }
                    &mut failover.attempts
                }
                None => &mut self.upkeep,
            };
            if let Some(attempt) = attempts.get_mut(key) {
                if matches!(outcome, StepOutcome::Accepted { .. }) {
                    attempt.failures = 0;
                }
                attempt.outcome = outcome.clone();
                attempt.answered_at = now;
            }
        }
    }
}

/// Adds a try to the report's list of steps.
fn record(steps: &mut Vec<StepRecord>, step: &Step, now: Timestamp) {
    let key = step.key();
    if let Some(known) = steps.iter_mut().rev().find(|known| known.key == key && known.finished_at.is_none()) {
        known.attempts += 1;
    } else if steps.len() < MOST_STEPS {
        steps.push(StepRecord {
            key,
            step: step.kind().to_owned(),
            resource: step.resource(),
            started_at: now,
            finished_at: None,
            attempts: 1,
            api_calls: 0,
        });
    }
}

impl Failover {
    fn change(&mut self, change: &Change, now: Timestamp) -> Result<(), (&'static str, &'static str)> {
        match change {
            Change::Retarget { to, excluded } => {
                if self.is_promoted() {
                    return Err(("change the target", "it was promoted"));
                }
                if let Some((instance, why)) = excluded {
                    self.excluded.insert(instance.clone(), why.clone());
                    self.warnings.insert(format!("{instance} could not be the target: {why}"));
                }
                self.to.clone_from(to);
                self.retargeted_at = Some(now);
                self.target_unseen_since = None;
                self.halted = None;
            }
            Change::TargetSeen(true) => self.target_unseen_since = None,
            Change::TargetSeen(false) => drop(self.target_unseen_since.get_or_insert(now)),
            Change::BeginFence => {
                if self.has_begun_to_fence() {
                    return Err(("begin to fence", "it was begun"));
                }
                self.fence = FenceState::Open { since: Some(now) };
                self.down_since.get_or_insert(now);
            }
            Change::ReopenFence => {
                if self.is_promoted() {
                    return Err(("fence anew", "the target was promoted"));
                }
                self.fence = FenceState::Open { since: Some(now) };
                self.fences += 1;
                self.lease = None;
                self.attempts.clear();
            }
            Change::Fenced(proof) => {
                self.fence = FenceState::Proven { at: now, proof: *proof };
                self.down_since.get_or_insert(now);
                self.halted = None;
            }
            Change::LeaseSeen(lease) => self.lease = Some(lease.clone()),
            Change::WaiveFence(why) => {
                if matches!(self.fence, FenceState::Proven { .. }) {
                    return Err(("waive the fence", "it is proven"));
                }
                self.fence = FenceState::Waived { at: now, why: why.clone() };
                self.warnings.insert(format!("the old side was not shown to be fenced: {why}"));
                self.halted = None;
            }
            Change::ChooseCopy { name, snapshot, loss_seconds } => {
                self.older_copies.insert(name.clone(), snapshot.clone());
                self.data_loss_seconds = self.data_loss_seconds.max(*loss_seconds);
                self.warnings.insert(format!("{name} was taken from {snapshot}: up to {loss_seconds} s are lost"));
                self.halted = None;
            }
            Change::Proved(keys) => {
                for record in self.steps.iter_mut().filter(|record| keys.contains(&record.key)) {
                    record.finished_at.get_or_insert(now);
                }
                self.halted = None;
            }
            Change::Warn(warning) => drop(self.warnings.insert(warning.clone())),
            _ => {}
        }
        Ok(())
    }
}
