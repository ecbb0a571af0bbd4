//! What the controller makes: it has its tags and its shape, and nothing of it is forgotten.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use failover_core::ids::VolumeId;
use failover_core::spec::Spec;
use failover_core::world::tag;
use failover_simulator::truth::Resource;

use super::case::Case;
use crate::finding::Finding;
use crate::people::Deed;

/// A few snapshots of a volume may wait for their retention; more than this are a leak.
const SNAPSHOTS_IN_TRANSIT: usize = 2;
/// A modification that began later before a volume was replaced may not have been seen yet.
const MODIFICATION_SEEN_AFTER: Duration = Duration::from_mins(10);

/// Whatever the controller made names its service and its data, unless somebody took that away.
pub(super) fn has_its_tags(case: &Case<'_>) -> Vec<Finding> {
    let made = case.truth.resources().iter().filter(|it| case.bystanders.witness.made.contains(&it.id));
    let untouched = made.filter(|it| !case.bystanders.have_touched(&it.id));
    let bare = untouched.filter(|it| !it.tags.contains_key(tag::SERVICE));
    bare.map(|it| Finding::new("what is made has its tags", format!("{} has no {}", it.id, tag::SERVICE))).collect()
}

/// What people made of a volume, its successor is, too.
pub(super) fn keeps_its_shape(case: &Case<'_>) -> Vec<Finding> {
    let named = |id: &VolumeId| case.truth.resources().iter().find(|it| it.id == id.as_str());
    let mut findings = Vec::new();
    for (volume, superseded) in &case.ledger.superseded {
        let current = case.ledger.current_volumes.get(&superseded.name).and_then(|current| named(&current.volume));
        let (Some(old), Some(new)) = (named(volume), current) else { continue };
        let shape = |it: &Resource| format!("{} GiB, {} IOPS", it.size_gib, it.iops.unwrap_or(0));
        if is_modified_after(case, &old.id, superseded.since.into()) {
            continue;
        }
        if new.size_gib < old.size_gib || new.iops < old.iops {
            let found = format!("{} ({}) follows {} ({})", new.id, shape(new), old.id, shape(old));
            findings.push(Finding::new("a volume keeps its shape", found));
        }
    }
    findings
}

/// Whether somebody modified a volume so late that what replaced it then could not know.
fn is_modified_after(case: &Case<'_>, volume: &str, replaced_at: SystemTime) -> bool {
    let deeds = case.bystanders.done.iter().filter(|done| done.on == volume);
    let mut modifications = deeds.filter(|done| matches!(done.deed, Deed::Enlarge | Deed::RaiseIops));
    modifications.any(|done| done.at + MODIFICATION_SEEN_AFTER > replaced_at)
}

/// Every volume of the service is current or kept for its retention; snapshots stay within their number.
pub(super) fn nothing_leaked(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let current_volumes = case.ledger.current_volumes.values().map(|current| current.volume.as_str());
    let known: BTreeSet<&str> = current_volumes.chain(case.ledger.superseded.keys().map(VolumeId::as_str)).collect();
    let volumes = case.truth.resources().iter().filter(|it| it.kind == "volume");
    let is_ours = |it: &&Resource| it.tags.contains_key(tag::VOLUME) || case.bystanders.witness.made.contains(&it.id);
    for volume in volumes.filter(is_ours) {
        let is_gone = matches!(volume.state, "deleting" | "deleted");
        // A failover that is under way knows of volumes that the ledger's current volumes do not name yet.
        let is_theirs = case.bystanders.have_touched(&volume.id);
        if case.ledger.failover.is_none() && !known.contains(volume.id.as_str()) && !is_gone && !is_theirs {
            findings.push(Finding::new("nothing is leaked", format!("{} is in nobody's books", volume.id)));
        }
    }
    let own = case.truth.resources().iter().filter(|it| {
        // A failed one stays for a day, to be seen.
        let counts = it.kind == "snapshot" && it.state != "error" && it.tags.contains_key(tag::COPY);
        counts && !case.bystanders.have_touched(&it.id)
    });
    let (snapshots, most) = (own.count(), most_snapshots(case));
    if snapshots > most {
        findings.push(Finding::new("nothing is leaked", format!("{snapshots} snapshots; at most {most} are kept")));
    }
    findings
}

/// The newest sets and, where some are not whole, the newest copies of each volume beside them.
fn most_snapshots(case: &Case<'_>) -> usize {
    let spec = Spec::parse(&case.scenario.layout.failover_toml(case.made));
    let keep = spec.map_or(0, |spec| usize::try_from(spec.data.keep_snapshots.get()).unwrap_or(usize::MAX));
    case.scenario.layout.volumes().len() * (keep.saturating_mul(2) + SNAPSHOTS_IN_TRANSIT)
}
