//! Judges a played scenario by the region's ground truth: what the controller says of itself is compared, not believed.

mod case;
mod expected;
mod group;
mod loss;
mod made;
mod notices;
mod rules;

use failover_core::ledger::Ledger;
use failover_core::report::Report;
use failover_simulator::Truth;

use self::case::Case;
use crate::bystanders::Bystanders;
use crate::embedded::truth::ServiceTruth;
use crate::finding::Finding;
use crate::layout::{Layout, Made};
use crate::scenario::Scenario;

/// What the judge says.
pub(crate) struct Judgement {
    pub(crate) outcome: &'static str,
    pub(crate) findings: Vec<Finding>,
    pub(crate) running: Option<Report>,
    pub(crate) client_downtime_seconds: f64,
    pub(crate) lost_seconds: f64,
}

pub(crate) fn judge(
    scenario: &Scenario,
    made: &Made,
    ledger: Option<&Ledger>,
    reports: &[Report],
    truth: &Truth,
    bystanders: &Bystanders,
) -> Judgement {
    let Some(ledger) = ledger else {
        return Judgement {
            outcome: "broken",
            findings: vec![Finding::new("ledger", "the ledger can't be read")],
            running: None,
            client_downtime_seconds: 0.0,
            lost_seconds: 0.0,
        };
    };
    let case = Case {
        scenario,
        made,
        ledger,
        reports,
        truth,
        service: ServiceTruth::of(truth, ledger),
        outcome: outcome(ledger),
        bystanders,
    };
    let mut findings = Vec::new();
    findings.extend(expected::ends_as_expected(&case));
    findings.extend(rules::one_writer(&case));
    findings.extend(loss::nothing_lost(&case));
    findings.extend(rules::serves(&case));
    findings.extend(rules::of_one_moment(&case));
    findings.extend(rules::serves_one_moment(&case));
    findings.extend(rules::others_are_left_alone(&case));
    findings.extend(rules::nothing_for_nothing(&case));
    findings.extend(rules::nothing_without_the_lease(&case));
    findings.extend(rules::no_version_is_lost(&case));
    findings.extend(notices::are_sent(&case));
    findings.extend(notices::drills_are_called_so(&case));
    findings.extend(made::has_its_tags(&case));
    findings.extend(made::keeps_its_shape(&case));
    findings.extend(made::nothing_leaked(&case));
    if matches!(scenario.layout, Layout::Group(_)) {
        findings.extend(group::hooks_are_ended(&case));
        findings.extend(group::is_in_service(&case));
    }
    findings.extend(rules::only_copy_kept(&case));
    Judgement {
        outcome: case.outcome,
        findings,
        running: ledger.failover.as_ref().map(|failover| Report::running(ledger, failover, failover.started_at)),
        client_downtime_seconds: case.service.downtime_seconds.unwrap_or(0.0),
        lost_seconds: case.service.lost_seconds,
    }
}

fn outcome(ledger: &Ledger) -> &'static str {
    match (&ledger.failover, &ledger.refused, ledger.epoch) {
        (Some(failover), _, _) if failover.halted.is_some() => "halted",
        (Some(_), _, _) => "running",
        (None, Some(_), _) => "refused",
        (None, None, 1) => "untouched",
        (None, None, _) => "done",
    }
}
