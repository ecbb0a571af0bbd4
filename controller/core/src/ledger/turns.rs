//! The turns of a failover: it begins, is promoted, stands still, and ends.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::change::IllegalChange;
use super::failover::{Cause, Failover, FenceState, Halted};
use super::record::{CurrentVolume, DAILY_CAP_WINDOW, FormerVolume, LastFailover, Ledger, Superseded};
use super::report::{Notification, Outcome, Report};
use crate::ids::VolumeName;

impl Ledger {
    pub(super) fn begin(&mut self, failover: &Failover, now: Timestamp) -> Result<(), IllegalChange> {
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
            self.automatic_starts.retain(|start| now.duration_since(*start) < DAILY_CAP_WINDOW);
            self.automatic_starts.push_back(now);
        }
        // A new failover begins with what it sees itself; maintenance is taken up again after it.
        self.suspicion = None;
        self.unseen_since = None;
        self.refused = None;
        self.maintenance.clear();
        self.failover = Some(failover.clone());
        Ok(())
    }

    pub(super) fn promote(
        &mut self,
        current_volumes: &BTreeMap<VolumeName, CurrentVolume>,
        now: Timestamp,
    ) -> Result<(), IllegalChange> {
        let Some(mut failover) = self.failover.take() else {
            return Err(self.illegal("promote", "no failover is running"));
        };
        let refusal = if failover.is_promoted() {
            Some("it was done already")
        } else if matches!(failover.fence, FenceState::Open { .. }) {
            Some("the old instance is not fenced")
        } else if !current_volumes.keys().eq(self.current_volumes.keys()) {
            Some("not every volume has its successor")
        } else {
            None
        };
        let (None, Some(to)) = (refusal, failover.to.clone()) else {
            self.failover = Some(failover);
            return Err(self.illegal("promote", refusal.unwrap_or("there is no target")));
        };
        self.supersede(&failover, current_volumes, now);
        failover.promoted_at = Some(now);
        failover.halted = None;
        self.epoch += 1;
        self.former_actives.insert(std::mem::replace(&mut self.active, to.instance_id));
        self.active_zone = to.zone;
        self.active_since = now;
        self.current_volumes.clone_from(current_volumes);
        // A copy of an empty volume may hold data by now: it is never formatted.
        self.blank.retain(|volume| current_volumes.values().any(|current| current.volume == *volume));
        self.failover = Some(failover);
        Ok(())
    }

    /// The old volumes are kept: they are the way back if the copy turns out to be bad. What is copied of them from now on is no data of the
    /// service any more, nor is what was written after the moment that it goes back to.
    fn supersede(
        &mut self,
        failover: &Failover,
        current_volumes: &BTreeMap<VolumeName, CurrentVolume>,
        now: Timestamp,
    ) {
        let until = failover.older_copies.as_ref().map_or(now, |older| older.at);
        for former in self.former_volumes.values_mut() {
            former.until = former.until.min(until);
        }
        for (name, old) in &self.current_volumes {
            if current_volumes.get(name).is_some_and(|new| new.volume != old.volume) {
                let superseded = Superseded { name: name.clone(), since: now, failover: failover.id.clone() };
                self.superseded.insert(old.volume.clone(), superseded);
                self.former_volumes.insert(old.volume.clone(), FormerVolume { name: name.clone(), until });
            }
        }
        for current in current_volumes.values() {
            self.superseded.remove(&current.volume);
            self.former_volumes.remove(&current.volume);
        }
    }

    pub(super) fn finish(&mut self, now: Timestamp) -> Result<(), IllegalChange> {
        match self.failover.take() {
            // Before it, what was seen to serve was the old instance.
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

    pub(super) fn abort(&mut self, outcome: Outcome, reason: &str, now: Timestamp) -> Result<(), IllegalChange> {
        let Some(failover) = self.failover.take() else {
            return Err(self.illegal("abort", "no failover is running"));
        };
        self.end(&failover, outcome, reason, now);
        Ok(())
    }

    fn end(&mut self, failover: &Failover, outcome: Outcome, reason: &str, now: Timestamp) {
        self.last = Some(LastFailover { id: failover.id.clone(), ended_at: now, done: outcome == Outcome::Done });
        let report = Report::of(&self.service, self.epoch, failover, outcome, reason, Some(now), now);
        self.tell(Notification::Ended(Box::new(report)));
    }

    pub(super) fn halt(&mut self, reason: &str, now: Timestamp) -> Result<(), IllegalChange> {
        let Some(mut failover) = self.failover.take() else {
            return Err(self.illegal("halt", "no failover is running"));
        };
        failover.halted = Some(Halted { at: now, reason: reason.to_owned() });
        // One that goes on for a moment and then stands still as before is no news: two hosts' clocks may differ by a second.
        let is_news = failover.told.as_deref() != Some(reason);
        failover.told = Some(reason.to_owned());
        let report = Report::of(&self.service, self.epoch, &failover, Outcome::Halted, reason, None, now);
        self.failover = Some(failover);
        if is_news {
            self.tell(Notification::Halted(Box::new(report)));
        }
        Ok(())
    }
}
