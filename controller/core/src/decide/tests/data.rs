//! Which data is taken, and in which shape: what people and other automation do to volumes.

use std::collections::BTreeMap;

use super::sample::*;
use crate::decide::decide;
use crate::ids::VolumeName;
use crate::ledger::{Change, CurrentVolume, Failover, FenceState, Ledger, OlderCopies, Proof};
use crate::spec::Spec;
use crate::step::{SnapshotSource, Step, StepOutcome, Together};
use crate::verdict::Verdict;
use crate::world::{
    Address, InstanceState, Listing, Observed, Snapshot, SnapshotState, Volume, VolumeShape, VolumeState, World, tag,
};

pub(super) const LOG: &str = "\n[[volume]]\nname = \"log\"\n[data]\nsnapshot_every_seconds = 600\n";

pub(super) fn log() -> VolumeName {
    VolumeName::new("log").unwrap()
}

/// Decides until nothing more is to be written or done without a new observation; every step is accepted.
pub(super) fn go(spec: &Spec, ledger: Ledger, world: &World, now: jiff::Timestamp) -> (Ledger, Vec<Step>, Verdict) {
    let (mut ledger, mut done) = (ledger, Vec::new());
    for _ in 0..20 {
        let verdict = decide(spec, &ledger, world, now);
        let (changes, steps) = match &verdict {
            Verdict::Record { changes, .. } => (changes.clone(), Vec::new()),
            Verdict::Act { changes, steps, .. } => (changes.clone(), steps.clone()),
            _ => return (ledger, done, verdict),
        };
        let outcomes = steps.iter().map(|step| (step.key(), StepOutcome::Accepted { made: Vec::new() }, 1)).collect();
        done.extend(steps.clone());
        let all = changes.into_iter().chain([Change::Intend(steps), Change::Resolve(outcomes)]);
        ledger = all.fold(ledger, |ledger, change| ledger.apply(&change, now).unwrap());
    }
    panic!("it does not come to rest: {done:?}")
}

pub(super) fn put<K: Ord, V>(listing: &mut Listing<K, V>, key: K, value: V, at: jiff::Timestamp) {
    listing.items.insert(key, Observed::Known { value, at });
}

/// `a` is stopped, its volume seen as `volume`; the standby runs in zone b.
pub(super) fn stopped_with(volume: Volume, now: jiff::Timestamp) -> World {
    let mut world = world(now);
    put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Stopped), now);
    put(&mut world.volumes, volume_id(1), volume, now);
    world
}

pub(super) fn failover(ledger: &Ledger) -> &Failover {
    ledger.failover.as_ref().unwrap()
}

fn older() -> OlderCopies {
    OlderCopies { at: start(), snapshots: BTreeMap::from([(data(), snapshot_id(1))]) }
}

fn larger() -> VolumeShape {
    VolumeShape { size_gib: 200, volume_type: "io2".to_owned(), iops: Some(9_000), ..shape() }
}

#[test]
fn a_volume_that_was_enlarged_is_restored_as_it_is_now() {
    let enlarged = Volume { shape: larger(), ..volume('a', Some('a')) };
    let mut world = stopped_with(enlarged, start());
    let (ledger, ..) = go(&spec(), ledger(), &world, start());
    let tags =
        [(tag::VOLUME, "data"), (tag::COPY, "failover"), (tag::ID, failover(&ledger).id.as_str()), (tag::FENCE, "0")];
    put(&mut world.snapshots, snapshot_id(1), snapshot(1, SnapshotState::Completed, start(), &tags), start());
    let (_, steps, _) = go(&spec(), ledger, &world, start());
    let shapes: Vec<_> = steps
        .iter()
        .filter_map(|step| if let Step::RestoreVolume { shape, .. } = step { Some(shape) } else { None })
        .collect();
    assert_eq!(shapes, [&larger()]);
}

#[test]
fn a_volume_out_of_sight_is_restored_as_it_was_last_seen_and_never_smaller_than_its_snapshot() {
    let mut world = world(start());
    put(&mut world.volumes, volume_id(1), Volume { shape: larger(), ..volume('a', Some('a')) }, start());
    let (ledger, ..) = go(&spec(), ledger(), &world, start());
    assert_eq!(ledger.current_volumes[&data()].shape, larger(), "remembered while all is well");
    let dark = |now| {
        let mut world = stopped_with(volume('a', None), now);
        world.volumes.items.clear();
        let pairs = [(tag::VOLUME, "data"), (tag::COPY, "periodic")];
        let copy = Snapshot { size_gib: 300, ..snapshot(1, SnapshotState::Completed, after(119), &pairs) };
        put(&mut world.snapshots, snapshot_id(1), copy, now);
        world
    };
    let spec = Spec::parse(&format!("{SPEC}[data]\nmax_loss_seconds = 600\n")).unwrap();
    let (ledger, ..) = go(&spec, ledger, &dark(after(120)), after(120));
    let (_, steps, verdict) = go(&spec, ledger, &dark(after(200)), after(200));
    let restored = steps
        .iter()
        .find_map(|step| if let Step::RestoreVolume { shape, .. } = step { Some(shape.clone()) } else { None });
    assert_eq!(restored, Some(VolumeShape { size_gib: 300, ..larger() }), "{verdict:?}");
}

#[test]
fn a_volume_in_use_that_lists_no_attachment_is_held_by_somebody() {
    let unlisted = Volume { attachments: Vec::new(), state: VolumeState::InUse, ..volume('a', None) };
    assert!(!unlisted.is_held_only_by(|_| true) && volume('a', None).is_held_only_by(|_| false));
    let mut world = world(start());
    put(&mut world.volumes, volume_id(1), unlisted, start());
    // The address leads nowhere, and the instance does not answer: nothing but the volume's word is left.
    let address = Address { instance: None, ..world.addresses.get(&allocation()).unwrap().clone() };
    put(&mut world.addresses, allocation(), address, start());
    world.instances.items.insert(instance_id('a'), Observed::Unknown { why: "timed out".to_owned(), at: start() });
    let mut begun = go(&spec(), ledger(), &stopped_with(volume('a', Some('a')), start()), start()).0;
    begun.failover.as_mut().unwrap().fence = FenceState::Open { since: Some(start()) };
    let (ledger, steps, _) = go(&spec(), begun, &world, start());
    assert!(matches!(failover(&ledger).fence, FenceState::Open { .. }), "{:?}", failover(&ledger).fence);
    assert!(
        !steps.iter().any(|step| matches!(step, Step::TakeSnapshots { .. } | Step::RestoreVolume { .. })),
        "{steps:?}"
    );
}

#[test]
fn a_fence_that_opens_again_gives_up_the_older_copies() {
    let mut ledger = go(&spec(), ledger(), &stopped_with(volume('a', Some('a')), start()), start()).0;
    let choose = Change::ChooseCopies { copies: older(), loss_seconds: 40 };
    for change in [Change::Fenced(Proof::InstancesOff), choose, Change::ReopenFence] {
        ledger = ledger.apply(&change, after(60)).unwrap();
    }
    assert!(failover(&ledger).older_copies.is_none() && failover(&ledger).data_loss_seconds == 0);
    assert!(failover(&ledger).warnings.iter().any(|warning| warning.contains("given up")));
}

#[test]
fn another_target_gives_up_the_older_copies() {
    let mut ledger = go(&spec(), ledger(), &stopped_with(volume('a', Some('a')), start()), start()).0;
    let choose = Change::ChooseCopies { copies: older(), loss_seconds: 40 };
    for change in [choose, Change::Retarget { to: None, excluded: None }] {
        ledger = ledger.apply(&change, after(60)).unwrap();
    }
    assert!(failover(&ledger).older_copies.is_none() && failover(&ledger).data_loss_seconds == 0);
}

/// The standby is in the zone of the volume, which is seen in use, by nobody.
fn unlisted_in_the_same_zone(now: jiff::Timestamp) -> World {
    let mut world =
        stopped_with(Volume { attachments: Vec::new(), state: VolumeState::InUse, ..volume('a', None) }, now);
    put(&mut world.instances, instance_id('b'), instance('a', InstanceState::Running), now);
    world
}

pub(super) fn told(ledger: &Ledger) -> Option<&str> {
    failover(ledger).halted.as_ref().map(|halted| halted.reason.as_str())
}

#[test]
fn a_holder_that_is_never_named_is_told_and_not_waited_for_in_silence() {
    let (begun, steps, _) = go(&spec(), ledger(), &unlisted_in_the_same_zone(start()), start());
    assert!(
        matches!(failover(&begun).fence, FenceState::Confirmed { .. }) && !failover(&begun).is_promoted(),
        "{steps:?}"
    );
    assert_eq!(told(&begun), None, "reads disagree for seconds");
    let (halted, ..) = go(&spec(), begun, &unlisted_in_the_same_zone(after(61)), after(61));
    assert!(told(&halted).is_some_and(|reason| reason.contains("vol-00000001 is in use, and AWS lists no attachment")));
    // Detached by whoever found it, the failover goes on.
    let mut world = unlisted_in_the_same_zone(after(70));
    put(&mut world.volumes, volume_id(1), volume('a', None), after(70));
    let (promoted, steps, _) = go(&spec(), halted, &world, after(70));
    assert!(failover(&promoted).is_promoted() && told(&promoted).is_none(), "{steps:?}");
    assert!(steps.iter().any(|step| matches!(step, Step::AttachVolume { .. })), "{steps:?}");
    // And the same after the promotion.
    let mut world = unlisted_in_the_same_zone(after(131));
    put(&mut world.instances, instance_id('b'), instance('a', InstanceState::Running), after(131));
    let (ledger, steps, _) = go(&spec(), promoted, &world, after(131));
    assert!(told(&ledger).is_some_and(|reason| reason.contains("lists no attachment")), "{steps:?}");
    assert!(!steps.iter().any(|step| matches!(step, Step::AttachVolume { .. })), "{steps:?}");
}

fn tokens(steps: &[Step]) -> Vec<String> {
    let token = |step: &Step| {
        if let Step::RestoreVolume { client_token, .. } = step { Some(client_token.clone()) } else { None }
    };
    steps.iter().filter_map(token).collect()
}

#[test]
fn a_request_that_says_something_else_has_another_token() {
    let restored = |volume: Volume, more: &[(&str, &str)]| {
        let mut world = stopped_with(volume, start());
        let (ledger, ..) = go(&spec(), ledger(), &world, start());
        let id = failover(&ledger).id.clone();
        let ours = [(tag::VOLUME, "data"), (tag::COPY, "failover"), (tag::ID, id.as_str()), (tag::FENCE, "0")];
        let tags: Vec<_> = ours.iter().chain(more).copied().collect();
        put(&mut world.snapshots, snapshot_id(1), snapshot(1, SnapshotState::Completed, start(), &tags), start());
        tokens(&go(&spec(), ledger, &world, start()).1)
    };
    let held = || volume('a', Some('a'));
    let first = restored(held(), &[]);
    assert_eq!(first.len(), 1);
    assert_eq!(restored(held(), &[]), first, "a repeated try makes no second volume");
    assert_ne!(restored(Volume { shape: larger(), ..held() }, &[]), first);
    assert_ne!(restored(held(), &[("owner", "somebody else")]), first);
}

/// Two volumes of one instance, whose root and a volume that is not the service's are attached as well.
pub(super) fn two_volumes(root_device: Option<&str>) -> (Ledger, World) {
    let now = start();
    let (mut ledger, mut world) = (ledger(), world(now));
    let current = CurrentVolume {
        volume: volume_id(2),
        device: "/dev/sdg".to_owned(),
        ..ledger.current_volumes[&data()].clone()
    };
    ledger.current_volumes.insert(log(), current);
    put(&mut world.volumes, volume_id(2), volume('a', Some('a')), now);
    let mut active = instance('a', InstanceState::Running);
    let devices = [("/dev/xvda", 8), ("/dev/sdf", 1), ("/dev/sdg", 2), ("/dev/sdh", 9)];
    active.devices = devices.map(|(device, volume)| (device.to_owned(), volume_id(volume))).into();
    active.root_device = root_device.map(str::to_owned);
    put(&mut world.instances, instance_id('a'), active, now);
    (ledger, world)
}

fn set(steps: &[Step]) -> (Vec<SnapshotSource>, Option<Together>) {
    let taken = steps.iter().find_map(|step| match step {
        Step::TakeSnapshots { sources, together } => Some((sources.clone(), together.clone())),
        _ => None,
    });
    taken.unwrap_or_else(|| panic!("nothing is copied: {steps:?}"))
}

#[test]
fn a_set_that_was_made_twice_is_let_go_by_its_volume() {
    let spec = Spec::parse(&format!("{SPEC}{LOG}keep_snapshots = 1\n")).unwrap();
    let (ledger, mut world) = two_volumes(Some("/dev/xvda"));
    let unnamed = [(tag::COPY, "periodic"), (tag::ID, "p1-e1")];
    for (number, of) in [(1, 1), (2, 2), (3, 1), (4, 2)] {
        let at = after(-60 + i64::from(number));
        put(&mut world.snapshots, snapshot_id(number), snapshot(of, SnapshotState::Completed, at, &unnamed), start());
    }
    // A person's, and one of a volume that is none of ours.
    put(&mut world.snapshots, snapshot_id(5), snapshot(1, SnapshotState::Completed, after(-90), &[]), start());
    put(&mut world.snapshots, snapshot_id(6), snapshot(9, SnapshotState::Completed, after(-90), &unnamed), start());
    let (_, steps, _) = go(&spec, ledger, &world, start());
    let deleted: Vec<_> = steps
        .iter()
        .filter_map(|step| if let Step::DeleteSnapshot { snapshot } = step { Some(snapshot.clone()) } else { None })
        .collect();
    assert_eq!(deleted, [snapshot_id(1), snapshot_id(2)]);
}

#[test]
fn the_root_volume_is_left_out_by_its_flag_and_other_volumes_by_their_ids() {
    let spec = Spec::parse(&format!("{SPEC}{LOG}")).unwrap();
    let (ledger, world) = two_volumes(Some("/dev/xvda"));
    let (_, steps, _) = go(&spec, ledger, &world, start());
    let (sources, together) = set(&steps);
    assert_eq!(sources.len(), 2);
    assert_eq!(together, Some(Together { instance: instance_id('a'), exclude: vec![volume_id(9)], or_each: false }));
}

#[test]
fn without_knowing_the_root_volume_nothing_is_excluded_by_guess() {
    let spec = Spec::parse(&format!("{SPEC}{LOG}")).unwrap();
    for root in [None, Some("/dev/sdg")] {
        let (ledger, world) = two_volumes(root);
        let (_, steps, _) = go(&spec, ledger, &world, start());
        assert_eq!(set(&steps).1, None, "{root:?}");
    }
}
