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
    // One that stands still for another reason than before, or then ends so, is told of again, in other words.
    let mut told: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for (subject, message) in &case.bystanders.notices {
        if let Ok(report) = serde_json::from_str::<Report>(message) {
            let words = format!("{} {}", subject.as_deref().unwrap_or_default(), report.reason);
            *told.entry(about(&report)).or_default().entry(words).or_default() += 1;
        }
    }
    let mut findings = Vec::new();
    let running = case.ledger.failover.as_ref().filter(|failover| failover.halted.is_some());
    let running = running.map(|failover| Report::running(case.ledger, failover, failover.started_at));
    for report in case.reports.iter().chain(&running) {
        let about = about(report);
        let times = told.get(&about).and_then(|words| words.values().max()).copied().unwrap_or(0);
        if times == 0 || (times > 1 && case.sends_once()) {
            findings.push(Finding::new("people are told, once", format!("{about}: told {times} times")));
        }
    }
    findings
}

fn about(report: &Report) -> String {
    format!("{} {:?}", report.failover_id, report.outcome)
}
