//! What is missing, and what was said of it.

use failover_core::spec::Spec;

use super::case::Case;
use crate::finding::Finding;
use crate::scenario::Expect;

/// Acknowledged writes are there, or their loss was allowed and reported, and not reported smaller than it is.
pub(super) fn nothing_lost(case: &Case<'_>) -> Vec<Finding> {
    let lost = case.service.lost_seconds;
    let allowed = match case.scenario.expect {
        Expect::DoneWithLoss { most_seconds, .. } => {
            most_seconds.min(case.reports.iter().map(|report| report.data_loss_seconds).max().unwrap_or(0))
        }
        Expect::Anything => reported(case).sum(),
        _ => 0,
    };
    let mut findings = Vec::new();
    #[allow(clippy::cast_precision_loss)] // Seconds of a scenario are far below 2^52.
    if lost > allowed as f64 + f64::EPSILON {
        let found = format!("{lost:.3} s are lost; allowed and reported are {allowed} s");
        findings.push(Finding::new("no acknowledged write is lost", found));
    }
    if case.scenario.expect == Expect::Anything {
        findings.extend(no_more_than_allowed(case));
    }
    findings
}

/// What each failover that promoted something owns up to.
fn reported(case: &Case<'_>) -> impl Iterator<Item = u64> {
    let ended = case.reports.iter().map(|report| report.data_loss_seconds);
    let running = case.ledger.failover.iter().filter(|failover| failover.is_promoted());
    ended.chain(running.map(|failover| failover.data_loss_seconds))
}

/// No failover gives up more than the spec or an operator allows.
fn no_more_than_allowed(case: &Case<'_>) -> Option<Finding> {
    let spec = Spec::parse(&case.scenario.layout.failover_toml(case.made)).ok()?;
    let most = spec.data.max_loss_seconds.get().max(case.bystanders.accepted_seconds);
    let worst = reported(case).max().filter(|worst| *worst > most)?;
    Some(Finding::new("no more is lost than is allowed", format!("{worst} s are reported, {most} s are allowed")))
}
