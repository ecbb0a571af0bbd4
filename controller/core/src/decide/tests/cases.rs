//! One situation, one verdict.

use jiff::Timestamp;

use super::sample::*;
use crate::decide::{AdoptError, adopt, decide, plan};
use crate::ids::{AddressId, AlarmName, AllocationId};
use crate::ledger::report::Outcome;
use crate::ledger::{Change, Destination, FenceState, Ledger, Proof, Request};
use crate::spec::Spec;
use crate::step::{FailureClass, Step, StepOutcome, StopMode};
use crate::verdict::{Halt, Refusal, Verdict};
use crate::world::{
    Alarm, AlarmState, Check, InstanceState, Listing, Observed, Part, SnapshotState, VolumeState, World, tag,
};

fn request(drill: bool) -> Request {
    Request { id: None, to: Destination::Standby, drill, accepted_loss_seconds: None, at: start(), by: "me".to_owned() }
}

/// Applies whatever the verdict writes, as the engine would, with every step accepted.
fn follow(ledger: &Ledger, verdict: &Verdict, now: Timestamp) -> Ledger {
    let (changes, steps) = match verdict {
        Verdict::Record { changes, .. } => (changes.clone(), Vec::new()),
        Verdict::Act { changes, steps, .. } => (changes.clone(), steps.clone()),
        other => panic!("writes nothing: {other:?}"),
    };
    let outcomes = steps.iter().map(|step| (step.key(), StepOutcome::Accepted { made: Vec::new() }, 1)).collect();
    let all = changes.into_iter().chain([Change::Intend(steps), Change::Resolve(outcomes)]);
    all.fold(ledger.clone(), |ledger, change| ledger.apply(&change, now).unwrap())
}

fn begun(world: &World, now: Timestamp) -> Ledger {
    follow(&ledger(), &decide(&spec(), &ledger(), world, now), now)
}

fn steps(verdict: &Verdict) -> Vec<Step> {
    match verdict {
        Verdict::Act { steps, .. } => steps.clone(),
        other => panic!("does nothing: {other:?}"),
    }
}

fn off(world: &mut World, now: Timestamp) {
    world
        .instances
        .items
        .insert(instance_id('a'), Observed::Known { value: instance('a', InstanceState::Stopped), at: now });
}

#[test]
fn all_well_is_settled() {
    assert!(matches!(decide(&spec(), &ledger(), &world(start()), start()), Verdict::Settled { .. }));
}

#[test]
fn an_old_world_is_looked_at_again() {
    let Verdict::Observe(parts) = decide(&spec(), &ledger(), &world(start()), after(6)) else { panic!() };
    let relevant: Vec<Part> =
        Part::ALL.into_iter().filter(|part| !matches!(part, Part::Groups | Part::Agents)).collect();
    assert_eq!(parts, relevant);
}

#[test]
fn a_stopped_active_needs_no_confirmation() {
    let mut world = world(start());
    off(&mut world, start());
    let ledger = begun(&world, start());
    let failover = ledger.failover.unwrap();
    assert_eq!(failover.to.as_ref().unwrap().instance_id, instance_id('b'));
    assert!(!failover.planned);
    assert_eq!(failover.down_since, Some(start()));
}

#[test]
fn an_impaired_active_is_suspected_then_confirmed() {
    let impaired = |at| {
        let mut world = world(at);
        let checks = crate::world::Checks { system: Check::Impaired, ..PASSED };
        world.checks.items.insert(instance_id('a'), Observed::Known { value: checks, at });
        world
    };
    let suspected = begun(&impaired(start()), start());
    assert_eq!(suspected.suspicion.as_ref().unwrap().since, start());
    let Verdict::Wait { until, .. } = decide(&spec(), &suspected, &impaired(after(10)), after(10)) else { panic!() };
    assert!(until <= after(20));
    let verdict = decide(&spec(), &suspected, &impaired(after(20)), after(20));
    assert!(follow(&suspected, &verdict, after(20)).failover.is_some());
    // Gone again: the suspicion goes too.
    let verdict = decide(&spec(), &suspected, &world(after(10)), after(10));
    assert_eq!(follow(&suspected, &verdict, after(10)).suspicion, None);
}

#[test]
fn alarms_count_only_for_this_active_and_since_it_is_active() {
    let alarmed = |instance, since| {
        let mut world = world(after(100));
        let alarm = Alarm { state: AlarmState::Alarm, since, instance };
        world.alarms = Listing::known([(AlarmName::new("db-status").unwrap(), alarm)], after(100));
        decide(&spec(), &ledger(), &world, after(100))
    };
    let suspects = |verdict| matches!(verdict, Verdict::Record { ref changes, .. } if matches!(changes[0], Change::Suspect(Some(_))));
    assert!(suspects(alarmed(Some(instance_id('a')), after(1))));
    assert!(suspects(alarmed(None, after(1))));
    assert!(!suspects(alarmed(Some(instance_id('b')), after(1))));
    assert!(!suspects(alarmed(Some(instance_id('a')), after(-1))));
}

#[test]
fn unknown_is_no_evidence() {
    let mut world = world(start());
    let why = "timed out".to_owned();
    world.instances.items.insert(instance_id('a'), Observed::Unknown { why, at: start() });
    let noted = begun(&world, start());
    assert!(noted.suspicion.is_none() && noted.failover.is_none());
}

#[test]
fn a_paused_service_is_never_changed() {
    let mut world = world(start());
    off(&mut world, start());
    let mut ledger = ledger();
    ledger.paused = Some(crate::ledger::Pause { at: start(), by: "me".to_owned() });
    assert!(matches!(decide(&spec(), &ledger, &world, start()), Verdict::Settled { .. }));
    ledger.request = Some(request(false));
    let declined = follow(&ledger, &decide(&spec(), &ledger, &world, start()), start());
    assert!(declined.request.is_none() && declined.failover.is_none() && declined.outbox.len() == 1);
}

#[test]
fn cooldown_and_cap_hold_automatic_failovers_but_not_an_operator() {
    let mut world = world(start());
    off(&mut world, start());
    let mut held = ledger();
    held.last = Some(crate::ledger::LastFailover {
        id: crate::ids::FailoverId::of(1, start()),
        ended_at: after(-10),
        done: true,
    });
    let told = follow(&held, &decide(&spec(), &held, &world, start()), start());
    assert_eq!(told.outbox.len(), 1, "people are told");
    let again = decide(&spec(), &told, &world, start());
    assert!(matches!(again, Verdict::Refuse { refusal: Refusal::Cooldown { .. }, until: Some(_) }), "once: {again:?}");
    held.request = Some(request(false));
    assert!(follow(&held, &decide(&spec(), &held, &world, start()), start()).failover.is_some());

    let mut capped = ledger();
    capped.automatic_starts.extend([after(-400), after(-300), after(-200), after(-100)]);
    let told = follow(&capped, &decide(&spec(), &capped, &world, start()), start());
    assert!(told.refused.unwrap().reason.contains("failovers_per_day"));
}

#[test]
fn ambiguous_resources_are_refused_by_name() {
    let mut world = world(start());
    off(&mut world, start());
    let second = AddressId::ElasticIp(AllocationId::new("eipalloc-00000002").unwrap());
    let mut twice = world.clone();
    let address = world.addresses.get(&allocation()).unwrap().clone();
    twice.addresses.items.insert(second, Observed::Known { value: address, at: start() });
    let told = begun(&twice, start());
    assert!(told.failover.is_none());
    assert!(told.refused.unwrap().reason.contains("eipalloc-00000002"));

    // Where the current volume is where it belongs, a copy of its tags is nobody's business.
    world.volumes.items.insert(volume_id(9), Observed::Known { value: volume('b', None), at: start() });
    assert!(begun(&world, start()).failover.is_some());
    // Beside it, or in its place, it may be what is served from.
    let beside = Observed::Known { value: volume('a', Some('a')), at: start() };
    world.volumes.items.insert(volume_id(9), beside);
    let told = begun(&world, start());
    assert!(told.failover.is_none());
    assert!(told.refused.unwrap().reason.contains(volume_id(9).as_str()));
}

/// The whole way to another zone, one observation after the other.
/// A planned failover whose fence was shown, and whose copy was asked for with these tags.
fn fenced_and_copying() -> (Ledger, Vec<(String, String)>) {
    let spec = spec();
    let mut ledger = ledger();
    ledger.request = Some(request(false));
    let ledger = follow(&ledger, &decide(&spec, &ledger, &world(start()), start()), start());
    assert!(ledger.failover.as_ref().unwrap().planned);

    // The target runs: the old one is stopped.
    let verdict = decide(&spec, &ledger, &world(start()), start());
    let stop = Step::StopInstance { instance: instance_id('a'), mode: StopMode::Graceful };
    assert_eq!(steps(&verdict), [stop]);
    let ledger = follow(&ledger, &verdict, start());

    // Accepted is not stopped: nothing goes on.
    assert!(matches!(decide(&spec, &ledger, &world(after(5)), after(5)), Verdict::Wait { .. }));

    // It is stopped: the fence is recorded first, then the copy begins.
    let mut seen = world(after(10));
    off(&mut seen, after(10));
    let verdict = decide(&spec, &ledger, &seen, after(10));
    let ledger = follow(&ledger, &verdict, after(10));
    let FenceState::Confirmed { proof: Proof::InstancesOff, .. } = ledger.failover.as_ref().unwrap().fence else {
        panic!()
    };
    assert!(ledger.failover.as_ref().unwrap().steps[0].finished_at.is_some());
    let verdict = decide(&spec, &ledger, &seen, after(10));
    let [Step::TakeSnapshots { sources, together: None }] = &steps(&verdict)[..] else { panic!("{verdict:?}") };
    assert_eq!(sources[0].volume, volume_id(1));
    // The operator's own tags go with the data; AWS's can't, and ours are those of this failover.
    let tag = |key: &str| sources[0].tags.get(key).map(String::as_str);
    assert_eq!((tag("owner"), tag("aws:stack"), tag(tag::COPY)), (Some("billing"), None, Some("failover")));
    let made_by = sources[0].tags.clone().into_iter().collect();
    (follow(&ledger, &verdict, after(10)), made_by)
}

#[test]
fn fence_copy_restore_promote_attach_address_prove() {
    let (spec, (ledger, made_by)) = (spec(), fenced_and_copying());
    let made_by: Vec<(&str, &str)> = made_by.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();

    // Pending is not completed.
    let with_copy = |state, at| {
        let mut world = world(at);
        off(&mut world, at);
        world.snapshots = Listing::known([(snapshot_id(1), snapshot(1, state, after(10), &made_by))], at);
        if at > after(20) {
            world.volumes = Listing::known([(volume_id(1), volume('a', None))], at);
        }
        world
    };
    // While the copy is made, the old instance lets go: who starts it again has nothing to write to.
    let verdict = decide(&spec, &ledger, &with_copy(SnapshotState::Pending, after(20)), after(20));
    let [Step::DetachVolume { volume: let_go, force: false, .. }] = &steps(&verdict)[..] else { panic!("{verdict:?}") };
    assert_eq!(*let_go, volume_id(1));
    let ledger = follow(&ledger, &verdict, after(20));
    let seen_free = with_copy(SnapshotState::Pending, after(25));
    let ledger = follow(&ledger, &decide(&spec, &ledger, &seen_free, after(25)), after(25));
    let pending = decide(&spec, &ledger, &seen_free, after(25));
    assert!(matches!(pending, Verdict::Wait { .. }), "{pending:?}");
    let verdict = decide(&spec, &ledger, &with_copy(SnapshotState::Completed, after(30)), after(30));
    let [Step::RestoreVolume { snapshot, zone: to, shape: like, tags, .. }] = &steps(&verdict)[..] else { panic!() };
    assert_eq!((snapshot, to, like), (&snapshot_id(1), &zone('b'), &shape()));
    assert_eq!(tags.get("owner").map(String::as_str), Some("billing"));
    let restored_tags = tags.clone();
    let ledger = follow(&ledger, &verdict, after(30));

    // The copy is there: the ledger names the new active before anything is attached.
    let restored = |state, attached, at| {
        let mut world = with_copy(SnapshotState::Completed, at);
        let mut value = volume('b', attached);
        value.tags = restored_tags.clone();
        value.restored_from = Some(snapshot_id(1));
        value.state = state;
        world.volumes.items.insert(volume_id(2), Observed::Known { value, at });
        world
    };
    let creating = decide(&spec, &ledger, &restored(VolumeState::Creating, None, after(32)), after(32));
    assert!(matches!(creating, Verdict::Wait { .. }));
    let seen = restored(VolumeState::Available, None, after(40));
    let verdict = decide(&spec, &ledger, &seen, after(40));
    let ledger = follow(&ledger, &verdict, after(40));
    assert_eq!((ledger.epoch, &ledger.active), (2, &instance_id('b')));
    assert!(ledger.superseded.contains_key(&volume_id(1)));

    // Attach and address side by side.
    let verdict = decide(&spec, &ledger, &seen, after(40));
    assert_eq!(steps(&verdict).iter().map(Step::kind).collect::<Vec<_>>(), ["attach", "address"]);
    let ledger = follow(&ledger, &verdict, after(40));

    // Both seen, and the status checks passed: done.
    let mut seen = restored(VolumeState::InUse, Some('b'), after(50));
    let ledger = follow(&ledger, &decide(&spec, &ledger, &seen, after(50)), after(50));
    assert!(matches!(decide(&spec, &ledger, &seen, after(50)), Verdict::Wait { .. }), "the address is not there yet");
    let mut address = seen.addresses.get(&allocation()).unwrap().clone();
    address.instance = Some(instance_id('b'));
    seen.addresses = Listing::known([(allocation(), address)], after(50));
    let ledger = follow(&ledger, &decide(&spec, &ledger, &seen, after(50)), after(50));
    let Some(crate::ledger::Notification::Ended(report)) = ledger.outbox.front() else { panic!() };
    assert_eq!((report.outcome, report.data_loss_seconds), (Outcome::Done, 0));
    assert!((report.downtime_seconds - 50.0).abs() < 0.01, "{}", report.downtime_seconds);
    assert!(report.steps.iter().all(|step| step.finished_at.is_some()), "{:?}", report.steps);

    // What is left behind was let go by the instance that is off; it is marked.
    let left = decide(&spec, &ledger, &seen, after(50));
    assert_eq!(steps(&left).iter().map(Step::kind).collect::<Vec<_>>(), ["mark-superseded"]);
}

#[test]
fn an_unanswered_step_is_not_repeated_at_once() {
    let mut world = world(start());
    let mut fenced = ledger();
    fenced.request = Some(request(false));
    let fenced = follow(&fenced, &decide(&spec(), &fenced, &world, start()), start());
    let Verdict::Act { changes, steps, .. } = decide(&spec(), &fenced, &world, start()) else { panic!() };
    // The controller died here: intended, never answered.
    let all = changes.into_iter().chain([Change::Intend(steps)]);
    let crashed = all.fold(fenced, |ledger, change| ledger.apply(&change, start()).unwrap());
    world = super::sample::world(after(3));
    assert!(matches!(decide(&spec(), &crashed, &world, after(3)), Verdict::Wait { .. }));
    world = super::sample::world(after(12));
    assert_eq!(steps_kinds(&decide(&spec(), &crashed, &world, after(12))), ["stop"]);
}

fn steps_kinds(verdict: &Verdict) -> Vec<&'static str> {
    steps(verdict).iter().map(Step::kind).collect()
}

#[test]
fn a_stop_that_lasts_too_long_is_forced_and_then_the_volumes_are_taken_away() {
    let spec = spec();
    let mut ledger = ledger();
    ledger.request = Some(request(false));
    ledger = follow(&ledger, &decide(&spec, &ledger, &world(start()), start()), start());
    ledger = follow(&ledger, &decide(&spec, &ledger, &world(start()), start()), start());
    let stopping = |at| {
        let mut world = world(at);
        let value = instance('a', InstanceState::Stopping);
        world.instances.items.insert(instance_id('a'), Observed::Known { value, at });
        world
    };
    // Nothing presses while it is planned, and the old instance is well.
    assert!(matches!(decide(&spec, &ledger, &stopping(after(30)), after(30)), Verdict::Wait { .. }));
    assert!(matches!(decide(&spec, &ledger, &stopping(after(299)), after(299)), Verdict::Wait { .. }));
    let mut patient = ledger.clone();
    let verdict = decide(&spec, &patient, &stopping(after(300)), after(300));
    assert_eq!(steps_kinds(&verdict), ["force-stop"]);
    patient = follow(&patient, &verdict, after(300));
    let warnings = &patient.failover.as_ref().unwrap().warnings;
    assert!(warnings.iter().any(|it| it.contains("i-0000000a was stopped by force: what its guest")), "{warnings:?}");
    // Once its checks fail it is a failure like any other.
    ledger.failover.as_mut().unwrap().planned = false;
    assert!(matches!(decide(&spec, &ledger, &stopping(after(29)), after(29)), Verdict::Wait { .. }));
    let verdict = decide(&spec, &ledger, &stopping(after(30)), after(30));
    assert_eq!(steps_kinds(&verdict), ["force-stop"]);
    ledger = follow(&ledger, &verdict, after(30));
    let verdict = decide(&spec, &ledger, &stopping(after(91)), after(91));
    assert_eq!(steps_kinds(&verdict), ["force-detach"]);
    ledger = follow(&ledger, &verdict, after(91));
    // Taken by somebody else meanwhile: while anyone holds it, the address stays.
    let mut taken = stopping(after(95));
    taken.volumes = Listing::known([(volume_id(1), volume('a', Some('c')))], after(95));
    let verdict = decide(&spec, &ledger, &taken, after(95));
    assert!(!format!("{verdict:?}").contains("MoveAddress"), "{verdict:?}");
    // Free, but the address still leads to the old one: it is moved before the fence counts.
    let mut seen = stopping(after(95));
    seen.volumes = Listing::known([(volume_id(1), volume('a', None))], after(95));
    let verdict = decide(&spec, &ledger, &seen, after(95));
    assert_eq!(steps_kinds(&verdict), ["address"]);
    let mut address = seen.addresses.get(&allocation()).unwrap().clone();
    address.instance = Some(instance_id('b'));
    seen.addresses = Listing::known([(allocation(), address)], after(95));
    let ledger = follow(&ledger, &decide(&spec, &ledger, &seen, after(95)), after(95));
    assert!(matches!(ledger.failover.unwrap().fence, FenceState::Confirmed { proof: Proof::VolumesDetached, .. }));
}

#[test]
fn an_unconfirmed_fence_halts_once_or_proceeds_within_the_allowed_loss() {
    let mut ledger = ledger();
    ledger.request = Some(request(false));
    ledger = follow(&ledger, &decide(&spec(), &ledger, &world(start()), start()), start());
    ledger = follow(&ledger, &decide(&spec(), &ledger, &world(start()), start()), start());
    let dark = |at| {
        let mut world = world(at);
        let why = "timed out".to_owned();
        world.instances.items.insert(instance_id('a'), Observed::Unknown { why: why.clone(), at });
        world.volumes = Listing::unknown(why, at);
        world.snapshots = Listing::known(
            [(snapshot_id(5), snapshot(1, SnapshotState::Completed, after(-100), &[(tag::VOLUME, "data")]))],
            at,
        );
        world
    };
    let now = after(301);
    let halted = follow(&ledger, &decide(&spec(), &ledger, &dark(now), now), now);
    assert!(halted.failover.as_ref().unwrap().halted.as_ref().unwrap().reason.contains("i-0000000a can't be observed"));
    let told = halted.outbox.len();
    let again = decide(&spec(), &halted, &dark(now), now);
    assert!(matches!(again, Verdict::Halt { halt: Halt::FenceUnconfirmed { .. }, .. }), "told once: {again:?}");
    assert_eq!(told, 1);

    // The spec says to proceed: the copy is too old for it, until the operator accepts the loss.
    let proceed = Spec::parse(&format!("{SPEC}\n[fence]\nwhen_unconfirmed = \"proceed\"\n")).unwrap();
    let waived = follow(&ledger, &decide(&proceed, &ledger, &dark(now), now), now);
    assert!(matches!(waived.failover.as_ref().unwrap().fence, FenceState::Waived { .. }));
    let halted = follow(&waived, &decide(&proceed, &waived, &dark(now), now), now);
    assert!(halted.failover.as_ref().unwrap().halted.as_ref().unwrap().reason.contains("--accept-data-loss"));
    let accepted = Request { accepted_loss_seconds: Some(600), ..request(false) };
    let accepted = halted.apply(&Change::Request(accepted), now).unwrap();
    let chosen = follow(&accepted, &decide(&proceed, &accepted, &dark(now), now), now);
    assert_eq!(chosen.failover.as_ref().unwrap().data_loss_seconds, 401);
    let verdict = decide(&proceed, &chosen, &dark(now), now);
    let [Step::RestoreVolume { snapshot, .. }] = &steps(&verdict)[..] else { panic!("{verdict:?}") };
    assert_eq!(*snapshot, snapshot_id(5));
}

#[test]
fn the_same_zone_moves_the_volume_itself() {
    let mut ledger = ledger();
    ledger.members.insert(instance_id('c'), crate::ledger::Member { zone: zone('a') });
    let with_c = |at| {
        let mut world = world(at);
        let value = instance('a', InstanceState::Running);
        world.instances.items.insert(instance_id('c'), Observed::Known { value, at });
        off(&mut world, at);
        world
    };
    let spec = spec();
    let now = start();
    let ledger = follow(&ledger, &decide(&spec, &ledger, &with_c(now), now), now);
    assert_eq!(
        ledger.failover.as_ref().unwrap().to.as_ref().unwrap().instance_id,
        instance_id('c'),
        "the volume's zone comes first"
    );
    let ledger = follow(&ledger, &decide(&spec, &ledger, &with_c(now), now), now);
    let verdict = decide(&spec, &ledger, &with_c(now), now);
    assert_eq!(steps_kinds(&verdict), ["detach"]);
    let ledger = follow(&ledger, &verdict, now);
    let mut free = with_c(now);
    free.volumes = Listing::known([(volume_id(1), volume('a', None))], now);
    let promoted = follow(&ledger, &decide(&spec, &ledger, &free, now), now);
    assert_eq!(promoted.current_volumes.get(&data()).unwrap().volume, volume_id(1));
    assert!(promoted.superseded.is_empty());
}

#[test]
fn no_capacity_leads_to_the_next_standby_or_a_clear_halt() {
    let cold = |at| {
        let mut world = world(at);
        off(&mut world, at);
        let value = instance('b', InstanceState::Stopped);
        world.instances.items.insert(instance_id('b'), Observed::Known { value, at });
        world
    };
    let spec = spec();
    let now = start();
    let ledger = begun(&cold(now), now);
    let verdict = decide(&spec, &ledger, &cold(now), now);
    let Verdict::Act { changes, steps, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(steps.iter().map(Step::kind).collect::<Vec<_>>(), ["start"]);
    let failed = StepOutcome::Failed {
        class: FailureClass::Capacity,
        code: "InsufficientInstanceCapacity".to_owned(),
        message: "no room".to_owned(),
    };
    let resolve = Change::Resolve(vec![(steps[0].key(), failed, 1)]);
    let all = changes.into_iter().chain([Change::Intend(steps), resolve]);
    let ledger = all.fold(ledger, |ledger, change| ledger.apply(&change, now).unwrap());
    // Nobody else: the fence and the copy still go on, and the operator is told.
    let halted = follow(&ledger, &decide(&spec, &ledger, &cold(now), now), now);
    assert!(halted.failover.as_ref().unwrap().halted.as_ref().unwrap().reason.contains("InsufficientInstanceCapacity"));

    let mut third = ledger.clone();
    third.members.insert(instance_id('c'), crate::ledger::Member { zone: zone('c') });
    let mut world = cold(now);
    let value = instance('c', InstanceState::Running);
    world.instances.items.insert(instance_id('c'), Observed::Known { value, at: now });
    let other = follow(&third, &decide(&spec, &third, &world, now), now);
    assert_eq!(other.failover.unwrap().to.as_ref().unwrap().instance_id, instance_id('c'));
}

#[test]
fn a_planned_failover_without_capacity_takes_nothing_down() {
    let mut cold = world(start());
    let value = instance('b', InstanceState::Stopped);
    cold.instances.items.insert(instance_id('b'), Observed::Known { value, at: start() });
    cold.checks.items.remove(&instance_id('b'));
    let mut ledger = ledger();
    ledger.request = Some(request(true));
    let ledger = follow(&ledger, &decide(&spec(), &ledger, &cold, start()), start());
    let Verdict::Act { changes, steps, .. } = decide(&spec(), &ledger, &cold, start()) else { panic!() };
    assert_eq!(steps.iter().map(Step::kind).collect::<Vec<_>>(), ["start"], "nothing is stopped yet");
    let failed =
        StepOutcome::Failed { class: FailureClass::Capacity, code: "C".to_owned(), message: "no room".to_owned() };
    let resolve = Change::Resolve(vec![(steps[0].key(), failed, 1)]);
    let all = changes.into_iter().chain([Change::Intend(steps), resolve]);
    let ledger = all.fold(ledger, |ledger, change| ledger.apply(&change, start()).unwrap());
    let ended = follow(&ledger, &decide(&spec(), &ledger, &cold, start()), start());
    assert!(ended.failover.is_none());
    let Some(crate::ledger::Notification::Ended(report)) = ended.outbox.front() else { panic!() };
    assert_eq!(report.outcome, Outcome::Refused);
    assert!(report.downtime_seconds.abs() < f64::EPSILON);
}

#[test]
fn a_drill_is_declined_unless_all_is_known_and_well() {
    let mut unhealthy = world(start());
    unhealthy.checks.items.remove(&instance_id('a'));
    let mut asked = ledger();
    asked.request = Some(request(true));
    let declined = follow(&asked, &decide(&spec(), &asked, &unhealthy, start()), start());
    assert!(declined.failover.is_none() && declined.outbox.len() == 1);
    let begun = follow(&asked, &decide(&spec(), &asked, &world(start()), start()), start());
    assert!(begun.failover.unwrap().drill);
}

#[test]
fn an_old_side_started_again_is_fenced_anew_and_copied_anew() {
    let spec = spec();
    let mut seen = world(start());
    off(&mut seen, start());
    let mut ledger = begun(&seen, start());
    ledger = follow(&ledger, &decide(&spec, &ledger, &seen, start()), start());
    ledger = follow(&ledger, &decide(&spec, &ledger, &seen, start()), start());
    let back = world(after(4));
    ledger = follow(&ledger, &decide(&spec, &ledger, &back, after(4)), after(4));
    let failover = ledger.failover.as_ref().unwrap();
    assert_eq!(failover.fences, 1);
    assert!(matches!(failover.fence, FenceState::Open { .. }));
    assert_eq!(steps_kinds(&decide(&spec, &ledger, &back, after(4))), ["stop"]);
}

#[test]
fn retention_keeps_the_newest_and_deletes_only_while_the_data_is_safe() {
    let spec = Spec::parse(&format!("{SPEC}\n[data]\nkeep_snapshots = 2\nkeep_superseded_seconds = 60\n")).unwrap();
    let mut ledger = ledger();
    let left =
        crate::ledger::Superseded { name: data(), since: start(), failover: crate::ids::FailoverId::of(1, start()) };
    ledger.superseded.insert(volume_id(7), left);
    let now = after(100);
    let mut seen = world(now);
    seen.volumes.items.insert(volume_id(7), Observed::Known { value: volume('b', None), at: now });
    let made = [(tag::VOLUME, "data"), (tag::COPY, "periodic"), (tag::ID, "p1-e1")];
    let copy = |number: u32, pairs| {
        (snapshot_id(number), snapshot(1, SnapshotState::Completed, after(i64::from(number)), pairs))
    };
    let by_hand = copy(1, &[(tag::VOLUME, "data")][..]);
    seen.snapshots = Listing::known([by_hand, copy(2, &made), copy(3, &made), copy(4, &made)], now);
    let verdict = decide(&spec, &ledger, &seen, now);
    assert_eq!(
        steps(&verdict),
        [Step::DeleteVolume { volume: volume_id(7) }, Step::DeleteSnapshot { snapshot: snapshot_id(2) }]
    );
    // The active one lost its volume: nothing is deleted.
    seen.volumes.items.insert(volume_id(1), Observed::Known { value: volume('a', None), at: now });
    assert!(!steps_or_none(&decide(&spec, &ledger, &seen, now)).iter().any(|kind| kind.starts_with("delete")));
}

fn steps_or_none(verdict: &Verdict) -> Vec<&'static str> {
    match verdict {
        Verdict::Act { steps, .. } => steps.iter().map(Step::kind).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn periodic_snapshots_are_taken_when_due() {
    let spec = Spec::parse(&format!("{SPEC}\n[data]\nsnapshot_every_seconds = 900\n")).unwrap();
    assert_eq!(steps_kinds(&decide(&spec, &ledger(), &world(start()), start())), ["snapshot"]);
    let mut seen = world(after(800));
    let made = [(tag::VOLUME, "data"), (tag::COPY, "periodic"), (tag::ID, "p1-e1")];
    seen.snapshots =
        Listing::known([(snapshot_id(1), snapshot(1, SnapshotState::Completed, start(), &made))], after(800));
    assert!(matches!(decide(&spec, &ledger(), &seen, after(800)), Verdict::Settled { .. }));
}

#[test]
fn adoption_takes_what_is_unambiguous_and_refuses_the_rest() {
    let adopted = adopt(&spec(), &world(start()), start()).unwrap();
    assert_eq!(adopted, ledger());

    let mut elsewhere = world(start());
    let mut address = elsewhere.addresses.get(&allocation()).unwrap().clone();
    address.instance = Some(instance_id('b'));
    elsewhere.addresses = Listing::known([(allocation(), address)], start());
    assert!(matches!(adopt(&spec(), &elsewhere, start()), Err(AdoptError::AmbiguousActive(_))));

    let mut two = world(start());
    two.volumes.items.insert(volume_id(9), Observed::Known { value: volume('b', None), at: start() });
    assert!(matches!(adopt(&spec(), &two, start()), Err(AdoptError::AmbiguousVolume { .. })));

    let mut none = world(start());
    none.volumes = Listing::known([], start());
    assert!(matches!(adopt(&spec(), &none, start()), Err(AdoptError::NoVolume { .. })));

    let mut dark = world(start());
    dark.volumes = Listing::unknown("timed out", start());
    assert!(matches!(adopt(&spec(), &dark, start()), Err(AdoptError::Unseen { .. })));
}

#[test]
fn a_repeated_request_is_granted_once() {
    let request = Request { id: Some("1".to_owned()), ..request(false) };
    let asked = ledger().apply(&Change::Request(request.clone()), start()).unwrap();
    let begun = follow(&asked, &decide(&spec(), &asked, &world(start()), start()), start());
    assert!(begun.failover.is_some());
    let again = begun.apply(&Change::Request(request.clone()), start()).unwrap();
    assert_eq!(again, begun);
    let other = Request { id: Some("2".to_owned()), ..request };
    assert!(begun.apply(&Change::Request(other), start()).is_err(), "another request while a failover runs");
}

#[test]
fn a_plan_names_every_step_and_changes_nothing() {
    let plan = plan(&spec(), &ledger(), &world(start()), &request(false), start());
    assert_eq!(plan.refusal, None);
    let text = plan.steps.join("\n");
    for word in [
        "stop i-0000000a",
        "snapshot vol-00000001",
        "restore data (20 GiB gp3) in eu-central-1b",
        "epoch 2",
        "move eipalloc",
    ] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
}

/// Parts that are slow to see, one after the other, must not send each other back for ever.
#[test]
fn slow_answers_do_not_keep_it_from_deciding() {
    let mut seen = world(start());
    seen.alarms = Listing::known([], after(-9));
    assert!(matches!(decide(&spec(), &ledger(), &seen, start()), Verdict::Observe(_)));
    seen.observation_took = jiff::SignedDuration::from_secs(10);
    assert!(matches!(decide(&spec(), &ledger(), &seen, start()), Verdict::Settled { .. }));
}

/// AWS does not answer for it: no evidence, but whoever relies on it has to hear of it, once, and that it is over.
#[test]
fn an_active_instance_that_nobody_can_see_is_told_of() {
    let unseen = |seconds| {
        let mut world = world(after(seconds));
        let why = "an internal error".to_owned();
        world.instances.items.insert(instance_id('a'), Observed::Unknown { why, at: after(seconds) });
        world
    };
    let noted = begun(&unseen(0), start());
    assert!(noted.refused.is_none() && noted.failover.is_none());
    assert!(matches!(decide(&spec(), &noted, &unseen(89), after(89)), Verdict::Settled { .. }));
    let told = follow(&noted, &decide(&spec(), &noted, &unseen(90), after(90)), after(90));
    let reason = &told.refused.as_ref().unwrap().reason;
    assert!(reason.contains("i-0000000a") && reason.contains("failover --to standby"), "{reason}");
    assert!(told.failover.is_none() && told.outbox.len() == 1);
    assert!(matches!(decide(&spec(), &told, &unseen(600), after(600)), Verdict::Refuse { .. }));
    let seen = follow(&told, &decide(&spec(), &told, &world(after(700)), after(700)), after(700));
    let well = follow(&seen, &decide(&spec(), &seen, &world(after(700)), after(700)), after(700));
    assert!(well.refused.is_none() && well.unseen_since.is_none());
}

/// Two hosts' clocks differ by a second: what one calls too long, the other does not yet.
#[test]
fn a_failover_that_stands_still_again_for_the_same_reason_is_no_news() {
    let mut world = world(start());
    off(&mut world, start());
    let halted = |ledger: Ledger, reason: &str| ledger.apply(&Change::Halt(reason.to_owned()), start()).unwrap();
    let goes_on = |ledger: Ledger| ledger.apply(&Change::StepsConfirmed(Vec::new()), start()).unwrap();
    let once = halted(begun(&world, start()), "no room");
    assert_eq!(once.outbox.len(), 1);
    let again = halted(goes_on(once.apply(&Change::Sent(1), start()).unwrap()), "no room");
    assert!(again.outbox.is_empty() && again.failover.as_ref().unwrap().halted.is_some());
    assert_eq!(halted(goes_on(again), "no permission").outbox.len(), 1);
}
