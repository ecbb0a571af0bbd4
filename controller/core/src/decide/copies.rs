//! Copies of the data: the one that this failover makes under its fence, and the older ones.

use jiff::{SignedDuration, Timestamp};

use super::detach;
use super::lineage::{copy_tags, is_copy_of};
use super::progress::Progress;
use super::proof::is_quiet;
use super::retry::next_observation;
use super::view::View;
use crate::ids::{InstanceId, SnapshotId, VolumeId, VolumeName};
use crate::ledger::{CurrentVolume, Failover, FenceState};
use crate::step::{SNAPSHOT, SnapshotSource, Step, StepOutcome, Together};
use crate::time::later;
use crate::verdict::Halt;
use crate::world::{Part, Snapshot, SnapshotState, tag};

/// Copies that AWS itself fails are made again this often.
pub(super) const MOST_COPIES: usize = 3;
/// After that, an operator may have mended what makes them fail.
pub(super) const FAILED_COPY_RETRY: SignedDuration = SignedDuration::from_mins(5);
/// People are told of a copy that takes longer: EBS promises no time, and one of a volume in a zone that is down may never end (aws-facts 2.1).
const SLOW_COPY: SignedDuration = SignedDuration::from_mins(60);
/// Below this a snapshot's progress, coarse as it is, promises that the end is not within the next observations.
const FAR_FROM_DONE_PERCENT: u8 = 70;
/// When to observe again at a snapshot: half as often while AWS says that it is far from done.
fn next_copy_observation(copy: &Snapshot, now: Timestamp) -> Timestamp {
    let again = next_observation(copy.started_at, SNAPSHOT.least_duration, now);
    if copy.progress_percent < FAR_FROM_DONE_PERCENT { later(again, again.duration_since(now)) } else { again }
}

/// A completed snapshot of this failover, made under the fence that holds now; until there is one, what brings it nearer.
pub(super) fn newest(
    view: View<'_>,
    failover: &Failover,
    name: &VolumeName,
    current: &CurrentVolume,
    progress: &mut Progress<'_>,
    to_copy: &mut Vec<SnapshotSource>,
) -> Option<SnapshotId> {
    // Made under an earlier one, it lacks what was written after somebody started the old instance again (decision 2).
    let under_this_fence = |copy: &Snapshot| {
        copy.volume == current.volume
            && is_copy_of(failover, name, view.ledger, copy)
            && copy.tags.get(tag::FENCE).is_some_and(|fence| *fence == failover.fences.to_string())
    };
    let all = view.world.snapshots.iter_known();
    let copies: Vec<(&SnapshotId, &Snapshot)> = all.filter(|(_, copy)| under_this_fence(copy)).collect();
    let with = |state| copies.iter().find(move |(_, copy)| copy.state == state);
    if let Some((id, _)) = with(SnapshotState::Completed) {
        progress.proved(failover.attempts.keys().filter(|key| key.copies(&current.volume)).cloned());
        return Some((*id).clone());
    }
    // A second one would take as long, and EBS limits how many may be pending (aws-facts 2.1).
    if let Some((id, copy)) = with(SnapshotState::Pending) {
        let reason = format!("{id} of {name} is {} % complete", copy.progress_percent);
        progress.wait(Part::Snapshots, next_copy_observation(copy, view.now), reason);
        if view.has_passed(SLOW_COPY, copy.started_at) {
            let (snapshot, minutes) = ((*id).clone(), SLOW_COPY.as_mins());
            progress.halt(Halt::CopySlow { snapshot, name: name.clone(), minutes }, Part::Snapshots);
        }
        return None;
    }
    // Those that are left are those that EBS itself failed.
    if copies.len() >= MOST_COPIES {
        let halt = Halt::CopyFails { what: format!("the snapshot of {}", current.volume), tries: copies.len() };
        progress.halt(halt, Part::Snapshots);
        if copies.iter().any(|(_, copy)| !view.has_passed(FAILED_COPY_RETRY, copy.started_at)) {
            return None;
        }
    }
    if is_held_elsewhere(view, failover, &current.volume, progress) {
        return None;
    }
    let tags = copy_tags(view, failover, name, &current.volume, copies.len());
    to_copy.push(SnapshotSource { name: name.clone(), volume: current.volume.clone(), tags });
    None
}

/// Whether somebody has it who may write to it: a copy made now would lack that. Says so, and goes on waiting.
fn is_held_elsewhere(view: View<'_>, failover: &Failover, id: &VolumeId, progress: &mut Progress<'_>) -> bool {
    let quiet = |holder: &InstanceId| failover.is_target(holder) || is_quiet(view, failover, holder);
    let Some(volume) = view.world.volumes.get(id).filter(|volume| !volume.is_held_only_by(quiet)) else { return false };
    let loud = volume.attachments.iter().map(|attachment| &attachment.instance).find(|holder| !quiet(holder));
    match (loud, &failover.fence) {
        (Some(holder), _) => detach::await_release(view, failover, id, holder, progress),
        (None, FenceState::Confirmed { at, .. }) => detach::await_holder(view, id, *at, progress),
        (None, FenceState::Open { .. } | FenceState::Waived { .. }) => {
            detach::await_holder(view, id, view.now, progress);
        }
    }
    true
}

/// While the group has not launched the replacement: the data is copied, since its zone is not known, and let go by the old instance,
/// so that no termination takes it along.
pub(super) fn secure(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let mut to_copy = Vec::new();
    for (name, current) in &view.ledger.current_volumes {
        let Some(volume) = view.world.volumes.get(&current.volume) else {
            progress.wait(Part::Volumes, view.soon(), format!("{} can't be observed", current.volume));
            continue;
        };
        if volume.is_lost() {
            // Nothing is left to copy; once there is a target, an older copy is thought of.
            continue;
        }
        // What may still be written to has no newest state yet.
        if volume.is_held_only_by(|holder| is_quiet(view, failover, holder)) {
            newest(view, failover, name, current, progress, &mut to_copy);
        }
    }
    take(view, failover, to_copy, progress);
    release(view, failover, progress);
}

/// Detaches the data from an old side that is off or quiet, once AWS has answered about its copy, whatever it said: the fence keeps
/// the data as it is, a volume that is let go outlives its instance, and an old side that somebody starts again has nothing to write to.
pub(super) fn release(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let from = &failover.from.instance_id;
    for current in view.ledger.current_volumes.values() {
        let answered = failover
            .attempts
            .iter()
            .any(|(key, attempt)| key.copies(&current.volume) && attempt.outcome != StepOutcome::Unanswered);
        let Some(volume) = view.world.volumes.get(&current.volume).filter(|_| answered) else { continue };
        if volume.is_free() {
            detach::proved(&current.volume, from, progress);
        }
        if volume.attachment_to(from).is_some() && is_quiet(view, failover, from) {
            detach::let_go(view, failover, &current.volume, from, progress);
        }
    }
}

/// Takes what has no copy yet, at one point in time if that is possible.
pub(super) fn take(view: View<'_>, failover: &Failover, to_copy: Vec<SnapshotSource>, progress: &mut Progress<'_>) {
    if !to_copy.is_empty() {
        let together = together(view, &failover.from.instance_id, &to_copy, true);
        progress.step(Step::TakeSnapshots { together, sources: to_copy });
    }
}

/// All volumes at one point in time, where one instance still holds them all.
pub(super) fn together(
    view: View<'_>,
    instance: &InstanceId,
    sources: &[SnapshotSource],
    or_each: bool,
) -> Option<Together> {
    let holds = |source: &SnapshotSource| {
        view.world.volumes.get(&source.volume).is_some_and(|volume| volume.attachment_to(instance).is_some())
    };
    if sources.len() < 2 || !sources.iter().all(holds) {
        return None;
    }
    let known = view.world.instances.get(instance)?;
    let is_source = |id: &VolumeId| sources.iter().any(|source| source.volume == *id);
    // AWS refuses the root volume among the excluded ones: it has a flag of its own (aws-facts 2.1). So it has to be known which it is.
    let root = known.devices.get(known.root_device.as_ref()?);
    if root.is_some_and(is_source) {
        return None;
    }
    let others = known.devices.values().filter(|id| root != Some(*id) && !is_source(id));
    Some(Together { instance: instance.clone(), exclude: others.cloned().collect(), or_each })
}
