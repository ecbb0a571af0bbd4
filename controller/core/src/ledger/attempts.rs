//! What was tried, and what AWS said to it.

use jiff::Timestamp;

use super::failover::{Attempt, StepRecord};
use super::record::Ledger;
use crate::step::{Step, StepKey, StepOutcome};

/// How many steps a report holds at most: a failover that tries for hours must not outgrow its record (DynamoDB: 400 KB).
const MOST_STEPS: usize = 100;

impl Ledger {
    /// Written before a step is sent: whoever comes after a crash knows that it may have happened.
    pub(super) fn intend(&mut self, steps: &[Step], now: Timestamp) {
        for step in steps {
            let attempts = match &mut self.failover {
                Some(failover) => {
                    record(&mut failover.steps, step, now);
                    &mut failover.attempts
                }
                // What no failover does is maintenance.
                None => &mut self.maintenance,
            };
            let attempt = attempts.entry(step.key()).or_insert_with(|| Attempt {
                tries: 0,
                failures: 0,
                renewed: 0,
                first_at: now,
                last_at: now,
                outcome: StepOutcome::Unanswered,
                answered_at: now,
            });
            attempt.renewed = attempt.renewals();
            attempt.tries += 1;
            // Counted as failed until AWS accepts it: a call without an answer is one that may have failed.
            attempt.failures += 1;
            attempt.last_at = now;
            attempt.answered_at = now;
            attempt.outcome = StepOutcome::Unanswered;
        }
    }

    /// What AWS said; only an observation shows whether it is done.
    pub(super) fn resolve(&mut self, outcomes: &[(StepKey, StepOutcome, u32)], now: Timestamp) {
        for (key, outcome, api_calls) in outcomes {
            let attempts = match &mut self.failover {
                Some(failover) => {
                    if let Some(record) = failover.steps.iter_mut().rev().find(|record| record.key == *key) {
                        record.api_calls += api_calls;
                    }
                    &mut failover.attempts
                }
                None => &mut self.maintenance,
            };
            if let Some(attempt) = attempts.get_mut(key) {
                if matches!(outcome, StepOutcome::Accepted { .. }) {
                    attempt.failures = 0;
                }
                attempt.outcome = outcome.clone();
                attempt.answered_at = now;
            }
        }
    }
}

/// Adds a try to the report's list of steps.
fn record(steps: &mut Vec<StepRecord>, step: &Step, now: Timestamp) {
    let (key, card) = (step.key(), step.card());
    // One that was seen done and is tried again, after the fence was opened anew say, is a line of its own.
    if let Some(known) = steps.iter_mut().rev().find(|known| known.key == key && known.finished_at.is_none()) {
        known.attempts += 1;
    } else if steps.len() < MOST_STEPS {
        steps.push(StepRecord {
            key,
            step: card.kind.to_owned(),
            resource: card.resource,
            started_at: now,
            finished_at: None,
            attempts: 1,
            api_calls: 0,
        });
    }
}
