//! What people are told.

use std::collections::BTreeMap;

use failover_core::report::Report;

use super::case::Case;
use crate::finding::Finding;

/// What was asked for as a drill is reported as one.
pub(super) fn drills_are_called_so(case: &Case<'_>) -> Vec<Finding> {
    let asked = case.reports.iter().filter(|report| report.cause.starts_with("requested by"));
    let hidden = asked.filter(|report| case.bystanders.asks_for_drills_only && !report.drill);
    let found = hidden.map(|report| format!("{} is reported as none", report.failover_id));
    found.map(|found| Finding::new("drills are called so", found)).collect()
}

/// People hear of each failover that ended, once, and of each that stands still.
///
/// A controller that dies between sending and noting it sends again, and so does one whose answer was lost: twice is better than never.
pub(super) fn are_sent(case: &Case<'_>) -> Vec<Finding> {
    let mut told: BTreeMap<(String, String), BTreeMap<&str, usize>> = BTreeMap::new();
    for (subject, message) in &case.bystanders.notices {
        if let Ok(report) = serde_json::from_str::<Report>(message) {
            let about = told.entry((report.failover_id.to_string(), format!("{:?}", report.outcome))).or_default();
            // One that stood still and then ended so is told of twice, in other words.
            *about.entry(subject.as_deref().unwrap_or_default()).or_default() += 1;
        }
    }
    let mut findings = Vec::new();
    for report in case.reports {
        let about = (report.failover_id.to_string(), format!("{:?}", report.outcome));
        let times = told.get(&about).and_then(|subjects| subjects.values().max()).copied().unwrap_or(0);
        if times == 0 || (times > 1 && case.sends_once()) {
            let found = format!("{} {}: told {times} times", about.0, about.1);
            findings.push(Finding::new("people are told, once", found));
        }
    }
    let halted = case.ledger.failover.as_ref().filter(|failover| failover.halted.is_some());
    let untold = halted.filter(|failover| !told.contains_key(&(failover.id.to_string(), "Halted".to_owned())));
    findings.extend(untold.map(|failover| {
        Finding::new("people are told, once", format!("{} stands still, and nobody was told", failover.id))
    }));
    findings
}
