//! What holds in every story, however it ends.

use std::collections::{BTreeMap, BTreeSet};

use failover_core::ledger::Cause;
use failover_core::world::tag;
use failover_simulator::time::RegionTime;

use super::case::Case;
use crate::finding::Finding;
use crate::people::Deed;

/// An instance that somebody starts with its old volume writes to that until the controller has stopped it again: that is not its doing.
pub(super) fn one_writer(case: &Case<'_>) -> impl Iterator<Item = Finding> {
    // A volume that somebody restored for himself is not the service's.
    let overlaps = case.truth.two_writers().into_iter();
    let overlaps = overlaps.filter(|overlap| !overlap.volumes.iter().any(|it| case.bystanders.theirs.contains(it)));
    let by_itself = overlaps.filter(|overlap| !overlap.writers.iter().any(|it| case.bystanders.have(Deed::Start, it)));
    by_itself.map(|overlap| {
        Finding::new("never two writers", format!("{} wrote at the same time", overlap.writers.join(" and ")))
    })
}

/// The instance that the ledger names is the one that clients reach.
pub(super) fn serves(case: &Case<'_>) -> Option<Finding> {
    let serving = case.service.serving.as_deref();
    (!case.is_unfinished() && serving != Some(case.ledger.active.as_str())).then(|| {
        let found = format!("clients reach {}, the ledger names {}", serving.unwrap_or("nobody"), case.ledger.active);
        Finding::new("the active instance serves", found)
    })
}

pub(super) fn only_copy_kept(case: &Case<'_>) -> impl Iterator<Item = Finding> {
    let deletions = case.truth.deleted_only_copy().iter();
    let own = deletions.filter(|deletion| !case.bystanders.deleted(&deletion.resource));
    own.map(|deletion| {
        Finding::new("the only copy is never deleted", format!("{} was the only copy", deletion.resource))
    })
}

/// The copies of one set hold all volumes up to the same moment: a database whose log is older than its data is corrupt.
pub(super) fn of_one_moment(case: &Case<'_>) -> Vec<Finding> {
    let mut sets: BTreeMap<[Option<&String>; 3], BTreeSet<RegionTime>> = BTreeMap::new();
    let snapshots = case.truth.resources().iter().filter(|it| it.kind == "snapshot");
    // Those of a set that was made twice have no name; nothing is ever restored from them.
    for snapshot in snapshots.filter(|it| it.tags.contains_key(tag::COPY) && it.tags.contains_key(tag::VOLUME)) {
        if case.bystanders.theirs.contains(&snapshot.id) {
            continue;
        }
        let set = [tag::ID, tag::FENCE, tag::ATTEMPT].map(|key| snapshot.tags.get(key));
        let last = case.truth.content(&snapshot.id).iter().map(|segment| segment.interval.to).max();
        sets.entry(set).or_default().extend(last);
    }
    let torn = sets.into_iter().filter(|(_, moments)| moments.len() > 1);
    torn.map(|([id, ..], moments)| {
        let id = id.map_or("no id", String::as_str);
        Finding::new("all volumes are of one moment", format!("the copies of {id} end at {} moments", moments.len()))
    })
    .collect()
}

/// Where nothing goes wrong and nobody asks for it, there is no failover, and no reason to be told why there is none.
pub(super) fn nothing_for_nothing(case: &Case<'_>) -> Option<Finding> {
    if !case.bystanders.do_no_harm {
        return None;
    }
    let unasked = case.reports.iter().find(|report| !report.cause.starts_with("requested by"));
    let running = case.ledger.failover.as_ref().filter(|failover| !matches!(failover.cause, Cause::Operator(_)));
    let found = unasked
        .map(|report| report.cause.clone())
        .or_else(|| running.map(|failover| failover.cause.to_string()))
        .or_else(|| case.ledger.refused.as_ref().map(|refused| refused.reason.clone()))?;
    Some(Finding::new("nothing fails over for nothing", found))
}

/// Who changes something has the lease.
pub(super) fn nothing_without_the_lease(case: &Case<'_>) -> impl Iterator<Item = Finding> {
    let calls = case.bystanders.witness.without_lease.iter();
    calls.map(|call| Finding::new("nothing is changed without the lease", call.clone()))
}

/// Each version of the ledger is written once: two that build on the same one would not know of each other.
pub(super) fn no_version_is_lost(case: &Case<'_>) -> impl Iterator<Item = Finding> {
    let lost = case.bystanders.witness.lost_versions();
    lost.map(|version| Finding::new("no version of the ledger is lost", format!("version {version} was written twice")))
}

/// The current volumes hold the same moments: what is on one is on all.
pub(super) fn serves_one_moment(case: &Case<'_>) -> Option<Finding> {
    let volumes = case.ledger.current_volumes.values().map(|current| current.volume.as_str());
    let contents = volumes.map(|volume| {
        let moments: BTreeSet<_> = case.truth.content(volume).iter().map(|segment| segment.interval).collect();
        (moments, volume)
    });
    let kinds: BTreeMap<_, _> = contents.collect();
    (kinds.len() > 1).then(|| {
        let volumes: Vec<&str> = kinds.into_values().collect();
        let found = format!("the current volumes hold different moments: {}", volumes.join(", "));
        Finding::new("all volumes are of one moment", found)
    })
}

/// Nothing is changed that the controller did not make and was not told to use. A backup of theirs may be restored: it is good data.
pub(super) fn others_are_left_alone(case: &Case<'_>) -> Vec<Finding> {
    let all = case.bystanders;
    let changed = all.witness.changed.iter().filter(|changed| changed.action != "CreateVolume");
    let theirs = changed.filter(|changed| changed.ids.iter().any(|id| all.theirs.contains(id)));
    let found = theirs.map(|changed| format!("{} {}", changed.action, changed.ids.join(" ")));
    found.map(|found| Finding::new("nobody else's things are touched", found)).collect()
}
