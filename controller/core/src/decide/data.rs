//! The data: for each volume, its newest state as a free volume in the target's zone.
//!
//! In the same zone the volume itself moves. In another, it is snapshotted once the fence holds, and restored there.
//! Where the newest data can't be reached, an older copy is taken if the loss is allowed; otherwise nothing is.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::copies::{self, FAILED_COPY_RETRY, MOST_COPIES};
use super::lineage::{client_token, is_restored_by, renewed, restored_tags};
use super::progress::Progress;
use super::retry::next_observation_of;
use super::target::another;
use super::view::View;
use super::{detach, older, proof};
use crate::ids::{InstanceId, SnapshotId, VolumeId, VolumeName};
use crate::ledger::{CurrentVolume, Failover, FenceState, Target};
use crate::step::{SnapshotSource, Step};
use crate::time::later;
use crate::verdict::Halt;
use crate::world::{Part, Sight, Volume, VolumeShape, VolumeState};

/// How long the newest volume may be out of sight before an older copy is thought of.
const UNSEEN_TIMEOUT: SignedDuration = SignedDuration::from_secs(60);
/// What is hidden from us shows no sooner for being observed often.
const HIDDEN: SignedDuration = SignedDuration::from_secs(3);

/// Brings the data nearer to the target's zone; all of it there: where it then is.
pub(super) fn bring(
    view: View<'_>,
    failover: &Failover,
    target: &Target,
    progress: &mut Progress<'_>,
) -> Option<BTreeMap<VolumeName, CurrentVolume>> {
    if failover.older_copies.is_none() {
        let out_of_reach = out_of_reach(view, failover, target);
        // What one of them loses brings all back to one moment.
        if !out_of_reach.is_empty() {
            older::choose(view, failover, &out_of_reach.join("; "), progress);
            return None;
        }
    }
    let mut there = BTreeMap::new();
    let mut to_copy = Vec::new();
    for (name, current) in &view.ledger.current_volumes {
        let mut bringing = Bringing { view, failover, target, name, current, progress, to_copy: &mut to_copy };
        if let Some(volume) = bringing.bring() {
            let zone = target.zone.clone();
            let shape = view.world.volumes.get(&volume).map_or(&current.shape, |volume| &volume.shape).clone();
            there.insert(name.clone(), CurrentVolume { volume, zone, shape, device: current.device.clone() });
        }
    }
    copies::take(view, failover, to_copy, progress);
    (there.len() == view.ledger.current_volumes.len()).then_some(there)
}

/// Why the newest data of some volumes can't be had.
fn out_of_reach(view: View<'_>, failover: &Failover, target: &Target) -> Vec<String> {
    let volumes = view.ledger.current_volumes.iter();
    let lost = volumes.filter_map(|(name, CurrentVolume { volume: id, .. })| {
        let why = match view.world.volumes.sight(id) {
            // Nothing else will ever come of it.
            Sight::Known(volume) if volume.is_lost() => format!("{id} is lost"),
            // A copy of it would not be a point in time that anybody stopped at, and the volume itself is not free.
            Sight::Known(volume) if may_be_written(view, failover, target, volume) => {
                format!("{id} may still be written to")
            }
            Sight::Known(_) => return None,
            // Reads lag, and fail in a zone that is down: an older copy costs data, so it is thought of last.
            _ if !has_been_unseen_for_long(view, failover) => return None,
            Sight::Absent => format!("{id} does not exist any more"),
            Sight::Unknown(_) => format!("{id} can't be observed"),
        };
        Some(format!("{name}: {why}"))
    });
    lost.collect()
}

/// Attached, under a waived fence, to an instance that is not known to be off.
fn may_be_written(view: View<'_>, failover: &Failover, target: &Target, volume: &Volume) -> bool {
    let waived = matches!(failover.fence, FenceState::Waived { .. });
    waived && !volume.is_held_only_by(|holder| *holder == target.instance_id || view.world.is_off(holder))
}

fn has_been_unseen_for_long(view: View<'_>, failover: &Failover) -> bool {
    match &failover.fence {
        FenceState::Confirmed { at, .. } => view.has_passed(UNSEEN_TIMEOUT, *at),
        // It was waited for long enough before the fence was waived.
        FenceState::Open { .. } | FenceState::Waived { .. } => true,
    }
}

struct Bringing<'a, 'b, 'c> {
    view: View<'a>,
    failover: &'a Failover,
    target: &'a Target,
    name: &'a VolumeName,
    current: &'a CurrentVolume,
    progress: &'b mut Progress<'c>,
    to_copy: &'b mut Vec<SnapshotSource>,
}

impl Bringing<'_, '_, '_> {
    /// The volume that holds the data in the target's zone, free to be attached there.
    fn bring(&mut self) -> Option<VolumeId> {
        if let Some(older) = &self.failover.older_copies {
            let snapshot = older.snapshots.get(self.name)?.clone();
            return self.restore(&snapshot);
        }
        let id = &self.current.volume;
        match self.view.world.volumes.sight(id) {
            // In the same zone the volume itself moves: faster than any copy, and nothing can be lost.
            Sight::Known(volume) if volume.zone == self.target.zone => self.free(volume),
            Sight::Known(_) => self.copy(),
            Sight::Absent | Sight::Unknown(_) => {
                self.progress.wait(Part::Volumes, later(self.view.now, HIDDEN), format!("{id} can't be seen"));
                None
            }
        }
    }

    /// Who has a volume, besides the target.
    fn others<'v>(&self, volume: &'v Volume) -> impl Iterator<Item = &'v InstanceId> {
        let target = &self.target.instance_id;
        volume.attachments.iter().map(|attachment| &attachment.instance).filter(move |holder| *holder != target)
    }

    /// Same zone: the volume itself, once nobody else has it.
    fn free(&mut self, volume: &Volume) -> Option<VolumeId> {
        let id = &self.current.volume;
        let others: Vec<&InstanceId> = self.others(volume).collect();
        if others.is_empty() && (volume.is_free() || volume.attachment_to(&self.target.instance_id).is_some()) {
            detach::proved(id, &self.failover.from.instance_id, self.progress);
            return Some(id.clone());
        }
        match (&self.failover.fence, volume.state) {
            (FenceState::Confirmed { at, .. }, VolumeState::InUse) if others.is_empty() => {
                detach::await_holder(self.view, id, *at, self.progress);
            }
            _ if others.is_empty() => {
                self.progress.wait(Part::Volumes, self.view.soon(), format!("{id} is not ready yet"));
            }
            _ => {}
        }
        for holder in others {
            // Whoever may still write keeps it: the fence that holds is another's.
            if proof::is_quiet(self.view, self.failover, holder) {
                detach::let_go(self.view, self.failover, id, holder, self.progress);
            } else {
                detach::await_release(self.view, self.failover, id, holder, self.progress);
            }
        }
        None
    }

    /// Other zone: a snapshot of this failover, then a volume restored from it.
    fn copy(&mut self) -> Option<VolumeId> {
        let snapshot = copies::newest(self.view, self.failover, self.name, self.current, self.progress, self.to_copy)?;
        self.restore(&snapshot)
    }

    fn restore(&mut self, snapshot: &SnapshotId) -> Option<VolumeId> {
        let zone = &self.target.zone;
        let restored = self.view.world.volumes.iter_known().filter(|(_, volume)| {
            volume.restored_from.as_ref() == Some(snapshot)
                && volume.zone == *zone
                && is_restored_by(self.failover, self.name, volume)
        });
        let restored: Vec<(&VolumeId, &Volume)> = restored.collect();
        // EBS failed these; the next one gets another client token, or AWS would answer with the same one.
        let failed = restored.iter().filter(|(_, volume)| volume.is_lost()).count();
        let step = self.restore_step(snapshot, failed);
        let usable = |volume: &Volume| volume.is_free() || volume.attachment_to(&self.target.instance_id).is_some();
        if let Some((id, _)) = restored.iter().find(|(_, volume)| usable(volume)) {
            self.progress.proved([step.key()]);
            return Some((*id).clone());
        }
        // Made a moment ago, by whoever tried before us.
        if let Some((id, volume)) = restored.iter().find(|(_, volume)| volume.state == VolumeState::Creating) {
            let again = next_observation_of(self.view, &step, volume.created_at);
            self.progress.wait(Part::Volumes, again, format!("{id} ({}) is being created", self.name));
            return None;
        }
        // The KMS key, most often. The failed volume may show, or vanish; what fails three times in a row is told.
        let attempt = self.view.attempt(&step);
        let tries = failed.max(attempt.map_or(0, |attempt| attempt.renewals() as usize));
        if tries >= MOST_COPIES {
            let what = format!("the volume for {} from {snapshot}", self.name);
            self.progress.halt(Halt::CopyFails { what, tries }, Part::Volumes);
            if attempt.is_some_and(|attempt| !self.view.has_passed(FAILED_COPY_RETRY, attempt.last_at)) {
                return None;
            }
        }
        if let Some(no_room) = self.progress.step(step) {
            // A target in another zone can still have the data.
            another(
                self.view,
                self.failover,
                &format!("its zone has no capacity for {}: {no_room}", self.name),
                self.progress,
            );
        }
        None
    }

    fn restore_step(&self, snapshot: &SnapshotId, failed: usize) -> Step {
        let zone = self.target.zone.clone();
        let tags = restored_tags(self.view, self.failover, self.name, snapshot, failed);
        let shape = self.shape_for(snapshot);
        let rate = self.view.spec.data.initialization_rate_mib_per_second;
        let rate = rate.and_then(|rate| u32::try_from(rate.get()).ok());
        // Of everything that the request says: people may resize, retype or tag between two tries, and AWS refuses for ever a token
        // that comes back with other parameters (aws-facts 2.9). Should both tries make a volume, one is kept aside like any orphan.
        let request = format!("{shape:?} {rate:?} {tags:?}");
        let token = |renewals: u32| {
            let (failover, name) = (self.failover.id.as_str(), self.name.as_str());
            client_token(&[failover, name, snapshot.as_str(), zone.as_str(), &request, &renewals.to_string()])
        };
        let step = |client_token| Step::RestoreVolume {
            name: self.name.clone(),
            snapshot: snapshot.clone(),
            client_token,
            zone: zone.clone(),
            shape: shape.clone(),
            initialization_rate_mib_per_second: rate,
            tags: tags.clone(),
        };
        renewed(self.view, &step, &token)
    }

    /// As the current volume is now, or was when it was last seen: people enlarge and retype volumes. Never smaller than the snapshot, which
    /// AWS would refuse (aws-facts 2.2).
    fn shape_for(&self, snapshot: &SnapshotId) -> VolumeShape {
        let seen = self.view.world.volumes.get(&self.current.volume).map(|volume| &volume.shape);
        let shape = seen.unwrap_or(&self.current.shape).clone();
        let least_gib = self.view.world.snapshots.get(snapshot).map_or(0, |snapshot| snapshot.size_gib);
        VolumeShape { size_gib: shape.size_gib.max(least_gib), ..shape }
    }
}
