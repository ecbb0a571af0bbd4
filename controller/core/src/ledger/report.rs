//! The report of a failover: the same from every host.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::failover::{Failover, FenceState, Target};
use crate::ids::{FailoverId, ServiceName};

/// How a failover stands, or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The target serves, proven.
    Done,
    /// Nothing was taken down.
    Refused,
    /// It can't go on without an operator.
    Halted,
    /// It goes on, with or without whoever reads this.
    InProgress,
}

/// What was done, and what it cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The service, by its name.
    pub service: ServiceName,
    /// The failover, by its id; for a request that was not granted, the one that it would have had.
    pub failover_id: FailoverId,
    /// The service's epoch when the report was made.
    pub epoch: u64,
    /// Why it began, in words.
    pub cause: String,
    /// Whether it was a drill.
    pub drill: bool,
    /// How it stands, or ended.
    pub outcome: Outcome,
    /// Why it stands so, and what an operator can do.
    pub reason: String,
    /// The active instance when it began.
    pub from: Target,
    /// The target; none when a request was refused before one was chosen.
    pub to: Option<Target>,
    /// When it began, or was asked for.
    pub started_at: Timestamp,
    /// When it ended; none while it goes on.
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
    /// The step's kind.
    pub step: String,
    /// What it was done to.
    pub resource: String,
    /// When it began, or was asked for.
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
}

/// Something that people should hear of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notification {
    /// A failover ended or was refused: to the history, and to the topic.
    Ended(Box<Report>),
    /// A failover can't go on without an operator.
    Halted(Box<Report>),
    /// AWS refuses some maintenance again and again: copies, retention, or the stop of an old side.
    Maintenance {
        /// When it was first so.
        at: Timestamp,
        /// What is refused, and what AWS says.
        reason: String,
    },
    /// The active instance fails, and no failover may begin.
    Refused {
        /// When it was first so.
        at: Timestamp,
        /// The refusal, in words.
        reason: String,
    },
}

fn downtime_seconds(failover: &Failover, until: Timestamp) -> f64 {
    let began = match (&failover.fence, failover.down_since) {
        // A planned failover that was aborted before its fence took nothing down.
        (FenceState::Open { since: None }, _) if failover.planned => None,
        (_, since) => since,
    };
    began.map_or(0.0, |since| until.duration_since(since).as_secs_f64().max(0.0))
}
