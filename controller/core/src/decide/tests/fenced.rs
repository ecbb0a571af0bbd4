//! What keeps a fence shut and what opens it: who may still write, and what is taken from whom.

use std::collections::BTreeMap;

use super::agents::{AGENT, out_of_reach, proof};
use super::data::{failover, go, put, stopped_with, told};
use super::groups::{SPEC as GROUP, Story, has};
use super::mishaps::quiesced;
use super::sample::*;
use crate::agent::AgentState;
use crate::decide::decide;
use crate::group::Lifecycle;
use crate::ledger::{Change, Destination, FenceState, Ledger, Proof, Request};
use crate::spec::Spec;
use crate::step::{FailureClass, Step, StepOutcome, StopMode};
use crate::verdict::Verdict;
use crate::world::{Address, Attachment, AttachmentState, InstanceState, Observed, Volume, VolumeState, World};

/// In use, and AWS lists nobody who has it.
fn unlisted() -> Volume {
    Volume { attachments: Vec::new(), state: VolumeState::InUse, ..volume('a', None) }
}

fn held_by(letter: char) -> Attachment {
    Attachment { instance: instance_id(letter), device: "/dev/sdf".to_owned(), state: AttachmentState::Attached }
}

/// A failure was failed over from, as far as `fence`; `a` can't be seen, its volume is `volume`.
fn dark(fence: FenceState, volume: Volume, now: jiff::Timestamp) -> (Ledger, World) {
    let mut ledger = go(&spec(), ledger(), &stopped_with(unlisted(), start()), start()).0;
    let running = ledger.failover.as_mut().unwrap();
    (running.fence, running.attempts) = (fence, BTreeMap::new());
    let mut world = stopped_with(volume, now);
    world.instances.items.insert(instance_id('a'), Observed::Unknown { why: "timed out".to_owned(), at: now });
    (ledger, world)
}

fn kinds(steps: &[Step]) -> Vec<&'static str> {
    steps.iter().map(Step::kind).collect()
}

#[test]
fn a_fence_that_rests_on_detached_volumes_opens_for_a_holder_that_is_not_named() {
    let shown = || FenceState::Confirmed { at: start(), proof: Proof::VolumesDetached };
    let opened = |volume: Volume| {
        let (ledger, world) = dark(shown(), volume, after(1));
        go(&spec(), ledger, &world, after(1)).0.failover.unwrap().fences > 0
    };
    assert!(opened(unlisted()));
    assert!(opened(volume('a', Some('a'))), "the old instance has it again");
    assert!(!opened(volume('a', Some('b'))), "the target has it");
    assert!(!opened(volume('a', None)));
}

#[test]
fn a_fence_that_rests_on_an_agents_word_opens_for_a_holder_that_is_not_named() {
    let mut story = quiesced();
    if let Some(Observed::Known { value, .. }) = story.world.volumes.items.get_mut(&volume_id(1)) {
        *value = unlisted();
    }
    story.go(3);
    assert_eq!((proof(&story), story.ledger.failover.as_ref().unwrap().fences), (None, 1));
}

#[test]
fn a_lease_binds_nobody_who_is_not_named() {
    let mut story = out_of_reach(Some(60));
    story.go(0);
    if let Some(Observed::Known { value, .. }) = story.world.volumes.items.get_mut(&volume_id(1)) {
        *value = unlisted();
    }
    story.go(90);
    assert_eq!(proof(&story), None);
}

#[test]
fn what_a_lease_that_ran_out_left_behind_is_copied_and_let_go() {
    let mut story = out_of_reach(Some(60));
    story.go(70);
    let (steps, _) = story.go(10);
    assert!(
        has(&steps, "snapshot data (vol-00000001)") && has(&steps, "detach vol-00000001 from i-0000000a"),
        "{steps:?}"
    );
}

#[test]
fn a_volume_whose_holder_is_not_named_is_not_copied() {
    for (held, copied) in [(unlisted(), false), (volume('a', Some('a')), true)] {
        let mut story = Story::new();
        story.instance('a', 'a', InstanceState::Stopped);
        story.member('a', 'a', Lifecycle::Terminating);
        story.world.volumes.items.insert(volume_id(1), Observed::Known { value: held, at: story.now });
        let (steps, _) = story.go(0);
        assert_eq!(proof(&story), Some(Proof::InstancesOff));
        assert_eq!(has(&steps, "snapshot"), copied, "{steps:?}");
    }
}

#[test]
fn under_a_waived_fence_what_may_still_be_written_to_is_no_newest_data() {
    let waived = || FenceState::Waived { at: start(), why: "out of sight".to_owned() };
    let copies = |volume: Volume| {
        let (ledger, world) = dark(waived(), volume, after(1));
        let (ledger, steps, _) = go(&spec(), ledger, &world, after(1));
        (kinds(&steps).contains(&"snapshot"), told(&ledger).is_some_and(|why| why.contains("may still be written to")))
    };
    assert_eq!(copies(unlisted()), (false, true));
    assert_eq!(copies(volume('a', Some('a'))), (false, true));
    assert_eq!(copies(volume('a', Some('b'))), (true, false), "the target is not the old instance");
    assert_eq!(copies(volume('a', None)), (true, false));
}

#[test]
fn a_quiesced_agent_speaks_for_its_own_instance_alone() {
    // `c`, which nobody made active, has the volume and says that it wrote nothing.
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{GROUP}{AGENT}")).unwrap();
    story.instance('a', 'a', InstanceState::Stopped);
    story.member('a', 'a', Lifecycle::Terminating);
    story.instance('c', 'a', InstanceState::Running);
    story.attached('c');
    story.go(0);
    story.agent('c', AgentState::Quiesced);
    let (steps, _) = story.go(3);
    assert_eq!(proof(&story), None);
    assert!(!has(&steps, "snapshot") && !has(&steps, "detach"), "{steps:?}");
}

#[test]
fn whoever_may_write_beside_the_old_instance_keeps_its_volume() {
    let shown = FenceState::Confirmed { at: start(), proof: Proof::InstancesOff };
    let mut begun = dark(shown, volume('a', None), start()).0;
    // In the zone of the target; a fence that holds says nothing of a third instance that can't be seen.
    let shared = Volume { attachments: vec![held_by('a'), held_by('c')], ..volume('a', Some('a')) };
    let mut world = stopped_with(shared, after(1));
    put(&mut world.instances, instance_id('b'), instance('a', InstanceState::Running), after(1));
    begun.failover.as_mut().unwrap().to.as_mut().unwrap().zone = zone('a');
    let (_, steps, _) = go(&spec(), begun, &world, after(1));
    let from = |letter| Step::DetachVolume { volume: volume_id(1), instance: instance_id(letter), force: false };
    assert!(steps.contains(&from('a')) && !steps.contains(&from('c')), "{steps:?}");
}

/// The failover from `a`, which is stopping and was to be cut off long ago.
fn stuck(volume: Volume, stopping: InstanceState) -> Vec<&'static str> {
    let seen = |now, volume: Volume| {
        let mut world = stopped_with(volume, now);
        put(&mut world.instances, instance_id('a'), instance('a', stopping), now);
        world
    };
    let held = || super::sample::volume('a', Some('a'));
    let (begun, ..) = go(&spec(), ledger(), &seen(start(), held()), start());
    let (cut, ..) = go(&spec(), begun, &seen(after(31), held()), after(31));
    kinds(&go(&spec(), cut, &seen(after(92), volume), after(92)).1)
}

#[test]
fn the_address_follows_a_volume_that_was_taken_once_nobody_has_it() {
    assert!(stuck(volume('a', None), InstanceState::Stopping).contains(&"address"));
    for held in [unlisted(), volume('a', Some('a')), volume('a', Some('c'))] {
        let steps = stuck(held, InstanceState::Stopping);
        assert!(!steps.contains(&"address"), "{steps:?}");
    }
}

#[test]
fn what_hangs_while_it_shuts_down_loses_its_volume_after_its_grace() {
    let shutting_down = |now| {
        let mut world = world(now);
        put(&mut world.instances, instance_id('a'), instance('a', InstanceState::ShuttingDown), now);
        world
    };
    let (begun, steps, _) = go(&spec(), ledger(), &shutting_down(start()), start());
    assert_eq!(kinds(&steps), [""; 0]);
    let (begun, steps, _) = go(&spec(), begun, &shutting_down(after(89)), after(89));
    assert_eq!(kinds(&steps), [""; 0]);
    let (_, steps, _) = go(&spec(), begun, &shutting_down(after(90)), after(90));
    assert_eq!(kinds(&steps), ["force-detach"]);
}

#[test]
fn whoever_asked_an_instance_to_stop_its_grace_is_the_same() {
    let stopping = |now| {
        let mut world = world(now);
        put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Stopping), now);
        world
    };
    let (begun, steps, _) = go(&spec(), ledger(), &stopping(start()), start());
    assert_eq!(kinds(&steps), [""; 0]);
    let (begun, steps, _) = go(&spec(), begun, &stopping(after(29)), after(29));
    assert_eq!(kinds(&steps), [""; 0]);
    let (_, steps, _) = go(&spec(), begun, &stopping(after(30)), after(30));
    assert_eq!(kinds(&steps), ["force-stop"]);
}

#[test]
fn a_volume_that_a_quiesced_instance_does_not_let_go_is_waited_for_and_then_the_instance_is_stopped() {
    let mut story = Story::new();
    story.agent('a', AgentState::Ready);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(0);
    story.agent('a', AgentState::Quiesced);
    let (steps, _) = story.go(3);
    assert!(has(&steps, "detach vol-00000001") && !has(&steps, "stop"), "{steps:?}");
    let (steps, _) = story.go(86);
    assert!(!has(&steps, "stop"), "{steps:?}");
    let (steps, _) = story.go(1);
    assert!(has(&steps, "stop i-0000000a"), "{steps:?}");
}

fn planned(spec: &Spec) -> Ledger {
    let to = Destination::Standby;
    let request = Request { id: None, to, drill: false, accepted_loss_seconds: None, at: start(), by: "me".to_owned() };
    let ledger = ledger().apply(&Change::Request(request), start()).unwrap();
    go(spec, ledger, &world(start()), start()).0
}

#[test]
fn a_planned_failover_never_waives_the_fence_of_an_instance_that_is_well() {
    let spec = Spec::parse(&format!("{SPEC}\n[fence]\nwhen_unconfirmed = \"proceed\"\n")).unwrap();
    for (planned_at_first, waived) in [(true, false), (false, true)] {
        let mut ledger = planned(&spec);
        ledger.failover.as_mut().unwrap().planned = planned_at_first;
        let (ledger, ..) = go(&spec, ledger, &world(after(301)), after(301));
        assert_eq!(matches!(failover(&ledger).fence, FenceState::Waived { .. }), waived, "{:?}", failover(&ledger));
        assert_eq!(told(&ledger).is_some_and(|why| why.contains("i-0000000a is running")), !waived);
    }
}

#[test]
fn a_planned_failover_that_took_a_volume_goes_on_though_the_stop_is_refused() {
    let refused = |ledger: &Ledger| {
        let key = Step::StopInstance { instance: instance_id('a'), mode: StopMode::Graceful }.key();
        let (code, message) = ("OperationNotPermitted".to_owned(), "stop protection".to_owned());
        let outcome = StepOutcome::Failed { class: FailureClass::Denied, code, message };
        ledger.apply(&Change::Resolve(vec![(key, outcome, 1)]), start()).unwrap()
    };
    for (held, given_up) in [(volume('a', Some('a')), true), (volume('a', None), false)] {
        let mut world = world(after(1));
        put(&mut world.volumes, volume_id(1), held, after(1));
        let (ledger, ..) = go(&spec(), refused(&planned(&spec())), &world, after(1));
        assert_eq!(ledger.failover.is_none(), given_up, "{:?}", ledger.failover);
    }
}

#[test]
fn nothing_is_promoted_while_the_fence_is_open() {
    // The target runs and has the volume; the old instance is not known to be off, and has the address.
    let open = FenceState::Open { since: Some(start()) };
    let (ledger, world) = dark(open, volume('a', Some('b')), after(1));
    let (ledger, steps, verdict) = go(&spec(), ledger, &world, after(1));
    assert!(!failover(&ledger).is_promoted() && ledger.epoch == 1, "{steps:?} {verdict:?}");
    let change = Change::Promote { current_volumes: ledger.current_volumes.clone() };
    assert!(ledger.apply(&change, after(1)).unwrap_err().to_string().contains("not fenced"));
    // The address away as well, nothing of the old instance can write.
    let mut world = world;
    let address = Address { instance: None, ..world.addresses.get(&allocation()).unwrap().clone() };
    put(&mut world.addresses, allocation(), address, after(1));
    let (ledger, ..) = go(&spec(), ledger, &world, after(1));
    assert!(matches!(failover(&ledger).fence, FenceState::Confirmed { proof: Proof::VolumesDetached, .. }));
}

#[test]
fn a_standby_that_comes_back_with_a_superseded_volume_is_stopped() {
    let mut ledger = ledger();
    let record =
        crate::ledger::Superseded { name: data(), since: start(), failover: crate::ids::FailoverId::of(1, start()) };
    ledger.superseded.insert(volume_id(7), record);
    for (holder, state, stops) in [
        (Some('b'), InstanceState::Running, true),
        (Some('b'), InstanceState::Stopped, false),
        (None, InstanceState::Running, false),
        (Some('c'), InstanceState::Running, false),
    ] {
        let mut world = world(start());
        put(&mut world.instances, instance_id('b'), instance('b', state), start());
        put(&mut world.volumes, volume_id(7), volume('b', holder), start());
        let verdict = decide(&spec(), &ledger, &world, start());
        let steps = if let Verdict::Act { steps, .. } = verdict { steps } else { Vec::new() };
        let stop = Step::StopInstance { instance: instance_id('b'), mode: StopMode::Graceful };
        assert_eq!(steps.contains(&stop), stops, "{holder:?} {state:?} {steps:?}");
    }
}
