//! The data: for each volume, its newest state as a free volume in the target's zone.
//!
//! In the same zone the volume itself moves. In another, it is snapshotted once the fence holds, and restored there.
//! Where the newest data can't be reached, an older copy is taken if the loss is allowed; otherwise nothing is.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::progress::{Progress, next_look};
use super::{View, fence};
use crate::ids::{SnapshotId, VolumeId, VolumeName};
use crate::ledger::{Change, Failover, FenceState, Head, Target};
use crate::step::{SnapshotSource, Step, StepKey, StepOutcome, Together};
use crate::verdict::Halt;
use crate::world::{Lineage, Part, Sight, Snapshot, SnapshotState, Tags, Volume, VolumeState, tag};

/// No copy completes in less (the region's own floor is some fifteen seconds).
const SNAPSHOT_PACE: SignedDuration = SignedDuration::from_secs(10);
/// Below this a snapshot's progress, coarse as it is, promises that the end is not within the next looks.
const FAR_FROM_DONE_PERCENT: u8 = 70;
/// An accepted snapshot that AWS does not list after this is taken again.
const SNAPSHOT_PATIENCE: SignedDuration = SignedDuration::from_secs(60);
const RESTORE_PACE: SignedDuration = SignedDuration::from_secs(2);
const RESTORE_PATIENCE: SignedDuration = SignedDuration::from_secs(60);
const DETACH_PACE: SignedDuration = SignedDuration::from_secs(2);
/// A detach from an instance that is off has no guest to wait for; one that takes longer is forced.
const DETACH_PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// How long the newest volume may be out of sight before an older copy is thought of.
const UNSEEN_PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// Copies that AWS itself fails are made again this often.
const MOST_COPIES: usize = 3;

/// When to look again at a snapshot: half as often while AWS says that it is far from done.
fn copy_look(copy: &Snapshot, now: Timestamp) -> Timestamp {
    let look = next_look(copy.started_at, SNAPSHOT_PACE, now);
    let pause = look.duration_since(now);
    if copy.progress_percent < FAR_FROM_DONE_PERCENT { look.saturating_add(pause).unwrap_or(look) } else { look }
}

/// Brings the data nearer to the target's zone; all of it there: where it then is.
pub(super) fn bring(
    view: View<'_>,
    failover: &Failover,
    target: &Target,
    progress: &mut Progress<'_>,
) -> Option<BTreeMap<VolumeName, Head>> {
    let mut there = BTreeMap::new();
    let mut to_copy = Vec::new();
    for (name, head) in &view.ledger.heads {
        let mut bringing = Bringing { view, failover, target, name, head, progress, to_copy: &mut to_copy };
        if let Some(volume) = bringing.bring() {
            let zone = target.zone.clone();
            there.insert(name.clone(), Head { volume, zone, shape: head.shape.clone(), device: head.device.clone() });
        }
    }
    take(view, failover, to_copy, progress);
    (there.len() == view.ledger.heads.len()).then_some(there)
}

/// All volumes at one point in time, where one instance still holds them all.
fn together(view: View<'_>, failover: &Failover, sources: &[SnapshotSource]) -> Option<Together> {
    let instance = failover.from.instance_id.clone();
    let holds = |source: &SnapshotSource| {
        view.world.volumes.get(&source.volume).is_some_and(|volume| volume.attachment_to(&instance).is_some())
    };
    if sources.len() < 2 || !sources.iter().all(holds) {
        return None;
    }
    let devices = view.world.instances.get(&instance).map(|known| known.devices.values().cloned().collect());
    let devices: Vec<VolumeId> = devices.unwrap_or_default();
    let exclude = devices.into_iter().filter(|id| !sources.iter().any(|source| source.volume == *id)).collect();
    Some(Together { instance, exclude })
}

struct Bringing<'a, 'b, 'c> {
    view: View<'a>,
    failover: &'a Failover,
    target: &'a Target,
    name: &'a VolumeName,
    head: &'a Head,
    progress: &'b mut Progress<'c>,
    to_copy: &'b mut Vec<SnapshotSource>,
}

impl Bringing<'_, '_, '_> {
    /// The volume that holds the data in the target's zone, free to be attached there.
    fn bring(&mut self) -> Option<VolumeId> {
        if let Some(snapshot) = self.failover.older_copies.get(self.name) {
            let snapshot = snapshot.clone();
            return self.restore(&snapshot);
        }
        let id = &self.head.volume;
        match self.view.world.volumes.sight(id) {
            Sight::Known(volume) if volume.is_lost() => self.older_copy(&format!("{id} is lost")),
            Sight::Known(volume) if self.may_be_written(volume) => {
                self.older_copy(&format!("{id} may still be written to"))
            }
            Sight::Known(volume) if volume.zone == self.target.zone => self.free(volume),
            Sight::Known(_) => self.copy(),
            Sight::Absent => self.unseen(&format!("{id} does not exist any more")),
            Sight::Unknown(_) => self.unseen(&format!("{id} can't be seen")),
        }
    }

    /// Attached, under a waived fence, to an instance that is not known to be off.
    fn may_be_written(&self, volume: &Volume) -> bool {
        let waived = matches!(self.failover.fence, FenceState::Waived { .. });
        waived
            && volume.attachments.iter().any(|attachment| {
                attachment.instance != self.target.instance_id
                    && !self
                        .view
                        .world
                        .instances
                        .get(&attachment.instance)
                        .is_some_and(|instance| instance.state.is_off())
            })
    }

    /// Same zone: the volume itself, once nobody else has it.
    fn free(&mut self, volume: &Volume) -> Option<VolumeId> {
        let id = self.head.volume.clone();
        let others = volume.attachments.iter().filter(|attachment| attachment.instance != self.target.instance_id);
        let others: Vec<_> = others.collect();
        if others.is_empty() && matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
            let from = self.failover.from.instance_id.clone();
            let keys = [false, true]
                .map(|force| Step::DetachVolume { volume: id.clone(), instance: from.clone(), force }.key());
            self.progress.proved(keys);
            return Some(id);
        }
        if others.is_empty() {
            let soon = self.view.now.saturating_add(RESTORE_PACE).unwrap_or(self.view.now);
            self.progress.wait(Part::Volumes, soon, format!("{id} is not ready yet"));
        }
        for attachment in others {
            if !fence::is_quiet(self.view, self.failover, &attachment.instance) {
                let soon = self.view.now.saturating_add(SignedDuration::from_secs(3)).unwrap_or(self.view.now);
                self.progress.wait(Part::Instances, soon, format!("{} is not seen to be off", attachment.instance));
                continue;
            }
            let step = |force| Step::DetachVolume { volume: id.clone(), instance: attachment.instance.clone(), force };
            let asked = self.failover.attempt(&step(false)).map(|attempt| attempt.first_at);
            let force = asked.is_some_and(|asked| self.view.now.duration_since(asked) >= DETACH_PATIENCE);
            self.progress.rest_on([Part::Agents]);
            self.progress.step(step(force), DETACH_PATIENCE, DETACH_PACE);
        }
        None
    }

    /// Other zone: a snapshot of this failover, then a volume restored from it.
    fn copy(&mut self) -> Option<VolumeId> {
        let snapshot = copy(self.view, self.failover, self.name, self.head, self.progress, self.to_copy)?;
        self.restore(&snapshot)
    }

    fn restore(&mut self, snapshot: &SnapshotId) -> Option<VolumeId> {
        let zone = &self.target.zone;
        let restored = self.view.world.volumes.iter_known().filter(|(_, volume)| {
            volume.restored_from.as_ref() == Some(snapshot) && volume.zone == *zone && self.is_ours(&volume.tags)
        });
        let restored: Vec<(&VolumeId, &Volume)> = restored.collect();
        let failed = restored.iter().filter(|(_, volume)| volume.is_lost()).count();
        let step = self.restore_step(snapshot, failed);
        let usable = |volume: &Volume| volume.is_free() || volume.attachment_to(&self.target.instance_id).is_some();
        if let Some((id, _)) = restored.iter().find(|(_, volume)| usable(volume)) {
            self.progress.proved([step.key()]);
            return Some((*id).clone());
        }
        if let Some((id, volume)) = restored.iter().find(|(_, volume)| volume.state == VolumeState::Creating) {
            let look = next_look(volume.created_at, RESTORE_PACE, self.view.now);
            self.progress.wait(Part::Volumes, look, format!("{id} ({}) is being created", self.name));
            return None;
        }
        if failed >= MOST_COPIES {
            let halt = Halt::CopyFails { what: format!("the volume for {} from {snapshot}", self.name), tries: failed };
            self.progress.halt(halt, Part::Volumes);
            return None;
        }
        if let Some(no_room) = self.progress.step(step, RESTORE_PATIENCE, RESTORE_PACE) {
            super::target::another(
                self.view,
                self.failover,
                &format!("its zone has no room for {}: {no_room}", self.name),
                self.progress,
            );
        }
        None
    }

    fn restore_step(&self, snapshot: &SnapshotId, failed: usize) -> Step {
        let zone = self.target.zone.clone();
        let source = self.view.world.snapshots.get(snapshot).map(|snapshot| &snapshot.tags);
        let mut tags = failover_tags(self.view, self.failover, self.name, source);
        tags.insert(tag::ATTEMPT.to_owned(), failed.to_string());
        Step::RestoreVolume {
            name: self.name.clone(),
            snapshot: snapshot.clone(),
            client_token: client_token(&[
                self.failover.id.as_str(),
                self.name.as_str(),
                snapshot.as_str(),
                zone.as_str(),
                &failed.to_string(),
            ]),
            zone,
            shape: self.head.shape.clone(),
            initialization_rate_mib_per_second: self
                .view
                .spec
                .data
                .initialization_rate_mib_per_second
                .and_then(|rate| u32::try_from(rate.get()).ok()),
            tags,
        }
    }

    fn unseen(&mut self, why: &str) -> Option<VolumeId> {
        if let FenceState::Proven { at, .. } = &self.failover.fence
            && self.view.now.duration_since(*at) < UNSEEN_PATIENCE
        {
            let soon = self.view.now.saturating_add(SignedDuration::from_secs(3)).unwrap_or(self.view.now);
            self.progress.wait(Part::Volumes, soon, why);
            return None;
        }
        self.older_copy(why)
    }

    /// The newest completed copy of the lineage, if the loss is allowed.
    fn older_copy(&mut self, why: &str) -> Option<VolumeId> {
        let Some((snapshot, copy)) = newest_copy(self.view.world, self.name, self.head) else {
            let halt = match self.view.world.snapshots.complete.known() {
                Some(()) => Halt::NoCopy { name: self.name.clone(), why: why.to_owned() },
                None => Halt::Unseen { what: format!("the snapshots of {}", self.name), why: why.to_owned() },
            };
            self.progress.halt(halt, Part::Snapshots);
            return None;
        };
        let loss_seconds = self.loss_seconds(copy.started_at);
        let allowed_seconds =
            self.view.spec.data.max_loss_seconds.get().max(self.failover.accepted_loss_seconds.unwrap_or(0));
        if loss_seconds <= allowed_seconds {
            let change = Change::ChooseCopy { name: self.name.clone(), snapshot: snapshot.clone(), loss_seconds };
            self.progress.change(change, [Part::Snapshots, Part::Volumes, Part::Instances]);
        } else {
            let halt = Halt::CopyTooOld {
                name: self.name.clone(),
                why: why.to_owned(),
                snapshot: snapshot.clone(),
                taken_at: copy.started_at,
                allowed_seconds,
            };
            self.progress.halt(halt, Part::Volumes);
        }
        None
    }

    /// Writes may have gone on until the fence was shown to hold; while it isn't, until now.
    fn loss_seconds(&self, taken_at: Timestamp) -> u64 {
        let until = match &self.failover.fence {
            FenceState::Proven { at, .. } => *at,
            _ => self.view.now,
        };
        let loss = until.duration_since(taken_at);
        // Rounded up: a loss is never called smaller than it may be.
        u64::try_from(loss.as_secs() + i64::from(loss.subsec_nanos() > 0)).unwrap_or(0)
    }

    fn is_ours(&self, tags: &Tags) -> bool {
        is_ours(self.failover, self.name, tags)
    }
}

fn is_ours(failover: &Failover, name: &VolumeName, tags: &Tags) -> bool {
    let lineage = Lineage::of(tags);
    lineage.failover.as_ref() == Some(&failover.id) && lineage.name.as_ref() == Some(name)
}

fn failover_tags(view: View<'_>, failover: &Failover, name: &VolumeName, source: Option<&Tags>) -> Tags {
    let mut tags = lineage_tags(view, name, failover.id.as_str(), "failover", source);
    tags.insert(tag::FENCE.to_owned(), failover.fences.to_string());
    tags
}

/// A completed snapshot of this failover, made under the fence that holds now; until there is one, what brings it nearer.
fn copy(
    view: View<'_>,
    failover: &Failover,
    name: &VolumeName,
    head: &Head,
    progress: &mut Progress<'_>,
    to_copy: &mut Vec<SnapshotSource>,
) -> Option<SnapshotId> {
    let under_this_fence = |tags: &Tags| {
        is_ours(failover, name, tags) && tags.get(tag::FENCE).is_some_and(|fence| *fence == failover.fences.to_string())
    };
    let all = view.world.snapshots.iter_known();
    let copies: Vec<(&SnapshotId, &Snapshot)> =
        all.filter(|(_, copy)| copy.volume == head.volume && under_this_fence(&copy.tags)).collect();
    let with = |state| copies.iter().find(move |(_, copy)| copy.state == state);
    if let Some((id, _)) = with(SnapshotState::Completed) {
        // The snapshot step that covered this volume, alone or with others.
        let covers = |key: &&StepKey| key.0.starts_with("snapshot ") && key.0.contains(head.volume.as_str());
        let keys: Vec<_> = failover.attempts.keys().filter(covers).cloned().collect();
        progress.proved(keys);
        return Some((*id).clone());
    }
    if let Some((id, copy)) = with(SnapshotState::Pending) {
        let reason = format!("{id} of {name} is {} % complete", copy.progress_percent);
        progress.wait(Part::Snapshots, copy_look(copy, view.now), reason);
        return None;
    }
    if copies.len() >= MOST_COPIES {
        let halt = Halt::CopyFails { what: format!("the snapshot of {}", head.volume), tries: copies.len() };
        progress.halt(halt, Part::Snapshots);
        return None;
    }
    let mut tags = failover_tags(view, failover, name, view.world.volumes.get(&head.volume).map(|volume| &volume.tags));
    tags.insert(tag::ATTEMPT.to_owned(), copies.len().to_string());
    to_copy.push(SnapshotSource { name: name.clone(), volume: head.volume.clone(), tags });
    None
}

/// While the group has not launched the replacement: the data is copied, since its zone is not known, and let go by the old side,
/// so that no termination takes it along.
pub(super) fn secure(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let mut to_copy = Vec::new();
    for (name, head) in &view.ledger.heads {
        let Some(volume) = view.world.volumes.get(&head.volume) else {
            progress.wait(Part::Volumes, fence::soon(view), format!("{} can't be seen", head.volume));
            continue;
        };
        if volume.is_lost() {
            continue;
        }
        let held = volume.attachments.iter().any(|it| !fence::is_quiet(view, failover, &it.instance));
        if !held {
            copy(view, failover, name, head, progress, &mut to_copy);
        }
    }
    take(view, failover, to_copy, progress);
    release(view, failover, progress);
}

/// Detaches the data from an old side that is off or quiet, once AWS has answered about its copy, whatever it said: the fence keeps
/// the data as it is, a volume that is let go outlives its instance, and an old side that somebody starts again has nothing to write to.
pub(super) fn release(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    for head in view.ledger.heads.values() {
        let asked = failover.attempts.iter().any(|(key, attempt)| {
            let about_it = key.0.starts_with("snapshot ") && key.0.contains(head.volume.as_str());
            about_it && attempt.outcome != StepOutcome::Unanswered
        });
        let Some(volume) = view.world.volumes.get(&head.volume).filter(|_| asked) else { continue };
        if volume.is_free() {
            let instance = &failover.from.instance_id;
            let detach = |force| Step::DetachVolume { volume: head.volume.clone(), instance: instance.clone(), force };
            progress.proved([false, true].map(|force| detach(force).key()));
        }
        for attachment in &volume.attachments {
            let old = attachment.instance == failover.from.instance_id;
            if old && fence::is_quiet(view, failover, &attachment.instance) {
                let instance = attachment.instance.clone();
                let step =
                    |force| Step::DetachVolume { volume: head.volume.clone(), instance: instance.clone(), force };
                let asked = failover.attempt(&step(false)).map(|attempt| attempt.first_at);
                let force = asked.is_some_and(|asked| view.now.duration_since(asked) >= DETACH_PATIENCE);
                progress.rest_on([Part::Agents]);
                progress.step(step(force), DETACH_PATIENCE, DETACH_PACE);
            }
        }
    }
}

fn take(view: View<'_>, failover: &Failover, to_copy: Vec<SnapshotSource>, progress: &mut Progress<'_>) {
    if !to_copy.is_empty() {
        let step = Step::TakeSnapshots { together: together(view, failover, &to_copy), sources: to_copy };
        progress.step(step, SNAPSHOT_PATIENCE, SNAPSHOT_PACE);
    }
}

/// Up to when the newest completed copy of some data holds it.
pub fn recovery_point(world: &crate::world::World, name: &VolumeName, head: &Head) -> Option<Timestamp> {
    newest_copy(world, name, head).map(|(_, copy)| copy.started_at)
}

fn newest_copy<'a>(
    world: &'a crate::world::World,
    name: &VolumeName,
    head: &Head,
) -> Option<(&'a SnapshotId, &'a Snapshot)> {
    world
        .snapshots
        .iter_known()
        .filter(|(_, copy)| copy.state == SnapshotState::Completed)
        .filter(|(_, copy)| copy.volume == head.volume || Lineage::of(&copy.tags).name.as_ref() == Some(name))
        .max_by_key(|(id, copy)| (copy.started_at, (*id).clone()))
}

/// A resource takes 50 tags; the others are left to the controller's.
const MOST_OWN_TAGS: usize = 40;

/// The operator's own tags of what is copied: bills and policies rest on them. AWS's own (`aws:`) can't be given by anybody else.
fn own_tags(source: Option<&Tags>) -> impl Iterator<Item = (String, String)> + '_ {
    let all = source.into_iter().flatten();
    all.filter(|(key, _)| !key.starts_with("aws:") && !key.starts_with("failover:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .take(MOST_OWN_TAGS)
}

/// The tags that everything of a lineage carries from its creation, with those of what it is a copy of.
pub(super) fn lineage_tags(view: View<'_>, name: &VolumeName, id: &str, role: &str, source: Option<&Tags>) -> Tags {
    let ours = [
        (tag::SERVICE, view.spec.service.as_str()),
        (tag::VOLUME, name.as_str()),
        (tag::ID, id),
        (tag::EPOCH, &(view.ledger.epoch + 1).to_string()),
        (tag::ROLE, role),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    own_tags(source).chain(ours).collect()
}

/// A client token (at most 64 ASCII characters): equal for equal parts, different otherwise. FNV-1a, twice, is enough
/// to tell a handful of attempts of one failover apart; the failover's own id makes it unique beyond that.
pub(super) fn client_token(parts: &[&str]) -> String {
    let hash = |seed: u64| {
        parts
            .iter()
            .flat_map(|part| part.bytes().chain([0]))
            .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    format!("failover-{:016x}{:016x}", hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4))
}
