//! Where each change may be written, and what it makes of the ledger.

use jiff::Timestamp;

use super::change::{Change, IllegalChange};
use super::course::{Course, Misfit};
use super::failover::{Failover, OlderCopies};
use super::record::{CurrentVolume, Ledger, Refused, Suspicion};
use super::report::{Notification, Report};
use super::request::Request;
use crate::ids::VolumeName;

/// How many notices wait at most; the oldest go first.
const MOST_NOTIFICATIONS: usize = 10;
/// How many requests are remembered, so that a repeated event is not a new request.
const MOST_RECENT_REQUESTS: usize = 20;

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
                // Who is gone for good can't be taken for a replacement any more.
                self.former_actives.retain(|instance| members.contains_key(instance));
            }
            // Also while a failover runs: it goes on, since to stop half-way would harm more than to end (operating guide, 5).
            Change::Pause(pause) => self.paused.clone_from(pause),
            Change::Request(request) => self.request(request)?,
            Change::Decline(reason) => self.decline(reason, now)?,
            Change::Suspect(suspicion) => self.suspect(suspicion.as_ref()),
            Change::Unseen(since) => self.unseen_since = *since,
            Change::Refuse(reason) => self.refuse(reason, now),
            Change::Begin(failover) => self.begin(failover, now)?,
            Change::Supersede(volumes) => self.superseded.extend(volumes.clone()),
            // Only what a complete answer no longer lists: its number can't come back.
            Change::Forget(volumes) => self.superseded.retain(|volume, _| !volumes.contains(volume)),
            Change::ForgetFormer(volumes) => self.former_volumes.retain(|volume, _| !volumes.contains(volume)),
            Change::RefusedMaintenance(kind, reason) => self.refuse_maintenance(kind, reason, now),
            Change::MaintenanceGoesOn(kind) => drop(self.refused_maintenance.remove(kind)),
            Change::Bootstrapped { name, current } => self.take_empty(name, current)?,
            Change::Reshaped { name, shape } => match self.current_volumes.get_mut(name) {
                Some(current) => current.shape.clone_from(shape),
                None => return Err(self.illegal("remember a shape", "the ledger has no such data")),
            },
            Change::Narrow(subnets) => self.subnets_before.clone_from(subnets),
            Change::ForgetMaintenance(keys) => self.maintenance.retain(|key, _| !keys.contains(key)),
            // Fewer than said, if others were dropped for want of room meanwhile.
            Change::Sent(count) => drop(self.outbox.drain(..(*count).min(self.outbox.len()))),
            Change::Intend(steps) => self.intend(steps, now),
            Change::Resolve(outcomes) => self.resolve(outcomes, now),
            Change::Promote { current_volumes } => self.promote(current_volumes, now)?,
            Change::Finish => self.finish(now)?,
            Change::Abort { outcome, reason } => self.abort(*outcome, reason, now)?,
            Change::Halt(reason) => self.halt(reason, now)?,
            Change::Retarget { to, excluded } => {
                self.on_the_way(|it| it.retarget(to.as_ref(), excluded.as_ref(), now))?;
            }
            Change::TargetSeen(seen) => self.running()?.target_seen(*seen, now),
            Change::BeginFence => self.on_the_way(|it| it.begin_fence(now))?,
            Change::ReopenFence => self.on_the_way(|it| it.reopen_fence(now))?,
            Change::Fenced(proof) => self.running()?.fenced(*proof, now),
            Change::LeaseSeen(lease) => self.running()?.lease_seen(lease),
            Change::WaiveFence(why) => self.on_the_way(|it| it.waive_fence(why, now))?,
            Change::ChooseCopies { copies, loss_seconds } => self.choose_copies(copies, *loss_seconds)?,
            Change::StepsConfirmed(keys) => self.running()?.proved(keys, now),
            Change::ForgetGone(instances) => self.running()?.forget_gone(instances),
            Change::Warn(warning) => self.running()?.warn(warning),
        }
        Ok(())
    }

    fn running(&mut self) -> Result<&mut Failover, IllegalChange> {
        let illegal = self.illegal("change a failover", "none is running");
        self.failover.as_mut().ok_or(illegal)
    }

    /// What does not fit every failover.
    fn on_the_way(&mut self, change: impl FnOnce(&mut Failover) -> Course) -> Result<(), IllegalChange> {
        change(self.running()?).map_err(|Misfit { change, why }| self.illegal(change, why))
    }

    pub(super) fn illegal(&self, change: &'static str, why: &'static str) -> IllegalChange {
        IllegalChange { service: self.service.to_string(), change, why }
    }

    /// A request waits for its turn; while a failover runs, only the loss that the operator accepts is taken from it.
    fn request(&mut self, request: &Request) -> Result<(), IllegalChange> {
        if let Some(id) = &request.id {
            // An event arrives twice, an invocation is repeated: the same request again.
            if self.recent_request_ids.contains(id) {
                return Ok(());
            }
            self.recent_request_ids.push_back(id.clone());
            while self.recent_request_ids.len() > MOST_RECENT_REQUESTS {
                self.recent_request_ids.pop_front();
            }
        }
        match (&mut self.failover, request.accepted_loss_seconds) {
            (None, _) => self.request = Some(request.clone()),
            // After the promotion there is no choice of copies left for it to change.
            (Some(failover), Some(seconds)) if !failover.is_promoted() => {
                failover.accepted_loss_seconds = Some(seconds);
                failover.warnings.insert(format!("{} accepted the loss of up to {seconds} s of data", request.by));
                failover.halted = None;
            }
            // Its answer would be forgotten, or begin a second failover after the first: the operator hears of it instead.
            (Some(_), _) => return Err(self.illegal("take a request", "a failover is running")),
        }
        Ok(())
    }

    /// Evidence that is gone takes the refusal along that it led to.
    fn suspect(&mut self, suspicion: Option<&Suspicion>) {
        self.suspicion = suspicion.cloned();
        if suspicion.is_none() {
            self.refused = None;
        }
    }

    fn refuse(&mut self, reason: &str, now: Timestamp) {
        self.refused = Some(Refused { at: now, reason: reason.to_owned() });
        self.tell(Notification::Refused { at: now, reason: reason.to_owned() });
    }

    fn refuse_maintenance(&mut self, kind: &str, reason: &str, now: Timestamp) {
        let refused = Refused { at: now, reason: reason.to_owned() };
        self.refused_maintenance.insert(kind.to_owned(), refused);
        self.tell(Notification::Maintenance { at: now, reason: reason.to_owned() });
    }

    /// Either all volumes go back to one moment, or none does.
    fn choose_copies(&mut self, copies: &OlderCopies, loss_seconds: u64) -> Result<(), IllegalChange> {
        if !copies.snapshots.keys().eq(self.current_volumes.keys()) {
            return Err(self.illegal("choose older copies", "not every volume has one"));
        }
        self.running()?.choose_copies(copies, loss_seconds);
        Ok(())
    }

    /// An empty volume takes the place of data only once, and only of data that the adoption found nowhere (decision 9).
    fn take_empty(&mut self, name: &VolumeName, current: &CurrentVolume) -> Result<(), IllegalChange> {
        if !self.uninitialized.remove(name) {
            return Err(self.illegal("take an empty volume", "the data was there before"));
        }
        self.blank.insert(current.volume.clone());
        self.current_volumes.insert(name.clone(), current.clone());
        Ok(())
    }

    fn decline(&mut self, reason: &str, now: Timestamp) -> Result<(), IllegalChange> {
        let Some(request) = self.request.take() else {
            return Err(self.illegal("decline a request", "there is none"));
        };
        let report = Report::refused(self, &request, reason, now);
        self.tell(Notification::Ended(Box::new(report)));
        Ok(())
    }

    pub(super) fn tell(&mut self, notice: Notification) {
        // Of one failover only its latest halt is of use, however often it changed before it could be sent.
        if let Notification::Halted(report) = &notice {
            let id = &report.failover_id;
            self.outbox.retain(|it| !matches!(it, Notification::Halted(earlier) if earlier.failover_id == *id));
        }
        self.outbox.push_back(notice);
        while self.outbox.len() > MOST_NOTIFICATIONS {
            self.outbox.pop_front();
        }
    }
}
