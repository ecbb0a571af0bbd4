//! Who is a member, who takes over, when a failure counts, and what is done when nothing is wrong.

use std::collections::BTreeSet;

use super::data::{failover, go, put, stopped_with};
use super::groups::Story;
use super::sample::*;
use crate::decide::decide;
use crate::group::Lifecycle;
use crate::ids::{FailoverId, InstanceId};
use crate::ledger::{
    Cause, Change, CurrentVolume, Destination, Failover, LastFailover, Ledger, Member, Request, Suspicion,
};
use crate::spec::Spec;
use crate::step::Step;
use crate::verdict::{Refusal, Verdict};
use crate::world::{Address, Check, Checks, InstanceState, Listing, Observed, Volume, VolumeState, World, tag};

/// The service with `c` and `d` as well; `a` is stopped.
fn four(states: [(char, char, InstanceState); 3], now: jiff::Timestamp) -> (Ledger, World) {
    let (mut ledger, mut world) = (ledger(), stopped_with(volume('a', Some('a')), now));
    for (letter, at, state) in states {
        ledger.members.insert(instance_id(letter), Member { zone: zone(at) });
        put(&mut world.instances, instance_id(letter), instance(at, state), now);
    }
    (ledger, world)
}

fn target_of(ledger: Ledger, world: &World, to: Option<Destination>) -> InstanceId {
    let ledger = match to {
        Some(to) => ledger.apply(&Change::Request(request(to)), start()).unwrap(),
        None => ledger,
    };
    let Verdict::Record { changes, .. } = decide(&spec(), &ledger, world, start()) else { panic!() };
    let Change::Begin(begun) = &changes[0] else { panic!("{changes:?}") };
    begun.to.as_ref().unwrap().instance_id.clone()
}

pub(super) fn request(to: Destination) -> Request {
    Request { id: None, to, drill: false, accepted_loss_seconds: None, at: start(), by: "me".to_owned() }
}

#[test]
fn the_zone_of_the_data_comes_first_then_one_that_runs_then_the_lower_id() {
    use InstanceState::{Running, Stopped};
    let chosen = |states| {
        let (ledger, world) = four(states, start());
        target_of(ledger, &world, None)
    };
    assert_eq!(chosen([('b', 'b', Running), ('c', 'a', Stopped), ('d', 'b', Running)]), instance_id('c'));
    assert_eq!(chosen([('b', 'b', Stopped), ('c', 'b', Running), ('d', 'b', Running)]), instance_id('c'));
    assert_eq!(chosen([('b', 'b', Running), ('c', 'b', Running), ('d', 'b', Running)]), instance_id('b'));
}

#[test]
fn an_operator_gets_the_instance_or_the_zone_that_was_asked_for() {
    use InstanceState::Running;
    let (ledger, world) = four([('b', 'b', Running), ('c', 'c', Running), ('d', 'a', Running)], start());
    let chosen = |to| target_of(ledger.clone(), &world, Some(to));
    assert_eq!(chosen(Destination::Instance(instance_id('c'))), instance_id('c'));
    assert_eq!(chosen(Destination::Zone(zone('b'))), instance_id('b'));
    assert_eq!(chosen(Destination::Standby), instance_id('d'));
    let nowhere = ledger.apply(&Change::Request(request(Destination::Zone(zone('x')))), start()).unwrap();
    let declined = go(&spec(), nowhere, &world, start()).0;
    assert!(declined.request.is_none() && !declined.outbox.is_empty());
}

#[test]
fn members_are_those_that_are_there_the_active_one_and_those_that_can_t_be_seen() {
    let mut ledger = ledger();
    for letter in ['c', 'd', 'e'] {
        ledger.members.insert(instance_id(letter), Member { zone: zone('c') });
    }
    ledger.former_actives.insert(instance_id('e'));
    let mut world = world(start());
    put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Terminated), start());
    put(&mut world.instances, instance_id('c'), instance('c', InstanceState::Terminated), start());
    world.instances.items.insert(instance_id('d'), Observed::Unknown { why: "timed out".to_owned(), at: start() });
    put(&mut world.instances, instance_id('f'), instance('c', InstanceState::Stopped), start());
    let members = |world: &World, ledger: &Ledger| {
        let Verdict::Record { changes, .. } = decide(&spec(), ledger, world, start()) else { panic!() };
        let Change::Members(members) = &changes[0] else { panic!("{changes:?}") };
        members.keys().cloned().collect::<BTreeSet<InstanceId>>()
    };
    let expected = |letters: &[char]| letters.iter().map(|letter| instance_id(*letter)).collect::<BTreeSet<_>>();
    assert_eq!(members(&world, &ledger), expected(&['a', 'b', 'd', 'f']));
    // Not listed at all, the active one still stays: a failover has to begin from it.
    world.instances.items.remove(&instance_id('a'));
    assert_eq!(members(&world, &ledger), expected(&['a', 'b', 'd', 'f']));
    // An answer that is not complete says of nobody that he is gone.
    world.instances.complete = Observed::Unknown { why: "timed out".to_owned(), at: start() };
    assert!(
        !matches!(decide(&spec(), &ledger, &world, start()), Verdict::Record { ref changes, .. } if matches!(changes[0], Change::Members(_)))
    );
}

#[test]
fn what_served_before_is_remembered_until_the_group_too_has_nothing_of_it() {
    let forgotten = |group_is_seen: bool| {
        let mut story = Story::new();
        for letter in ['b', 'c'] {
            story.ledger.members.insert(instance_id(letter), Member { zone: zone('a') });
        }
        story.ledger.former_actives.insert(instance_id('b'));
        if !group_is_seen {
            story.world.groups = Listing::unknown("timed out".to_owned(), start());
        }
        let Verdict::Record { changes, .. } = decide(&story.spec, &story.ledger, &story.world, start()) else {
            panic!()
        };
        let Change::Members(members) = &changes[0] else { panic!("{changes:?}") };
        (!members.contains_key(&instance_id('b')), !members.contains_key(&instance_id('c')))
    };
    assert_eq!(forgotten(true), (true, true));
    assert_eq!(forgotten(false), (false, true));
}

fn impaired(now: jiff::Timestamp) -> World {
    let mut world = world(now);
    put(&mut world.checks, instance_id('a'), Checks { instance: Check::Impaired, ..PASSED }, now);
    world
}

fn suspected(instance: InstanceId, since: jiff::Timestamp) -> Ledger {
    let evidence = vec!["impaired".to_owned()];
    Ledger { suspicion: Some(Suspicion { instance, since, evidence }), ..ledger() }
}

#[test]
fn evidence_against_an_earlier_active_instance_confirms_nothing() {
    let earlier = suspected(instance_id('b'), after(-100));
    let Verdict::Record { changes, .. } = decide(&spec(), &earlier, &impaired(start()), start()) else { panic!() };
    let Change::Suspect(Some(suspicion)) = &changes[0] else { panic!("{changes:?}") };
    assert_eq!((&suspicion.instance, suspicion.since), (&instance_id('a'), start()));
}

#[test]
fn a_suspicion_is_looked_at_again_when_it_is_confirmed_and_every_few_seconds_until_then() {
    let wait = |now| {
        let verdict = decide(&spec(), &suspected(instance_id('a'), start()), &impaired(now), now);
        let Verdict::Wait { until, reasons, .. } = verdict else { panic!("{verdict:?}") };
        (until, reasons[0].text.clone())
    };
    assert_eq!(wait(after(10)).0, after(15));
    assert_eq!(wait(after(18)).0, after(20), "then it is confirmed");
    assert!(wait(after(10)).1.contains("for 10 s more") && wait(after(18)).1.contains("for 2 s more"));
    // Confirmed long ago, and out of sight: neither confirmed nor cleared.
    let mut dark = world(after(60));
    dark.instances.items.insert(instance_id('a'), Observed::Unknown { why: "timed out".to_owned(), at: after(60) });
    // That nobody sees it is noted already.
    let unseen = |since| Ledger { unseen_since: Some(since), ..suspected(instance_id('a'), start()) };
    let verdict = decide(&spec(), &unseen(after(59)), &dark, after(60));
    let Verdict::Wait { until, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(until, after(65));
    let mut dark = world(after(20));
    dark.instances.items.insert(instance_id('a'), Observed::Unknown { why: "timed out".to_owned(), at: after(20) });
    let verdict = decide(&spec(), &unseen(after(19)), &dark, after(20));
    assert!(matches!(verdict, Verdict::Wait { until, .. } if until == after(25)), "{verdict:?}");
}

#[test]
fn a_cooldown_ends_with_its_last_second() {
    let refused = |ago: i64| {
        let spec = Spec::parse(&format!("{SPEC}[limits]\ncooldown_seconds = 100\n")).unwrap();
        let last = LastFailover { id: FailoverId::of(1, start()), ended_at: after(-ago), done: true };
        let ledger = Ledger { last: Some(last), ..ledger() };
        go(&spec, ledger, &stopped_with(volume('a', Some('a')), start()), start()).0.failover.is_none()
    };
    assert!(refused(99) && !refused(100));
}

#[test]
fn a_move_of_a_group_waits_for_what_it_launches_and_a_failure_takes_what_is_there() {
    let begun = |operator: bool| {
        let mut story = Story::new();
        story.launched('b', 'b');
        if operator {
            story.apply(&[Change::Request(request(Destination::Standby))]);
        } else {
            story.instance('a', 'a', InstanceState::Stopped);
        }
        story.stamp();
        for _ in 0..5 {
            let Verdict::Record { changes, .. } = decide(&story.spec, &story.ledger, &story.world, story.now) else {
                break;
            };
            story.apply(&changes);
            if let Some(failover) = &story.ledger.failover {
                return failover.to.clone().map(|to| to.instance_id);
            }
        }
        panic!("nothing begins: {:?}", story.ledger)
    };
    assert_eq!(begun(true), None);
    assert_eq!(begun(false), Some(instance_id('b')));
}

/// `b` is the active one, with the data and the address; its failover waits for the proof.
fn waiting_for_proof(checks: Option<Checks>, now: jiff::Timestamp) -> (Ledger, World) {
    let mut world = stopped_with(volume('a', None), start());
    put(&mut world.instances, instance_id('b'), instance('a', InstanceState::Running), start());
    let mut begun = go(&spec(), ledger(), &stopped_with(volume('a', Some('a')), start()), start()).0;
    begun.failover.as_mut().unwrap().to.as_mut().unwrap().zone = zone('a');
    let promoted = go(&spec(), begun, &world, start()).0;
    assert!(failover(&promoted).is_promoted());
    let mut world = stopped_with(volume('a', Some('b')), now);
    put(&mut world.instances, instance_id('b'), instance('a', InstanceState::Running), now);
    let address = Address { instance: Some(instance_id('b')), ..world.addresses.get(&allocation()).unwrap().clone() };
    put(&mut world.addresses, allocation(), address, now);
    world.checks.items.remove(&instance_id('b'));
    if let Some(checks) = checks {
        put(&mut world.checks, instance_id('b'), checks, now);
    }
    (promoted, world)
}

#[test]
fn a_failover_ends_when_every_status_check_has_passed_and_says_what_is_missing() {
    let ended = |checks: Option<Checks>| {
        let (ledger, world) = waiting_for_proof(checks, after(900));
        let ledger = go(&spec(), ledger, &world, after(900)).0;
        ledger.failover.and_then(|failover| failover.halted).map(|halted| halted.reason)
    };
    assert_eq!(ended(Some(PASSED)), None);
    assert_eq!(ended(Some(Checks { attached_ebs: Check::NotApplicable, ..PASSED })), None);
    for (checks, missing) in [
        (Some(Checks { system: Check::Initializing, ..PASSED }), "have not passed yet"),
        (Some(Checks { instance: Check::Initializing, ..PASSED }), "have not passed yet"),
        (Some(Checks { attached_ebs: Check::Initializing, ..PASSED }), "have not passed yet"),
        (Some(Checks { instance: Check::Impaired, ..PASSED }), "its instance status check is impaired"),
        (None, "its status checks can't be observed"),
    ] {
        let reason = ended(checks).unwrap_or_else(|| panic!("{checks:?}"));
        assert!(reason.contains(missing), "{reason}");
    }
}

#[test]
fn instances_that_are_gone_are_forgotten_when_they_are_many_and_no_other_is() {
    let mut begun = go(&spec(), ledger(), &stopped_with(volume('a', Some('a')), start()), start()).0;
    let running: &mut Failover = begun.failover.as_mut().unwrap();
    let numbered = |number: usize| InstanceId::new(format!("i-{number:08x}")).unwrap();
    let mut world = stopped_with(volume('a', Some('a')), start());
    for number in 0x100..0x113 {
        running.excluded.insert(numbered(number), "died".to_owned());
    }
    // One that is listed as terminated, one that runs, one that can't be seen, and the old active itself.
    running.excluded.insert(instance_id('c'), "no capacity".to_owned());
    running.excluded.insert(instance_id('d'), "no capacity".to_owned());
    put(&mut world.instances, instance_id('c'), instance('b', InstanceState::Running), start());
    world.instances.items.insert(instance_id('d'), Observed::Unknown { why: "timed out".to_owned(), at: start() });
    let few = go(&spec(), begun.clone(), &world, start()).0;
    assert_eq!(failover(&few).excluded.len(), 21, "nineteen are gone");
    begun.failover.as_mut().unwrap().excluded.insert(instance_id('e'), "died".to_owned());
    put(&mut world.instances, instance_id('e'), instance('b', InstanceState::Terminated), start());
    let many = go(&spec(), begun, &world, start()).0;
    let left: Vec<InstanceId> = failover(&many).excluded.keys().cloned().collect();
    assert_eq!(left, [instance_id('c'), instance_id('d')]);
}

#[test]
fn a_volume_that_took_the_place_of_the_data_is_a_doubt_and_a_copy_of_its_tags_elsewhere_is_none() {
    let doubted = |current: VolumeState, stranger: Volume| {
        let mut world = stopped_with(Volume { state: current, ..volume('a', None) }, start());
        put(&mut world.volumes, volume_id(9), stranger, start());
        go(&spec(), ledger(), &world, start()).0.failover.is_none()
    };
    let stranger = || Volume { tags: tags(&[(tag::VOLUME, "data")]), ..volume('b', None) };
    assert!(doubted(VolumeState::Error, stranger()));
    assert!(!doubted(VolumeState::Available, stranger()));
    assert!(!doubted(VolumeState::Error, Volume { tags: tags(&[(tag::VOLUME, "log")]), ..stranger() }));
    assert!(!doubted(VolumeState::Error, Volume { state: VolumeState::Error, ..stranger() }));
    let made = [(tag::VOLUME, "data"), (tag::SNAPSHOT, "snap-00000001"), (tag::ID, "f000000000007-e1")];
    let ours = Volume { restored_from: Some(snapshot_id(1)), tags: tags(&made), ..stranger() };
    assert!(!doubted(VolumeState::Error, ours));
}

#[test]
fn a_group_that_replaces_what_is_well_says_what_it_does() {
    assert_eq!(Cause::Failure(vec!["x".to_owned(), "y".to_owned()]).to_string(), "x; y");
    assert_eq!(Cause::Operator("me".to_owned()).to_string(), "requested by me");
    let replaced = Cause::Replacement(instance_id('b')).to_string();
    assert_eq!(replaced, "the group launched i-0000000b as a replacement");
}

#[test]
fn a_refusal_for_want_of_a_group_names_the_one_that_was_meant() {
    assert!(Refusal::NoGroup(Some("db".to_owned())).to_string().contains("db"));
    assert_ne!(Refusal::NoGroup(None).to_string(), Refusal::NoGroup(Some("db".to_owned())).to_string());
}

#[test]
fn a_target_in_sight_again_has_its_whole_time_when_it_vanishes_anew() {
    let unseen = |ledger: Ledger, now| {
        let mut world = stopped_with(volume('a', Some('a')), now);
        world.instances.items.insert(instance_id('b'), Observed::Unknown { why: "timed out".to_owned(), at: now });
        go(&spec(), ledger, &world, now).0
    };
    let begun = go(&spec(), ledger(), &stopped_with(volume('a', Some('a')), start()), start()).0;
    let lost = unseen(begun, after(1));
    assert_eq!(failover(&lost).target_unseen_since, Some(after(1)));
    let seen = go(&spec(), lost, &stopped_with(volume('a', Some('a')), after(10)), after(10)).0;
    assert_eq!(failover(&seen).target_unseen_since, None);
    assert_eq!(failover(&unseen(seen, after(20))).target_unseen_since, Some(after(20)));
}

#[test]
fn the_instance_that_serves_is_held_by_its_terminate_hook_until_it_is_fenced() {
    let mut story = Story::new();
    story.member('a', 'a', Lifecycle::TerminatingWait);
    let (steps, _) = story.go(0);
    assert!(steps.iter().any(|step| step.starts_with("extend failover-terminate of i-0000000a")), "{steps:?}");
    assert!(!steps.iter().any(|step| step.starts_with("complete failover-terminate")), "{steps:?}");
}

#[test]
fn what_was_tried_on_the_old_instance_is_remembered_though_it_is_gone() {
    let mut begun = go(&spec(), ledger(), &world_with_a_stopping(), start()).0;
    let stop = Step::StopInstance { instance: instance_id('a'), mode: crate::step::StopMode::Graceful };
    begun = begun.apply(&Change::Intend(vec![stop.clone()]), start()).unwrap();
    for number in 0x100..0x114 {
        let id = InstanceId::new(format!("i-{number:08x}")).unwrap();
        begun.failover.as_mut().unwrap().excluded.insert(id, "died".to_owned());
    }
    let mut gone = stopped_with(volume('a', None), start());
    put(&mut gone.instances, instance_id('a'), instance('a', InstanceState::Terminated), start());
    let verdict = decide(&spec(), &begun, &gone, start());
    let (Verdict::Record { changes, .. } | Verdict::Act { changes, .. }) = verdict else { panic!("{verdict:?}") };
    let forgotten = changes.iter().find_map(|change| match change {
        Change::ForgetGone(gone) => Some(gone),
        _ => None,
    });
    assert!(forgotten.is_some_and(|gone| gone.len() == 20 && !gone.contains(&instance_id('a'))), "{changes:?}");
}

fn world_with_a_stopping() -> World {
    let mut world = world(start());
    put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Stopping), start());
    world
}

#[test]
fn data_that_the_spec_and_the_ledger_do_not_both_name_is_refused() {
    let refused = |spec: &str, current: &[(&str, u32)]| {
        let first = ledger().current_volumes[&data()].clone();
        let named = |(name, number): &(&str, u32)| {
            let volume = volume_id(*number);
            (crate::ids::VolumeName::new(*name).unwrap(), CurrentVolume { volume, ..first.clone() })
        };
        let ledger = Ledger { current_volumes: current.iter().map(named).collect(), ..ledger() };
        let spec = Spec::parse(spec).unwrap();
        let mut world = world(start());
        put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Stopped), start());
        let told = go(&spec, ledger, &world, start()).0;
        told.refused.map(|refused| refused.reason).unwrap_or_default()
    };
    let none = "service = \"db\"\ntopology = \"standby\"\n";
    let two = format!("{SPEC}\n[[volume]]\nname = \"log\"\n");
    assert_eq!(refused(SPEC, &[("data", 1)]), "");
    for (spec, current, names) in [
        (two.as_str(), &[("data", 1)][..], ["data, log", "data"]),
        (none, &[("data", 1)], ["none", "data"]),
        (SPEC, &[("log", 1)], ["data", "log"]),
    ] {
        let reason = refused(spec, current);
        assert!(names.iter().all(|name| reason.contains(name)), "{reason}");
    }
}

#[test]
fn a_failover_is_named_by_the_epoch_that_it_leads_to() {
    let world = stopped_with(volume('a', Some('a')), start());
    let begun = go(&spec(), Ledger { epoch: 4, ..ledger() }, &world, start()).0;
    assert_eq!(failover(&begun).id, FailoverId::of(5, start()));
}

/// A guest on a dead host hangs in `stopping` for hours: whoever waits for it waits for ever.
#[test]
fn a_target_that_hangs_on_its_way_is_given_up_for_another_or_told_of() {
    let dark = |letters: &[char], now| {
        let mut world = stopped_with(volume('a', Some('a')), now);
        put(&mut world.instances, instance_id('b'), instance('b', InstanceState::Stopping), now);
        for letter in letters {
            put(&mut world.instances, instance_id(*letter), instance(*letter, InstanceState::Running), now);
        }
        world
    };
    let begun = go(&spec(), ledger(), &stopped_with(volume('a', Some('a')), start()), start()).0;
    assert_eq!(begun.failover.as_ref().unwrap().to.as_ref().unwrap().instance_id, instance_id('b'));
    let waits = go(&spec(), begun, &dark(&[], after(301)), after(301)).0;
    assert!(waits.failover.as_ref().unwrap().halted.is_none(), "its host may be slow");
    let halted = go(&spec(), waits.clone(), &dark(&[], after(602)), after(602)).0;
    let reason = &halted.failover.as_ref().unwrap().halted.as_ref().unwrap().reason;
    assert!(reason.contains("stopping for too long"), "{reason}");
    let mut with_another = waits;
    with_another.members.insert(instance_id('c'), Member { zone: zone('c') });
    let other = go(&spec(), with_another, &dark(&['c'], after(602)), after(602)).0;
    assert_eq!(other.failover.as_ref().unwrap().to.as_ref().unwrap().instance_id, instance_id('c'));
}

/// EC2 accepts the start, and the standby falls back to `stopped`: that is no way to go on for a day.
#[test]
fn what_is_accepted_again_and_again_without_effect_is_told_of() {
    let at = |now| {
        let mut world = stopped_with(volume('a', Some('a')), now);
        put(&mut world.instances, instance_id('b'), instance('b', InstanceState::Stopped), now);
        world
    };
    let (mut ledger, mut starts, mut told_at) = (ledger(), Vec::new(), None);
    for seconds in (0..7200).step_by(5) {
        let (next, steps, _) = go(&spec(), ledger, &at(after(seconds)), after(seconds));
        starts.extend(steps.iter().filter(|step| step.kind() == "start").map(|_| seconds));
        let halted = next.failover.as_ref().and_then(|failover| failover.halted.as_ref());
        if halted.is_some_and(|halted| halted.reason.contains("12 times to start i-0000000b")) {
            told_at.get_or_insert(seconds);
        }
        ledger = next;
    }
    let told_at = told_at.unwrap();
    let late: Vec<i64> = starts.iter().copied().filter(|seconds| *seconds > told_at + 60).collect();
    assert!(!late.is_empty(), "it is tried on");
    assert!(late.windows(2).all(|two| two[1] - two[0] >= 60), "every minute: {late:?}");
}
