//! What an invocation says about itself: the function's response, and the same in its log.

use std::collections::BTreeMap;

use failover_core::ids::ServiceName;
use failover_core::report::Report;
use failover_engine::{Ended, EngineError, Run, in_one_line};
use serde::Serialize;

/// What came of an invocation.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LambdaResult {
    /// Why it ran, in words.
    pub what: String,
    /// What came of it, by service. Of a tick over everything: only those that something was done for, or that are broken.
    pub services: BTreeMap<String, ServiceResult>,
    /// How many services a tick over everything saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services_observed: Option<usize>,
    /// Why there was nothing to drive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nothing: Option<String>,
}

/// What came of one service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceResult {
    /// How it ended.
    pub ended: EndedAs,
    /// Why; what is waited for; what is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Failovers that ended, then the one that goes on or stands still.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
}

/// How the drive of a service ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedAs {
    /// Nothing is to be done.
    Settled,
    /// Another invocation works on it, and observes again.
    Busy,
    /// It fails, and no failover may begin.
    Refused,
    /// A failover needs an operator.
    Halted,
    /// It goes on with the next event or tick.
    OutOfTime,
    /// Something carries its tag, but no `failover.toml` was applied for it (yet): it is not under control.
    NotAdopted,
    /// It could not be driven.
    Failed,
}

impl ServiceResult {
    /// What the engine said.
    pub fn of(run: Run) -> Self {
        let mut reports = run.reports;
        let (ended, reasons, running) = match run.ended {
            Ended::Settled { reasons } => (EndedAs::Settled, reasons, None),
            Ended::Busy { holder } => (EndedAs::Busy, vec![format!("{holder} works on it")], None),
            Ended::Refused { reason } => (EndedAs::Refused, vec![reason], None),
            Ended::Halted { report } => (EndedAs::Halted, vec![report.reason.clone()], Some(report)),
            Ended::OutOfTime { report, waiting_for } => (EndedAs::OutOfTime, waiting_for, report),
        };
        reports.extend(running.map(|report| *report));
        Self { ended, reasons, reports }
    }

    /// A service that could not be driven.
    pub fn failed(why: impl Into<String>) -> Self {
        Self { ended: EndedAs::Failed, reasons: vec![why.into()], reports: Vec::new() }
    }

    /// Whether it could not be driven.
    pub fn is_broken(&self) -> bool {
        self.ended == EndedAs::Failed
    }
}

impl LambdaResult {
    /// There was nothing to do.
    pub(crate) fn nothing(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { what: what.into(), nothing: Some(reason.into()), ..Self::default() }
    }

    /// Takes in what came of a service.
    pub(crate) fn add(&mut self, service: &ServiceName, run: Result<Run, EngineError>) {
        let result = match run {
            Ok(run) => ServiceResult::of(run),
            // Tags come first when a service is set up. One that was under control and has lost its spec is found by the tick.
            Err(error @ (EngineError::NoSpec { .. } | EngineError::NoLedger { .. })) => {
                tracing::warn!(%service, "{error}");
                ServiceResult { ended: EndedAs::NotAdopted, reasons: vec![error.to_string()], reports: Vec::new() }
            }
            Err(error) => ServiceResult::failed(in_one_line(&error)),
        };
        self.services.insert(service.to_string(), result);
    }

    /// Every report, of all services.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.services.values().flat_map(|service| &service.reports)
    }

    /// Services that could not be driven, and why.
    pub fn broken(&self) -> impl Iterator<Item = (&str, String)> {
        let broken = self.services.iter().filter(|(_, service)| service.is_broken());
        broken.map(|(name, service)| (name.as_str(), service.reasons.join("; ")))
    }
}
