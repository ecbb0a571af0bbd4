//! The report of a failover: the same from every host.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{FailoverId, ServiceName};
use crate::ledger::{Failover, FenceState, Ledger, Request, Target};

/// How a failover stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The target serves, proven.
    Done,
    /// Nothing was changed.
    Refused,
    /// It can't go on without an operator.
    Halted,
    /// It goes on.
    InProgress,
}

/// What was done, and what it cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Of which service.
    pub service: ServiceName,
    /// Which failover.
    pub failover_id: FailoverId,
    /// The service's epoch when the report was made.
    pub epoch: u64,
    /// Why it began.
    pub cause: String,
    /// Whether it was a drill.
    pub drill: bool,
    /// How it stands.
    pub outcome: Outcome,
    /// Why it stands so.
    pub reason: String,
    /// The old active.
    pub from: Target,
    /// The target; none when a wish was refused before one was chosen.
    pub to: Option<Target>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// From the first sign of the failure (or the beginning of a planned fence) until the target was proven to serve; until now while it is not.
    pub downtime_seconds: f64,
    /// How much of the newest data is missing, at most.
    pub data_loss_seconds: u64,
    /// What was done, in order.
    pub steps: Vec<ReportStep>,
    /// What an operator should know.
    pub warnings: Vec<String>,
}

/// A step of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportStep {
    /// What.
    pub step: String,
    /// On what.
    pub resource: String,
    /// When it was first tried.
    pub started_at: Timestamp,
    /// When an observation showed it done.
    pub finished_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u32,
    /// Calls of AWS that trying it took.
    pub api_calls: u32,
}

impl Report {
    /// The report of a failover.
    pub fn of(
        service: &ServiceName,
        epoch: u64,
        failover: &Failover,
        outcome: Outcome,
        reason: &str,
        finished_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let steps = failover.steps.iter().map(|record| ReportStep {
            step: record.step.clone(),
            resource: record.resource.clone(),
            started_at: record.started_at,
            finished_at: record.finished_at,
            attempts: record.attempts,
            api_calls: record.api_calls,
        });
        Self {
            service: service.clone(),
            failover_id: failover.id.clone(),
            epoch,
            cause: failover.cause.to_string(),
            drill: failover.drill,
            outcome,
            reason: reason.to_owned(),
            from: failover.from.clone(),
            to: failover.to.clone(),
            started_at: failover.started_at,
            finished_at,
            downtime_seconds: downtime_seconds(failover, finished_at.unwrap_or(now)),
            data_loss_seconds: failover.data_loss_seconds,
            steps: steps.collect(),
            warnings: failover.warnings.iter().cloned().collect(),
        }
    }

    /// The report of a failover that runs.
    pub fn running(ledger: &Ledger, failover: &Failover, now: Timestamp) -> Self {
        let (outcome, reason) = match &failover.halted {
            Some(halted) => (Outcome::Halted, halted.reason.clone()),
            None => (Outcome::InProgress, "it goes on".to_owned()),
        };
        Self::of(&ledger.service, ledger.epoch, failover, outcome, &reason, None, now)
    }

    /// The report of a wish that was not granted.
    pub fn refused(ledger: &Ledger, request: &Request, reason: &str, now: Timestamp) -> Self {
        Self {
            service: ledger.service.clone(),
            failover_id: FailoverId::of(ledger.epoch + 1, request.at),
            epoch: ledger.epoch,
            cause: format!("asked for by {}", request.by),
            drill: request.drill,
            outcome: Outcome::Refused,
            reason: reason.to_owned(),
            from: ledger.active_target(),
            to: None,
            started_at: request.at,
            finished_at: Some(now),
            downtime_seconds: 0.0,
            data_loss_seconds: 0,
            steps: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

fn downtime_seconds(failover: &Failover, until: Timestamp) -> f64 {
    let began = match (&failover.fence, failover.down_since) {
        // A planned failover that was given up before its fence took nothing down.
        (FenceState::Open { since: None }, _) if failover.planned => None,
        (_, since) => since,
    };
    began.map_or(0.0, |since| until.duration_since(since).as_secs_f64().max(0.0))
}
