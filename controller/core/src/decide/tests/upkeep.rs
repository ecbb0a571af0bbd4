//! What is done while nothing is wrong, in which order, and how much of it.

use super::data::{go, put};
use super::newest::kinds;
use super::sample::*;
use crate::decide::decide;
use crate::ids::FailoverId;
use crate::ledger::{Change, LastFailover, Superseded};
use crate::spec::Spec;
use crate::step::Step;
use crate::verdict::Verdict;
use crate::world::{InstanceState, Part, SnapshotState, tag};

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
fn the_most_urgent_maintenance_comes_first_and_ten_steps_at_most() {
    let spec = Spec::parse(&format!("{SPEC}[data]\nkeep_snapshots = 1\nsnapshot_every_seconds = 600\n")).unwrap();
    let mut ledger = ledger();
    let mut world = world(start());
    for number in 1..=20 {
        let pairs = [(tag::VOLUME, "data"), (tag::COPY, "periodic"), (tag::ID, "p1-e1")];
        let copy = snapshot(1, SnapshotState::Completed, after(-1_000 - i64::from(number)), &pairs);
        put(&mut world.snapshots, snapshot_id(number), copy, start());
    }
    let record = Superseded { name: data(), since: start(), failover: FailoverId::of(1, start()) };
    ledger.superseded.insert(volume_id(7), record);
    put(&mut world.volumes, volume_id(7), volume('b', Some('b')), start());
    let Verdict::Act { steps, .. } = decide(&spec, &ledger, &world, start()) else { panic!() };
    let kinds: Vec<&str> = steps.iter().map(Step::kind).collect();
    assert_eq!(kinds[..3], ["stop", "snapshot", "delete-snapshot"]);
    assert_eq!(kinds.len(), 10);
}

#[test]
fn a_service_that_is_well_says_so() {
    let Verdict::Settled { reasons } = decide(&spec(), &ledger(), &world(start()), start()) else { panic!() };
    assert_eq!(reasons, ["i-0000000a is active in eu-central-1a and healthy"]);
}

#[test]
fn several_deletions_that_are_refused_are_counted_in_one_notice() {
    let refused = |count: u32| {
        let spec = Spec::parse(&format!("{SPEC}[data]\nkeep_snapshots = 1\n")).unwrap();
        let mut ledger = ledger();
        let mut world = world(start());
        for number in 1..=count + 1 {
            let pairs = [(tag::VOLUME, "data"), (tag::COPY, "periodic"), (tag::ID, "p1-e1")];
            let copy = snapshot(1, SnapshotState::Completed, after(-i64::from(number)), &pairs);
            put(&mut world.snapshots, snapshot_id(number), copy, start());
        }
        let steps: Vec<Step> =
            (2..=count + 1).map(|number| Step::DeleteSnapshot { snapshot: snapshot_id(number) }).collect();
        for _ in 0..3 {
            let said = crate::step::StepOutcome::Failed {
                class: crate::step::FailureClass::Denied,
                code: "Locked".to_owned(),
                message: "no".to_owned(),
            };
            let outcomes = steps.iter().map(|step| (step.key(), said.clone(), 1)).collect();
            ledger = ledger.apply(&Change::Intend(steps.clone()), start()).unwrap();
            ledger = ledger.apply(&Change::Resolve(outcomes), start()).unwrap();
        }
        let told = go(&spec, ledger, &world, start()).0;
        told.refused_maintenance["delete-snapshot"].reason.clone()
    };
    assert!(!refused(1).contains("more"), "{}", refused(1));
    assert!(refused(2).contains("(and 1 more)"), "{}", refused(2));
    assert!(refused(3).contains("(and 2 more)"), "{}", refused(3));
}

#[test]
fn a_failed_copy_is_let_go_after_a_day() {
    let deleted = |state, age: i64| {
        let mut world = world(start());
        let pairs = [(tag::VOLUME, "data"), (tag::COPY, "periodic"), (tag::ID, "p1-e1")];
        put(&mut world.snapshots, snapshot_id(1), snapshot(1, state, after(-age), &pairs), start());
        kinds(&go(&spec(), ledger(), &world, start()).1).contains(&"delete-snapshot")
    };
    assert!(deleted(SnapshotState::Error, 86_400) && !deleted(SnapshotState::Error, 86_399));
    assert!(!deleted(SnapshotState::Pending, 86_400) && !deleted(SnapshotState::Completed, 86_400));
}
