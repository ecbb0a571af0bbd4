//! What may go wrong around a group: hooks that nobody tends, replacements that vanish, words that are taken back.

use super::groups::{SPEC, Story, group_name, has, subnet};
use super::sample::{PASSED, data, instance_id, start, tags, volume, volume_id, zone};
use crate::agent::{AgentReport, AgentState};
use crate::group::Lifecycle;
use crate::ids::{FailoverId, GroupName, HookName};
use crate::ledger::{Cause, Change, FenceState, LastFailover, Pause, Proof};
use crate::spec::Spec;
use crate::step::{FailureClass, Step, StepOutcome};
use crate::verdict::Verdict;
use crate::world::{Check, Checks, InstanceState, Observed, Part, tag};

const HOLD_LAUNCH: &str = "extend failover-launch of i-0000000b";
const HOLD_END: &str = "extend failover-terminate of i-0000000a";

/// Every hook is held; nothing else is done.
fn only(steps: &[String], wanted: &[&str]) {
    let mut steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    steps.sort_unstable();
    assert_eq!(steps, wanted);
}

#[test]
fn a_replacement_that_the_group_takes_back_costs_the_active_instance_nothing() {
    let mut story = Story::new();
    story.launched('b', 'b');
    story.go(0);
    assert!(matches!(story.ledger.failover.as_ref().unwrap().cause, Cause::Replacement(_)));
    story.member('b', 'b', Lifecycle::Terminating);
    story.instance('b', 'b', InstanceState::ShuttingDown);
    let (steps, verdict) = story.go(10);
    assert!(!has(&steps, "replace") && !has(&steps, "stop"), "nobody asked for that: {steps:?}");
    assert!(story.ledger.failover.is_none() && matches!(verdict, Verdict::Settled { .. }), "{verdict:?}");
    assert!(story.ledger.automatic_starts.is_empty(), "a failure keeps its share of the day");
}

#[test]
fn hooks_are_held_while_a_failure_is_only_suspected() {
    let mut story = Story::new();
    let impaired = Checks { instance: Check::Impaired, ..PASSED };
    story.world.checks.items.insert(instance_id('a'), Observed::Known { value: impaired, at: start() });
    story.launched('b', 'b');
    let (steps, _) = story.go(0);
    only(&steps, &[HOLD_LAUNCH]);
}

#[test]
fn hooks_are_held_while_a_failover_is_refused() {
    let mut story = Story::new();
    let last = LastFailover { id: FailoverId::of(1, start()), ended_at: start(), done: true };
    story.ledger.last = Some(last);
    story.instance('a', 'a', InstanceState::Stopped);
    story.launched('b', 'b');
    let (steps, verdict) = story.go(1);
    only(&steps, &[HOLD_LAUNCH]);
    assert!(matches!(verdict, Verdict::Refuse { .. }), "{verdict:?}");
}

#[test]
fn a_pause_holds_every_hook_and_does_nothing_else() {
    let mut story = Story::new();
    story.ledger.paused = Some(Pause { at: start(), by: "me".to_owned() });
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.launched('b', 'b');
    let (steps, verdict) = story.go(0);
    only(&steps, &[HOLD_LAUNCH, HOLD_END]);
    assert!(matches!(verdict, Verdict::Settled { .. }), "the next one is due after the next tick: {verdict:?}");
    let (steps, verdict) = story.go(60);
    only(&steps, &[]);
    assert!(matches!(verdict, Verdict::Wait { .. }), "due before the next tick: {verdict:?}");
    let (steps, _) = story.go(41);
    only(&steps, &[HOLD_LAUNCH, HOLD_END]);
    // Nobody is let go, even if nothing more is wanted of them.
    story.member('a', 'a', Lifecycle::InService);
    story.member('c', 'b', Lifecycle::TerminatingWait);
    let (steps, _) = story.go(101);
    only(&steps, &[HOLD_LAUNCH, "extend failover-terminate of i-0000000c"]);
}

/// Until `b`, in the same zone, is the active instance.
fn promoted() -> Story {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Terminated);
    story.free_volume();
    story.launched('b', 'a');
    story.go(0);
    assert_eq!(story.ledger.active, instance_id('b'));
    story.attached('b');
    story.led_to('b');
    story
}

#[test]
fn a_promoted_target_that_the_group_terminates_is_failed_over_from() {
    let mut story = promoted();
    // Its launch hook timed out.
    story.member('b', 'a', Lifecycle::TerminatingWait);
    let (steps, _) = story.go(5);
    let failover = story.ledger.failover.as_ref().unwrap();
    assert_eq!(failover.from.instance_id, instance_id('b'), "{steps:?}");
    assert!(has(&steps, "stop i-0000000b") && has(&steps, "extend failover-terminate of i-0000000b"), "{steps:?}");
}

#[test]
fn a_hook_that_aws_refuses_to_touch_does_not_keep_a_failover_from_its_end() {
    let mut story = promoted();
    story.denied = "extend";
    story.launched('c', 'b');
    story.member('b', 'a', Lifecycle::InService);
    story.go(5);
    story.well('b');
    story.go(1);
    assert!(story.ledger.last.as_ref().is_some_and(|last| last.done));
}

/// The agent of `a` has stopped the units and let the volume go.
pub(super) fn quiesced() -> Story {
    let mut story = Story::new();
    story.agent('a', AgentState::Ready);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(0);
    story.agent('a', AgentState::Quiesced);
    story.free_volume();
    story.go(3);
    let fence = &story.ledger.failover.as_ref().unwrap().fence;
    assert!(matches!(fence, FenceState::Confirmed { proof: Proof::Quiesced, .. }), "{fence:?}");
    story
}

#[test]
fn a_quiet_instance_that_serves_again_is_fenced_anew() {
    let mut story = quiesced();
    story.agent('a', AgentState::Starting);
    story.go(3);
    let failover = story.ledger.failover.as_ref().unwrap();
    assert!(matches!(failover.fence, FenceState::Open { .. }) && failover.fences == 1, "{:?}", failover.fence);
    let (steps, _) = story.go(31);
    assert!(has(&steps, "stop i-0000000a"), "{steps:?}");
}

#[test]
fn a_report_that_is_lost_takes_nothing_back() {
    let mut story = quiesced();
    story.world.agents.items.clear();
    story.go(3);
    let fence = &story.ledger.failover.as_ref().unwrap().fence;
    assert!(matches!(fence, FenceState::Confirmed { .. }), "{fence:?}");
}

#[test]
fn a_quiet_instance_whose_volume_can_t_be_seen_is_watched() {
    let mut story = Story::new();
    story.agent('a', AgentState::Quiesced);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    let unseen = Observed::Unknown { why: "timed out".to_owned(), at: start() };
    story.world.volumes.items.insert(volume_id(1), unseen);
    story.go(0);
    let (_, verdict) = story.go(1);
    assert!(matches!(&verdict, Verdict::Wait { parts, .. } if parts.contains(&Part::Volumes)), "{verdict:?}");
}

#[test]
fn a_quiesced_report_of_an_older_epoch_proves_nothing() {
    let mut story = Story::new();
    let value = AgentReport { epoch: 0, state: AgentState::Quiesced, at: start(), lease_seconds: None };
    story.world.agents.items.insert(instance_id('a'), Observed::Known { value, at: start() });
    story.free_volume();
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(0);
    let fence = &story.ledger.failover.as_ref().unwrap().fence;
    assert!(matches!(fence, FenceState::Open { .. }), "{fence:?}");
}

#[test]
fn what_can_t_be_copied_is_let_go_all_the_same() {
    let mut story = Story::new();
    story.denied = "snapshot";
    story.instance('a', 'a', InstanceState::Stopped);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    let (steps, _) = story.go(0);
    assert!(has(&steps, "detach vol-00000001 from i-0000000a"), "else its termination may take it along: {steps:?}");
    story.free_volume();
    let (steps, _) = story.go(3);
    assert!(has(&steps, "complete failover-terminate of i-0000000a with CONTINUE"), "{steps:?}");
}

#[test]
fn data_out_of_sight_is_looked_for_before_there_is_a_replacement() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Terminated);
    let unseen = Observed::Unknown { why: "timed out".to_owned(), at: start() };
    story.world.volumes.items.insert(volume_id(1), unseen);
    let (_, verdict) = story.go(0);
    assert!(matches!(&verdict, Verdict::Wait { parts, .. } if parts.contains(&Part::Volumes)), "{verdict:?}");
}

#[test]
fn one_look_that_fails_rules_no_replacement_out() {
    let mut story = Story::new();
    story.launched('b', 'b');
    story.go(0);
    let unseen = Observed::Unknown { why: "timed out".to_owned(), at: start() };
    story.world.instances.items.insert(instance_id('b'), unseen.clone());
    story.go(600);
    assert_eq!(story.target(), Some(instance_id('b')));
    story.instance('b', 'b', InstanceState::Running);
    story.go(10);
    story.world.instances.items.insert(instance_id('b'), unseen);
    story.go(10);
    assert_eq!(story.target(), Some(instance_id('b')), "it has its whole patience again");
    let (steps, _) = story.go(121);
    assert!(has(&steps, "complete failover-launch of i-0000000b with ABANDON"), "{steps:?}");
}

#[test]
fn a_replacement_that_does_not_become_well_is_abandoned_and_the_next_one_has_its_own_time() {
    let mut story = Story::new();
    story.launched('b', 'b');
    story.go(0);
    let (steps, _) = story.go(901);
    assert!(has(&steps, "complete failover-launch of i-0000000b with ABANDON"), "{steps:?}");
    assert!(!has(&steps, "stop") && !has(&steps, "replace"), "{steps:?}");
    story.member('b', 'b', Lifecycle::Terminating);
    story.launched('c', 'b');
    let (steps, _) = story.go(5);
    assert!(!has(&steps, "ABANDON"), "{steps:?}");
    assert_eq!(story.target(), Some(instance_id('c')));
}

#[test]
fn one_that_is_in_service_may_still_become_well() {
    let mut story = Story::new();
    story.launched('b', 'b');
    story.member('b', 'b', Lifecycle::InService);
    story.go(0);
    let first = story.ledger.failover.as_ref().unwrap().id.clone();
    let (steps, _) = story.go(901);
    only(&steps, &[]);
    let failover = story.ledger.failover.as_ref().unwrap();
    assert!(failover.id != first && failover.excluded.is_empty(), "the group launches no other: {failover:?}");
    story.well('b');
    let (steps, _) = story.go(5);
    assert!(has(&steps, "stop i-0000000a"), "{steps:?}");
}

#[test]
fn a_retained_instance_is_fenced_like_any_other_that_goes() {
    let mut story = Story::new();
    story.member('a', 'a', Lifecycle::Retained);
    let (steps, _) = story.go(0);
    assert!(has(&steps, "stop i-0000000a"), "it runs on: {steps:?}");
}

#[test]
fn a_stopped_instance_that_the_group_still_counts_on_is_no_target() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Stopped);
    let (steps, _) = story.go(0);
    assert_eq!(story.target(), None);
    assert!(has(&steps, "snapshot data"), "{steps:?}");
}

#[test]
fn a_halt_for_want_of_a_replacement_ends_with_it() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Stopped);
    story.go(0);
    let (_, verdict) = story.go(601);
    assert!(matches!(verdict, Verdict::Halt { .. }), "{verdict:?}");
    story.launched('b', 'a');
    story.go(30);
    assert_eq!(story.target(), Some(instance_id('b')));
    assert_eq!(story.ledger.failover.as_ref().unwrap().halted, None);
}

#[test]
fn an_instance_that_fills_the_group_and_can_t_take_over_is_named() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Stopped);
    story.member('b', 'b', Lifecycle::InService);
    story.instance('b', 'b', InstanceState::Running);
    story.go(0);
    story.instance('b', 'b', InstanceState::Stopped);
    story.go(5);
    assert_eq!(story.target(), None);
    let (_, verdict) = story.go(700);
    let Verdict::Halt { halt, .. } = verdict else { panic!("{verdict:?}") };
    assert!(halt.to_string().contains("i-0000000b is in service"), "{halt}");
}

#[test]
fn nothing_is_done_to_one_of_two_groups() {
    let mut story = Story::new();
    let other = story.group().clone();
    let other = Observed::Known { value: other, at: start() };
    story.world.groups.items.insert(GroupName::new("other").unwrap(), other);
    story.launched('b', 'b');
    story.ledger.subnets_before = Some(vec![subnet('b')]);
    let (steps, _) = story.go(0);
    only(&steps, &[]);
    // One that can't be seen may be the second.
    let unseen = Observed::Unknown { why: "timed out".to_owned(), at: start() };
    story.world.groups.items.insert(GroupName::new("other").unwrap(), unseen);
    only(&story.go(5).0, &[]);
    // Named, it is unambiguous.
    story.spec = Spec::parse(&format!("{SPEC}[group]\nname = \"{}\"\n", group_name())).unwrap();
    assert!(has(&story.go(5).0, HOLD_LAUNCH));
}

#[test]
fn a_terminate_hook_is_never_abandoned_with_the_data_on_its_instance() {
    let mut story = Story::new();
    story.denied = "stop";
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(0);
    let attempts = &mut story.ledger.failover.as_mut().unwrap().attempts;
    attempts.iter_mut().find(|(key, _)| key.0.starts_with("extend-hook")).unwrap().1.tries = 95;
    let (steps, _) = story.go(200);
    assert!(!has(&steps, "complete") && !has(&steps, "extend"), "{steps:?}");
    let warnings = &story.ledger.failover.as_ref().unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("failover-terminate")), "{warnings:?}");
}

#[test]
fn a_halt_does_not_keep_a_heartbeat_that_failed_from_being_tried_again_at_once() {
    let mut story = Story::new();
    story.denied = "stop";
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(0);
    let (_, verdict) = story.go(5);
    assert!(matches!(verdict, Verdict::Halt { .. }), "{verdict:?}");
    let attempts = &mut story.ledger.failover.as_mut().unwrap().attempts;
    let extend = attempts.iter_mut().find(|(key, _)| key.0.starts_with("extend-hook")).unwrap().1;
    assert_eq!((extend.tries, extend.failures), (1, 0), "it was accepted");
    // However many heartbeats went well before.
    (extend.tries, extend.failures) = (40, 1);
    let (code, message) = ("Throttling".to_owned(), "Rate exceeded".to_owned());
    extend.outcome = StepOutcome::Failed { class: FailureClass::Retryable, code, message };
    extend.answered_at = story.now;
    let (steps, verdict) = story.go(0);
    assert!(steps.is_empty(), "{steps:?}");
    let Verdict::Wait { until, .. } = verdict else { panic!("{verdict:?}") };
    assert!(until.duration_since(story.now).as_secs() <= 2, "{until}");
    let (steps, verdict) = story.go(2);
    assert!(has(&steps, HOLD_END) && matches!(verdict, Verdict::Halt { .. }), "{steps:?} {verdict:?}");
}

#[test]
fn failures_are_counted_until_a_try_is_accepted() {
    let mut story = Story::new();
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(0);
    let step = Step::ExtendHook {
        group: group_name(),
        hook: HookName::new("failover-terminate").unwrap(),
        instance: instance_id('a'),
    };
    let counted = |story: &Story| {
        let attempt = &story.ledger.failover.as_ref().unwrap().attempts[&step.key()];
        (attempt.tries, attempt.failures)
    };
    assert_eq!(counted(&story), (1, 0));
    let (code, message) = ("Throttling".to_owned(), "Rate exceeded".to_owned());
    let failed = StepOutcome::Failed { class: FailureClass::Retryable, code, message };
    // One that nobody answered counts, too.
    for (outcome, wanted) in
        [(None, (2, 1)), (Some(failed), (3, 2)), (Some(StepOutcome::Accepted { made: vec![] }), (4, 0))]
    {
        story.apply(&[Change::Intend(vec![step.clone()])]);
        if let Some(outcome) = outcome {
            story.apply(&[Change::Resolve(vec![(step.key(), outcome, 1)])]);
        }
        assert_eq!(counted(&story), wanted);
    }
}

#[test]
fn an_empty_volume_in_the_wrong_zone_is_left_behind() {
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{SPEC}blank = {{ size_gib = 20 }}\n")).unwrap();
    story.ledger.current_volumes.clear();
    story.ledger.uninitialized.insert(data());
    // The first instance was lost before it got its volume.
    story.ledger.last = Some(LastFailover { id: FailoverId::of(1, start()), ended_at: start(), done: true });
    let mut made = volume('b', None);
    made.tags = tags(&[(tag::VOLUME, "data"), (tag::ROLE, "blank")]);
    story.world.volumes.items.clear();
    story.world.volumes.items.insert(volume_id(5), Observed::Known { value: made, at: start() });
    let (steps, _) = story.go(0);
    assert!(has(&steps, "create data, 20 GiB and empty, in eu-central-1a"), "{steps:?}");
    assert!(story.ledger.superseded.contains_key(&volume_id(5)), "it is kept for its time, and stands in nobody's way");
    assert_eq!(story.ledger.active_zone, zone('a'));
}

/// In the loss of a zone EC2 may not answer for what is there; the group's word is enough.
#[test]
fn a_group_that_terminates_the_active_instance_is_believed_where_ec2_does_not_answer() {
    let mut story = Story::new();
    story.member('a', 'a', Lifecycle::TerminatingWait);
    let unseen = Observed::Unknown { why: "an internal error".to_owned(), at: start() };
    story.world.instances.items.insert(instance_id('a'), unseen);
    story.go(0);
    assert!(story.ledger.failover.is_some());
}

/// The group goes on replacing it whatever becomes of the failover: one that gives up would begin again at the next look, without end.
#[test]
fn a_replaced_instance_that_can_t_be_stopped_is_a_halt_and_not_an_abort() {
    let mut story = Story::new();
    (story.denied, story.code) = ("stop", "OperationNotPermitted");
    story.launched('b', 'b');
    story.well('b');
    story.go(0);
    let (first, _) = story.go(60);
    let (then, _) = story.go(60);
    assert!(has(&first, "stop i-0000000a") && !has(&first, "detach") && !has(&then, "detach"), "{first:?} {then:?}");
    let failover = story.ledger.failover.as_ref().unwrap();
    assert_eq!(failover.cause, Cause::Replacement(instance_id('b')));
    let halted = failover.halted.as_ref().unwrap();
    assert!(halted.reason.contains("stop"), "{}", halted.reason);
    // Once people let it, the failover goes on.
    story.denied = "never";
    let (steps, _) = story.go(60);
    assert!(has(&steps, "stop i-0000000a"), "{steps:?}");
}
