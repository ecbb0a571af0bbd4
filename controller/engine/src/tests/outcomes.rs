//! What AWS answered is written down, whatever comes between.

use std::time::Duration;

use std::sync::{Arc, Mutex};

use failover_core::ledger::Ledger;
use failover_core::step::StepOutcome;

use crate::testing::{At, Bench, Call, service, spec_text};
use crate::{Deadline, ProgressEvent, ProgressKind, Watcher};

/// The ledger that a write carries.
fn written(call: &Call) -> Option<Ledger> {
    let body: serde_json::Value = serde_json::from_str(&call.body).ok()?;
    serde_json::from_str(body["ExpressionAttributeValues"][":body"]["S"].as_str()?).ok()
}

fn unanswered(ledger: &Ledger) -> usize {
    let attempts = ledger.failover.iter().flat_map(|failover| failover.attempts.values());
    attempts.filter(|attempt| attempt.outcome == StepOutcome::Unanswered).count()
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_lost_over_an_edit() {
    let bench = Bench::new().await;
    // The first write that carries an answer is refused, since somebody edited the record before.
    let editor = bench.clone();
    bench.at_first(
        |call| {
            call.is_write()
                && call.by == "one"
                && written(call).is_some_and(|ledger| {
                    ledger.failover.is_some_and(|failover| !failover.attempts.is_empty())
                        && unanswered(&written(call).unwrap()) == 0
                })
        },
        move || At::before(async move { editor.rewrite(|_| {}).await }),
    );
    let run = bench.fail_over(&bench.engine("one")).await;
    assert!(run.is_settled(), "{run:?}");
    // The write after the refused one carries the answers, too.
    let writes: Vec<Ledger> =
        bench.calls().iter().filter(|call| call.by == "one" && call.is_write()).filter_map(written).collect();
    let refused = writes.iter().position(|ledger| {
        ledger.failover.as_ref().is_some_and(|failover| !failover.attempts.is_empty()) && unanswered(ledger) == 0
    });
    let refused = refused.expect("no answer was ever written");
    let answered = |ledger: &Ledger| {
        let attempts = ledger.failover.iter().flat_map(|failover| failover.attempts.iter());
        let answered = attempts.filter(|(_, attempt)| attempt.outcome != StepOutcome::Unanswered);
        answered.map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    for key in answered(&writes[refused]) {
        assert!(answered(&writes[refused + 1]).contains(&key), "the answer to {key:?} was lost");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_last_is_saved_before_the_lease_is_given_back() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    engine.request(&service(), bench.request()).await.unwrap();
    // It has to end while its last answers ride on no write yet: at every end that it may have, the record lacks none.
    for seconds in 20..60 {
        let before = bench.calls().len();
        let run = engine.run(&service(), Deadline::within(Duration::from_secs(seconds))).await.unwrap();
        let ledger = bench.stored().await.ledger;
        assert_eq!(unanswered(&ledger), 0, "after {seconds} s: {:?}", &bench.calls()[before..]);
        if !run.reports.is_empty() {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_what_is_done_beside_a_service_that_is_well_is_kept() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    engine.apply(&format!("{}\n[data]\nsnapshot_every_seconds = 60\n", spec_text())).await.unwrap();
    let refused = failover_simulator::faults::CallFault::Fail {
        action: "CreateSnapshot".to_owned(),
        code: "UnauthorizedOperation".to_owned(),
        status: 403,
        count: 1,
        after_effect: false,
    };
    bench.region.inject(failover_simulator::Fault::Calls(refused)).unwrap();
    let run = engine.run(&service(), Deadline::none()).await.unwrap();
    assert!(run.is_settled(), "{run:?}");
    assert_eq!(bench.count(|call| call.action == "CreateSnapshot"), 1);
    let ledger = bench.stored().await.ledger;
    let attempts: Vec<_> = ledger.maintenance.values().collect();
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    let outcome = &attempts[0].outcome;
    assert!(matches!(outcome, StepOutcome::Failed { code, .. } if code == "UnauthorizedOperation"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn who_watches_sees_what_is_tried_answered_and_waited_for() {
    #[derive(Default)]
    struct Seen(Mutex<Vec<ProgressEvent>>);
    impl Watcher for Seen {
        fn see(&self, event: &ProgressEvent) {
            self.0.lock().unwrap().push(event.clone());
        }
    }
    let bench = Bench::new().await;
    let seen = Arc::new(Seen::default());
    let watcher: Arc<dyn Watcher> = Arc::clone(&seen) as _;
    let fault = failover_simulator::faults::CallFault::Fail {
        action: "CreateSnapshots".to_owned(),
        code: "RequestLimitExceeded".to_owned(),
        status: 503,
        count: 1,
        after_effect: false,
    };
    bench.region.inject(failover_simulator::Fault::Calls(fault.clone())).unwrap();
    let failover_simulator::faults::CallFault::Fail { code, status, count, after_effect, .. } = fault else { panic!() };
    let single = failover_simulator::faults::CallFault::Fail {
        action: "CreateSnapshot".to_owned(),
        code,
        status,
        count,
        after_effect,
    };
    bench.region.inject(failover_simulator::Fault::Calls(single)).unwrap();
    let run = bench.fail_over(&bench.engine("one").watched_by(watcher)).await;
    assert!(run.is_settled(), "{run:?}");
    let events = seen.0.lock().unwrap();
    let count = |kind: fn(&ProgressKind) -> bool| events.iter().filter(|event| kind(&event.kind)).count();
    let tried = count(|kind| matches!(kind, ProgressKind::Trying(_)));
    let accepted = count(|kind| matches!(kind, ProgressKind::Accepted(_)));
    assert_eq!(count(|kind| matches!(kind, ProgressKind::Failed(_))), 1, "{events:#?}");
    assert_eq!(tried, accepted + 1);
    assert!(count(|kind| matches!(kind, ProgressKind::Waiting(_))) > 0);
    assert!(count(|kind| matches!(kind, ProgressKind::Recorded)) > 0);
    let failed = events.iter().find(|event| matches!(event.kind, ProgressKind::Failed(_))).unwrap();
    assert!(failed.text.contains("RequestLimitExceeded"), "{}", failed.text);
}
