//! What operators ask for, and what they are told.

use std::time::Duration;

use failover_core::agent::{AgentReport, AgentState};
use failover_core::ledger::{Ledger, Pause, Refused, Suspicion};
use failover_simulator::faults::InstanceFault;
use failover_simulator::{Fault, SnapshotSetup};
use jiff::SignedDuration;

use crate::testing::{Bench, instance, own, pause, service, spec_text};
use crate::{Deadline, Ended};

async fn state(bench: &Bench) -> (&'static str, Vec<String>) {
    let status = bench.engine("one").status(&service()).await.unwrap();
    (status.state, status.reasons)
}

#[tokio::test(start_paused = true)]
async fn the_status_names_the_state_and_why() {
    let bench = Bench::new().await;
    let at = bench.now();
    assert_eq!(state(&bench).await, ("settled", Vec::new()));

    let active = instance(&bench.active);
    bench
        .rewrite(move |ledger| {
            let evidence = vec!["impaired".to_owned()];
            ledger.suspicion = Some(Suspicion { instance: active.clone(), since: at, evidence });
        })
        .await;
    assert_eq!(state(&bench).await, ("suspected", vec!["impaired".to_owned()]));
    bench.rewrite(move |ledger| ledger.refused = Some(Refused { at, reason: "no standby".to_owned() })).await;
    assert_eq!(state(&bench).await, ("refused", vec!["no standby".to_owned()]));
    bench.rewrite(move |ledger| ledger.paused = Some(Pause { at, by: "ops".to_owned() })).await;
    assert_eq!(state(&bench).await, ("paused", vec![format!("by ops at {at}")]));
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_failover_says_whether_it_goes_on() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    engine.request(&service(), bench.request()).await.unwrap();
    let run = engine.run(&service(), Deadline::within(Duration::from_secs(30))).await.unwrap();
    assert!(matches!(run.ended, Ended::OutOfTime { .. }), "{run:?}");
    assert_eq!(state(&bench).await, ("failing-over", vec!["requested by ops".to_owned()]));
    let status = engine.status(&service()).await.unwrap();
    assert_eq!(status.failover.unwrap().from.instance_id.as_str(), bench.active);
    let at = bench.now();
    let halt = move |ledger: &mut Ledger| {
        let failover = ledger.failover.as_mut().unwrap();
        failover.halted = serde_json::from_value(serde_json::json!({ "at": at, "reason": "no key" })).ok();
    };
    bench.rewrite(halt).await;
    assert_eq!(state(&bench).await, ("halted", vec!["no key".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn the_status_shows_every_instance_and_how_old_the_newest_copy_is() {
    let bench = Bench::new().await;
    let status = bench.engine("one").status(&service()).await.unwrap();
    assert_eq!((status.epoch, status.active.as_str(), status.zone.as_str()), (1, &*bench.active, "eu-central-1a"));
    assert_eq!(status.active_since, bench.stored().await.ledger.active_since);
    let shown: Vec<_> = [&bench.active, &bench.standby, &bench.cold]
        .into_iter()
        .map(|id| {
            let member = status.instances.iter().find(|member| member.instance_id.as_str() == id).unwrap();
            (member.zone.as_str(), member.role, member.state.as_str(), member.checks_passed)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("eu-central-1a", "active", "running", Some(true)),
            ("eu-central-1b", "standby", "running", Some(true)),
            ("eu-central-1c", "standby", "stopped", None),
        ]
    );
    assert_eq!(status.instances.len(), 3);
    let [volume] = &status.volumes[..] else { panic!("{status:?}") };
    assert_eq!((volume.name.as_str(), volume.volume_id.as_str()), ("data", &*bench.volume));
    assert_eq!((volume.zone.as_str(), volume.recovery_point_age_seconds), ("eu-central-1a", None));
    assert!(status.failover.is_none());

    bench.region.add_snapshot(SnapshotSetup { volume_id: bench.volume.clone(), tags: own() });
    pause(300).await;
    bench.region.inject(Fault::of_instance(bench.standby.clone(), InstanceFault::Stop { force: false })).unwrap();
    pause(300).await;
    let status = bench.engine("one").status(&service()).await.unwrap();
    let age = status.volumes[0].recovery_point_age_seconds.expect("a copy was made");
    assert!((600..620).contains(&age), "{age}");
    let stopped = status.instances.iter().find(|member| member.instance_id.as_str() == bench.standby).unwrap();
    assert_eq!((stopped.state.as_str(), stopped.checks_passed), ("stopped", None));
}

#[tokio::test(start_paused = true)]
async fn a_plan_changes_nothing() {
    let bench = Bench::new().await;
    let before = bench.stored().await;
    let plan = bench.engine("one").plan(&service(), &bench.request()).await.unwrap();
    assert!(serde_json::to_string(&plan.plan).unwrap().contains(&bench.standby), "{plan:?}");
    assert_eq!(bench.stored().await, before);
    assert_eq!(bench.count(super::super::testing::Call::is_effect), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_is_not_changed_until_it_is_resumed() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    engine.pause(&service(), "ops").await.unwrap();
    bench.region.inject(Fault::of_instance(bench.active.clone(), InstanceFault::Stop { force: true })).unwrap();
    pause(600).await;
    let run = engine.run(&service(), Deadline::none()).await.unwrap();
    assert!(run.is_settled() && run.reports.is_empty(), "{run:?}");
    assert_eq!(bench.count(super::super::testing::Call::is_effect), 0);
    engine.resume(&service()).await.unwrap();
    assert_eq!(bench.stored().await.ledger.paused, None);
}

#[tokio::test(start_paused = true)]
async fn people_see_the_agents_of_a_service_that_has_none_to_hear() {
    let bench = Bench::new().await;
    let report =
        AgentReport { epoch: 1, state: AgentState::Failed("no disk".to_owned()), at: bench.now(), lease_seconds: None };
    bench.store().report(&service(), &instance(&bench.active), &report).await.unwrap();
    let survey = bench.engine("one").survey(&service()).await.unwrap();
    assert_eq!(survey.world.agents.get(&instance(&bench.active)), Some(&report));
    assert_eq!(survey.ledger, bench.stored().await.ledger);
    assert_eq!(survey.spec.service, service());
    let run = bench.engine("one").run(&service(), Deadline::none()).await.unwrap();
    assert!(run.is_settled(), "{run:?}");
    assert_eq!(bench.count(|call| call.action == "Query" && call.has("agent#db")), 1);
}

#[tokio::test(start_paused = true)]
async fn reports_of_instances_that_are_no_more_are_deleted_a_few_at_a_time() {
    let bench = Bench::bare().await;
    let engine = bench.engine("one");
    let detect = spec_text().replace("confirm_seconds = 10", "confirm_seconds = 10\nagent_silent_seconds = 120");
    engine.apply(&format!("{detect}\n[agent]\nunits = [\"db.service\"]\n")).await.unwrap();
    let report = |at| AgentReport { epoch: 1, state: AgentState::Ready, at, lease_seconds: None };
    bench.store().report(&service(), &instance(&bench.active), &report(bench.now())).await.unwrap();
    let long_ago = bench.now() - SignedDuration::from_hours(2);
    for number in 0..6 {
        let gone = instance(&format!("i-0ccccccccccccccc{number}"));
        bench.store().report(&service(), &gone, &report(long_ago)).await.unwrap();
    }
    let mut left = Vec::new();
    for _ in 0..3 {
        let run = engine.run(&service(), Deadline::none()).await.unwrap();
        assert!(run.is_settled(), "{run:?}");
        left.push(bench.store().reports(&service()).await.items.len());
    }
    assert_eq!(left, [3, 1, 1]);
    assert!(bench.store().reports(&service()).await.get(&instance(&bench.active)).is_some());
}

#[tokio::test(start_paused = true)]
async fn the_history_is_as_long_as_asked_for_and_newest_first() {
    let bench = Bench::new().await;
    let engine = bench.engine("one");
    let first = bench.fail_over(&engine).await.reports.remove(0);
    pause(4000).await;
    engine.run(&service(), Deadline::none()).await.unwrap();
    let second = bench.fail_over(&engine).await.reports.remove(0);
    let all = engine.history(&service(), 10).await.unwrap();
    assert_eq!(all, [second.clone(), first.clone()]);
    assert_eq!(engine.history(&service(), 1).await.unwrap(), [second]);
    assert_eq!(engine.history_item(&service(), &first.failover_id).await.unwrap(), Some(first));
    let none = failover_core::ids::FailoverId::new("f0-e0").unwrap();
    assert_eq!(engine.history_item(&service(), &none).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_failing_active_without_a_standby_is_refused_and_told() {
    let bench = Bench::new().await;
    for standby in [&bench.standby, &bench.cold] {
        bench.region.inject(Fault::of_instance(standby.clone(), InstanceFault::Terminate)).unwrap();
    }
    pause(120).await;
    bench.region.inject(Fault::of_instance(bench.active.clone(), InstanceFault::Stop { force: true })).unwrap();
    let mut last = None;
    for _ in 0..10 {
        pause(60).await;
        last = Some(bench.engine("one").run(&service(), Deadline::none()).await.unwrap().ended);
        if matches!(last, Some(Ended::Refused { .. })) {
            break;
        }
    }
    let Some(Ended::Refused { reason }) = last else { panic!("{last:?}") };
    assert!(!reason.is_empty());
    assert_eq!(bench.stored().await.lease, None);
}
