//! What is done while all is healthy: periodic copies, late fences, and letting go of what is past its retention.
//!
//! Never deletes the only good copy: something is deleted only while the active instance runs with the newest data attached.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::lineage::own_volume;
use super::progress::{Progress, texts};
use super::view::View;
use super::{detach, group, refused, retention};
use crate::ids::VolumeId;
use crate::ledger::{Change, Superseded};
use crate::spec::Topology;
use crate::step::{Step, StepKey, StopMode};
use crate::time::seconds;
use crate::verdict::Verdict;
use crate::world::{Lineage, Part, Sight, Volume, VolumeRole};

/// What is due later than this is left to the next tick, which comes within a minute.
const BETWEEN_TICKS: SignedDuration = SignedDuration::from_secs(30);
/// At most so many steps at once: there is always a next observation.
const MOST_STEPS: usize = 10;

/// What is to be done while the active instance is healthy.
pub(super) fn maintain(view: View<'_>) -> Verdict {
    let mut progress = Progress::new(view);
    let mut maintenance = Maintenance { view, wanted: Vec::new() };
    if view.spec.topology == Topology::AutoScaling {
        group::bring_up(view, &mut progress);
        group::tend(view, &mut progress);
        match group::put_back(view) {
            Some(Ok(step)) => maintenance.wanted.push(step),
            // It launches everywhere again: the move is over.
            Some(Err(change)) => progress.change(change, [Part::Groups]),
            None => {}
        }
    }
    reshaped(view, &mut progress);
    maintenance.orphans(&mut progress);
    maintenance.late_fences();
    maintenance.superseded(&mut progress);
    // Otherwise the copies may be all that is left, and a new one would be of what somebody else writes.
    if maintenance.newest_data_is_safe() {
        maintenance.wanted.extend(retention::due(view));
        maintenance.wanted.extend(retention::past(view));
    }
    forget_former(view, &mut progress);
    let keys: BTreeSet<StepKey> = maintenance.wanted.iter().map(Step::key).chain(progress.wanted()).collect();
    refused::tell(view, &keys, &mut progress);
    // What was tried once and is no longer wanted is done: forgotten, so that the ledger does not grow.
    let done: BTreeSet<StepKey> = view.ledger.maintenance.keys().filter(|key| !keys.contains(key)).cloned().collect();
    if !done.is_empty() {
        progress.change(Change::ForgetMaintenance(done), []);
    }
    let idle = keys.is_empty();
    // What AWS refuses takes no room from what it would do: a copy that is due is never behind deletions that can't be done.
    maintenance.wanted.sort_by_key(urgency);
    for step in maintenance.wanted {
        if progress.steps() < MOST_STEPS {
            progress.maintenance(step);
        }
    }
    match progress.verdict() {
        // Maintenance that AWS refuses is observed again with the next tick; it stops nothing else.
        Verdict::Halt { halt, .. } => Verdict::Settled { reasons: vec![halt.to_string()] },
        // Only what others hold is waited for, and the tick will see that.
        Verdict::Wait { .. } if idle => Verdict::Settled { reasons: vec![summary(view)] },
        // A hook that is held for long (its instance can't let go of a volume) is extended by the ticks; nobody runs for it meanwhile.
        Verdict::Wait { until, reasons, .. } if until.duration_since(view.now) > BETWEEN_TICKS => {
            Verdict::Settled { reasons: texts(reasons) }
        }
        other => other,
    }
}

/// People enlarge volumes and change their type: what they are now is remembered, for when they can't be seen.
fn reshaped(view: View<'_>, progress: &mut Progress<'_>) {
    for (name, current) in &view.ledger.current_volumes {
        let seen = view.world.volumes.get(&current.volume).filter(|volume| !volume.is_lost());
        if let Some(volume) = seen.filter(|volume| volume.shape != current.shape) {
            let change = Change::Reshaped { name: name.clone(), shape: volume.shape.clone() };
            progress.change(change, [Part::Volumes]);
        }
    }
}

/// Of which no copy is left, and which is not kept itself: no snapshot can ask for it any more.
fn forget_former(view: View<'_>, progress: &mut Progress<'_>) {
    if !view.world.snapshots.is_complete() {
        return;
    }
    let copied: BTreeSet<&VolumeId> = view.world.snapshots.iter_known().map(|(_, copy)| &copy.volume).collect();
    let of_none = |id: &&VolumeId| !copied.contains(id) && !view.ledger.superseded.contains_key(*id);
    let gone: BTreeSet<VolumeId> = view.ledger.former_volumes.keys().filter(of_none).cloned().collect();
    if !gone.is_empty() {
        progress.change(Change::ForgetFormer(gone), [Part::Snapshots]);
    }
}

/// What a person would do first.
fn urgency(step: &Step) -> u8 {
    match step {
        // It may write to data that nobody will see.
        Step::StopInstance { .. } => 0,
        Step::TakeSnapshots { .. } => 1,
        // Nothing is lost while it waits, and refusals are common: snapshots that are locked, or used by an image.
        Step::DeleteSnapshot { .. } | Step::DeleteVolume { .. } => 3,
        _ => 2,
    }
}

fn summary(view: View<'_>) -> String {
    format!("{} is active in {} and healthy", view.ledger.active, view.ledger.active_zone)
}

struct Maintenance<'a> {
    view: View<'a>,
    wanted: Vec<Step>,
}

impl Maintenance<'_> {
    /// The active instance runs with every head attached: everything else is a copy.
    fn newest_data_is_safe(&self) -> bool {
        self.view.world.runs(&self.view.ledger.active) && self.view.active_has_the_data()
    }

    /// Volumes that a failover restored and never used: kept and let go like those that served.
    fn orphans(&self, progress: &mut Progress<'_>) {
        let mut orphans = BTreeMap::new();
        for (id, volume) in self.view.world.volumes.iter_known() {
            // What people restore from backups carries the same tags, and is theirs.
            let Some(Lineage { name: Some(name), failover: Some(failover) }) = own_volume(volume) else { continue };
            let known = self.view.ledger.is_current_volume(id) || self.view.ledger.superseded.contains_key(id);
            if !known && !volume.is_deleted() {
                orphans.insert(id.clone(), Superseded { name, since: self.view.now, failover });
            }
        }
        if !orphans.is_empty() {
            progress.change(Change::Supersede(orphans), [Part::Volumes]);
        }
    }

    /// An instance that came back with a volume that no longer serves would write to data that nobody will see.
    fn late_fences(&mut self) {
        for (id, _) in self.view.ledger.standbys() {
            let holds = self.view.ledger.superseded.keys().any(|volume| {
                self.view.world.volumes.get(volume).is_some_and(|volume| volume.attachment_to(id).is_some())
            });
            if self.view.world.runs(id) && holds {
                self.wanted.push(Step::StopInstance { instance: id.clone(), mode: StopMode::Graceful });
            }
        }
    }

    fn superseded(&mut self, progress: &mut Progress<'_>) {
        let mut gone = BTreeSet::new();
        let keep = seconds(self.view.spec.data.keep_superseded_seconds.get());
        let safe = self.newest_data_is_safe();
        for (id, record) in &self.view.ledger.superseded {
            match self.view.world.volumes.sight(id) {
                // Deleted, by us or by somebody.
                Sight::Absent => drop(gone.insert(id.clone())),
                // Nothing is deleted, and nothing forgotten, that can't be seen.
                Sight::Unknown(_) => {}
                // One that EBS failed is never usable, and never available either.
                Sight::Known(volume) if volume.is_free() || volume.is_failed() => {
                    let expired = self.view.has_passed(keep, record.since);
                    if expired && safe {
                        self.wanted.push(Step::DeleteVolume { volume: id.clone() });
                    } else if VolumeRole::of(&volume.tags) != Some(VolumeRole::Superseded) {
                        self.wanted.push(Step::MarkSuperseded { volume: id.clone() });
                    }
                }
                // Past its retention or not: what is attached somewhere is not deleted.
                Sight::Known(volume) => self.set_aside(id, volume),
            }
        }
        if !gone.is_empty() {
            progress.change(Change::Forget(gone), [Part::Volumes]);
        }
    }

    /// Detached from a member that is off, so that it can't come back with it. Whoever attached it elsewhere knows why.
    fn set_aside(&mut self, id: &VolumeId, volume: &Volume) {
        for attachment in &volume.attachments {
            let is_member = self.view.ledger.members.contains_key(&attachment.instance);
            if is_member && self.view.world.is_off(&attachment.instance) {
                self.wanted.push(detach::step(id, &attachment.instance, false));
            }
        }
    }
}
