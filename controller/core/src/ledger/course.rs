//! The course of a failover, from its beginning to the promotion and the proof: what is written of it on the way.
//!
//! Whatever brings it on ends its halt: what stood in the way is no longer so, and what does next is said anew.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::failover::{Failover, FenceState, OlderCopies, Proof, SeenLease, Target};
use crate::ids::InstanceId;
use crate::step::StepKey;

/// How many warnings a failover keeps: the first say how it came about.
const MOST_WARNINGS: usize = 50;

/// A change that does not fit the failover.
pub(super) struct Misfit {
    pub(super) change: &'static str,
    pub(super) why: &'static str,
}

pub(super) type Course = Result<(), Misfit>;

fn unless(misfit: bool, change: &'static str, why: &'static str) -> Course {
    if misfit { Err(Misfit { change, why }) } else { Ok(()) }
}

impl Failover {
    pub(super) fn retarget(
        &mut self,
        to: Option<&Target>,
        excluded: Option<&(InstanceId, String)>,
        now: Timestamp,
    ) -> Course {
        // From then on it is the active instance: that it fails begins another failover (decision 2).
        unless(self.is_promoted(), "change the target", "it was promoted")?;
        if let Some((instance, why)) = excluded {
            self.excluded.insert(instance.clone(), why.clone());
            self.warn(&format!("{instance} could not be the target: {why}"));
        }
        self.to = to.cloned();
        self.retargeted_at = Some(now);
        self.target_unseen_since = None;
        // The newest data may be in sight by now, or in the new target's zone.
        self.give_up_older_copies("there is another target");
        self.halted = None;
        Ok(())
    }

    /// Since the first observation that did not show it: later ones do not begin its timeout anew.
    pub(super) fn target_seen(&mut self, seen: bool, now: Timestamp) {
        if seen {
            self.target_unseen_since = None;
        } else {
            self.target_unseen_since.get_or_insert(now);
        }
    }

    /// A planned failover takes the service down with its fence; in another it was down before.
    pub(super) fn begin_fence(&mut self, now: Timestamp) -> Course {
        unless(self.has_begun_to_fence(), "begin to fence", "it was begun")?;
        self.fence = FenceState::Open { since: Some(now) };
        self.down_since.get_or_insert(now);
        Ok(())
    }

    /// What was tried under the earlier fence says nothing of this one: copies are made again, and told apart by its number.
    pub(super) fn reopen_fence(&mut self, now: Timestamp) -> Course {
        unless(self.is_promoted(), "fence again", "the target was promoted")?;
        self.fence = FenceState::Open { since: Some(now) };
        self.fences += 1;
        self.lease = None;
        self.attempts.clear();
        self.give_up_older_copies("the old instance could write again");
        Ok(())
    }

    /// Whether an older copy is needed at all, and what it costs, is judged anew.
    fn give_up_older_copies(&mut self, why: &str) {
        if self.older_copies.take().is_some() {
            self.data_loss_seconds = 0;
            self.warn(&format!("the older copies that were chosen are given up: {why}"));
        }
    }

    pub(super) fn fenced(&mut self, proof: Proof, now: Timestamp) {
        self.fence = FenceState::Confirmed { at: now, proof };
        self.down_since.get_or_insert(now);
        self.halted = None;
    }

    pub(super) fn lease_seen(&mut self, lease: &SeenLease) {
        self.lease = Some(lease.clone());
    }

    pub(super) fn waive_fence(&mut self, why: &str, now: Timestamp) -> Course {
        // Copies under a waived fence may lack writes; those under a shown one do not. The better is never given up.
        unless(matches!(self.fence, FenceState::Confirmed { .. }), "waive the fence", "it is confirmed")?;
        self.fence = FenceState::Waived { at: now, why: why.to_owned() };
        self.warn(&format!("could not confirm that the old instance has stopped writing: {why}"));
        self.halted = None;
        Ok(())
    }

    pub(super) fn choose_copies(&mut self, copies: &OlderCopies, loss_seconds: u64) {
        let taken = copies.snapshots.iter().map(|(name, snapshot)| format!("{name} was taken from {snapshot}"));
        let taken = taken.collect::<Vec<_>>().join(", ");
        self.warn(&format!("{taken}, of {}: up to {loss_seconds} s are lost", copies.at));
        self.older_copies = Some(copies.clone());
        self.data_loss_seconds = loss_seconds;
        self.halted = None;
    }

    pub(super) fn proved(&mut self, keys: &[StepKey], now: Timestamp) {
        for record in self.steps.iter_mut().filter(|record| keys.contains(&record.key)) {
            record.finished_at.get_or_insert(now);
        }
        self.halted = None;
    }

    pub(super) fn forget_gone(&mut self, gone: &BTreeSet<InstanceId>) {
        self.excluded.retain(|instance, _| !gone.contains(instance));
        self.attempts.retain(|key, _| key.instance().is_none_or(|instance| !gone.contains(&instance)));
    }

    pub(super) fn warn(&mut self, warning: &str) {
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.insert(warning.to_owned());
        }
    }
}
