//! What holds in every story, however it ends.

use std::collections::{BTreeMap, BTreeSet};

use failover_core::ids::VolumeId;
use failover_simulator::time::RegionTime;

use super::case::Case;
use crate::finding::Finding;
use crate::scenario::Expect;

/// A few snapshots may wait for their retention; more than this are a leak.
const SNAPSHOTS_IN_TRANSIT: usize = 2;
/// How many snapshots of a volume its retention keeps at most.
const SNAPSHOTS_OF_A_VOLUME: usize = 8;

pub(super) fn one_writer(case: &Case<'_>) -> impl Iterator<Item = Finding> + use<> {
    case.truth.two_writers().into_iter().map(|overlap| {
        Finding::new("never two writers", format!("{} wrote at the same time", overlap.writers.join(" and ")))
    })
}

pub(super) fn nothing_lost(case: &Case<'_>) -> Option<Finding> {
    let lost = case.service.lost_seconds;
    // What the reports of finished failovers own up to; without one, nothing may be lost.
    let reported: u64 = case.reports.iter().map(|report| report.data_loss_seconds).max().unwrap_or(0);
    let allowed = match case.scenario.expect {
        Expect::DoneWithLoss { most_seconds, .. } => most_seconds.min(reported),
        _ => 0,
    };
    #[allow(clippy::cast_precision_loss)] // Seconds of a scenario are far below 2^52.
    let allowed = allowed as f64;
    (lost > allowed + f64::EPSILON).then(|| {
        Finding::new(
            "no acknowledged write is lost",
            format!("{lost:.3} s are lost; allowed and reported are {allowed} s"),
        )
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
    case.truth.deleted_only_copy().iter().map(|deletion| {
        Finding::new("the only copy is never deleted", format!("{} was the only copy", deletion.resource))
    })
}

/// The copies of one set hold all volumes up to the same moment: a database whose log is older than its data is corrupt.
pub(super) fn of_one_moment(case: &Case<'_>) -> Vec<Finding> {
    let mut sets: BTreeMap<[Option<&String>; 3], BTreeSet<RegionTime>> = BTreeMap::new();
    let snapshots = case.truth.resources().iter().filter(|it| it.kind == "snapshot");
    // Those of a set that was made twice have no name; nothing is ever restored from them.
    for snapshot in
        snapshots.filter(|it| it.tags.contains_key("failover:role") && it.tags.contains_key("failover:volume"))
    {
        let set = ["failover:id", "failover:fence", "failover:attempt"].map(|key| snapshot.tags.get(key));
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

/// Every volume of the service is current or kept for its retention; snapshots stay within their number.
pub(super) fn nothing_leaked(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let current_volumes = case.ledger.current_volumes.values().map(|current| current.volume.as_str());
    let known: BTreeSet<&str> = current_volumes.chain(case.ledger.superseded.keys().map(VolumeId::as_str)).collect();
    let volumes = case.truth.resources().iter().filter(|it| it.kind == "volume");
    for volume in volumes.filter(|it| it.tags.contains_key("failover:volume")) {
        let is_gone = matches!(volume.state, "deleting" | "deleted");
        // A failover that is under way knows of volumes that the ledger's current volumes do not name yet.
        if case.ledger.failover.is_none() && !known.contains(volume.id.as_str()) && !is_gone {
            findings.push(Finding::new("nothing is leaked", format!("{} is in nobody's books", volume.id)));
        }
    }
    let snapshots = case.truth.resources().iter().filter(|it| it.kind == "snapshot");
    let snapshots = snapshots.filter(|it| it.tags.contains_key("failover:role")).count();
    let most = case.scenario.layout.volumes().len() * SNAPSHOTS_OF_A_VOLUME + SNAPSHOTS_IN_TRANSIT;
    if snapshots > most {
        findings.push(Finding::new("nothing is leaked", format!("{snapshots} snapshots; at most {most} are kept")));
    }
    findings
}
