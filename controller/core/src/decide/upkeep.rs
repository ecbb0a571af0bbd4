//! What is done while all is well: periodic copies, late fences, and letting go of what is past its retention.
//!
//! Never deletes the only good copy: something is deleted only while the active instance runs with the newest data attached.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::data::lineage_tags;
use super::fence::seconds;
use super::progress::{Progress, texts};
use super::{View, group};
use crate::ids::{SnapshotId, VolumeId, VolumeName};
use crate::ledger::{Change, Superseded};
use crate::spec::Topology;
use crate::step::{SnapshotSource, Step, StepKey, StopMode, Together};
use crate::verdict::Verdict;
use crate::world::{AttachmentState, InstanceState, Lineage, Part, Sight, Snapshot, SnapshotState, tag};

/// Upkeep is never urgent: an accepted step that shows no effect is tried again after this.
const PATIENCE: SignedDuration = SignedDuration::from_secs(120);
const PACE: SignedDuration = SignedDuration::from_secs(2);
/// What is due later than this is left to the next tick, which comes within a minute.
const BETWEEN_TICKS: SignedDuration = SignedDuration::from_secs(30);
/// At most so many steps at once: there is always a next look.
const MOST_STEPS: usize = 10;
/// A failed snapshot counts against EBS's limit of pending ones; it is removed after a while that leaves time to see it.
const FAILED_SNAPSHOT_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What is to be done while the active instance is well.
pub(super) fn tidy(view: View<'_>) -> Verdict {
    let mut progress = Progress::new(view);
    let mut upkeep = Upkeep { view, wanted: Vec::new() };
    if view.spec.topology == Topology::AutoScaling {
        group::bring_up(view, &mut progress);
        group::tend(view, &mut progress);
        match group::put_back(view) {
            Some(Ok(step)) => upkeep.wanted.push(step),
            Some(Err(change)) => progress.change(change, [Part::Groups]),
            None => {}
        }
    }
    upkeep.orphans(&mut progress);
    upkeep.late_fences();
    upkeep.superseded(&mut progress);
    if upkeep.newest_data_is_safe() {
        upkeep.snapshots();
    }
    let keys: BTreeSet<StepKey> = upkeep.wanted.iter().map(Step::key).chain(progress.wanted()).collect();
    // What was tried once and is no longer wanted is done: forgotten, so that the ledger does not grow.
    let done: BTreeSet<StepKey> = view.ledger.upkeep.keys().filter(|key| !keys.contains(key)).cloned().collect();
    if !done.is_empty() {
        progress.change(Change::ForgetUpkeep(done), []);
    }
    let idle = keys.is_empty();
    for step in upkeep.wanted.into_iter().take(MOST_STEPS) {
        progress.step(step, PATIENCE, PACE);
    }
    match progress.verdict() {
        // Upkeep that AWS refuses is looked at again with the next tick; it stops nothing else.
        Verdict::Halt { halt, .. } => Verdict::Settled { reasons: vec![halt.to_string()] },
        Verdict::Wait { .. } if idle => Verdict::Settled { reasons: vec![summary(view)] },
        // A hook that is held for long (its instance can't let go of a volume) is extended by the ticks; nobody runs for it meanwhile.
        Verdict::Wait { until, reasons, .. } if until.duration_since(view.now) > BETWEEN_TICKS => {
            Verdict::Settled { reasons: texts(reasons) }
        }
        other => other,
    }
}

fn summary(view: View<'_>) -> String {
    format!("{} is active in {} and well", view.ledger.active, view.ledger.active_zone)
}

struct Upkeep<'a> {
    view: View<'a>,
    wanted: Vec<Step>,
}

impl Upkeep<'_> {
    /// The active instance runs with every head attached: everything else is a copy.
    fn newest_data_is_safe(&self) -> bool {
        let active = &self.view.ledger.active;
        let runs =
            self.view.world.instances.get(active).is_some_and(|instance| instance.state == InstanceState::Running);
        runs && self.view.ledger.heads.values().all(|head| {
            self.view.world.volumes.get(&head.volume).is_some_and(|volume| {
                volume.attachment_to(active).is_some_and(|attachment| attachment.state == AttachmentState::Attached)
            })
        })
    }

    /// Volumes that a failover restored and never used: kept and let go like those that served.
    fn orphans(&self, progress: &mut Progress<'_>) {
        let mut orphans = BTreeMap::new();
        for (id, volume) in self.view.world.volumes.iter_known() {
            let Lineage { name: Some(name), failover: Some(failover) } = Lineage::of(&volume.tags) else { continue };
            let known = self.view.ledger.is_head(id) || self.view.ledger.superseded.contains_key(id);
            let blank = volume.tags.get(tag::ROLE).is_some_and(|role| role == "blank");
            if !known
                && !blank
                && !matches!(volume.state, crate::world::VolumeState::Deleting | crate::world::VolumeState::Deleted)
            {
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
            let runs = self.view.world.instances.get(id).is_some_and(|it| it.state == InstanceState::Running);
            let holds = self.view.ledger.superseded.keys().any(|volume| {
                self.view.world.volumes.get(volume).is_some_and(|volume| volume.attachment_to(id).is_some())
            });
            if runs && holds {
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
                Sight::Absent => drop(gone.insert(id.clone())),
                Sight::Unknown(_) => {}
                Sight::Known(volume) if volume.is_free() => {
                    let expired = self.view.now.duration_since(record.since) >= keep;
                    if expired && safe {
                        self.wanted.push(Step::DeleteVolume { volume: id.clone() });
                    } else if volume.tags.get(tag::ROLE).is_none_or(|role| role != "superseded") {
                        self.wanted.push(Step::MarkSuperseded { volume: id.clone() });
                    }
                }
                Sight::Known(volume) => self.set_aside(id, volume),
            }
        }
        if !gone.is_empty() {
            progress.change(Change::Forget(gone), [Part::Volumes]);
        }
    }

    /// Detached from an instance that is off, so that it can't come back with it.
    fn set_aside(&mut self, id: &VolumeId, volume: &crate::world::Volume) {
        for attachment in &volume.attachments {
            let off = self.view.world.instances.get(&attachment.instance).is_some_and(|it| it.state.is_off());
            if off {
                let instance = attachment.instance.clone();
                self.wanted.push(Step::DetachVolume { volume: id.clone(), instance, force: false });
            }
        }
    }

    fn snapshots(&mut self) {
        let mut due = Vec::new();
        for (name, head) in &self.view.ledger.heads {
            let mut ours = self.ours(name);
            ours.sort_by_key(|(_, snapshot)| std::cmp::Reverse(snapshot.started_at));
            self.let_go(&ours);
            let newest = ours.iter().find(|(_, snapshot)| snapshot.state != SnapshotState::Error);
            if self.is_due(newest.map(|(_, snapshot)| snapshot.started_at)) {
                let id = format!("p{:012}-e{}", self.view.now.as_millisecond().unsigned_abs(), self.view.ledger.epoch);
                let source = self.view.world.volumes.get(&head.volume).map(|volume| &volume.tags);
                let mut tags = lineage_tags(self.view, name, &id, "periodic", source);
                tags.insert(tag::EPOCH.to_owned(), self.view.ledger.epoch.to_string());
                tags.insert(tag::ATTEMPT.to_owned(), "0".to_owned());
                due.push(SnapshotSource { name: name.clone(), volume: head.volume.clone(), tags });
            }
        }
        if !due.is_empty() {
            self.wanted.push(Step::TakeSnapshots { together: self.together(&due), sources: due });
        }
    }

    fn is_due(&self, newest: Option<Timestamp>) -> bool {
        let Some(every) = self.view.spec.data.snapshot_every_seconds else { return false };
        newest.is_none_or(|newest| self.view.now.duration_since(newest) >= seconds(every.get()))
    }

    fn together(&self, sources: &[SnapshotSource]) -> Option<Together> {
        if sources.len() < 2 {
            return None;
        }
        let instance = self.view.ledger.active.clone();
        let devices = &self.view.world.instances.get(&instance)?.devices;
        let others = devices.values().filter(|id| !sources.iter().any(|source| source.volume == **id));
        Some(Together { exclude: others.cloned().collect(), instance })
    }

    /// Snapshots that the controller made of this data; those that people made are theirs.
    fn ours(&self, name: &VolumeName) -> Vec<(SnapshotId, Snapshot)> {
        let made = |snapshot: &Snapshot| {
            matches!(snapshot.tags.get(tag::ROLE).map(String::as_str), Some("failover" | "periodic"))
        };
        self.view
            .world
            .snapshots
            .iter_known()
            .filter(|(_, snapshot)| made(snapshot) && Lineage::of(&snapshot.tags).name.as_ref() == Some(name))
            .map(|(id, snapshot)| (id.clone(), snapshot.clone()))
            .collect()
    }

    fn let_go(&mut self, newest_first: &[(SnapshotId, Snapshot)]) {
        let keep = usize::try_from(self.view.spec.data.keep_snapshots.get()).unwrap_or(usize::MAX);
        let completed = newest_first.iter().filter(|(_, snapshot)| snapshot.state == SnapshotState::Completed);
        let failed = newest_first.iter().filter(|(_, snapshot)| {
            snapshot.state == SnapshotState::Error
                && self.view.now.duration_since(snapshot.started_at) >= FAILED_SNAPSHOT_KEPT
        });
        let past: Vec<Step> =
            completed.skip(keep).chain(failed).map(|(id, _)| Step::DeleteSnapshot { snapshot: id.clone() }).collect();
        self.wanted.extend(past);
    }
}
