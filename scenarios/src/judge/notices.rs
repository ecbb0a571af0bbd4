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
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (subject, message) in &case.bystanders.notices {
        if let Ok(report) = serde_json::from_str::<Report>(message) {
            let words = format!("{} {}", subject.as_deref().unwrap_or_default(), report.reason);
            told.entry(about(&report)).or_default().push(words);
        }
    }
    let mut findings = Vec::new();
    let running = case.ledger.failover.as_ref().filter(|failover| failover.halted.is_some());
    let running = running.map(|failover| Report::running(case.ledger, failover, failover.started_at));
    for report in case.reports.iter().chain(&running) {
        let about = about(report);
        let words = told.get(&about).map_or(&[][..], Vec::as_slice);
        // One that stands still for another reason than before, or then ends so, is news.
        let is_repeated = words.windows(2).any(|two| two[0] == two[1]);
        if words.is_empty() || (is_repeated && case.sends_once()) {
            findings.push(Finding::new("people are told, once", format!("{about}: told {words:?}")));
        }
    }
    findings
}

fn about(report: &Report) -> String {
    format!("{} {:?}", report.failover_id, report.outcome)
}
