//! Periodic copies, and letting go of copies that are past their number.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::copies;
use super::lineage::{own_copy, periodic_tags};
use super::moments::moments;
use super::view::View;
use crate::ids::{SnapshotId, VolumeName};
use crate::step::{SnapshotSource, Step};
use crate::time::seconds;
use crate::world::{Snapshot, SnapshotState};

/// A failed snapshot counts against EBS's limit of pending ones; it is removed after a while that leaves time to see it.
const FAILED_SNAPSHOT_KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// AWS refuses some deletions (locked, used by an image), and each try is remembered: no more than these are tried side by side.
const MOST_DELETIONS: usize = 40;

/// The next periodic copy, if it is due: of all volumes, or it would be of no moment of the service.
pub(super) fn due(view: View<'_>) -> Option<Step> {
    let every = seconds(view.spec.data.snapshot_every_seconds?.get());
    // A failed one is no copy, and does not put the next one off.
    let newest = |name| {
        let copies = own(view, name).filter(|(_, copy)| copy.state != SnapshotState::Error);
        copies.map(|(_, copy)| copy.started_at).max()
    };
    let is_due = |newest: Option<Timestamp>| newest.is_none_or(|newest| view.has_passed(every, newest));
    if !view.ledger.current_volumes.keys().any(|name| is_due(newest(name))) {
        return None;
    }
    let id = format!("p{:012}-e{}", view.now.as_millisecond().unsigned_abs(), view.ledger.epoch);
    let sources: Vec<SnapshotSource> = view
        .ledger
        .current_volumes
        .iter()
        .map(|(name, current)| SnapshotSource {
            name: name.clone(),
            volume: current.volume.clone(),
            tags: periodic_tags(view, name, &current.volume, &id),
        })
        .collect();
    // One after another, while the service writes, they would be of different moments, and nothing could be restored from them.
    let together = copies::together(view, &view.ledger.active, &sources, false);
    Some(Step::TakeSnapshots { together, sources })
}

/// Copies that are past their number, oldest first. Kept are the newest moments to which all volumes can be brought back together, and the
/// newest copies of each volume.
pub(super) fn past(view: View<'_>) -> Vec<Step> {
    let keep = usize::try_from(view.spec.data.keep_snapshots.get()).unwrap_or(usize::MAX);
    let moments = moments(view.ledger, view.world);
    let mut kept: BTreeSet<&SnapshotId> =
        moments.iter().take(keep).flat_map(|moment| moment.copies.values().map(|(id, _)| *id)).collect();
    let mut past = Vec::new();
    for name in view.ledger.current_volumes.keys() {
        let mut completed: Vec<_> = own(view, name).filter(|(_, it)| it.state == SnapshotState::Completed).collect();
        completed.sort_by_key(|(id, copy)| std::cmp::Reverse((copy.started_at, *id)));
        kept.extend(completed.iter().take(keep).map(|(id, _)| *id));
        let failed = own(view, name).filter(|(_, copy)| {
            copy.state == SnapshotState::Error && view.has_passed(FAILED_SNAPSHOT_KEPT, copy.started_at)
        });
        past.extend(completed.into_iter().chain(failed));
    }
    past.retain(|(id, _)| !kept.contains(id));
    past.sort_by_key(|(id, copy)| (copy.started_at, *id));
    past.into_iter().take(MOST_DELETIONS).map(|(id, _)| Step::DeleteSnapshot { snapshot: id.clone() }).collect()
}

/// Snapshots that the controller made of this data; those that others made are theirs.
fn own<'a>(view: View<'a>, name: &'a VolumeName) -> impl Iterator<Item = (&'a SnapshotId, &'a Snapshot)> {
    let all = view.world.snapshots.iter_known();
    all.filter(move |(_, copy)| own_copy(view.ledger, copy).as_ref() == Some(name))
}
