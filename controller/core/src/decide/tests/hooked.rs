//! Groups: which hook is held and which ends, which instance takes over, and what is created empty.

use std::collections::BTreeSet;

use super::agents::{AGENT, out_of_reach, proof};
use super::data::put;
use super::groups::{SPEC, Story, group_name, has};
use super::sample::*;
use crate::agent::{AgentReport, AgentState};
use crate::decide::decide;
use crate::group::Lifecycle;
use crate::ids::{GroupName, VolumeName};
use crate::ledger::{Change, Destination, FenceState, LastFailover, Notification, Pause, Proof, Request};
use crate::spec::Spec;
use crate::step::Step;
use crate::verdict::{Halt, Verdict};
use crate::world::{AttachmentState, Check, Checks, InstanceState, Listing, Observed, Part, Volume, VolumeState, tag};

const LET_GO: &str = "complete failover-terminate of i-0000000a";

fn request(to: Destination) -> Request {
    Request { id: None, to, drill: false, accepted_loss_seconds: None, at: start(), by: "me".to_owned() }
}

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

/// Two data volumes that never were, of an instance that is launching.
fn never_there() -> Story {
    let mut story = Story::new();
    let second = "[[volume]]\nname = \"log\"\nblank = { size_gib = 5 }\n";
    story.spec = Spec::parse(&format!("{SPEC}blank = {{ size_gib = 20 }}\n{second}")).unwrap();
    story.world.volumes.items.clear();
    story.ledger.current_volumes.clear();
    story.ledger.uninitialized = BTreeSet::from([data(), VolumeName::new("log").unwrap()]);
    story.member('a', 'a', Lifecycle::PendingWait);
    story
}

fn blank(name: &str, at: char) -> Volume {
    Volume { tags: tags(&[(tag::VOLUME, name), (tag::ROLE, "blank")]), ..volume(at, None) }
}

#[test]
fn what_is_created_empty_says_so_in_its_tags() {
    let story = never_there();
    let verdict = decide(&story.spec, &story.ledger, &story.world, story.now);
    let Verdict::Act { steps, .. } = verdict else { panic!("{verdict:?}") };
    let made: Vec<_> = steps
        .iter()
        .filter_map(
            |step| if let Step::CreateBlank { name, tags, .. } = step { Some((name.as_str(), tags)) } else { None },
        )
        .collect();
    let expected = |name| tags(&[(tag::VOLUME, name), (tag::EPOCH, "2"), (tag::ROLE, "blank")]);
    assert_eq!(made, [("data", &expected("data")), ("log", &expected("log"))]);
}

#[test]
fn every_empty_volume_gets_a_device_name_of_its_own() {
    let mut story = never_there();
    put(&mut story.world.volumes, volume_id(1), blank("data", 'a'), start());
    story.go(0);
    put(&mut story.world.volumes, volume_id(2), blank("log", 'a'), start());
    story.go(3);
    let devices: Vec<&str> = story.ledger.current_volumes.values().map(|current| current.device.as_str()).collect();
    assert_eq!(devices, ["/dev/sdf", "/dev/sdg"]);
    // Both at once.
    let mut story = never_there();
    put(&mut story.world.volumes, volume_id(1), blank("data", 'a'), start());
    put(&mut story.world.volumes, volume_id(2), blank("log", 'a'), start());
    story.go(0);
    let devices: BTreeSet<&str> =
        story.ledger.current_volumes.values().map(|current| current.device.as_str()).collect();
    assert_eq!(devices.len(), 2);
}

#[test]
fn only_what_the_controller_created_empty_is_taken_for_empty() {
    let taken = |made: Volume| {
        let mut story = never_there();
        put(&mut story.world.volumes, volume_id(1), made, start());
        let (steps, _) = story.go(0);
        (story.ledger.blank.contains(&volume_id(1)), has(&steps, "create data"))
    };
    assert_eq!(taken(blank("data", 'a')), (true, false));
    // What looks like data is neither formatted, nor is anything empty created beside it.
    assert_eq!(taken(Volume { restored_from: Some(snapshot_id(1)), ..blank("data", 'a') }), (false, false));
    assert_eq!(taken(Volume { tags: tags(&[(tag::VOLUME, "data")]), ..volume('a', None) }), (false, false));
    assert_eq!(taken(Volume { state: VolumeState::Deleted, ..blank("data", 'a') }), (false, true));
    assert_eq!(taken(Volume { tags: tags(&[(tag::ROLE, "blank")]), ..volume('a', None) }), (false, true));
}

#[test]
fn nothing_empty_is_created_while_a_volume_or_a_snapshot_can_t_be_seen() {
    let creates = |hide: fn(&mut Story)| {
        let mut story = never_there();
        hide(&mut story);
        let verdict = decide(&story.spec, &story.ledger, &story.world, story.now);
        matches!(verdict, Verdict::Act { steps, .. } if steps.iter().any(|step| matches!(step, Step::CreateBlank { .. })))
    };
    assert!(creates(|_| {}));
    assert!(!creates(|story| story.world.snapshots = Listing::unknown("timed out", start())));
    assert!(!creates(|story| story.world.volumes = Listing::unknown("timed out", start())));
    assert!(!creates(|story| {
        let unseen = Observed::Unknown { why: "timed out".to_owned(), at: start() };
        story.world.snapshots.items.insert(snapshot_id(1), unseen);
    }));
    assert!(!creates(|story| {
        let unseen = Observed::Unknown { why: "timed out".to_owned(), at: start() };
        story.world.volumes.items.insert(volume_id(1), unseen);
    }));
}

#[test]
fn an_agent_that_is_silent_is_not_waited_for() {
    let stops = |silent: i64| {
        let mut story = Story::new();
        story.spec = Spec::parse(&format!("{SPEC}{AGENT}")).unwrap();
        let at = after(-silent);
        let value = AgentReport { epoch: 1, state: AgentState::Ready, at, lease_seconds: None };
        story.world.agents.items.insert(instance_id('a'), Observed::Known { value, at: start() });
        story.member('a', 'a', Lifecycle::TerminatingWait);
        has(&story.go(0).0, "stop i-0000000a")
    };
    assert!(!stops(89) && stops(90));
}

#[test]
fn an_agent_is_silent_after_the_seconds_that_the_spec_says() {
    let suspected = |silent| {
        let mut story = Story::new();
        story.spec = Spec::parse(&format!("{SPEC}{AGENT}[detect]\nagent_silent_seconds = 90\n")).unwrap();
        story.agent('a', AgentState::Ready);
        story.go(silent);
        story.ledger.suspicion.is_some()
    };
    assert!(!suspected(90) && suspected(91));
}

#[test]
fn a_report_that_is_lost_takes_no_expired_lease_back() {
    let mut story = out_of_reach(Some(60));
    story.go(80);
    assert_eq!(proof(&story), Some(Proof::LeaseExpired));
    story.world.agents.items.clear();
    story.go(3);
    assert_eq!((proof(&story), story.ledger.failover.as_ref().unwrap().fences), (Some(Proof::LeaseExpired), 0));
}

#[test]
fn the_end_of_a_lease_is_waited_for() {
    let mut story = out_of_reach(Some(60));
    let (_, verdict) = story.go(1);
    let Verdict::Wait { parts, reasons, .. } = &verdict else { panic!("{verdict:?}") };
    assert!(parts.contains(&Part::Agents), "{parts:?}");
    assert!(reasons.iter().any(|it| it.text.contains("has to stop when its lease ends")), "{reasons:?}");
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

#[test]
fn a_failover_of_a_group_looks_at_instances_twice_a_minute_whatever_it_waits_for() {
    let mut story = Story::new();
    story.launched('b', 'b');
    story.go(0);
    let seen = |age| {
        let mut world = story.world.clone();
        let now = story.now + jiff::SignedDuration::from_secs(14);
        world.instances.complete = Observed::Known { value: (), at: now - jiff::SignedDuration::from_secs(age) };
        world.groups.complete = Observed::Known { value: (), at: now };
        decide(&story.spec, &story.ledger, &world, now)
    };
    assert_ne!(seen(30), Verdict::Observe(vec![Part::Instances]));
    assert_eq!(seen(31), Verdict::Observe(vec![Part::Instances]));
}

#[test]
fn a_pause_looks_at_a_group_for_its_hooks_and_at_nothing_else() {
    let mut story = Story::new();
    story.ledger.paused = Some(Pause { at: start(), by: "me".to_owned() });
    let verdict = decide(&story.spec, &story.ledger, &story.world, after(60));
    assert_eq!(verdict, Verdict::Observe(vec![Part::Groups]));
    let paused = crate::ledger::Ledger { paused: story.ledger.paused.clone(), ..ledger() };
    assert!(matches!(decide(&spec(), &paused, &world(start()), after(60)), Verdict::Settled { .. }));
}

#[test]
fn a_word_that_a_detach_rests_on_is_fresh() {
    let story = super::mishaps::quiesced();
    let mut world = story.world.clone();
    world.volumes.items.insert(volume_id(1), Observed::Known { value: volume('a', Some('a')), at: story.now });
    let mut ledger = story.ledger.clone();
    ledger.failover.as_mut().unwrap().fence = FenceState::Open { since: Some(start()) };
    ledger.failover.as_mut().unwrap().attempts.clear();
    let decided = |age| {
        let mut world = world.clone();
        let now = story.now + jiff::SignedDuration::from_secs(9);
        let seen = Observed::Known { value: (), at: now };
        world.instances.complete = seen.clone();
        world.volumes.complete = seen.clone();
        world.addresses.complete = seen.clone();
        world.groups.complete = seen;
        world.agents.complete = Observed::Known { value: (), at: now - jiff::SignedDuration::from_secs(age) };
        decide(&story.spec, &ledger, &world, now)
    };
    assert!(matches!(decided(5), Verdict::Act { ref steps, .. } if steps[0].kind() == "detach"), "{:?}", decided(5));
    assert_eq!(decided(6), Verdict::Observe(vec![Part::Agents]));
}

#[test]
fn a_target_that_fails_ends_a_planned_failover_only_before_its_fence() {
    let after_failure = |planned: bool, begun: bool| {
        let mut ledger = ledger();
        if planned {
            ledger = ledger.apply(&Change::Request(request(Destination::Standby)), start()).unwrap();
        }
        let mut seen = world(start());
        if !planned {
            put(&mut seen.instances, instance_id('a'), instance('a', InstanceState::Stopped), start());
        }
        let Verdict::Record { changes, .. } = decide(&spec(), &ledger, &seen, start()) else { panic!() };
        let mut ledger = ledger.apply(&changes[0], start()).unwrap();
        if begun {
            ledger = ledger.apply(&Change::BeginFence, start()).unwrap();
            assert!(ledger.apply(&Change::BeginFence, start()).is_err(), "once");
        }
        put(&mut seen.checks, instance_id('b'), Checks { system: Check::Impaired, ..PASSED }, start());
        super::data::go(&spec(), ledger, &seen, start()).0.failover.map(|it| it.halted.is_some())
    };
    assert_eq!(after_failure(true, false), None, "nobody was harmed, and nobody will be");
    assert_eq!(after_failure(true, true), Some(true));
    assert_eq!(after_failure(false, false), Some(true), "the service is down: a standby ends it");
}

#[test]
fn what_is_done_says_why() {
    let mut seen = world(start());
    put(&mut seen.instances, instance_id('a'), instance('a', InstanceState::Stopped), start());
    let begun = super::data::go(&spec(), ledger(), &seen, start()).0;
    let mut open = begun.clone();
    open.failover.as_mut().unwrap().fence = FenceState::Open { since: Some(start()) };
    let verdict = decide(&spec(), &open, &seen, start());
    let (Verdict::Record { reasons, .. } | Verdict::Act { reasons, .. }) = verdict else { panic!("{verdict:?}") };
    assert!(reasons.contains(&"the old instance is fenced".to_owned()), "{reasons:?}");
}

#[test]
fn one_volume_is_no_set() {
    let spec = Spec::parse(&format!("{}[data]\nsnapshot_every_seconds = 600\n", super::sample::SPEC)).unwrap();
    let mut seen = world(start());
    let mut active = instance('a', InstanceState::Running);
    active.devices = [("/dev/xvda", 8), ("/dev/sdf", 1)].map(|(name, id)| (name.to_owned(), volume_id(id))).into();
    active.root_device = Some("/dev/xvda".to_owned());
    put(&mut seen.instances, instance_id('a'), active, start());
    let verdict = decide(&spec, &ledger(), &seen, start());
    let Verdict::Act { steps, .. } = &verdict else { panic!("{verdict:?}") };
    assert!(matches!(&steps[..], [Step::TakeSnapshots { together: None, .. }]), "{steps:?}");
}

#[test]
fn what_is_under_way_is_waited_for_and_what_is_far_off_is_left_to_the_tick() {
    let mut before = ledger();
    let last = LastFailover { id: crate::ids::FailoverId::of(1, start()), ended_at: after(-9), done: true };
    let record = crate::ledger::Superseded { name: data(), since: start(), failover: last.id };
    before.superseded.insert(volume_id(7), record);
    let mut seen = world(start());
    put(&mut seen.instances, instance_id('b'), instance('b', InstanceState::Stopped), start());
    put(&mut seen.volumes, volume_id(7), volume('b', Some('b')), start());
    let (ledger, steps, verdict) = super::data::go(&spec(), before, &seen, start());
    assert_eq!(steps.iter().map(Step::kind).collect::<Vec<_>>(), ["detach"]);
    let Verdict::Wait { until, parts, .. } = &verdict else { panic!("{verdict:?}") };
    assert!(*until > start() && *until <= after(30) && parts.contains(&Part::Volumes), "{verdict:?}");
    assert!(!ledger.maintenance.is_empty());
}

#[test]
fn deletions_and_marks_leave_room_for_what_presses() {
    let spec = Spec::parse(&format!("{}[data]\nsnapshot_every_seconds = 600\n", super::sample::SPEC)).unwrap();
    let kinds = |since, last: Option<char>| {
        let mut before = ledger();
        let mut seen = world(start());
        put(&mut seen.instances, instance_id('b'), instance('b', InstanceState::Stopped), start());
        for number in 10..25 {
            let failover = crate::ids::FailoverId::of(1, start());
            before.superseded.insert(volume_id(number), crate::ledger::Superseded { name: data(), since, failover });
            let holder = if number == 24 { last } else { None };
            put(&mut seen.volumes, volume_id(number), volume('b', holder), start());
        }
        let Verdict::Act { steps, .. } = decide(&spec, &before, &seen, start()) else { panic!() };
        steps.iter().map(Step::kind).collect::<Vec<_>>()
    };
    // Past their retention, and within it.
    let deletions = kinds(after(-8 * 86_400), Some('b'));
    assert_eq!(deletions[..3], ["snapshot", "detach", "delete-volume"]);
    let marks = kinds(start(), None);
    assert_eq!(marks[..2], ["snapshot", "mark-superseded"]);
}

#[test]
fn a_drill_is_declined_where_the_address_leads_elsewhere() {
    let begins = |leads_to: char| {
        let mut seen = world(start());
        if let Some(Observed::Known { value, .. }) = seen.addresses.items.get_mut(&allocation()) {
            value.instance = Some(instance_id(leads_to));
        }
        let drill = Request { drill: true, ..request(Destination::Standby) };
        let asked = ledger().apply(&Change::Request(drill), start()).unwrap();
        super::data::go(&spec(), asked, &seen, start()).0.failover.is_some()
    };
    assert!(begins('a') && !begins('b'));
}

#[test]
fn a_service_without_volumes_looks_at_none() {
    let spec = Spec::parse("service = \"db\"\ntopology = \"standby\"\n").unwrap();
    let without = crate::ledger::Ledger { current_volumes: [].into(), ..ledger() };
    let mut seen = world(after(60));
    seen.volumes = Listing::known([], start());
    seen.snapshots = Listing::known([], start());
    assert!(matches!(decide(&spec, &without, &seen, after(60)), Verdict::Settled { .. }));
    // Either of the two names some.
    for (spec, ledger) in [(super::sample::spec(), without), (spec, ledger())] {
        let verdict = decide(&spec, &ledger, &seen, after(60));
        assert_eq!(verdict, Verdict::Observe(vec![Part::Volumes, Part::Snapshots]));
    }
}

#[test]
fn what_was_seen_five_seconds_ago_is_fresh() {
    assert!(matches!(decide(&spec(), &ledger(), &world(start()), after(5)), Verdict::Settled { .. }));
}
