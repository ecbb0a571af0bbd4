//! The boot agent against the simulated region, on machines made of memory, under virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::future_not_send, missing_docs)]

mod bench;
mod crashes;
mod stage;
mod standalone;

use std::time::Duration;

use failover_core::agent::AgentState;
use failover_core::ids::InstanceId;
use failover_core::ledger::{Change, FenceState, Proof};
use failover_core::report::Outcome;
use stage::{Stage, UNIT, story, table_fault};
use tokio::time::sleep;

fn id(text: &str) -> InstanceId {
    InstanceId::new(text).unwrap()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn it_brings_up_what_the_ledger_names_in_order_and_goes_on_reporting() {
    story(async {
        let stage = Stage::new(1).await;
        let active = stage.live(&stage.embedded.sample.active);
        let standby = stage.live(&stage.embedded.sample.warm_standby);
        stage.until_state(&active.me, 30, |state| *state == AgentState::Ready).await;
        let effects = active.machine.effects();
        let order = ["mount /var/lib/sample", "start sample.service", "run promote epoch Some(1)"];
        assert_eq!(effects, order, "a first start has nothing to take down");
        let report = stage.report(&active.me).await.unwrap();
        assert_eq!((report.epoch, report.lease_seconds), (1, None));
        // The standby makes sure that nothing runs there, and waits.
        assert_eq!(stage.state(&standby.me).await, Some(AgentState::Waiting));
        assert_eq!(standby.machine.effects(), ["stop sample.service", "unmount /var/lib/sample"]);
        for _ in 0..10 {
            sleep(seconds(12)).await;
            let now = stage.embedded.aws.clock().now();
            for who in [&active.me, &standby.me] {
                let age = now.duration_since(stage.report(who).await.unwrap().at);
                assert!(age.as_secs() <= 12, "{who} was silent for {age:#}");
            }
        }
        assert_eq!(active.machine.effects(), order, "watching has no effects");
    });
}

#[test]
fn a_failover_away_makes_it_quiet_and_the_target_serves_under_the_next_epoch() {
    story(async {
        let stage = Stage::new(2).await;
        let old = stage.live(&stage.embedded.sample.active);
        let new = stage.live(&stage.embedded.sample.warm_standby);
        stage.until_state(&old.me, 30, |state| *state == AgentState::Ready).await;
        // Planned: until it fences, the old side serves.
        stage.begin(&new.me, true).await;
        sleep(seconds(20)).await;
        assert_eq!(stage.state(&old.me).await, Some(AgentState::Ready));
        stage.apply(Change::BeginFence).await;
        let took = stage.until_state(&old.me, 10, |state| *state == AgentState::Quiesced).await;
        assert!(took < 5.0, "quiet after {took} s");
        let effects = old.machine.effects();
        let down = ["run checkpoint epoch Some(1)", "stop sample.service", "unmount /var/lib/sample"];
        assert!(effects.ends_with(&down.map(str::to_owned)), "{effects:?}");
        stage.apply(Change::Fenced(Proof::Quiesced)).await;
        let current_volumes = stage.ledger().await.current_volumes;
        stage.apply(Change::Promote { current_volumes }).await;
        stage.until_state(&new.me, 30, |state| *state == AgentState::Ready).await;
        assert_eq!(stage.report(&new.me).await.unwrap().epoch, 2);
        // While the failover runs, the old side says again that it is quiet, under the new epoch.
        let report = stage.report(&old.me).await.unwrap();
        assert_eq!((report.epoch, report.state), (2, AgentState::Quiesced));
        stage.apply(Change::Finish).await;
        stage.until_state(&old.me, 10, |state| *state == AgentState::Waiting).await;
        assert!(!old.is_up() && new.is_up());
    });
}

#[test]
fn it_fences_itself_when_the_ledger_names_another() {
    story(async {
        let stage = Stage::new(3).await;
        let old = stage.live(&stage.embedded.sample.active);
        stage.until_state(&old.me, 30, |state| *state == AgentState::Ready).await;
        // It sees nothing of the failover but its end.
        old.set_table_fault(table_fault::THROTTLED);
        let target = id(&stage.embedded.sample.warm_standby);
        stage.begin(&target, false).await;
        stage.apply(Change::BeginFence).await;
        stage.apply(Change::WaiveFence("a test".to_owned())).await;
        let current_volumes = stage.ledger().await.current_volumes;
        stage.apply(Change::Promote { current_volumes }).await;
        stage.apply(Change::Finish).await;
        sleep(seconds(30)).await;
        assert!(old.is_up(), "what can't be read stops nothing");
        old.set_table_fault(table_fault::NONE);
        stage.until("it is down", 10, async || !old.is_up()).await;
        stage.until_state(&old.me, 10, |state| *state == AgentState::Waiting).await;
    });
}

#[test]
fn a_unit_that_does_not_start_is_undone_told_and_tried_again_later() {
    story(async {
        let stage = Stage::new(4).await;
        let active = stage.live(&stage.embedded.sample.active);
        active.machine.faults(|faults| faults.unit_fails = [UNIT.to_owned()].into());
        let failed = |state: &AgentState| matches!(state, AgentState::Failed(why) if why.contains("journalctl"));
        stage.until_state(&active.me, 30, failed).await;
        assert!(!active.is_up(), "{:?}", active.machine.effects());
        sleep(seconds(100)).await;
        let tries = active.machine.effects().iter().filter(|it| *it == "start sample.service").count();
        assert!((3..=6).contains(&tries), "{tries} tries in 100 s: each pause is twice as long");
        assert!(!active.is_up());
        active.machine.faults(|faults| faults.unit_fails.clear());
        stage.until_state(&active.me, 310, |state| *state == AgentState::Ready).await;
    });
}

#[test]
fn readiness_that_never_comes_is_undone_and_told() {
    story(async {
        let stage = Stage::new(5).await;
        let active = stage.live(&stage.embedded.sample.active);
        active.machine.faults(|faults| faults.never_ready = true);
        let failed = |state: &AgentState| matches!(state, AgentState::Failed(why) if why.contains("not ready within 30 s") && why.contains("refused"));
        let took = stage.until_state(&active.me, 60, failed).await;
        assert!((30.0..45.0).contains(&took), "{took}");
        assert!(!active.is_up());
        active.machine.faults(|faults| faults.never_ready = false);
        stage.until_state(&active.me, 60, |state| *state == AgentState::Ready).await;
    });
}

#[test]
fn a_busy_volume_is_a_failure_and_never_quiet() {
    story(async {
        let (stage, active) = Stage::serving(6).await;
        active.machine.faults(|faults| faults.busy = true);
        stage.begin(&id(&stage.embedded.sample.warm_standby), false).await;
        stage.apply(Change::BeginFence).await;
        let failed = |state: &AgentState| matches!(state, AgentState::Failed(why) if why.contains("postgres[42]"));
        stage.until_state(&active.me, 15, failed).await;
        for _ in 0..60 {
            sleep(seconds(1)).await;
            assert_ne!(stage.state(&active.me).await, Some(AgentState::Quiesced));
        }
        active.machine.faults(|faults| faults.busy = false);
        stage.until_state(&active.me, 15, |state| *state == AgentState::Quiesced).await;
        assert!(!active.is_up());
    });
}

#[test]
fn a_volume_that_a_container_still_has_is_never_called_quiet() {
    story(async {
        let (stage, active) = Stage::serving(6).await;
        active.machine.faults(|faults| faults.held_elsewhere = true);
        stage.begin(&id(&stage.embedded.sample.warm_standby), false).await;
        stage.apply(Change::BeginFence).await;
        let failed = |state: &AgentState| matches!(state, AgentState::Failed(why) if why.contains("a container"));
        stage.until_state(&active.me, 15, failed).await;
        active.machine.faults(|faults| faults.held_elsewhere = false);
        stage.until_state(&active.me, 15, |state| *state == AgentState::Quiesced).await;
    });
}

#[test]
fn without_a_lease_it_serves_on_while_the_ledger_is_out_of_reach() {
    story(async {
        let (stage, active) = Stage::serving(7).await;
        for bad in [table_fault::THROTTLED, table_fault::HANGING, table_fault::NO_TABLE] {
            active.set_table_fault(bad);
            for _ in 0..60 {
                sleep(seconds(2)).await;
                assert!(active.is_up(), "fault {bad}");
            }
            let silent = stage.report(&active.me).await.unwrap();
            active.set_table_fault(table_fault::NONE);
            stage.until("it reports again", 15, async || stage.report(&active.me).await.unwrap().at > silent.at).await;
        }
    });
}

#[test]
fn with_a_lease_it_stops_before_the_lease_ends_and_comes_back() {
    for (seed, bad) in [(8, table_fault::THROTTLED), (9, table_fault::HANGING), (10, table_fault::NO_TABLE)] {
        story(async {
            let (stage, active) = Stage::serving_under(seed, "lease_seconds = 60\nstop_grace_seconds = 20\n").await;
            sleep(seconds(40)).await;
            assert!(active.is_up());
            active.set_table_fault(bad);
            let last = stage.report(&active.me).await.unwrap();
            assert_eq!(last.lease_seconds, Some(60));
            stage.until("it is down", 70, async || !active.is_up()).await;
            let now = stage.embedded.aws.clock().now();
            let after = now.duration_since(last.at).as_secs_f64();
            assert!((20.0..58.0).contains(&after), "fault {bad}: down {after} s after the last report");
            active.set_table_fault(table_fault::NONE);
            stage.until_state(&active.me, 60, |state| *state == AgentState::Ready).await;
        });
    }
}

#[test]
fn with_a_lease_a_machine_whose_service_can_not_be_taken_down_is_reset_before_anybody_counts_on_it() {
    let busy = |faults: &mut bench::Faults| faults.busy = true;
    let hangs = |faults: &mut bench::Faults| faults.unmount_hangs = true;
    let held = |faults: &mut bench::Faults| faults.held_elsewhere = true;
    let spot = ("spot/instance-action", r#"{"action": "terminate", "time": "2026-01-05T09:00:00Z"}"#);
    for (seed, fault, announced) in
        [(31, busy as fn(&mut bench::Faults), None), (32, hangs, None), (33, held, None), (34, hangs, Some(spot))]
    {
        story(async {
            let (stage, active) = Stage::serving_under(seed, "lease_seconds = 60\nstop_grace_seconds = 20\n").await;
            active.machine.faults(fault);
            if announced.is_some() {
                // It has begun to take the service down, for another reason, when the ledger can't be reached any more.
                *active.line.announced.lock().unwrap() = announced;
                sleep(seconds(10)).await;
            }
            active.set_table_fault(table_fault::HANGING);
            let last = stage.report(&active.me).await.unwrap();
            let reset = async || active.machine.effects().contains(&"reboot".to_owned());
            stage.until("it is reset", 100, reset).await;
            let after = stage.embedded.aws.clock().now().duration_since(last.at).as_secs_f64();
            // The lease, and less than the 15 s that the controller adds to it.
            assert!((60.0..74.0).contains(&after), "seed {seed}: reset {after} s after the last report");
            *active.line.announced.lock().unwrap() = None;
            active.set_table_fault(table_fault::NONE);
            stage.until_state(&active.me, 60, |state| *state == AgentState::Ready).await;
        });
    }
}

/// Without a lease nobody counts on anything: a machine that can't take its service down is left to the controller.
#[test]
fn without_a_lease_no_machine_is_reset() {
    story(async {
        let (stage, active) = Stage::serving(33).await;
        active.machine.faults(|faults| faults.busy = true);
        stage.begin(&id(&stage.embedded.sample.warm_standby), false).await;
        stage.apply(Change::BeginFence).await;
        sleep(seconds(200)).await;
        assert!(!active.machine.effects().contains(&"reboot".to_owned()), "{:?}", active.machine.effects());
    });
}

#[test]
fn with_a_lease_an_agent_that_starts_anew_without_a_ledger_stops_what_it_finds() {
    story(async {
        let (stage, active) = Stage::serving_under(11, "lease_seconds = 60\n").await;
        active.set_table_fault(table_fault::HANGING);
        active.machine.crash.notify_one();
        let took = stage.until("it is down", 30, async || !active.is_up()).await;
        assert!(took < 15.0, "{took}");
    });
}

#[test]
fn notices_of_its_end_make_it_quiet_and_a_recommendation_does_not() {
    let spot = ("spot/instance-action", r#"{"action": "terminate", "time": "2026-01-05T09:00:00Z"}"#);
    let rebalance = ("events/recommendations/rebalance", r#"{"noticeTime": "2026-01-05T09:00:00Z"}"#);
    for (announced, quiet) in [
        (spot, true),
        (("autoscaling/target-lifecycle-state", "Terminated"), true),
        (("autoscaling/target-lifecycle-state", "InService"), false),
        (rebalance, false),
        (("spot/instance-action", "garbage"), false),
    ] {
        story(async {
            let (stage, active) = Stage::serving(12).await;
            *active.line.announced.lock().unwrap() = Some(announced);
            sleep(seconds(15)).await;
            let wanted = if quiet { AgentState::Quiesced } else { AgentState::Ready };
            assert_eq!((stage.state(&active.me).await, active.is_up()), (Some(wanted), !quiet), "{announced:?}");
        });
    }
}

#[test]
fn after_a_shutdown_without_a_failover_it_serves_again() {
    story(async {
        let (stage, active) = Stage::serving(13).await;
        let me = active.me.clone();
        active.shut_down().await.reboot();
        assert_eq!(stage.state(&me).await, Some(AgentState::Quiesced));
        let active = stage.live(me.as_str());
        stage.until_state(&me, 15, |state| *state == AgentState::Ready).await;
        assert!(active.is_up());
    });
}

#[test]
fn after_a_shutdown_a_failover_that_counted_it_keeps_it_down() {
    // The failover begins at any moment around the boot: before it, while it takes its word back, after. Reports are read once it stands.
    let (mut counted, mut too_late) = (0, 0);
    for wait in 700..900_u64 {
        let took_its_word = story(async {
            let (stage, active) = Stage::serving(100 + wait).await;
            let (me, target) = (active.me.clone(), id(&stage.embedded.sample.warm_standby));
            active.shut_down().await.reboot();
            let boot = async {
                sleep(Duration::from_millis(800)).await;
                stage.live(me.as_str())
            };
            let failover = async {
                sleep(Duration::from_millis(wait)).await;
                stage.begin(&target, false).await;
                stage.state(&me).await == Some(AgentState::Quiesced)
            };
            let (active, counted) = tokio::join!(boot, failover);
            if counted {
                stage.apply(Change::Fenced(Proof::Quiesced)).await;
                let current_volumes = stage.ledger().await.current_volumes;
                stage.apply(Change::Promote { current_volumes }).await;
            }
            for _ in 0..400 {
                sleep(Duration::from_millis(100)).await;
                assert!(!(counted && active.is_up()), "counted as quiet after {wait} ms, and up");
            }
            if counted {
                assert!(
                    !active.machine.effects().iter().skip_while(|it| *it != "reboot").any(|it| it.starts_with("mount"))
                );
            }
            counted
        });
        if took_its_word {
            counted += 1;
        } else {
            too_late += 1;
        }
    }
    assert!(
        counted > 5 && too_late > 5,
        "{counted} came in time, {too_late} did not: the moment is not met from both sides"
    );
}

#[test]
fn a_failover_that_is_given_up_lets_it_serve_again() {
    story(async {
        let (stage, active) = Stage::serving(14).await;
        stage.begin(&id(&stage.embedded.sample.warm_standby), false).await;
        stage.apply(Change::BeginFence).await;
        stage.until_state(&active.me, 15, |state| *state == AgentState::Quiesced).await;
        stage.apply(Change::Fenced(Proof::Quiesced)).await;
        sleep(seconds(60)).await;
        assert_eq!(stage.state(&active.me).await, Some(AgentState::Quiesced));
        let fence = stage.ledger().await.failover.unwrap().fence;
        assert!(matches!(fence, FenceState::Confirmed { .. }));
        stage.apply(Change::Abort { outcome: Outcome::Halted, reason: "a test".to_owned() }).await;
        stage.until_state(&active.me, 60, |state| *state == AgentState::Ready).await;
    });
}

#[test]
fn a_host_that_comes_back_during_a_failover_says_that_it_is_quiet_and_mounts_nothing() {
    story(async {
        let (stage, active) = Stage::serving(15).await;
        let me = active.me.clone();
        active.cut();
        stage.begin(&id(&stage.embedded.sample.warm_standby), false).await;
        stage.apply(Change::BeginFence).await;
        let active = stage.live(me.as_str());
        stage.until_state(&me, 15, |state| *state == AgentState::Quiesced).await;
        let effects = active.machine.effects();
        assert!(!effects.iter().skip_while(|it| *it != "reboot").any(|it| it.starts_with("mount")), "{effects:?}");
    });
}
