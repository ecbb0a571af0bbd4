//! When a step may be tried again, as values.

use jiff::SignedDuration;

use super::groups::{Story, group_name};
use super::sample::*;
use crate::decide::retry::{Gate, gate, next_observation, next_observation_of, timing};
use crate::decide::view::View;
use crate::ids::HookName;
use crate::ledger::Attempt;
use crate::spec::Spec;
use crate::step::{FailureClass, Step, StepOutcome, StopMode};

/// A step that was answered 100 s after the start, having failed so often in a row.
fn attempt(outcome: StepOutcome, failures: u32) -> Attempt {
    Attempt {
        tries: failures + 1,
        failures,
        renewed: 0,
        first_at: start(),
        last_at: after(99),
        outcome,
        answered_at: after(100),
    }
}

fn failed(class: FailureClass) -> StepOutcome {
    StepOutcome::Failed { class, code: "Code".to_owned(), message: "why".to_owned() }
}

/// Seconds after the answer until which the gate is closed, and what is said until then.
fn opens(outcome: StepOutcome, failures: u32) -> (i64, Gate) {
    let attempt = attempt(outcome, failures);
    let at = |seconds: i64| gate(Some(&attempt), SignedDuration::from_secs(33), after(100 + seconds));
    let opens = (0..1_000).find(|seconds| at(*seconds) == Gate::Go).unwrap();
    assert_eq!(at(999), Gate::Go, "it stays open");
    (opens, at(0))
}

#[test]
fn a_step_is_tried_again_when_its_answer_allows() {
    use FailureClass::{Capacity, Conflict, Denied, Gone, Invalid, Retryable, UnknownOutcome};
    let wait = |seconds| (seconds, if seconds == 0 { Gate::Go } else { Gate::Wait(after(100 + seconds)) });
    let refused = (60, Gate::Refused { code: "Code".to_owned(), message: "why".to_owned() });
    assert_eq!(gate(None, SignedDuration::from_secs(33), start()), Gate::Go);
    assert_eq!(opens(StepOutcome::Unanswered, 1), wait(10));
    assert_eq!(opens(StepOutcome::Accepted { made: Vec::new() }, 0), wait(33));
    assert_eq!(opens(failed(UnknownOutcome), 40), wait(10));
    assert_eq!(opens(failed(Capacity), 1), (60, Gate::Capacity("Code: why".to_owned())));
    for class in [Denied, Invalid] {
        assert_eq!(opens(failed(class), 1), refused);
    }
    for class in [Retryable, Conflict, Gone] {
        let pauses: Vec<_> = (0..=6).map(|failures| opens(failed(class), failures)).collect();
        assert_eq!(pauses, [1, 1, 2, 4, 8, 15, 15].map(wait));
        assert_eq!(opens(failed(class), 11), wait(15));
        assert_eq!(opens(failed(class), 12), refused, "an operator should know");
    }
}

#[test]
fn an_answer_from_the_future_holds_a_step_back_no_longer_than_its_wait() {
    let attempt = attempt(StepOutcome::Unanswered, 1);
    assert_eq!(gate(Some(&attempt), SignedDuration::ZERO, start()), Gate::Wait(after(110)));
    assert_eq!(gate(Some(&attempt), SignedDuration::ZERO, after(110)), Gate::Go);
}

#[test]
fn looks_come_often_at_first_and_then_in_proportion() {
    let pause =
        |elapsed| next_observation(start(), SignedDuration::ZERO, after(elapsed)).duration_since(after(elapsed));
    let pauses = [0, 18, 24, 60, 120, 3_600].map(|elapsed| pause(elapsed).as_millis());
    assert_eq!(pauses, [1_500, 1_500, 2_000, 5_000, 10_000, 10_000]);
    assert_eq!(
        next_observation(start(), SignedDuration::from_secs(9), after(1)),
        after(9),
        "not before it can be done"
    );
    assert_eq!(next_observation(after(50), SignedDuration::ZERO, after(1)), after(50), "nor before it begins");
}

#[test]
fn a_stop_is_sent_again_no_later_than_its_grace_ends() {
    let stop = Step::StopInstance { instance: instance_id('a'), mode: StopMode::Graceful };
    let (ledger, world) = (ledger(), world(start()));
    for (grace, resend_after) in [(0, 4), (30, 34), (116, 120), (1_800, 120)] {
        let spec = Spec::parse(&format!("{SPEC}\n[fence]\nstop_grace_seconds = {grace}\n")).unwrap();
        let view = View { spec: &spec, ledger: &ledger, world: &world, now: start() };
        let timing = timing(view, &stop);
        assert_eq!((timing.least_duration.as_secs(), timing.resend_after.as_secs()), (4, resend_after));
        assert_eq!(next_observation_of(view, &stop, start()), after(4));
    }
}

#[test]
fn a_heartbeat_is_due_after_a_third_of_its_hooks_time() {
    let hook = HookName::new("failover-launch").unwrap();
    let extend = Step::ExtendHook { group: group_name(), hook: hook.clone(), instance: instance_id('a') };
    let mut story = Story::new();
    for (timeout, third) in [(3, 5), (30, 10), (300, 100), (7_200, 1_200)] {
        story.group().hooks.get_mut(&hook).unwrap().heartbeat_timeout_seconds = timeout;
        let view = View { spec: &story.spec, ledger: &story.ledger, world: &story.world, now: start() };
        let timing = timing(view, &extend);
        assert_eq!((timing.least_duration.as_secs(), timing.resend_after.as_secs()), (third, third));
    }
}
