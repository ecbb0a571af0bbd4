//! The course of a failover, from its beginning to the promotion and the proof: what is written of it on the way.
//!
//! Whatever brings it on ends its halt: what stood in the way is no longer so, and what does next is said anew.

use jiff::Timestamp;

use super::failover::{Failover, FenceState, Proof, SeenLease, Target};
use crate::ids::{InstanceId, SnapshotId, VolumeName};
use crate::step::StepKey;

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
            self.warnings.insert(format!("{instance} could not be the target: {why}"));
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
        if !self.older_copies.is_empty() {
            self.older_copies.clear();
            self.data_loss_seconds = 0;
            self.warnings.insert(format!("the older copies that were chosen are given up: {why}"));
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
        self.warnings.insert(format!("could not confirm that the old instance has stopped writing: {why}"));
        self.halted = None;
        Ok(())
    }

    /// The loss of the service is that of the volume that loses most.
    pub(super) fn choose_copy(&mut self, name: &VolumeName, snapshot: &SnapshotId, loss_seconds: u64) {
        self.older_copies.insert(name.clone(), snapshot.clone());
        self.data_loss_seconds = self.data_loss_seconds.max(loss_seconds);
        self.warnings.insert(format!("{name} was taken from {snapshot}: up to {loss_seconds} s are lost"));
        self.halted = None;
    }

    pub(super) fn proved(&mut self, keys: &[StepKey], now: Timestamp) {
        for record in self.steps.iter_mut().filter(|record| keys.contains(&record.key)) {
            record.finished_at.get_or_insert(now);
        }
        self.halted = None;
    }

    pub(super) fn warn(&mut self, warning: &str) {
        self.warnings.insert(warning.to_owned());
    }
}
