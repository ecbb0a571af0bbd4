//! The turns of a failover: it begins, is promoted, stands still, and ends.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::change::IllegalChange;
use super::failover::{Cause, Failover, FenceState, Halted};
use super::record::{DAILY_CAP_WINDOW, Head, LastFailover, Ledger, Superseded};
use super::report::{Notice, Outcome, Report};
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
        // A new failover begins with what it sees itself; upkeep is taken up again after it.
        self.suspicion = None;
        self.refused = None;
        self.upkeep.clear();
        self.failover = Some(failover.clone());
        Ok(())
    }

    pub(super) fn promote(&mut self, heads: &BTreeMap<VolumeName, Head>, now: Timestamp) -> Result<(), IllegalChange> {
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
        // The old volumes are kept: they are the way back if the copy turns out to be bad.
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
        // A copy of an empty volume may hold data by now: it is never formatted.
        self.blank.retain(|volume| heads.values().any(|head| head.volume == *volume));
        self.failover = Some(failover);
        Ok(())
    }

    pub(super) fn finish(&mut self, now: Timestamp) -> Result<(), IllegalChange> {
        match self.failover.take() {
            // Before it, what was seen to serve was the old side.
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

    pub(super) fn give_up(&mut self, outcome: Outcome, reason: &str, now: Timestamp) -> Result<(), IllegalChange> {
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

    pub(super) fn halt(&mut self, reason: &str, now: Timestamp) -> Result<(), IllegalChange> {
        let Some(mut failover) = self.failover.take() else {
            return Err(self.illegal("halt", "no failover is running"));
        };
        failover.halted = Some(Halted { at: now, reason: reason.to_owned() });
        let report = Report::of(&self.service, self.epoch, &failover, Outcome::Halted, reason, None, now);
        self.failover = Some(failover);
        self.tell(Notice::Halted(Box::new(report)));
        Ok(())
    }
}
