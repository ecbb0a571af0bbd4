//! When a step may be tried again, and when it is worth observing.

use jiff::{SignedDuration, Timestamp};

use super::view::View;
use crate::group::Hook;
use crate::ledger::Attempt;
use crate::step::{FailureClass, Step, StepOutcome, StepTiming, When};
use crate::time::{later, seconds};

/// A call without an answer may have happened; AWS's reads may lag by seconds. Before this has passed, it is not sent again.
const UNANSWERED_GRACE: SignedDuration = SignedDuration::from_secs(10);
/// The longest pause between two tries of a step that AWS turns away for now.
const LONGEST_BACKOFF_SECONDS: i64 = 15;
/// After so many tries in a row an operator should know.
pub(super) const MOST_TRIES: u32 = 12;
/// What was refused for good is tried again this often: an operator may have mended it.
pub(super) const REFUSED_RETRY: SignedDuration = SignedDuration::from_secs(60);

/// Whether a step may be tried now.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Gate {
    /// Yes, now.
    Go,
    /// Not before then; AWS may show its effect meanwhile.
    Wait(Timestamp),
    /// AWS has no room for it.
    Capacity(String),
    /// AWS refuses it; it is tried again, but an operator should know.
    Refused {
        /// AWS's code, or a word of ours for what never reached AWS.
        code: String,
        /// AWS's message.
        message: String,
    },
}

/// Whether a step may be tried (again) now. `resend_after` is how long an accepted step may take to show its effect.
pub(super) fn gate(attempt: Option<&Attempt>, resend_after: SignedDuration, now: Timestamp) -> Gate {
    let Some(attempt) = attempt else { return Gate::Go };
    let after = |wait: SignedDuration, otherwise: Gate| {
        // An answer from the future (another host's clock) must not hold a step back for longer than the wait itself.
        let elapsed = now.duration_since(attempt.answered_at.min(now));
        if elapsed >= wait { Gate::Go } else { otherwise }
    };
    let wait = |wait: SignedDuration| after(wait, Gate::Wait(later(attempt.answered_at, wait)));
    match &attempt.outcome {
        // It may have happened: an observation that is late enough to show it comes first.
        StepOutcome::Unanswered => wait(UNANSWERED_GRACE),
        StepOutcome::Accepted { .. } => wait(resend_after),
        StepOutcome::Failed { class, code, message } => {
            let refused = Gate::Refused { code: code.clone(), message: message.clone() };
            match class {
                FailureClass::UnknownOutcome => wait(UNANSWERED_GRACE),
                // A person has to do something; until then trying more often only fills the log.
                FailureClass::Denied | FailureClass::Invalid => after(REFUSED_RETRY, refused),
                // Another zone or instance may have room: whoever asked for the step decides.
                FailureClass::Capacity => after(REFUSED_RETRY, Gate::Capacity(format!("{code}: {message}"))),
                // What passes by itself has had its time.
                FailureClass::Retryable | FailureClass::Conflict | FailureClass::Gone
                    if attempt.failures >= MOST_TRIES =>
                {
                    after(REFUSED_RETRY, refused)
                }
                // Throttling, a state that another call just left, an id that this reader does not know yet: they pass by themselves.
                FailureClass::Retryable | FailureClass::Conflict | FailureClass::Gone => {
                    wait(backoff(attempt.failures))
                }
            }
        }
    }
}

/// Twice as long after each failure in a row.
fn backoff(failures: u32) -> SignedDuration {
    let doubled = 1_i64 << failures.saturating_sub(1).min(4);
    SignedDuration::from_secs(doubled.min(LONGEST_BACKOFF_SECONDS))
}

/// When to observe again at something that began at `since` and takes at least `least`: often at first, then in proportion,
/// so that what is lost by observing late stays a small part of what AWS takes.
pub(super) fn next_observation(since: Timestamp, least: SignedDuration, now: Timestamp) -> Timestamp {
    let elapsed = now.duration_since(since.min(now));
    let pause = SignedDuration::from_millis((elapsed.as_millis() / 12).clamp(1_500, 10_000) as i64);
    later(since, least).max(later(now, pause))
}

/// When to observe the effect of a step that began at `since`.
pub(super) fn next_observation_of(view: View<'_>, step: &Step, since: Timestamp) -> Timestamp {
    next_observation(since, timing(view, step).least_duration, view.now)
}

/// A step's tempo, where the spec and the world have a say in it.
pub(super) fn timing(view: View<'_>, step: &Step) -> StepTiming {
    match step.card().when {
        When::Always(timing) => timing,
        When::WithinGrace(timing) => {
            let grace = seconds(view.spec.fence.stop_grace_seconds.get());
            StepTiming { resend_after: timing.resend_after.min(grace + timing.least_duration), ..timing }
        }
        When::Heartbeat => {
            let third = hook_of(view, step).map_or(SHORTEST_THIRD, third_of);
            StepTiming { least_duration: third, resend_after: third }
        }
    }
}

/// A heartbeat every so often is enough for any hook: AWS's shortest is 30 s (aws-facts 4.2).
const SHORTEST_THIRD: SignedDuration = SignedDuration::from_secs(5);

fn hook_of<'a>(view: View<'a>, step: &Step) -> Option<&'a Hook> {
    match step {
        Step::ExtendHook { group, hook, .. } => view.world.groups.get(group)?.hooks.get(hook),
        _ => None,
    }
}

/// A heartbeat restarts the hook's time: given long before it is over, so that one that is lost does no harm.
fn third_of(hook: &Hook) -> SignedDuration {
    let third = SignedDuration::from_secs(i64::from(hook.heartbeat_timeout_seconds / 3));
    third.clamp(SHORTEST_THIRD, SignedDuration::from_mins(20))
}
