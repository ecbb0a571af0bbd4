//! Reports out of the ledger: of what runs, and of what never began.

use jiff::Timestamp;

use super::failover::Failover;
use super::record::Ledger;
use super::report::{Outcome, Report};
use super::request::Request;
use crate::ids::FailoverId;

impl Report {
    /// The report of a failover that runs.
    pub fn running(ledger: &Ledger, failover: &Failover, now: Timestamp) -> Self {
        let (outcome, reason) = match &failover.halted {
            Some(halted) => (Outcome::Halted, halted.reason.clone()),
            None => (Outcome::InProgress, "it continues".to_owned()),
        };
        Self::of(&ledger.service, ledger.epoch, failover, outcome, &reason, None, now)
    }

    /// The report of a request that was not granted.
    pub fn refused(ledger: &Ledger, request: &Request, reason: &str, now: Timestamp) -> Self {
        Self {
            service: ledger.service.clone(),
            failover_id: FailoverId::of(ledger.epoch + 1, request.at),
            epoch: ledger.epoch,
            cause: format!("requested by {}", request.by),
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
