//! Sending what people should hear of: to the history, and to the topic. A crash sends it twice rather than never.

use failover_core::ids::ServiceName;
use failover_core::ledger::{Ledger, Notification};
use failover_core::report::{Outcome, Report};

use crate::{Engine, EngineError};

/// SNS takes a subject of at most 100 characters.
const LONGEST_SUBJECT: usize = 100;

impl Engine {
    /// Sends the notices that wait, oldest first; says how many were sent.
    ///
    /// The history is part of the record: without it nothing counts as sent. A topic that can't be reached is logged and
    /// passed over, because a failover must not hang on it.
    pub(crate) async fn post(&self, ledger: &Ledger) -> Result<usize, EngineError> {
        let mut sent = 0;
        for notice in &ledger.outbox {
            if let Notification::Ended(report) = notice {
                self.store.put_history(&ledger.service, &report.failover_id, &json(report)).await?;
            }
            self.publish(&ledger.service, notice).await;
            sent += 1;
        }
        Ok(sent)
    }

    async fn publish(&self, service: &ServiceName, notice: &Notification) {
        let Some(topic) = &self.topic else { return };
        let (subject, message) = message(service, notice);
        if let Err(error) = self.aws.publish(topic, &subject, &message).await {
            tracing::error!(%service, %error, "the topic could not be notified: {subject}");
        }
    }
}

fn message(service: &ServiceName, notice: &Notification) -> (String, String) {
    let (subject, body) = match notice {
        Notification::Ended(report) => (ended(report), json(report)),
        Notification::Halted(report) => (format!("{service}: failover halted, an operator is needed"), json(report)),
        Notification::Maintenance { at, reason } => (
            format!("{service}: AWS refuses maintenance"),
            serde_json::json!({ "service": service, "at": at, "reason": reason }).to_string(),
        ),
        Notification::Refused { at, reason } => (
            format!("{service} is failing, and no failover can begin"),
            serde_json::json!({ "service": service, "at": at, "reason": reason }).to_string(),
        ),
    };
    (subject.chars().take(LONGEST_SUBJECT).collect(), body)
}

fn ended(report: &Report) -> String {
    let what = if report.drill { "drill" } else { "failover" };
    match (report.outcome, &report.to) {
        (Outcome::Done, Some(to)) => {
            format!("{}: {what} to {} done, down {:.0} s", report.service, to.instance_id, report.downtime_seconds)
        }
        (Outcome::Refused, _) => format!("{}: {what} refused", report.service),
        _ => format!("{}: {what} aborted", report.service),
    }
}

fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap_or_else(|error| error.to_string())
}
