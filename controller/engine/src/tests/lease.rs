//! Every effect stands in the ledger before it is tried, under a lease that outlives it.

use std::time::Duration;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use failover_core::agent::{AgentReport, AgentState};
use failover_core::step::StepOutcome;
use jiff::SignedDuration;

use crate::testing::{ALARM, Ahead, At, Bench, Call, HEAD, SERVICE, instance, pause, service};
use crate::{Deadline, Ended};

/// The longest that one effect takes.
const LONGEST_EFFECT: SignedDuration = SignedDuration::from_secs(10);

/// Before every effect the records are read: it stands there, and the lease of whoever tries it holds for as long as it may take.
fn every_effect_is_covered(bench: &Bench) -> Arc<AtomicUsize> {
    let seen = Arc::new(AtomicUsize::new(0));
    let (count, there) = (Arc::clone(&seen), bench.clone());
    bench.at(move |call| {
        if !call.is_effect() {
            return At::Nothing;
        }
        count.fetch_add(1, Ordering::Relaxed);
        let (there, call) = (there.clone(), call.clone());
        At::before(async move {
            let stored = there.stored().await;
            let ledger = &stored.ledger;
            let attempts = ledger.failover.iter().flat_map(|failover| failover.attempts.values());
            let mut attempts = attempts.chain(ledger.maintenance.values());
            let (action, by) = (&call.action, &call.by);
            assert!(
                attempts.any(|attempt| attempt.outcome == StepOutcome::Unanswered),
                "{action} by {by} is not in the ledger"
            );
            let lease = stored.lease.unwrap_or_else(|| panic!("{action} by {by} without a lease"));
            assert_eq!(lease.holder, call.by, "{action} under the lease of another");
            assert!(lease.until > there.now() + LONGEST_EFFECT, "{action} by {by}: the lease does not outlive it");
        })
    });
    seen
}

#[tokio::test(start_paused = true)]
async fn what_an_edit_comes_before_is_decided_again_and_not_done() {
    let bench = Bench::new().await;
    let effects = every_effect_is_covered(&bench);
    // Every other write finds that somebody edited the record since it was decided on.
    let (editor, mut writes) = (bench.clone(), 0);
    bench.at(move |call| {
        writes += u32::from(call.is_write() && call.by == "one");
        if !call.is_write() || call.by != "one" || writes % 2 == 0 {
            return At::Nothing;
        }
        let editor = editor.clone();
        At::before(async move { editor.rewrite(|_| {}).await })
    });
    let run = bench.fail_over(&bench.engine("one")).await;
    assert!(run.is_settled(), "{run:?}");
    assert_eq!(run.reports.len(), 1);
    assert_eq!(bench.stored().await.ledger.active.as_str(), bench.standby);
    assert!(effects.load(Ordering::Relaxed) >= 6, "{effects:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_under_a_lease_that_ends_first() {
    let bench = Bench::new().await;
    let ahead = Ahead::default();
    let engine = bench.engine_ahead("one", &ahead);
    // The host is suspended while the answer to the write of the first effect is under way.
    let suspended = ahead.clone();
    bench
        .at_first(|call| call.is_write() && call.has("unanswered"), move || At::after(async move { suspended.by(20) }));
    let run = bench.fail_over(&engine).await;
    assert!(run.is_settled(), "{run:?}");
    // Nothing was tried before it was written down that nothing was begun.
    let calls = bench.calls();
    let not_begun = calls.iter().position(|call| call.is_write() && call.has("NotBegun"));
    let not_begun = not_begun.expect("it was not written down");
    assert_eq!(calls[..not_begun].iter().filter(|call| call.is_effect()).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_lost_between_refusal_and_reading_ends_the_run_at_once() {
    let bench = Bench::new().await;
    let editor = bench.clone();
    bench.at_first(
        |call| call.is_write() && call.by == "one",
        move || At::before(async move { editor.rewrite(|_| {}).await }),
    );
    let thief = bench.clone();
    let mut written = false;
    bench.at(move |call| {
        written |= call.is_write() && call.by == "one";
        if !written || call.action != "GetItem" || call.by != "one" {
            return At::Nothing;
        }
        let thief = thief.clone();
        At::before(async move { thief.take_lease("two").await })
    });
    let run = bench.fail_over(&bench.engine("one")).await;
    assert_eq!(run.ended, Ended::Busy { holder: "another".to_owned() });
    let calls = bench.calls();
    assert_eq!(calls.last().unwrap().action, "GetItem", "it went on: {:?}", calls.last());
    assert_eq!(bench.stored().await.lease.unwrap().holder, "two");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_taken_ends_the_run_of_its_former_holder() {
    let bench = Bench::new().await;
    let thief = bench.clone();
    bench.at_first(
        |call| call.is_write() && call.by == "one" && call.has("unanswered"),
        move || At::before(async move { thief.take_lease("two").await }),
    );
    let run = bench.fail_over(&bench.engine("one")).await;
    assert_eq!(run.ended, Ended::Busy { holder: "another".to_owned() });
    assert_eq!(bench.count(Call::is_effect), 0);
    assert_eq!(bench.stored().await.lease.unwrap().holder, "two");
}

#[tokio::test(start_paused = true)]
async fn the_lease_holds_for_as_long_as_it_waits() {
    let bench = Bench::new().await;
    // The guest does not shut down by itself: the stop takes minutes, and nothing is to be written meanwhile.
    let ignores = failover_simulator::faults::InstanceFault::IgnoreShutdown;
    bench.region.inject(failover_simulator::Fault::of_instance(bench.active.clone(), ignores)).unwrap();
    let (reader, reads) = (bench.clone(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&reads);
    bench.at(move |call| {
        if !call.action.starts_with("Describe") || call.by != "one" {
            return At::Nothing;
        }
        count.fetch_add(1, Ordering::Relaxed);
        let reader = reader.clone();
        At::before(async move {
            let lease = reader.stored().await.lease.expect("no lease while it works");
            assert!(lease.holder == "one" && lease.until > reader.now(), "the lease has ended: {lease:?}");
        })
    });
    let began = bench.now();
    let run = bench.fail_over(&bench.engine("one")).await;
    assert!(run.is_settled(), "{run:?}");
    assert!(bench.now().duration_since(began) > SignedDuration::from_mins(2), "it did not wait");
    assert!(reads.load(Ordering::Relaxed) > 20);
}

#[tokio::test(start_paused = true)]
async fn what_an_agent_said_before_the_failover_counts_for_nothing() {
    let bench = Bench::bare().await;
    let engine = bench.engine("one");
    engine
        .apply(&format!("{HEAD}mount = \"/data\"\nfilesystem = \"xfs\"\n{ALARM}\n[agent]\nunits = [\"db.service\"]\n"))
        .await
        .unwrap();
    let said = |state| {
        let there = bench.clone();
        async move {
            let stored = there.stored().await;
            let report = AgentReport { epoch: stored.ledger.epoch, state, at: there.now(), lease_seconds: None };
            there.store().report(&service(), &instance(&there.active), &report).await.unwrap();
        }
    };
    said(AgentState::Quiesced).await;
    engine.request(&service(), bench.request()).await.unwrap();
    // It takes back what it said before the failover stands in the ledger, after that was read.
    let taken_back = said(AgentState::Ready);
    bench.at_first(|call| call.is_write() && call.has("started_at"), move || At::before(taken_back));
    let run = engine.run(&service(), Deadline::none()).await.unwrap();
    let stopped = bench.count(|call| call.action == "StopInstances" && call.has(&bench.active));
    assert!(stopped > 0, "the old side was spared its stop: {run:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_it_busy_is_not_forgotten() {
    let bench = Bench::new().await;
    let other = bench.engine("two");
    // It comes while the first is about to let go, with something that the first has not seen.
    bench.at_first(
        |call| call.is_release() && call.by == "one",
        move || {
            At::before(async move {
                let run = Box::pin(other.run(&service(), Deadline::none())).await.unwrap();
                assert_eq!(run.ended, Ended::Busy { holder: "one".to_owned() });
            })
        },
    );
    let run = bench.engine("one").run(&service(), Deadline::none()).await.unwrap();
    assert!(run.is_settled(), "{run:?}");
    let calls = bench.calls();
    let releases: Vec<usize> =
        calls.iter().enumerate().filter(|(_, call)| call.is_release()).map(|(index, _)| index).collect();
    let [first, second] = releases[..] else { panic!("{} releases", releases.len()) };
    let looked = calls[first..second].iter().filter(|call| call.action == "DescribeInstances").count();
    assert!(looked > 0, "it let go without another look");
    assert_eq!(bench.stored().await.lease, None);
}

#[tokio::test(start_paused = true)]
async fn a_request_made_while_it_lets_go_is_served_by_the_same_run() {
    let bench = Bench::new().await;
    let (operator, request) = (bench.engine("operator"), bench.request());
    bench.at_first(
        |call| call.is_release() && call.by == "one",
        move || At::before(async move { operator.request(&service(), request).await.unwrap() }),
    );
    let run = bench.engine("one").run(&service(), Deadline::none()).await.unwrap();
    assert_eq!(run.reports.len(), 1, "{run:?}");
    assert_eq!(bench.stored().await.ledger.active.as_str(), bench.standby);
}

#[tokio::test(start_paused = true)]
async fn a_tick_leaves_its_mark_where_somebody_is_at_work() {
    let bench = Bench::new().await;
    let (now, until) = (bench.now(), bench.now() + SignedDuration::from_mins(1));
    bench.store().acquire(&service(), "other", now, until).await.unwrap();
    let before = bench.stored().await.wake;
    let tick = bench.engine("one").tick(Deadline::none()).await.unwrap();
    let run = tick.driven[&service()].as_ref().unwrap();
    assert_eq!(run.ended, Ended::Busy { holder: "other".to_owned() });
    assert_eq!(bench.stored().await.wake, before + 1);
    assert_eq!(bench.count(Call::is_effect), 0);

    // Its time over, it is nobody's: a tick that finds nothing to do takes nothing.
    pause(61).await;
    let tick = bench.engine("one").tick(Deadline::none()).await.unwrap();
    assert_eq!((tick.services, tick.driven.len()), (1, 0), "{tick:?}");
}

#[tokio::test(start_paused = true)]
async fn at_its_end_a_run_begins_nothing() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    engine.request(&service(), bench.request()).await.unwrap();
    let run = engine.run(&service(), Deadline::within(Duration::from_secs(14))).await.unwrap();
    assert_eq!(run.ended, Ended::OutOfTime { report: None, waiting_for: Vec::new() });
    assert_eq!(bench.count(|call| call.action.starts_with("Describe")), 0);
    assert_eq!(bench.stored().await.lease, None);
}

#[tokio::test(start_paused = true)]
async fn near_its_end_a_run_lets_go_over_a_wake_mark_too() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    engine.request(&service(), bench.request()).await.unwrap();
    let (other, ends_at) = (bench.engine("two"), bench.now() + SignedDuration::from_secs(40));
    bench.at_first(
        |call| call.is_release() && call.by == "one",
        move || {
            At::before(async move {
                let run = Box::pin(other.run(&service(), Deadline::none())).await.unwrap();
                assert_eq!(run.ended, Ended::Busy { holder: "one".to_owned() });
            })
        },
    );
    let run = engine.run(&service(), Deadline::within(Duration::from_secs(40))).await.unwrap();
    let Ended::OutOfTime { report: Some(report), waiting_for } = &run.ended else { panic!("{run:?}") };
    assert_eq!(report.service.as_str(), SERVICE);
    assert!(!waiting_for.is_empty());
    assert!(bench.now() <= ends_at, "it ran beyond its end");
    let stored = bench.stored().await;
    assert_eq!(stored.lease, None, "whoever comes next waits for nothing");
    assert!(stored.ledger.failover.is_some());

    let run = bench.engine("two").run(&service(), Deadline::none()).await.unwrap();
    assert_eq!(run.reports.len(), 1, "{run:?}");
}
