//! The agent killed at every point, and started again; two agents of one service, and a controller that believes only what it reads.

use std::time::Duration;

use failover_core::agent::AgentState;
use failover_core::ids::InstanceId;
use failover_core::ledger::{Change, Proof};
use failover_tests::say;
use tokio::time::sleep;

use crate::stage::{Stage, story};

/// More points than a start and an end have; that all were reached is asserted.
const MOST_POINTS: usize = 60;

/// A failover by somebody who reads reports only after it has begun, and fences by nothing but "quiesced".
async fn fail_over(stage: &Stage, from: &InstanceId, to: &InstanceId) {
    stage.begin(to, false).await;
    stage.apply(Change::BeginFence).await;
    let quiet = async || {
        let report = stage.report(from).await;
        report.is_some_and(|report| report.state == AgentState::Quiesced && report.epoch >= 1)
    };
    stage.until("the old side is quiet", 200, quiet).await;
    stage.apply(Change::Fenced(Proof::Quiesced)).await;
    sleep(Duration::from_secs(3)).await;
    let current_volumes = stage.ledger().await.current_volumes;
    stage.apply(Change::Promote { current_volumes }).await;
    stage.until_state(to, 200, |state| *state == AgentState::Ready).await;
    stage.apply(Change::Finish).await;
}

/// Start, serve, fail over; the agent of the one side or the other is killed at a point. No two ever serve at once: each effect asserts it.
#[derive(Clone, Copy, PartialEq)]
enum Killed {
    Old,
    New,
}

async fn play(seed: u64, killed: Killed, point: Option<usize>, reboots: bool) -> usize {
    let stage = Stage::new(seed).await;
    let (old, new) = (stage.embedded.sample.active.clone(), stage.embedded.sample.warm_standby.clone());
    let victim = if killed == Killed::Old { &old } else { &new };
    stage.floor.machine(victim).faults(|faults| faults.crash_at = point);
    let mut old = stage.live(&old);
    let new = stage.live(&new);
    stage.until_state(&old.me, 200, |state| *state == AgentState::Ready).await;
    if reboots {
        let me = old.me.clone();
        old.cut();
        old = stage.live(me.as_str());
    }
    fail_over(&stage, &old.me, &new.me).await;
    sleep(Duration::from_secs(20)).await;
    assert!(new.is_up() && !old.is_up());
    assert_eq!(stage.state(&old.me).await, Some(AgentState::Waiting));
    let victim = if killed == Killed::Old { &old } else { &new };
    // One that comes back during the failover has less to do.
    assert!(point.is_none() || reboots || victim.machine.was_killed(), "{point:?} was not reached");
    victim.machine.points()
}

#[test]
fn killed_at_every_point_it_ends_as_if_it_had_not_been() {
    for killed in [Killed::Old, Killed::New] {
        let mut points = 0;
        story(async { points = play(1, killed, None, false).await });
        assert!((10..MOST_POINTS).contains(&points), "{points} points");
        for point in 0..points {
            for reboots in [false, true] {
                let seed = 2 + point as u64;
                story(async { assert!(play(seed, killed, Some(point), reboots).await > 0) });
            }
        }
        let side = if killed == Killed::Old { "old" } else { "new" };
        say(&format!("the agent of the {side} side was killed at each of {points} points, with and without a reboot"));
    }
}
