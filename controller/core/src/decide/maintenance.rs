//! What is done while all is healthy: periodic copies, late fences, and letting go of what is past its retention.
//!
//! Never deletes the only good copy: something is deleted only while the active instance runs with the newest data attached.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::lineage::lineage_tags;
use super::progress::{Progress, texts};
use super::view::View;
use super::{copies, detach, group};
use crate::ids::{SnapshotId, VolumeId, VolumeName};
use crate::ledger::{Change, Superseded};
use crate::spec::Topology;
use crate::step::{SnapshotSource, Step, StepKey, StopMode};
use crate::time::seconds;
use crate::verdict::Verdict;
use crate::world::{Lineage, Part, Role, Sight, Snapshot, SnapshotState, Volume, tag};

/// What is due later than this is left to the next tick, which comes within a minute.
const BETWEEN_TICKS: SignedDuration = SignedDuration::from_secs(30);
/// At most so many steps at once: there is always a next observation.
const MOST_STEPS: usize = 10;
/// A failed snapshot counts against EBS's limit of pending ones; it is removed after a while that leaves time to see it.
const FAILED_SNAPSHOT_KEPT: SignedDuration = SignedDuration::from_hours(24);

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
        maintenance.snapshots();
    }
    let keys: BTreeSet<StepKey> = maintenance.wanted.iter().map(Step::key).chain(progress.wanted()).collect();
    // What was tried once and is no longer wanted is done: forgotten, so that the ledger does not grow.
    let done: BTreeSet<StepKey> = view.ledger.maintenance.keys().filter(|key| !keys.contains(key)).cloned().collect();
    if !done.is_empty() {
        progress.change(Change::ForgetMaintenance(done), []);
    }
    let idle = keys.is_empty();
    for step in maintenance.wanted.into_iter().take(MOST_STEPS) {
        progress.maintenance(step);
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
            let Lineage { name: Some(name), failover: Some(failover) } = Lineage::of(&volume.tags) else { continue };
            let known = self.view.ledger.is_current_volume(id) || self.view.ledger.superseded.contains_key(id);
            // An empty one waits for its birth.
            let blank = Role::of(&volume.tags) == Some(Role::Blank);
            if !known && !blank && !volume.is_deleted() {
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
                Sight::Known(volume) if volume.is_free() => {
                    let expired = self.view.has_passed(keep, record.since);
                    if expired && safe {
                        self.wanted.push(Step::DeleteVolume { volume: id.clone() });
                    } else if Role::of(&volume.tags) != Some(Role::Superseded) {
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

    /// Detached from an instance that is off, so that it can't come back with it.
    fn set_aside(&mut self, id: &VolumeId, volume: &Volume) {
        for attachment in &volume.attachments {
            if self.view.world.is_off(&attachment.instance) {
                self.wanted.push(detach::step(id, &attachment.instance, false));
            }
        }
    }

    fn snapshots(&mut self) {
        let mut due = Vec::new();
        for (name, current) in &self.view.ledger.current_volumes {
            let mut ours = self.ours(name);
            ours.sort_by_key(|(_, snapshot)| std::cmp::Reverse(snapshot.started_at));
            self.let_go(&ours);
            // A failed one is no copy, and does not put the next one off.
            let newest = ours.iter().find(|(_, snapshot)| snapshot.state != SnapshotState::Error);
            if self.is_due(newest.map(|(_, snapshot)| snapshot.started_at)) {
                let id = format!("p{:012}-e{}", self.view.now.as_millisecond().unsigned_abs(), self.view.ledger.epoch);
                let source = self.view.world.volumes.get(&current.volume).map(|volume| &volume.tags);
                let mut tags = lineage_tags(self.view, name, &id, Role::Periodic, source);
                tags.insert(tag::EPOCH.to_owned(), self.view.ledger.epoch.to_string());
                tags.insert(tag::ATTEMPT.to_owned(), "0".to_owned());
                due.push(SnapshotSource { name: name.clone(), volume: current.volume.clone(), tags });
            }
        }
        if !due.is_empty() {
            let together = copies::together(self.view, &self.view.ledger.active, &due);
            self.wanted.push(Step::TakeSnapshots { together, sources: due });
        }
    }

    fn is_due(&self, newest: Option<Timestamp>) -> bool {
        let Some(every) = self.view.spec.data.snapshot_every_seconds else { return false };
        newest.is_none_or(|newest| self.view.has_passed(seconds(every.get()), newest))
    }

    /// Snapshots that the controller made of this data; those that people made are theirs.
    fn ours(&self, name: &VolumeName) -> Vec<(SnapshotId, Snapshot)> {
        let made = |snapshot: &Snapshot| matches!(Role::of(&snapshot.tags), Some(Role::Failover | Role::Periodic));
        self.view
            .world
            .snapshots
            .iter_known()
            .filter(|(_, snapshot)| made(snapshot) && self.is_of(name, snapshot))
            .map(|(id, snapshot)| (id.clone(), snapshot.clone()))
            .collect()
    }

    /// Whether a snapshot is of this data. `CreateSnapshots` gives all of a set the same tags, and the name only afterwards: a set that was
    /// made twice, since an answer was lost, never gets it. Then the volume says it.
    fn is_of(&self, name: &VolumeName, snapshot: &Snapshot) -> bool {
        let ledger = self.view.ledger;
        Lineage::of(&snapshot.tags).name.map_or_else(
            || {
                let is_current = ledger.current_volumes.get(name).is_some_and(|it| it.volume == snapshot.volume);
                let superseded = ledger.superseded.get(&snapshot.volume);
                is_current || superseded.is_some_and(|superseded| superseded.name == *name)
            },
            |carried| carried == *name,
        )
    }

    fn let_go(&mut self, newest_first: &[(SnapshotId, Snapshot)]) {
        let keep = usize::try_from(self.view.spec.data.keep_snapshots.get()).unwrap_or(usize::MAX);
        let completed = newest_first.iter().filter(|(_, snapshot)| snapshot.state == SnapshotState::Completed);
        let failed = newest_first.iter().filter(|(_, snapshot)| {
            snapshot.state == SnapshotState::Error && self.view.has_passed(FAILED_SNAPSHOT_KEPT, snapshot.started_at)
        });
        let past: Vec<Step> =
            completed.skip(keep).chain(failed).map(|(id, _)| Step::DeleteSnapshot { snapshot: id.clone() }).collect();
        self.wanted.extend(past);
    }
}
