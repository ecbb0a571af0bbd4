//! People and the history hear of everything, once.

use failover_core::ledger::Notification;

use crate::Deadline;
use crate::testing::{At, Bench, service};

#[tokio::test(start_paused = true)]
async fn a_failover_that_ended_is_told_once_and_kept() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    let run = bench.fail_over(&engine).await;
    assert_eq!(run.reports.len(), 1);
    for _ in 0..2 {
        engine.tick(Deadline::none()).await.unwrap();
        engine.run(&service(), Deadline::none()).await.unwrap();
    }
    let messages = bench.messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let subject = messages[0].0.as_deref().unwrap();
    assert!(subject.starts_with(&format!("db: failover to {} done, down ", bench.standby)), "{subject}");
    assert!(messages[0].1.contains(&bench.active), "{}", messages[0].1);
    assert_eq!(bench.count(|call| call.action == "Publish"), 1);
    assert!(bench.stored().await.ledger.outbox.is_empty());
    assert_eq!(engine.history(&service(), 10).await.unwrap(), run.reports);
}

#[tokio::test(start_paused = true)]
async fn what_waits_to_be_sent_is_sent_by_a_tick_although_nothing_else_is_to_be_done() {
    let bench = Bench::new().await;
    let at = bench.now();
    let notices = [
        Notification::Maintenance { at, reason: "no key".to_owned() },
        Notification::Refused { at, reason: "no standby".to_owned() },
    ];
    let waiting = notices.clone();
    bench.rewrite(move |ledger| ledger.outbox.extend(waiting.clone())).await;
    let tick = bench.engine("one").tick(Deadline::none()).await.unwrap();
    assert!(tick.driven[&service()].as_ref().unwrap().is_settled());
    let told: Vec<_> = bench.messages().into_iter().map(|(subject, body)| (subject.unwrap(), body)).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].0 == "db: AWS refuses maintenance" && told[0].1.contains("no key"), "{told:?}");
    assert!(told[1].0 == "db is failing, and no failover can begin" && told[1].1.contains("no standby"), "{told:?}");
    assert!(bench.stored().await.ledger.outbox.is_empty());
    let tick = bench.engine("one").tick(Deadline::none()).await.unwrap();
    assert_eq!((tick.driven.len(), bench.messages().len()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_is_written_down_before_anything_else_is_done() {
    let bench = Bench::new().await;
    bench.fail_over(&bench.engine("one")).await;
    let calls = bench.calls();
    let sent = calls.iter().position(|call| call.action == "Publish").unwrap();
    assert!(calls[sent + 1].is_write(), "a crash would send it again: {:?}", calls[sent + 1]);
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_cannot_be_reached_holds_nothing_up() {
    let bench = Bench::new().await;
    let fault = failover_simulator::faults::CallFault::Fail {
        action: "Publish".to_owned(),
        code: "NotFound".to_owned(),
        status: 404,
        count: 100,
        after_effect: false,
    };
    bench.region.inject(failover_simulator::Fault::Calls(fault)).unwrap();
    let run = bench.fail_over(&bench.engine("one")).await;
    assert!(run.is_settled(), "{run:?}");
    assert_eq!(bench.engine("one").history(&service(), 10).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_history_does_not_have_does_not_count_as_sent() {
    let bench = Bench::new().await;
    let fault = |count| failover_simulator::faults::CallFault::Fail {
        action: "PutItem".to_owned(),
        code: "AccessDeniedException".to_owned(),
        status: 400,
        count,
        after_effect: false,
    };
    bench.region.inject(failover_simulator::Fault::Calls(fault(1))).unwrap();
    let engine = bench.engine("one");
    engine.request(&service(), bench.request()).await.unwrap();
    engine.run(&service(), Deadline::none()).await.unwrap_err();
    let stored = bench.stored().await;
    assert_eq!((stored.ledger.outbox.len(), stored.lease), (1, None));
    assert!(bench.messages().is_empty());
    let run = engine.run(&service(), Deadline::none()).await.unwrap();
    assert_eq!((run.reports.len(), bench.messages().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_edit_between_sending_and_writing_sends_nothing_twice() {
    let bench = Bench::new().await;
    let editor = bench.clone();
    let mut published = false;
    bench.at(move |call| {
        let first = published && call.is_write();
        published = (published || call.action == "Publish") && !first;
        let editor = editor.clone();
        if first { At::before(async move { editor.rewrite(|_| {}).await }) } else { At::Nothing }
    });
    let run = bench.fail_over(&bench.engine("one")).await;
    assert!(run.is_settled() && run.reports.len() == 1, "{run:?}");
    assert_eq!(bench.messages().len(), 1);
    assert!(bench.stored().await.ledger.outbox.is_empty());
}
