//! Whose a volume or a snapshot is, and of which data: what is ours is proven, since people and other automation copy tags.
//!
//! Backups of a volume carry its tags, and a volume that somebody restores from one may carry them again. So each thing that the controller
//! makes says in a tag what it was made from, which AWS says as well: only where both agree the tags are its own.

use jiff::Timestamp;

use super::view::View;
use crate::ids::{SnapshotId, VolumeId, VolumeName};
use crate::ledger::{Attempt, Failover, Ledger};
use crate::step::Step;
use crate::world::{CopyRole, Lineage, Snapshot, SnapshotState, Tags, Volume, VolumeRole, tag};

/// The data that a volume of the service holds or held, by the ledger.
fn data_of<'a>(ledger: &'a Ledger, volume: &VolumeId) -> Option<&'a VolumeName> {
    let current = ledger.current_volumes.iter().find(|(_, current)| current.volume == *volume).map(|(name, _)| name);
    let former = || ledger.former_volumes.get(volume).map(|former| &former.name);
    let superseded = || ledger.superseded.get(volume).map(|superseded| &superseded.name);
    current.or_else(former).or_else(superseded)
}

/// Of which data a snapshot is that the controller made; none: it is somebody else's.
///
/// `CreateSnapshots` gives all of a set the same tags, and source and name only afterwards: a set that was made twice, since an answer was
/// lost, never gets them. Then the ledger has to know the volume.
pub(super) fn own_copy(ledger: &Ledger, snapshot: &Snapshot) -> Option<VolumeName> {
    CopyRole::of(&snapshot.tags)?;
    // Tags can be given to anything; the description is written once, at the creation.
    tag::description(&snapshot.tags).filter(|ours| *ours == snapshot.description)?;
    match snapshot.tags.get(tag::SOURCE) {
        Some(source) if source == snapshot.volume.as_str() => Lineage::of(&snapshot.tags).name,
        // Copied along, from a snapshot of ours by way of a volume that somebody restored from it.
        Some(_) => None,
        None => data_of(ledger, &snapshot.volume).cloned(),
    }
}

/// Of which data, and by which failover, a volume was restored; none: a failover did not.
pub(super) fn own_volume(volume: &Volume) -> Option<Lineage> {
    let from = volume.restored_from.as_ref()?;
    let ours = volume.tags.get(tag::SNAPSHOT).is_some_and(|said| said == from.as_str());
    ours.then(|| Lineage::of(&volume.tags))
}

/// Whether a failover made a snapshot, of this data.
pub(super) fn is_copy_of(failover: &Failover, name: &VolumeName, ledger: &Ledger, snapshot: &Snapshot) -> bool {
    CopyRole::of(&snapshot.tags) == Some(CopyRole::Failover)
        && Lineage::of(&snapshot.tags).failover.as_ref() == Some(&failover.id)
        && own_copy(ledger, snapshot).as_ref() == Some(name)
}

/// Whether a failover restored a volume, of this data.
pub(super) fn is_restored_by(failover: &Failover, name: &VolumeName, volume: &Volume) -> bool {
    own_volume(volume).is_some_and(|it| it.failover.as_ref() == Some(&failover.id) && it.name.as_ref() == Some(name))
}

/// Whether a completed snapshot, whoever made it, holds data of the service that it may fall back on: of the current volume, or of one that
/// served before, up to when it was superseded. Backups that go on beyond that are of what nobody serves from.
pub(super) fn holds(ledger: &Ledger, name: &VolumeName, snapshot: &Snapshot) -> bool {
    let current = ledger.current_volumes.get(name).is_some_and(|current| current.volume == snapshot.volume);
    let former = ledger.former_volumes.get(&snapshot.volume);
    let served = |until: Timestamp| snapshot.started_at <= until;
    snapshot.state == SnapshotState::Completed
        && (current || former.is_some_and(|former| former.name == *name && served(former.until)))
}

/// The tags of a snapshot that a failover takes of a volume.
pub(super) fn copy_tags(
    view: View<'_>,
    failover: &Failover,
    name: &VolumeName,
    volume: &VolumeId,
    attempt: usize,
) -> Tags {
    let epoch = view.ledger.epoch + 1;
    let mut tags = snapshot_tags(view, name, volume, failover.id.as_str(), epoch, CopyRole::Failover);
    tags.insert(tag::FENCE.to_owned(), failover.fences.to_string());
    tags.insert(tag::ATTEMPT.to_owned(), attempt.to_string());
    tags
}

/// The tags of a periodic copy of a volume.
pub(super) fn periodic_tags(view: View<'_>, name: &VolumeName, volume: &VolumeId, id: &str) -> Tags {
    let mut tags = snapshot_tags(view, name, volume, id, view.ledger.epoch, CopyRole::Periodic);
    tags.insert(tag::ATTEMPT.to_owned(), "0".to_owned());
    tags
}

fn snapshot_tags(view: View<'_>, name: &VolumeName, volume: &VolumeId, id: &str, epoch: u64, role: CopyRole) -> Tags {
    let copied = view.world.volumes.get(volume).map(|volume| &volume.tags);
    let mut tags = lineage_tags(view, name, copied);
    tags.insert(tag::ID.to_owned(), id.to_owned());
    tags.insert(tag::EPOCH.to_owned(), epoch.to_string());
    tags.insert(tag::COPY.to_owned(), role.as_str().to_owned());
    tags.insert(tag::SOURCE.to_owned(), volume.to_string());
    tags
}

/// The tags of a volume that a failover restores.
pub(super) fn restored_tags(
    view: View<'_>,
    failover: &Failover,
    name: &VolumeName,
    snapshot: &SnapshotId,
    attempt: usize,
) -> Tags {
    let copied = view.world.snapshots.get(snapshot).map(|snapshot| &snapshot.tags);
    let mut tags = lineage_tags(view, name, copied);
    tags.insert(tag::ID.to_owned(), failover.id.to_string());
    tags.insert(tag::EPOCH.to_owned(), (view.ledger.epoch + 1).to_string());
    tags.insert(tag::FENCE.to_owned(), failover.fences.to_string());
    tags.insert(tag::ATTEMPT.to_owned(), attempt.to_string());
    tags.insert(tag::ROLE.to_owned(), VolumeRole::Restored.as_str().to_owned());
    tags.insert(tag::SNAPSHOT.to_owned(), snapshot.to_string());
    tags
}

/// The tags of a volume that is created empty.
pub(super) fn blank_tags(view: View<'_>, name: &VolumeName) -> Tags {
    let mut tags = lineage_tags(view, name, None);
    tags.insert(tag::EPOCH.to_owned(), (view.ledger.epoch + 1).to_string());
    tags.insert(tag::ROLE.to_owned(), VolumeRole::Blank.as_str().to_owned());
    tags
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

/// The tags that everything of a lineage carries from its creation, with the operator's own of what it is a copy of.
fn lineage_tags(view: View<'_>, name: &VolumeName, source: Option<&Tags>) -> Tags {
    let ours = [(tag::SERVICE, view.spec.service.as_str()), (tag::VOLUME, name.as_str())];
    own_tags(source).chain(ours.map(|(key, value)| (key.to_owned(), value.to_owned()))).collect()
}

/// A step that makes something, with a client token that no earlier try has spent.
pub(super) fn renewed(view: View<'_>, step: &dyn Fn(String) -> Step, token: &dyn Fn(u32) -> String) -> Step {
    let first = step(token(0));
    match view.attempt(&first).map_or(0, Attempt::renewals) {
        0 => first,
        renewals => step(token(renewals)),
    }
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
