//! What is judged.

use failover_core::ledger::Ledger;
use failover_core::report::Report;
use failover_simulator::Truth;

use crate::bystanders::Bystanders;
use crate::embedded::truth::ServiceTruth;
use crate::layout::Made;
use crate::scenario::Scenario;

/// A scenario that was played, what the controller has written down, and what was really so.
pub(super) struct Case<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) made: &'a Made,
    pub(super) ledger: &'a Ledger,
    pub(super) reports: &'a [Report],
    pub(super) truth: &'a Truth,
    pub(super) service: ServiceTruth,
    pub(super) outcome: &'static str,
    pub(super) bystanders: &'a Bystanders,
}

impl Case<'_> {
    /// Why it stands still, if it does.
    pub(super) fn standing_reason(&self) -> Option<&str> {
        let halted = self.ledger.failover.as_ref().and_then(|failover| failover.halted.as_ref());
        let refused = self.ledger.refused.as_ref().map(|refused| refused.reason.as_str());
        halted.map(|halted| halted.reason.as_str()).or(refused)
    }

    /// Whether a failover stands still or is under way: the active instance need not serve then.
    pub(super) fn is_unfinished(&self) -> bool {
        self.stands_still() || self.outcome == "running"
    }

    /// Whether nothing keeps a controller from noting what it has sent.
    pub(super) fn sends_once(&self) -> bool {
        self.bystanders.is_undisturbed
    }

    /// Whether it waits for people.
    pub(super) fn stands_still(&self) -> bool {
        matches!(self.outcome, "halted" | "refused")
    }
}
