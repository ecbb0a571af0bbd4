//! Which copy counts as the newest data, which volume as its restored one, and what AWS is asked to make.

use super::data::{LOG, failover, go, put, stopped_with, told, two_volumes};
use super::sample::*;
use crate::decide::decide;
use crate::ledger::{Change, FenceState, Ledger, Proof};
use crate::spec::Spec;
use crate::step::Step;
use crate::verdict::Verdict;
use crate::world::{InstanceState, Snapshot, SnapshotState, Tags, Volume, VolumeState, World, tag};

/// The failover to zone b has shown its fence; nothing was copied yet.
pub(super) fn fenced() -> (Ledger, World) {
    let world = stopped_with(volume('a', Some('a')), start());
    let mut ledger = go(&spec(), ledger(), &world, start()).0;
    ledger.failover.as_mut().unwrap().attempts.clear();
    (ledger, world)
}

/// A snapshot as the failover makes it, but for `pairs`.
fn made(ledger: &Ledger, of: u32, state: SnapshotState, pairs: &[(&str, &str)]) -> Snapshot {
    let ours =
        [(tag::VOLUME, "data"), (tag::COPY, "failover"), (tag::ID, failover(ledger).id.as_str()), (tag::FENCE, "0")];
    snapshot(of, state, start(), &[&ours[..], pairs].concat())
}

pub(super) fn kinds(steps: &[Step]) -> Vec<&'static str> {
    steps.iter().map(Step::kind).collect()
}

/// What is done where this is the only snapshot.
fn with_copy(copy: impl FnOnce(&Ledger) -> Snapshot, now: jiff::Timestamp) -> (Ledger, Vec<&'static str>, Verdict) {
    let (ledger, _) = fenced();
    let mut world = stopped_with(volume('a', Some('a')), now);
    put(&mut world.snapshots, snapshot_id(1), copy(&ledger), now);
    let (ledger, steps, verdict) = go(&spec(), ledger, &world, now);
    (ledger, kinds(&steps), verdict)
}

#[test]
fn a_copy_counts_if_this_failover_made_it_of_this_volume_under_this_fence() {
    let steps = |copy: fn(&Ledger) -> Snapshot| with_copy(copy, start()).1;
    assert!(steps(|ledger| made(ledger, 1, SnapshotState::Completed, &[])).contains(&"restore"));
    let others: [fn(&Ledger) -> Snapshot; 6] = [
        |ledger| made(ledger, 1, SnapshotState::Completed, &[(tag::FENCE, "1")]),
        |ledger| made(ledger, 1, SnapshotState::Completed, &[(tag::ID, "f000000000007-e1")]),
        |ledger| made(ledger, 1, SnapshotState::Completed, &[(tag::VOLUME, "log")]),
        |ledger| made(ledger, 1, SnapshotState::Completed, &[(tag::COPY, "periodic")]),
        |ledger| made(ledger, 9, SnapshotState::Completed, &[]),
        // All of its tags, given by somebody else.
        |ledger| Snapshot { description: "by hand".to_owned(), ..made(ledger, 1, SnapshotState::Completed, &[]) },
    ];
    for other in others {
        let (ledger, _) = fenced();
        let steps = steps(other);
        assert!(steps.contains(&"snapshot") && !steps.contains(&"restore"), "{:?} {steps:?}", other(&ledger));
    }
}

#[test]
fn a_pending_copy_is_waited_for_and_seldom_while_it_is_far_from_done() {
    let until = |percent| {
        let copy =
            |ledger: &Ledger| Snapshot { progress_percent: percent, ..made(ledger, 1, SnapshotState::Pending, &[]) };
        let (_, steps, verdict) = with_copy(copy, after(60));
        assert!(!steps.contains(&"snapshot") && !steps.contains(&"restore"), "{steps:?}");
        let Verdict::Wait { until, .. } = verdict else { panic!("{verdict:?}") };
        until.duration_since(after(60))
    };
    assert!(until(70).is_positive());
    assert_eq!(until(70), until(99));
    assert_eq!(until(69), until(70) * 2);
    assert_eq!(until(10), until(69));
}

#[test]
fn a_copy_that_ebs_fails_three_times_is_told_and_tried_again_after_a_while() {
    let at = |now, failed: u32| {
        let (ledger, _) = fenced();
        let mut world = stopped_with(volume('a', Some('a')), now);
        for number in 1..=failed {
            put(&mut world.snapshots, snapshot_id(number), made(&ledger, 1, SnapshotState::Error, &[]), now);
        }
        let (ledger, steps, _) = go(&spec(), ledger, &world, now);
        (
            kinds(&steps).contains(&"snapshot"),
            told(&ledger).is_some_and(|why| why.contains("the snapshot of vol-00000001")),
        )
    };
    assert_eq!(at(after(10), 2), (true, false));
    assert_eq!(at(after(10), 3), (false, true));
    assert_eq!(at(after(299), 3), (false, true));
    assert_eq!(at(after(300), 3), (true, true));
}

/// A volume as the failover restores it from its copy, but for `pairs`.
fn restored(ledger: &Ledger, state: VolumeState, pairs: &[(&str, &str)]) -> Volume {
    let id = failover(ledger).id.to_string();
    let ours = [(tag::VOLUME, "data"), (tag::ID, id.as_str()), (tag::SNAPSHOT, "snap-00000001")];
    let tags = tags(&[&ours[..], pairs].concat());
    Volume { state, restored_from: Some(snapshot_id(1)), tags, ..volume('b', None) }
}

fn with_volume(volume: impl FnOnce(&Ledger) -> Volume) -> (Ledger, Vec<&'static str>) {
    let (ledger, mut world) = fenced();
    put(&mut world.snapshots, snapshot_id(1), made(&ledger, 1, SnapshotState::Completed, &[]), start());
    put(&mut world.volumes, volume_id(2), volume(&ledger), start());
    let (ledger, steps, _) = go(&spec(), ledger, &world, start());
    (ledger, kinds(&steps))
}

#[test]
fn a_restored_volume_counts_if_this_failover_made_it_from_this_copy_in_the_targets_zone() {
    let (ledger, steps) = with_volume(|ledger| restored(ledger, VolumeState::Available, &[]));
    assert_eq!(ledger.current_volumes[&data()].volume, volume_id(2), "{steps:?}");
    let others: [fn(&Ledger) -> Volume; 6] = [
        |ledger| Volume { zone: zone('c'), ..restored(ledger, VolumeState::Available, &[]) },
        |ledger| Volume { restored_from: Some(snapshot_id(2)), ..restored(ledger, VolumeState::Available, &[]) },
        |ledger| restored(ledger, VolumeState::Available, &[(tag::SNAPSHOT, "snap-00000002")]),
        |ledger| restored(ledger, VolumeState::Available, &[(tag::ID, "f000000000007-e1")]),
        |ledger| restored(ledger, VolumeState::Available, &[(tag::VOLUME, "log")]),
        |ledger| restored(ledger, VolumeState::Error, &[]),
    ];
    for other in others {
        let (ledger, steps) = with_volume(other);
        assert!(!failover(&ledger).is_promoted() && steps.contains(&"restore"), "{steps:?}");
    }
    // It is on its way: a second one is not asked for.
    let (ledger, steps) = with_volume(|ledger| restored(ledger, VolumeState::Creating, &[]));
    assert!(!failover(&ledger).is_promoted() && !steps.contains(&"restore"), "{steps:?}");
}

#[test]
fn a_volume_out_of_sight_is_looked_for_before_older_data_is_thought_of() {
    let hidden = |now| {
        let mut world = stopped_with(volume('a', None), now);
        world.volumes.items.clear();
        let copy = snapshot(1, SnapshotState::Completed, after(-1), &[]);
        put(&mut world.snapshots, snapshot_id(1), copy, now);
        world
    };
    let spec = Spec::parse(&format!("{SPEC}[data]\nmax_loss_seconds = 600\n")).unwrap();
    let mut ledger = fenced().0;
    let at = start();
    ledger.failover.as_mut().unwrap().fence = FenceState::Confirmed { at, proof: Proof::InstancesOff };
    let chosen = |now| failover(&go(&spec, ledger.clone(), &hidden(now), now).0).older_copies.is_some();
    assert!(!chosen(after(59)));
    assert!(chosen(after(60)));
}

#[test]
fn a_loss_is_never_called_smaller_than_it_may_be() {
    let loss = |millis| {
        let mut world = stopped_with(Volume { state: VolumeState::Error, ..volume('a', None) }, start());
        let taken = start() - jiff::SignedDuration::from_millis(millis);
        put(&mut world.snapshots, snapshot_id(1), snapshot(1, SnapshotState::Completed, taken, &[]), start());
        let spec = Spec::parse(&format!("{SPEC}[data]\nmax_loss_seconds = 600\n")).unwrap();
        failover(&go(&spec, ledger(), &world, start()).0).data_loss_seconds
    };
    assert_eq!((loss(2_000), loss(2_001), loss(1_999)), (2, 3, 2));
}

fn tags_of(steps: &[Step]) -> Tags {
    let tags = steps.iter().find_map(|step| match step {
        Step::TakeSnapshots { sources, .. } => Some(sources[0].tags.clone()),
        Step::RestoreVolume { tags, .. } | Step::CreateBlank { tags, .. } => Some(tags.clone()),
        _ => None,
    });
    tags.unwrap_or_else(|| panic!("nothing is made: {steps:?}"))
}

fn expected(pairs: &[(&str, &str)]) -> Tags {
    tags(&[&[("owner", "billing"), (tag::VOLUME, "data")][..], pairs].concat())
}

#[test]
fn what_a_failover_makes_says_for_which_epoch_and_under_which_fence_and_from_what() {
    let (mut ledger, mut world) = fenced();
    ledger.epoch = 4;
    let id = failover(&ledger).id.to_string();
    let all = [(tag::ID, id.as_str()), (tag::EPOCH, "5"), (tag::FENCE, "0"), (tag::ATTEMPT, "0")];
    let (_, steps, _) = go(&spec(), ledger.clone(), &world, start());
    let more = [(tag::COPY, "failover"), (tag::SOURCE, "vol-00000001")];
    assert_eq!(tags_of(&steps), expected(&[&all[..], &more].concat()));
    let copy = made(&ledger, 1, SnapshotState::Completed, &[("owner", "billing")]);
    put(&mut world.snapshots, snapshot_id(1), copy, start());
    let (_, steps, _) = go(&spec(), ledger, &world, start());
    let more = [(tag::ROLE, "restored"), (tag::SNAPSHOT, "snap-00000001")];
    assert_eq!(tags_of(&steps), expected(&[&all[..], &more].concat()));
}

#[test]
fn a_periodic_copy_says_of_which_epoch_it_is() {
    let spec = Spec::parse(&format!("{SPEC}[data]\nsnapshot_every_seconds = 600\n")).unwrap();
    let (_, steps, _) = go(&spec, Ledger { epoch: 4, ..ledger() }, &world(start()), start());
    let mut tags = tags_of(&steps);
    assert!(tags.remove(tag::ID).is_some_and(|id| id.starts_with('p') && id.ends_with("-e4")));
    let ours = [(tag::EPOCH, "4"), (tag::ATTEMPT, "0"), (tag::COPY, "periodic"), (tag::SOURCE, "vol-00000001")];
    assert_eq!(tags, expected(&ours));
}

#[test]
fn volumes_are_copied_as_a_set_where_the_old_instance_holds_them_all() {
    let spec = Spec::parse(&format!("{SPEC}{LOG}")).unwrap();
    let together = |second: Volume| {
        let (ledger, mut world) = two_volumes(Some("/dev/xvda"));
        put(&mut world.volumes, volume_id(2), second, start());
        let (_, steps, _) = go(&spec, ledger, &world, start());
        steps
            .iter()
            .any(|step| matches!(step, Step::TakeSnapshots { together: Some(_), sources } if sources.len() == 2))
    };
    assert!(together(volume('a', Some('a'))));
    assert!(!together(volume('a', None)), "nobody is asked for what he does not hold");
}

#[test]
fn copies_are_of_one_moment_only_if_the_controller_made_both_in_one_set() {
    let spec = Spec::parse(&format!("{SPEC}{LOG}max_loss_seconds = 3600\n")).unwrap();
    let chosen = |by_hand: Option<u32>, pairs: [&[(&str, &str)]; 2]| {
        let (ledger, mut world) = two_volumes(Some("/dev/xvda"));
        put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Stopped), start());
        put(&mut world.volumes, volume_id(1), Volume { state: VolumeState::Error, ..volume('a', None) }, start());
        for (number, (name, pairs)) in [(1, ("data", pairs[0])), (2, ("log", pairs[1]))] {
            let copy = snapshot(number, SnapshotState::Completed, after(-9), &[&[(tag::VOLUME, name)], pairs].concat());
            put(
                &mut world.snapshots,
                snapshot_id(number),
                if by_hand == Some(number) { Snapshot { description: "by hand".to_owned(), ..copy } } else { copy },
                start(),
            );
        }
        failover(&go(&spec, ledger, &world, start()).0).older_copies.is_some()
    };
    let set = [(tag::COPY, "periodic"), (tag::ID, "p1-e1"), (tag::TOGETHER, "i-0000000a")];
    let next = [(tag::COPY, "periodic"), (tag::ID, "p2-e1"), (tag::TOGETHER, "i-0000000a")];
    let fence = |number| [(tag::COPY, "failover"), (tag::ID, "f000000000000-e1"), (tag::FENCE, number)];
    assert!(chosen(None, [&set, &set]) && chosen(None, [&fence("1"), &fence("1")]));
    assert!(!chosen(Some(1), [&set, &set]) && !chosen(Some(2), [&set, &set]), "tags can be given to anything");
    assert!(!chosen(None, [&set, &next]), "two sets within a second");
    assert!(!chosen(None, [&fence("1"), &fence("2")]), "something was written between two fences");
}

#[test]
fn the_oldest_copy_is_never_taken_for_the_newest() {
    let spec = Spec::parse(&format!("{SPEC}[data]\nmax_loss_seconds = 600\n")).unwrap();
    let mut world = stopped_with(Volume { state: VolumeState::Error, ..volume('a', None) }, start());
    for (number, age) in [(1, 300), (2, 10), (3, 100)] {
        let copy = snapshot(1, SnapshotState::Completed, after(-age), &[]);
        put(&mut world.snapshots, snapshot_id(number), copy, start());
    }
    // One that is not complete may never be.
    put(&mut world.snapshots, snapshot_id(4), snapshot(1, SnapshotState::Pending, after(-5), &[]), start());
    let older = failover(&go(&spec, ledger(), &world, start()).0).older_copies.clone().unwrap();
    assert_eq!((older.at, &older.snapshots[&data()]), (after(-10), &snapshot_id(2)));
}

#[test]
fn a_volume_in_the_targets_zone_that_is_not_ready_is_waited_for() {
    let (mut begun, _) = fenced();
    begun.failover.as_mut().unwrap().to.as_mut().unwrap().zone = zone('a');
    let mut world = stopped_with(Volume { state: VolumeState::Creating, ..volume('a', None) }, start());
    put(&mut world.instances, instance_id('b'), instance('a', InstanceState::Running), start());
    let (_, steps, verdict) = go(&spec(), begun, &world, start());
    let Verdict::Wait { until, reasons, .. } = &verdict else { panic!("{steps:?} {verdict:?}") };
    assert!(reasons.iter().any(|it| it.text.contains("vol-00000001 is not ready yet")), "{reasons:?}");
    assert_eq!(*until, after(2));
}

#[test]
fn another_target_is_taken_without_what_was_to_be_done_for_the_first() {
    let spec = Spec::parse(&format!("{SPEC}{LOG}")).unwrap();
    let (mut ledger, mut world) = two_volumes(Some("/dev/xvda"));
    ledger.members.insert(instance_id('c'), crate::ledger::Member { zone: zone('c') });
    put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Stopped), start());
    put(&mut world.instances, instance_id('c'), instance('c', InstanceState::Running), start());
    let (begun, ..) = go(&spec, ledger, &world, start());
    for (number, name) in [(1, "data"), (2, "log")] {
        let copy = made(&begun, number, SnapshotState::Completed, &[(tag::VOLUME, name)]);
        put(&mut world.snapshots, snapshot_id(number), copy, start());
    }
    let (restoring, steps, _) = go(&spec, begun, &world, start());
    let restores: Vec<&Step> = steps.iter().filter(|step| step.kind() == "restore").collect();
    assert_eq!(restores.len(), 2, "{steps:?}");
    // AWS has no room for the first, and was busy when it was asked for the second.
    let classes = [crate::step::FailureClass::Capacity, crate::step::FailureClass::Retryable];
    let said = restores.iter().zip(classes).map(|(step, class)| {
        let (code, message) = ("no".to_owned(), "no".to_owned());
        (step.key(), crate::step::StepOutcome::Failed { class, code, message }, 1)
    });
    let refused = restoring.apply(&Change::Resolve(said.collect()), start()).unwrap();
    let verdict = decide(&spec, &refused, &world, after(4));
    let Verdict::Record { changes, .. } = &verdict else { panic!("{verdict:?}") };
    assert!(matches!(&changes[..], [Change::Retarget { to: Some(to), .. }] if to.instance_id == instance_id('c')));
}

/// Somebody moved it: a copy made now would lack what that one writes.
#[test]
fn a_volume_that_a_stranger_has_is_not_copied_and_people_are_told_who_has_it() {
    let held_by = |letter, seconds| {
        let (ledger, _) = fenced();
        let (ledger, steps, verdict) =
            go(&spec(), ledger, &stopped_with(volume('a', Some(letter)), after(seconds)), after(seconds));
        let halted = failover(&ledger).halted.as_ref().map(|halted| halted.reason.clone());
        (kinds(&steps), halted, verdict)
    };
    assert!(held_by('a', 10).0.contains(&"snapshot"), "the old side is off");
    let (steps, halted, verdict) = held_by('d', 10);
    assert!(!steps.contains(&"snapshot") && halted.is_none(), "{steps:?} {halted:?}");
    assert!(matches!(verdict, Verdict::Wait { .. }), "{verdict:?}");
    let (steps, halted, _) = held_by('d', 70);
    assert!(!steps.contains(&"snapshot"), "{steps:?}");
    assert!(halted.is_some_and(|reason| reason.contains("vol-00000001 is attached to")));
}

/// EBS promises no time, and the copy of a volume whose zone is down may never end: whoever waits for it hears of that.
#[test]
fn a_copy_that_is_pending_for_an_hour_is_told_of_and_waited_for() {
    let pending = |seconds| {
        let (ledger, kinds, _) = with_copy(|ledger| made(ledger, 1, SnapshotState::Pending, &[]), after(seconds));
        assert!(!kinds.contains(&"snapshot"), "a second one would take as long: {kinds:?}");
        failover(&ledger).halted.as_ref().map(|halted| halted.reason.clone())
    };
    assert_eq!(pending(3599), None);
    let told = pending(3600).unwrap();
    assert!(told.contains("snap-00000001 of data is still pending after 60 minutes"), "{told}");
}
