//! Groups: which hook is held and which ends, which instance takes over, and what is created empty.

use super::agents::proof;
use super::groups::{SPEC, Story, group_name, has};
use super::sample::*;
use super::standbys::request;
use crate::group::Lifecycle;
use crate::ids::GroupName;
use crate::ledger::{Change, Destination, FenceState, LastFailover, Notification, Pause};
use crate::spec::Spec;
use crate::verdict::{Halt, Verdict};
use crate::world::{AttachmentState, InstanceState, Observed};

const LET_GO: &str = "complete failover-terminate of i-0000000a";

/// What becomes of the terminate hook of an instance: (held, let go).
fn fate(steps: &[String], letter: char) -> (bool, bool) {
    let of = |what: &str| has(steps, &format!("{what} failover-terminate of i-0000000{letter}"));
    (of("extend"), of("complete"))
}

#[test]
fn the_active_instance_is_held_while_no_failover_may_begin_and_others_are_let_go() {
    let mut story = Story::new();
    // Two places in the group are a doubt, so that no failover begins.
    story.group().desired = 2;
    story.free_volume();
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.member('c', 'b', Lifecycle::TerminatingWait);
    let (steps, _) = story.go(0);
    assert!(story.ledger.failover.is_none());
    assert_eq!((fate(&steps, 'a'), fate(&steps, 'c')), ((true, false), (false, true)), "{steps:?}");
}

#[test]
fn an_old_instance_is_held_until_it_is_fenced_and_whoever_has_nothing_is_let_go() {
    let mut story = Story::new();
    story.denied = "stop";
    story.free_volume();
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.member('c', 'b', Lifecycle::TerminatingWait);
    let (steps, _) = story.go(0);
    assert_eq!(proof(&story), None);
    assert_eq!((fate(&steps, 'a'), fate(&steps, 'c')), ((true, false), (false, true)), "{steps:?}");
    story.instance('a', 'a', InstanceState::Stopped);
    let (steps, _) = story.go(3);
    assert!(has(&steps, LET_GO), "{steps:?}");
}

#[test]
fn an_old_instance_is_let_go_after_the_promotion() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Stopped);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.launched('b', 'a');
    story.go(0);
    story.free_volume();
    story.go(3);
    assert_eq!(story.ledger.active, instance_id('b'));
    story.ledger.failover.as_mut().unwrap().attempts.clear();
    let (steps, _) = story.go(40);
    assert_eq!(fate(&steps, 'a'), (false, true), "{steps:?}");
}

#[test]
fn a_promoted_instance_that_ec2_does_not_answer_for_is_held() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Terminated);
    story.group().members.remove(&instance_id('a'));
    story.free_volume();
    story.launched('b', 'a');
    story.go(0);
    assert_eq!(story.ledger.active, instance_id('b'));
    story.member('b', 'a', Lifecycle::TerminatingWait);
    let unseen = Observed::Unknown { why: "timed out".to_owned(), at: start() };
    story.world.instances.items.insert(instance_id('b'), unseen);
    let (steps, _) = story.go(3);
    assert_eq!(fate(&steps, 'b'), (true, false), "{steps:?}");
}

/// A service without data; `a` goes.
fn without_data(planned: bool) -> Vec<String> {
    let mut story = Story::new();
    story.spec = Spec::parse("service = \"db\"\ntopology = \"auto-scaling\"\n").unwrap();
    story.ledger.current_volumes.clear();
    story.world.volumes.items.clear();
    if planned {
        story.apply(&[Change::Request(request(Destination::Standby))]);
        story.go(0);
        assert!(story.ledger.failover.as_ref().unwrap().planned);
    }
    story.denied = "stop";
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(3).0
}

#[test]
fn without_data_a_planned_move_holds_what_serves_and_a_failure_lets_it_go() {
    assert_eq!(fate(&without_data(true), 'a'), (true, false));
    assert_eq!(fate(&without_data(false), 'a'), (false, true));
}

#[test]
fn an_active_instance_that_is_launching_is_looked_at_again_soon() {
    let until = |lifecycle, paused: bool| {
        let mut story = Story::new();
        story.member('a', 'a', lifecycle);
        if let Some(Observed::Known { value, .. }) = story.world.volumes.items.get_mut(&volume_id(1)) {
            value.attachments[0].state = AttachmentState::Attaching;
        }
        if paused {
            story.ledger.paused = Some(Pause { at: start(), by: "me".to_owned() });
        }
        story.go(0);
        let (_, verdict) = story.go(60);
        let Verdict::Wait { until, .. } = verdict else { panic!("{verdict:?}") };
        until.duration_since(story.now).as_secs()
    };
    assert_eq!(until(Lifecycle::PendingWait, false), 2);
    assert!(until(Lifecycle::PendingWait, true) > 2, "nothing is done to it, so nothing presses");
}

#[test]
fn the_report_of_a_failover_tells_the_end_of_every_heartbeat() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Terminated);
    story.group().members.remove(&instance_id('a'));
    story.free_volume();
    story.launched('b', 'a');
    story.launched('c', 'b');
    story.go(0);
    story.attached('b');
    story.led_to('b');
    story.go(3);
    story.member('b', 'a', Lifecycle::InService);
    story.well('b');
    story.go(3);
    assert!(story.ledger.last.as_ref().is_some_and(|last| last.done));
    let report = story.ledger.outbox.iter().find_map(|notice| match notice {
        Notification::Ended(report) => Some(report),
        _ => None,
    });
    let heartbeats: Vec<_> = report.unwrap().steps.iter().filter(|step| step.step == "extend-hook").collect();
    assert!(heartbeats.iter().any(|it| it.resource.ends_with("i-0000000c")), "{heartbeats:?}");
    assert!(heartbeats.iter().all(|step| step.finished_at.is_some()), "{heartbeats:?}");
}

#[test]
fn a_hook_that_is_due_before_the_next_tick_is_waited_for_while_a_failover_is_refused() {
    let mut story = Story::new();
    let id = crate::ids::FailoverId::of(1, start());
    story.ledger.last = Some(LastFailover { id, ended_at: start(), done: true });
    story.instance('a', 'a', InstanceState::Stopped);
    story.launched('b', 'b');
    let (steps, verdict) = story.go(1);
    assert!(has(&steps, "extend failover-launch of i-0000000b"), "{steps:?}");
    assert!(matches!(verdict, Verdict::Refuse { .. }), "due after the next tick: {verdict:?}");
    let (_, verdict) = story.go(60);
    let Verdict::Wait { until, .. } = verdict else { panic!("{verdict:?}") };
    assert!(until <= after(101), "{until}");
}

#[test]
fn two_groups_with_the_services_tag_are_a_doubt_that_is_told() {
    let mut story = Story::new();
    let other = story.group().clone();
    story.world.groups.items.insert(GroupName::new("other").unwrap(), Observed::Known { value: other, at: start() });
    story.instance('a', 'a', InstanceState::Stopped);
    let (_, verdict) = story.go(0);
    assert!(story.ledger.failover.is_none());
    let Verdict::Refuse { refusal, .. } = &verdict else { panic!("{verdict:?}") };
    let told = refusal.to_string();
    assert!(told.contains("other") && told.contains(group_name().as_str()), "{told}");
}

/// Of these instances of the group, beside `a`, which has failed: which takes over.
fn chosen(members: &[(char, char, Lifecycle, Option<InstanceState>)]) -> Option<crate::ids::InstanceId> {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Stopped);
    story.member('a', 'a', Lifecycle::Terminating);
    for (letter, at, lifecycle, state) in members {
        story.member(*letter, *at, lifecycle.clone());
        if let Some(state) = state {
            story.instance(*letter, *at, *state);
        }
    }
    story.go(0);
    story.target()
}

#[test]
fn what_the_group_launched_a_moment_ago_takes_over_before_ec2_lists_it() {
    use Lifecycle::{InService, Pending, PendingWait};
    assert_eq!(chosen(&[('b', 'b', Pending, None)]), Some(instance_id('b')));
    assert_eq!(chosen(&[('b', 'b', InService, None)]), None, "in service, and not there");
    let runs = Some(InstanceState::Running);
    assert_eq!(chosen(&[('b', 'b', Pending, None), ('c', 'b', PendingWait, runs)]), Some(instance_id('c')));
    assert_eq!(
        chosen(&[('b', 'b', Pending, Some(InstanceState::Pending)), ('c', 'a', Pending, None)]),
        Some(instance_id('c'))
    );
}

#[test]
fn a_move_takes_what_the_group_launches_in_the_zone_that_was_asked_for() {
    let mut story = Story::new();
    story.apply(&[Change::Request(request(Destination::Zone(zone('b'))))]);
    story.go(0);
    story.launched('c', 'a');
    story.launched('d', 'b');
    story.go(3);
    assert_eq!(story.target(), Some(instance_id('d')));
}

#[test]
fn a_replacement_counts_as_taken_back_only_while_the_active_instance_serves() {
    let ended = |lifecycle| {
        let mut story = Story::new();
        story.launched('b', 'b');
        story.go(0);
        story.member('b', 'b', Lifecycle::Terminating);
        story.instance('b', 'b', InstanceState::ShuttingDown);
        story.member('a', 'a', lifecycle);
        story.go(10);
        story.ledger.last.is_some()
    };
    assert!(ended(Lifecycle::InService));
    assert!(!ended(Lifecycle::Terminating), "the group does away with it as well");
}

#[test]
fn a_group_that_wants_no_instance_says_so() {
    let told = |desired| {
        let mut story = Story::new();
        story.instance('a', 'a', InstanceState::Terminated);
        story.group().members.clear();
        story.group().desired = desired;
        story.spec = Spec::parse("service = \"db\"\ntopology = \"auto-scaling\"\n").unwrap();
        story.ledger.current_volumes.clear();
        story.go(0);
        match story.go(700).1 {
            Verdict::Halt { halt: Halt::NoReplacement { why }, .. } => why,
            verdict => panic!("{verdict:?}"),
        }
    };
    assert!(told(0).contains("desired capacity is 0"));
    assert!(told(1).contains("scaling activities"));
}

#[test]
fn under_a_waived_fence_what_runs_with_the_data_is_neither_copied_nor_let_go() {
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{SPEC}[fence]\nwhen_unconfirmed = \"proceed\"\n")).unwrap();
    story.denied = "stop";
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(0);
    let (waived, _) = story.go(301);
    let fence = &story.ledger.failover.as_ref().unwrap().fence;
    assert!(matches!(fence, FenceState::Waived { .. }), "{fence:?}");
    let (steps, _) = story.go(3);
    for steps in [waived, steps] {
        assert!(!has(&steps, "snapshot") && !has(&steps, "detach"), "{steps:?}");
    }
}

#[test]
fn a_volume_that_nobody_has_is_detached_from_nobody() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Stopped);
    story.member('a', 'a', Lifecycle::Terminating);
    story.go(0);
    story.free_volume();
    story.ledger.failover.as_mut().unwrap().attempts.retain(|key, _| key.copies(&volume_id(1)));
    let (steps, _) = story.go(3);
    assert!(!has(&steps, "detach"), "{steps:?}");
}
