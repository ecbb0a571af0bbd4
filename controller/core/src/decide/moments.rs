//! Points in time to fall back on: copies of all volumes of the service that hold the data as it was at one moment.
//!
//! A database whose log is older than its data is corrupt, so what one volume loses brings all of them back to one moment.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::lineage::{holds, own_copy};
use crate::ids::{SnapshotId, VolumeName};
use crate::ledger::Ledger;
use crate::world::{CopyRole, Snapshot, World, tag};

/// `CreateSnapshots` gives all of a set the same start time, to the second; a volume takes one snapshot in 15 s (aws-facts 2.1). So what
/// is this close together is one set, and a set that was made twice is two.
const ONE_SET: SignedDuration = SignedDuration::from_secs(2);

/// Completed copies of all volumes, of one point in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment<'a> {
    /// Up to when they hold the data.
    pub(super) at: Timestamp,
    pub(super) copies: BTreeMap<&'a VolumeName, (&'a SnapshotId, &'a Snapshot)>,
}

impl Moment<'_> {
    pub(super) fn snapshots(&self) -> BTreeMap<VolumeName, SnapshotId> {
        self.copies.iter().map(|(name, (id, _))| ((*name).clone(), (*id).clone())).collect()
    }
}

type Copy<'a> = (&'a SnapshotId, &'a Snapshot);

/// Every moment of which all volumes have a copy, newest first.
pub(super) fn moments<'a>(ledger: &'a Ledger, world: &'a World) -> Vec<Moment<'a>> {
    let mut names = ledger.current_volumes.keys();
    let Some(first) = names.next() else { return Vec::new() };
    let rest: Vec<&VolumeName> = names.collect();
    let mut all: Vec<Moment<'a>> = copies(ledger, world, first)
        .filter_map(|copy| {
            let mut copies = BTreeMap::from([(first, copy)]);
            for name in &rest {
                copies.insert(*name, partner(ledger, world, copy, name)?);
            }
            let at = copies.values().map(|(_, copy)| copy.started_at).min()?;
            Some(Moment { at, copies })
        })
        .collect();
    all.sort_by_key(|moment| std::cmp::Reverse((moment.at, moment.snapshots())));
    all
}

/// The newest moment to fall back on.
pub(super) fn newest<'a>(ledger: &'a Ledger, world: &'a World) -> Option<Moment<'a>> {
    moments(ledger, world).into_iter().next()
}

/// Up to when the data of a volume could be had from completed copies, if all volumes were lost.
pub fn recovery_point(world: &World, ledger: &Ledger, name: &VolumeName) -> Option<Timestamp> {
    newest(ledger, world)?.copies.get(name).map(|(_, copy)| copy.started_at)
}

/// When the newest copy of each volume was taken, on its own: what people can work with where there is no moment of all.
pub(super) fn newest_of_each(ledger: &Ledger, world: &World) -> BTreeMap<VolumeName, Option<Timestamp>> {
    let newest = |name| copies(ledger, world, name).map(|(_, copy)| copy.started_at).max();
    ledger.current_volumes.keys().map(|name| (name.clone(), newest(name))).collect()
}

fn copies<'a>(ledger: &'a Ledger, world: &'a World, name: &'a VolumeName) -> impl Iterator<Item = Copy<'a>> {
    world.snapshots.iter_known().filter(move |(_, copy)| holds(ledger, name, copy))
}

/// The copy of another volume that is of the same moment.
fn partner<'a>(ledger: &'a Ledger, world: &'a World, of: Copy<'a>, name: &'a VolumeName) -> Option<Copy<'a>> {
    let apart = |copy: &Snapshot| copy.started_at.duration_since(of.1.started_at).abs();
    let same = copies(ledger, world, name).filter(|(_, copy)| is_one_moment(ledger, of.1, copy));
    same.min_by_key(|(id, copy)| (apart(copy), *id))
}

/// Whether two copies, of different volumes, are of one moment. Only of the controller's own it is known.
fn is_one_moment(ledger: &Ledger, one: &Snapshot, other: &Snapshot) -> bool {
    let same = |key| one.tags.contains_key(key) && one.tags.get(key) == other.tags.get(key);
    let ours = |copy| own_copy(ledger, copy).is_some();
    if !same(tag::ID) || !ours(one) || !ours(other) {
        return false;
    }
    // Nothing was written between them: both were taken under the same fence.
    let fenced = |copy: &Snapshot| CopyRole::of(&copy.tags) == Some(CopyRole::Failover);
    let frozen = fenced(one) && fenced(other) && same(tag::FENCE);
    let apart = one.started_at.duration_since(other.started_at).abs();
    frozen || (same(tag::TOGETHER) && apart <= ONE_SET)
}
