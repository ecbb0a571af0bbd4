//! A group of one, while its old instance goes: what is seen of its end, and of the hooks that held it.

use super::groups::{Story, has};
use super::sample::{instance_id, volume_id};
use crate::group::Lifecycle;
use crate::ledger::FenceState;
use crate::world::{InstanceState, Observed, SnapshotState};

/// The old instance is stopped, its copy under way, its volume free; the replacement waits in another zone.
fn fenced_and_copied() -> Story {
    let mut story = Story::new();
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(0);
    story.instance('a', 'a', InstanceState::Stopped);
    story.go(10);
    story.copied(SnapshotState::Pending);
    story.free_volume();
    story.launched('b', 'b');
    story.go(3);
    story
}

fn fence(story: &Story) -> &FenceState {
    &story.ledger.failover.as_ref().unwrap().fence
}

#[test]
fn what_was_stopped_and_is_terminated_then_is_not_fenced_and_copied_anew() {
    let mut story = fenced_and_copied();
    story.copied(SnapshotState::Completed);
    story.instance('a', 'a', InstanceState::ShuttingDown);
    story.member('a', 'a', Lifecycle::Terminating);
    let (steps, _) = story.go(2);
    assert!(has(&steps, "restore data from snap-00000001 in eu-central-1b"), "{steps:?}");
    assert!(matches!(fence(&story), FenceState::Confirmed { .. }), "{:?}", fence(&story));
}

#[test]
fn what_shuts_down_with_the_volume_is_fenced_anew() {
    let mut story = fenced_and_copied();
    story.attached('a');
    story.instance('a', 'a', InstanceState::ShuttingDown);
    story.go(2);
    assert!(matches!(fence(&story), FenceState::Open { .. }), "{:?}", fence(&story));
}

#[test]
fn what_shuts_down_while_the_volume_is_out_of_sight_is_fenced_anew() {
    let mut story = fenced_and_copied();
    let unseen = Observed::Unknown { why: "no answer".to_owned(), at: story.now };
    story.world.volumes.items.insert(volume_id(1), unseen);
    story.instance('a', 'a', InstanceState::ShuttingDown);
    story.go(2);
    assert!(matches!(fence(&story), FenceState::Open { .. }), "{:?}", fence(&story));
}

#[test]
fn the_end_of_a_hold_ends_its_heartbeats_and_its_completion() {
    let mut story = fenced_and_copied();
    let open = |story: &Story, kind: &str| {
        let records = &story.ledger.failover.as_ref().unwrap().steps;
        let of =
            |at: char| records.iter().find(|it| it.step == kind && it.resource.ends_with(instance_id(at).as_str()));
        [of('a'), of('b')].map(|record| record.map(|it| it.finished_at.is_none()))
    };
    assert_eq!(open(&story, "extend-hook"), [Some(true), Some(true)]);
    assert_eq!(open(&story, "complete-hook"), [Some(true), None], "it was asked for, and the instance is still held");
    story.member('a', 'a', Lifecycle::Terminating);
    story.go(2);
    assert_eq!(open(&story, "extend-hook"), [Some(false), Some(true)]);
    assert_eq!(open(&story, "complete-hook"), [Some(false), None]);
}

#[test]
fn a_failover_ends_with_its_launch_hook_completed_or_after_a_while_without() {
    for is_seen in [true, false] {
        let mut story = fenced_and_copied();
        // In its zone the volume itself moves, so that all is there at once.
        story.member('b', 'a', Lifecycle::PendingWait);
        story.instance('b', 'a', InstanceState::Running);
        let mut to = story.ledger.failover.clone().unwrap();
        to.to = Some(crate::ledger::Target { instance_id: instance_id('b'), zone: super::sample::zone('a') });
        story.ledger.failover = Some(to);
        story.go(3);
        story.attached('b');
        story.led_to('b');
        let (steps, _) = story.go(3);
        assert!(has(&steps, "complete failover-launch of i-0000000b with CONTINUE"), "{steps:?}");
        story.well('b');
        story.go(2);
        assert!(story.ledger.failover.is_some(), "its completion does not show yet");
        if is_seen {
            story.member('b', 'a', Lifecycle::InService);
        }
        story.go(if is_seen { 2 } else { 31 });
        assert!(story.ledger.last.as_ref().is_some_and(|last| last.done), "seen: {is_seen}");
    }
}
