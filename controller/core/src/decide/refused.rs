//! Maintenance that AWS refuses again and again: people are told once a kind, and it stops nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::progress::Progress;
use super::view::View;
use crate::ledger::{Attempt, Change};
use crate::step::{StepKey, StepOutcome};

/// Refusals in a row after which people are told: what passes by itself has passed by then.
const TOLD_AFTER: u32 = 3;

/// Tells of kinds of maintenance that are newly refused, and takes note of those that are no longer.
pub(super) fn tell(view: View<'_>, wanted: &BTreeSet<StepKey>, progress: &mut Progress<'_>) {
    let known = &view.ledger.refused_maintenance;
    let attempts = view.ledger.maintenance.iter().filter(|(key, _)| wanted.contains(*key));
    let mut refused: BTreeMap<&str, Vec<(&StepKey, &Attempt)>> = BTreeMap::new();
    for (key, attempt) in attempts.filter(|(_, attempt)| attempt.failures >= TOLD_AFTER) {
        refused.entry(key.kind()).or_default().push((key, attempt));
    }
    for (kind, attempts) in refused.iter().filter(|(kind, _)| !known.contains_key(**kind)) {
        // While a try is on its way nothing is known of it: the next observation tells.
        if let Some(reason) = attempts.iter().find_map(|(key, attempt)| why(key, attempt, attempts.len())) {
            progress.change(Change::RefusedMaintenance((*kind).to_owned(), reason), []);
        }
    }
    for kind in known.keys().filter(|kind| !refused.contains_key(kind.as_str())) {
        progress.change(Change::MaintenanceGoesOn(kind.clone()), []);
    }
}

fn why(key: &StepKey, attempt: &Attempt, count: usize) -> Option<String> {
    let StepOutcome::Failed { code, message, .. } = &attempt.outcome else { return None };
    let others = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    Some(format!("AWS refuses maintenance: {key}{others}: {code}: {message}"))
}
