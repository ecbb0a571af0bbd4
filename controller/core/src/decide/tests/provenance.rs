//! Whose copies and volumes are whose, which moment is restored, and what is done when AWS will not.

use std::collections::{BTreeMap, BTreeSet};

use super::sample::*;
use crate::decide::{AdoptError, adopt, decide, recovery_point};
use crate::ids::{InstanceId, VolumeName};
use crate::ledger::{
    Attempt, Change, CurrentVolume, Destination, FenceState, FormerVolume, Ledger, Notification, OlderCopies, Proof,
    Request, Superseded,
};
use crate::spec::Spec;
use crate::step::{FailureClass, Step, StepKey, StepOutcome, StopMode};
use crate::verdict::Verdict;
use crate::world::{
    Attachment, AttachmentState, InstanceState, Listing, Observed, Snapshot, SnapshotState, Volume, VolumeState, World,
    tag,
};

fn log() -> VolumeName {
    VolumeName::new("log").unwrap()
}

fn put<K: Ord, V>(listing: &mut Listing<K, V>, key: K, value: V, at: jiff::Timestamp) {
    listing.items.insert(key, Observed::Known { value, at });
}

/// Decides until nothing more is to be written or done without a new observation; AWS says `outcome` to every step.
fn go(spec: &Spec, ledger: Ledger, world: &World, now: jiff::Timestamp, outcome: &StepOutcome) -> (Ledger, Vec<Step>) {
    let (mut ledger, mut done) = (ledger, Vec::new());
    for _ in 0..20 {
        let (changes, steps) = match decide(spec, &ledger, world, now) {
            Verdict::Record { changes, .. } => (changes, Vec::new()),
            Verdict::Act { changes, steps, .. } => (changes, steps),
            _ => return (ledger, done),
        };
        let outcomes = steps.iter().map(|step| (step.key(), outcome.clone(), 1)).collect();
        done.extend(steps.clone());
        let all = changes.into_iter().chain([Change::Intend(steps), Change::Resolve(outcomes)]);
        ledger = all.fold(ledger, |ledger, change| ledger.apply(&change, now).unwrap());
    }
    panic!("it does not come to rest: {done:?}")
}

fn accepted() -> StepOutcome {
    StepOutcome::Accepted { made: Vec::new() }
}

fn refused(code: &str) -> StepOutcome {
    StepOutcome::Failed { class: FailureClass::Denied, code: code.to_owned(), message: "no".to_owned() }
}

const PERIODIC: [(&str, &str); 3] = [(tag::VOLUME, "data"), (tag::COPY, "periodic"), (tag::ID, "p1-e1")];

fn completed(of: u32, age: i64, pairs: &[(&str, &str)]) -> Snapshot {
    snapshot(of, SnapshotState::Completed, after(-age), pairs)
}

fn deleted(steps: &[Step]) -> BTreeSet<String> {
    let id = |step: &Step| match step {
        Step::DeleteSnapshot { snapshot } => Some(snapshot.to_string()),
        _ => None,
    };
    steps.iter().filter_map(id).collect()
}

#[test]
fn a_backup_with_copied_tags_is_never_let_go() {
    let spec = Spec::parse(&format!("{SPEC}[data]\nkeep_snapshots = 1\n")).unwrap();
    let mut world = world(start());
    // The controller's own, and the same tags on copies of other volumes; a backup of the current volume with its tags.
    put(&mut world.snapshots, snapshot_id(1), completed(1, 10, &PERIODIC), start());
    put(&mut world.snapshots, snapshot_id(2), completed(1, 20, &PERIODIC), start());
    let copied = [&PERIODIC[..], &[(tag::SOURCE, "vol-00000001")]].concat();
    put(&mut world.snapshots, snapshot_id(3), completed(9, 30, &copied), start());
    let of_restored = [(tag::VOLUME, "data"), (tag::ROLE, "restored"), (tag::ID, "f000000000000-e1")];
    put(&mut world.snapshots, snapshot_id(4), completed(1, 40, &of_restored), start());
    // All the tags, given later on: what its maker wrote stays.
    let backup =
        Snapshot { description: "Created by the AWS Backup service".to_owned(), ..completed(1, 50, &PERIODIC) };
    put(&mut world.snapshots, snapshot_id(5), backup, start());
    let (_, steps) = go(&spec, ledger(), &world, start(), &accepted());
    assert_eq!(deleted(&steps), BTreeSet::from([snapshot_id(2).to_string()]));
}

/// The active instance is off; its volume is lost.
fn lost(now: jiff::Timestamp) -> World {
    let mut world = world(now);
    put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Stopped), now);
    put(&mut world.volumes, volume_id(1), Volume { state: VolumeState::Error, ..volume('a', None) }, now);
    world
}

fn lenient() -> Spec {
    Spec::parse(&format!("{SPEC}[data]\nmax_loss_seconds = 3600\n")).unwrap()
}

fn chosen(ledger: &Ledger) -> Option<&OlderCopies> {
    ledger.failover.as_ref().unwrap().older_copies.as_ref()
}

#[test]
fn a_backup_of_a_volume_that_no_longer_serves_is_no_data() {
    let mut ledger = ledger();
    let former = FormerVolume { name: data(), until: after(-600) };
    ledger.former_volumes.insert(volume_id(7), former);
    let mut world = lost(start());
    // Its backups go on after it was superseded; one of a volume that never served carries the tags.
    put(&mut world.snapshots, snapshot_id(1), completed(7, 599, &[(tag::VOLUME, "data")]), start());
    put(&mut world.snapshots, snapshot_id(2), completed(7, 700, &PERIODIC), start());
    put(&mut world.snapshots, snapshot_id(3), completed(9, 5, &[(tag::VOLUME, "data")]), start());
    let (begun, _) = go(&lenient(), ledger.clone(), &world, start(), &accepted());
    let choice = chosen(&begun).unwrap();
    assert_eq!((choice.at, choice.snapshots[&data()].clone()), (after(-700), snapshot_id(2)));
    assert_eq!(begun.failover.as_ref().unwrap().data_loss_seconds, 700);
    // A person's backup of the current volume is.
    put(&mut world.snapshots, snapshot_id(4), completed(1, 60, &[]), start());
    let (begun, _) = go(&lenient(), ledger, &world, start(), &accepted());
    assert_eq!(chosen(&begun).unwrap().at, after(-60));
}

/// A second volume, `log`, in the ledger and the spec.
fn two(mut ledger: Ledger) -> (Spec, Ledger) {
    let spec = Spec::parse(&format!("{SPEC}\n[[volume]]\nname = \"log\"\n[data]\nmax_loss_seconds = 3600\n")).unwrap();
    let first = ledger.current_volumes[&data()].clone();
    ledger
        .current_volumes
        .insert(log(), CurrentVolume { volume: volume_id(2), device: "/dev/sdg".to_owned(), ..first });
    (spec, ledger)
}

fn set(name: &str, id: &'static str, together: bool) -> Vec<(&'static str, String)> {
    let mut tags = vec![(tag::COPY, "periodic".to_owned()), (tag::ID, id.to_owned()), (tag::VOLUME, name.to_owned())];
    if together {
        tags.push((tag::TOGETHER, "i-0000000a".to_owned()));
    }
    tags
}

fn copy(world: &mut World, number: u32, of: u32, age: i64, id: &'static str, together: bool) {
    let tags = set(if of == 1 { "data" } else { "log" }, id, together);
    let tags: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (*key, value.as_str())).collect();
    put(&mut world.snapshots, snapshot_id(number), completed(of, age, &tags), start());
}

#[test]
fn all_volumes_go_back_to_one_moment() {
    let (spec, ledger) = two(ledger());
    let mut world = lost(start());
    // Only one of them is lost; the other's newest state is there.
    put(&mut world.volumes, volume_id(2), volume('a', Some('a')), start());
    copy(&mut world, 1, 1, 60, "p1-e1", true);
    copy(&mut world, 2, 2, 60, "p1-e1", true);
    // Half of a set; a set that was not taken at one moment; one that was made twice.
    copy(&mut world, 3, 1, 30, "p2-e1", true);
    copy(&mut world, 4, 1, 20, "p3-e1", false);
    copy(&mut world, 5, 2, 20, "p3-e1", false);
    copy(&mut world, 6, 1, 40, "p4-e1", true);
    copy(&mut world, 7, 2, 15, "p4-e1", true);
    let (begun, steps) = go(&spec, ledger.clone(), &world, start(), &accepted());
    let choice = chosen(&begun).unwrap();
    let expected = BTreeMap::from([(data(), snapshot_id(1)), (log(), snapshot_id(2))]);
    assert_eq!((choice.at, &choice.snapshots), (after(-60), &expected));
    assert!(!steps.iter().any(|step| matches!(step, Step::TakeSnapshots { .. })), "{steps:?}");
    let restored = steps.iter().filter(|step| matches!(step, Step::RestoreVolume { .. })).count();
    assert_eq!(restored, 2, "{steps:?}");
    assert_eq!(recovery_point(&world, &ledger, &log()), Some(after(-60)));
}

#[test]
fn copies_of_one_fence_are_of_one_moment_however_long_they_took() {
    let (spec, ledger) = two(ledger());
    let mut world = lost(start());
    let copies = |fence| [(tag::COPY, "failover"), (tag::ID, "f000000000000-e1"), (tag::FENCE, fence)];
    let named = |name, fence| [&[(tag::VOLUME, name)][..], &copies(fence)].concat();
    put(&mut world.snapshots, snapshot_id(1), completed(1, 100, &named("data", "0")), start());
    put(&mut world.snapshots, snapshot_id(2), completed(2, 50, &named("log", "0")), start());
    // Under the next fence of the same failover, something was written in between.
    put(&mut world.snapshots, snapshot_id(3), completed(2, 40, &named("log", "1")), start());
    let (begun, _) = go(&spec, ledger, &world, start(), &accepted());
    let choice = chosen(&begun).unwrap();
    assert_eq!((choice.at, &choice.snapshots[&log()]), (after(-100), &snapshot_id(2)));
}

#[test]
fn without_a_moment_of_all_volumes_it_halts_and_names_what_there_is() {
    let (spec, ledger) = two(ledger());
    let mut world = lost(start());
    copy(&mut world, 3, 1, 30, "p2-e1", true);
    let (begun, _) = go(&spec, ledger, &world, start(), &accepted());
    assert_eq!(chosen(&begun), None);
    let reason = begun.failover.unwrap().halted.unwrap().reason;
    assert!(reason.contains("data: the newest of 2026-01-05T08:59:30Z, log: none"), "{reason}");
}

#[test]
fn retention_keeps_the_last_moment_of_all_volumes() {
    let (_, ledger) = two(ledger());
    let spec = Spec::parse(&format!("{SPEC}\n[[volume]]\nname = \"log\"\n[data]\nkeep_snapshots = 1\n")).unwrap();
    let mut world = world(start());
    put(&mut world.volumes, volume_id(2), volume('a', Some('a')), start());
    copy(&mut world, 1, 1, 90, "p0-e1", true);
    copy(&mut world, 2, 2, 90, "p0-e1", true);
    copy(&mut world, 3, 1, 60, "p1-e1", true);
    copy(&mut world, 4, 2, 60, "p1-e1", true);
    copy(&mut world, 5, 1, 30, "p2-e1", true);
    let (_, steps) = go(&spec, ledger, &world, start(), &accepted());
    assert_eq!(deleted(&steps), [1, 2].map(|number| snapshot_id(number).to_string()).into());
}

#[test]
fn what_was_superseded_is_data_up_to_then_and_its_copies_are_remembered_no_longer_than_they_last() {
    let mut ledger = go(&lenient(), ledger(), &lost(start()), start(), &accepted()).0;
    ledger.former_volumes.insert(volume_id(8), FormerVolume { name: data(), until: after(-10) });
    let new = CurrentVolume { volume: volume_id(5), zone: zone('b'), ..ledger.current_volumes[&data()].clone() };
    let older = OlderCopies { at: after(-40), snapshots: BTreeMap::from([(data(), snapshot_id(1))]) };
    for change in [
        Change::Fenced(Proof::InstancesOff),
        Change::ChooseCopies { copies: older, loss_seconds: 40 },
        Change::Promote { current_volumes: BTreeMap::from([(data(), new)]) },
    ] {
        ledger = ledger.apply(&change, after(60)).unwrap();
    }
    // What was written after the moment that the service went back to is no longer its data.
    let until = |id| ledger.former_volumes[&volume_id(id)].until;
    assert_eq!((until(1), until(8)), (after(-40), after(-40)));
    ledger = ledger.apply(&Change::Finish, after(60)).unwrap();
    ledger.former_volumes.insert(volume_id(6), FormerVolume { name: data(), until: after(-10) });
    let mut world = world(after(61));
    world.volumes.items.clear();
    put(&mut world.volumes, volume_id(5), volume('b', Some('b')), after(61));
    put(&mut world.volumes, volume_id(1), volume('a', None), after(61));
    put(&mut world.snapshots, snapshot_id(3), completed(6, 30, &PERIODIC), after(61));
    let kept = go(&spec(), ledger, &world, after(61), &accepted()).0.former_volumes;
    // Superseded, or copied; of the third nothing is left.
    assert_eq!(kept.into_keys().collect::<Vec<_>>(), [volume_id(1), volume_id(6)]);
}

#[test]
fn older_copies_are_of_all_volumes_or_refused() {
    let ledger = go(&spec(), two(ledger()).1, &lost(start()), start(), &accepted()).0;
    let mut begun = ledger;
    begun.failover = Some(go(&spec(), self::ledger(), &lost(start()), start(), &accepted()).0.failover.unwrap());
    let older = OlderCopies { at: after(-40), snapshots: BTreeMap::from([(data(), snapshot_id(1))]) };
    let refused = begun.apply(&Change::ChooseCopies { copies: older, loss_seconds: 40 }, after(60)).unwrap_err();
    assert!(refused.to_string().contains("not every volume has one"), "{refused}");
}

#[test]
fn what_a_person_restored_is_not_set_aside() {
    let restored = |said: &str| {
        let pairs =
            [(tag::VOLUME, "data"), (tag::ROLE, "restored"), (tag::ID, "f000000000000-e1"), (tag::SNAPSHOT, said)];
        Volume { restored_from: Some(snapshot_id(4)), tags: tags(&pairs), ..volume('b', Some('b')) }
    };
    let superseded = |volume: Volume| {
        let mut world = world(start());
        put(&mut world.volumes, volume_id(6), volume, start());
        go(&spec(), ledger(), &world, start(), &accepted()).0.superseded
    };
    assert!(superseded(restored("snap-00000001")).is_empty(), "its tags were copied");
    assert!(superseded(restored("snap-00000004")).contains_key(&volume_id(6)), "a failover restored it and left it");
}

#[test]
fn a_superseded_volume_on_an_instance_that_is_no_member_stays_there() {
    let mut ledger = ledger();
    let record =
        Superseded { name: data(), since: start(), failover: crate::ids::FailoverId::new("f000000000000-e1").unwrap() };
    ledger.superseded.insert(volume_id(6), record);
    let mut world = world(start());
    put(&mut world.instances, instance_id('e'), instance('a', InstanceState::Stopped), start());
    put(&mut world.volumes, volume_id(6), volume('a', Some('e')), start());
    let detaches = |ledger: &Ledger, world: &World| {
        let steps = go(&spec(), ledger.clone(), world, start(), &accepted()).1;
        steps.iter().any(|step| matches!(step, Step::DetachVolume { .. }))
    };
    let mut strange = ledger.clone();
    strange.members.retain(|id, _| *id != instance_id('e'));
    world.instances.complete = Observed::Unknown { why: "timed out".to_owned(), at: start() };
    assert!(!detaches(&strange, &world));
    ledger.members.insert(instance_id('e'), crate::ledger::Member { zone: zone('a') });
    assert!(detaches(&ledger, &world));
}

#[test]
fn deletions_that_aws_refuses_do_not_hold_up_the_copy_and_people_are_told_once() {
    let spec = Spec::parse(&format!("{SPEC}[data]\nkeep_snapshots = 1\nsnapshot_every_seconds = 600\n")).unwrap();
    let mut world = world(start());
    for number in 1..=13 {
        put(&mut world.snapshots, snapshot_id(number), completed(1, 1000 + i64::from(number), &PERIODIC), start());
    }
    let mut ledger = ledger();
    let mut told = 0;
    for round in 0_i64..8 {
        let now = after(round * 70);
        let mut seen = world.clone();
        seen.instances.complete = Observed::Known { value: (), at: now };
        let seen = again(&seen, now);
        let (next, steps) = go(&spec, ledger, &seen, now, &refused("SnapshotLocked"));
        if round == 0 {
            assert!(matches!(steps[0], Step::TakeSnapshots { .. }), "the copy comes first: {steps:?}");
            assert_eq!(steps.len(), 13, "and the deletions all the same");
        }
        told += next.outbox.iter().filter(|it| matches!(it, Notification::Maintenance { reason, .. } if reason.contains("delete-snapshot") && reason.contains("SnapshotLocked"))).count();
        ledger = Ledger { outbox: [].into(), ..next };
    }
    assert_eq!(told, 1);
    assert!(ledger.refused_maintenance.contains_key("delete-snapshot"));
    assert!(ledger.maintenance.len() <= 41, "{}", ledger.maintenance.len());
    // Unlocked by whoever read it, it is over.
    world.snapshots.items.retain(|id, _| *id == snapshot_id(1));
    let now = after(700);
    let (ledger, _) = go(&spec, ledger, &again(&world, now), now, &accepted());
    assert!(!ledger.refused_maintenance.contains_key("delete-snapshot"));
}

/// The same world, seen at another time.
fn again(world: &World, at: jiff::Timestamp) -> World {
    let fresh = super::sample::world(at);
    let mut seen = world.clone();
    seen.instances = fresh.instances;
    seen.checks = fresh.checks;
    seen.addresses = fresh.addresses;
    seen.alarms = fresh.alarms;
    seen.volumes = Listing::known(world.volumes.iter_known().map(|(id, it)| (id.clone(), it.clone())), at);
    seen.snapshots = Listing::known(world.snapshots.iter_known().map(|(id, it)| (id.clone(), it.clone())), at);
    seen.groups = fresh.groups;
    seen.agents = fresh.agents;
    seen
}

#[test]
fn a_volume_that_ebs_failed_is_deleted_after_its_retention() {
    let mut ledger = ledger();
    let failover = crate::ids::FailoverId::new("f000000000000-e1").unwrap();
    let record = Superseded { name: data(), since: after(-9_000_000), failover };
    ledger.superseded.insert(volume_id(6), record);
    let mut world = world(start());
    put(&mut world.volumes, volume_id(6), Volume { state: VolumeState::Error, ..volume('b', None) }, start());
    let (_, steps) = go(&spec(), ledger, &world, start(), &accepted());
    assert!(steps.iter().any(|step| matches!(step, Step::DeleteVolume { .. })), "{steps:?}");
}

fn restores(steps: &[Step]) -> Vec<String> {
    let token = |step: &Step| match step {
        Step::RestoreVolume { client_token, .. } => Some(client_token.clone()),
        _ => None,
    };
    steps.iter().filter_map(token).collect()
}

#[test]
fn a_token_whose_volume_vanished_is_renewed_and_the_key_is_named() {
    let mut ledger = ledger();
    let mut tokens = Vec::new();
    let mut unanswered = Vec::new();
    for round in 0..5 {
        let now = after(round * 70);
        let mut world = again(&lost(start()), now);
        put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Stopped), now);
        put(&mut world.snapshots, snapshot_id(1), completed(1, 60, &[]), now);
        // AWS accepts it; the volume vanishes before anybody sees it.
        let (next, steps) = go(&lenient(), ledger, &world, now, &accepted());
        tokens.extend(restores(&steps));
        ledger = next;
        if round == 0 {
            // An answer that was lost: the same token again, or there would be two volumes.
            let key = StepKey("restore data@eu-central-1b".to_owned());
            let mut silent = ledger.clone();
            let attempt = silent.failover.as_mut().unwrap().attempts.get_mut(&key).unwrap();
            *attempt = Attempt { outcome: StepOutcome::Unanswered, ..attempt.clone() };
            let later = again(&world, after(30));
            let mut later = later;
            put(&mut later.instances, instance_id('a'), instance('a', InstanceState::Stopped), after(30));
            unanswered = restores(&go(&lenient(), silent, &later, after(30), &accepted()).1);
        }
    }
    assert_eq!(unanswered, tokens[..1]);
    assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), 3, "{tokens:?}");
    let halted = ledger.failover.as_ref().unwrap().halted.as_ref().unwrap();
    assert!(halted.reason.contains("failed 3 times") && halted.reason.contains("KMS key"), "{}", halted.reason);
    // It is told, and tried again: whoever mends the key need do nothing else.
    let now = after(900);
    let mut world = again(&lost(start()), now);
    put(&mut world.instances, instance_id('a'), instance('a', InstanceState::Stopped), now);
    put(&mut world.snapshots, snapshot_id(1), completed(1, 60, &[]), now);
    assert_eq!(restores(&go(&lenient(), ledger, &world, now, &accepted()).1).len(), 1);
}

#[test]
fn a_planned_failover_takes_nothing_by_force() {
    let mut ledger = ledger();
    ledger.request = Some(Request {
        at: start(),
        by: "me".to_owned(),
        drill: true,
        to: Destination::Standby,
        accepted_loss_seconds: None,
        id: None,
    });
    let world = world(start());
    let (begun, steps) = go(&spec(), ledger, &world, start(), &refused("OperationNotPermitted"));
    let stop = Step::StopInstance { instance: instance_id('a'), mode: StopMode::Graceful };
    assert_eq!(steps, [stop]);
    assert!(begun.failover.is_none() && begun.active == instance_id('a'), "the active instance stays what it is");
    let report = begun.outbox.iter().find_map(|it| match it {
        Notification::Ended(report) => Some(report),
        _ => None,
    });
    let report = report.unwrap();
    assert_eq!(report.outcome, crate::ledger::report::Outcome::Refused);
    assert!(report.reason.contains("OperationNotPermitted") && report.reason.contains("by force"), "{}", report.reason);
}

/// What was asked to go ends by itself, and all it wrote is then there: older data in its place would be lost for nothing.
#[test]
fn a_planned_failover_waits_for_an_instance_that_shuts_down() {
    let spec =
        Spec::parse(&format!("{SPEC}[fence]\nwhen_unconfirmed = \"proceed\"\nconfirm_within_seconds = 60\n")).unwrap();
    let waived = |state: Option<InstanceState>, planned| {
        let mut world = world(after(100));
        let unseen = || Observed::Unknown { why: "an internal error".to_owned(), at: after(100) };
        let seen = state.map(|state| Observed::Known { value: instance('a', state), at: after(100) });
        world.instances.items.insert(instance_id('a'), seen.unwrap_or_else(unseen));
        let mut ledger = go(&spec, ledger(), &lost(start()), start(), &accepted()).0;
        let failover = ledger.failover.as_mut().unwrap();
        (failover.fence, failover.planned) = (FenceState::Open { since: Some(start()) }, planned);
        let fence = go(&spec, ledger, &world, after(100), &accepted()).0.failover.unwrap().fence;
        matches!(fence, FenceState::Waived { .. })
    };
    for state in [InstanceState::Running, InstanceState::Stopping, InstanceState::ShuttingDown] {
        assert!(!waived(Some(state), true), "{state:?}");
        assert!(waived(Some(state), false), "{state:?}");
    }
    assert!(waived(None, true), "nobody sees it any more");
}

#[test]
fn a_failure_takes_the_volume_by_force_and_its_report_says_what_that_may_cost() {
    let mut world = world(start());
    let impaired = crate::world::Checks { system: crate::world::Check::Impaired, ..PASSED };
    put(&mut world.checks, instance_id('a'), impaired, start());
    let mut ledger = go(&spec(), ledger(), &lost(start()), start(), &accepted()).0;
    let failover = ledger.failover.as_mut().unwrap();
    failover.fence = FenceState::Open { since: Some(start()) };
    failover.attempts.clear();
    let (begun, steps) = go(&spec(), ledger, &world, start(), &refused("OperationNotPermitted"));
    assert!(steps.iter().any(|step| matches!(step, Step::DetachVolume { force: true, .. })), "{steps:?}");
    let warnings = &begun.failover.as_ref().unwrap().warnings;
    assert!(warnings.iter().any(|it| it.contains("vol-00000001 was taken from i-0000000a by force")), "{warnings:?}");
}

fn adoptable(volume_tags: &[(&str, &str)]) -> World {
    let mut world = world(start());
    let mut active = instance('a', InstanceState::Running);
    active.root_device = Some("/dev/sda1".to_owned());
    put(&mut world.instances, instance_id('a'), active, start());
    let root =
        Attachment { instance: instance_id('a'), device: "/dev/sda1".to_owned(), state: AttachmentState::Attached };
    let root = Volume { attachments: vec![root], tags: tags(volume_tags), ..volume('a', Some('a')) };
    put(&mut world.volumes, volume_id(8), root, start());
    world
}

#[test]
fn the_root_volume_is_never_adopted_as_data() {
    let mut world = adoptable(&[]);
    // Beside the data, it is passed over.
    put(&mut world.volumes, volume_id(1), Volume { tags: tags(&[]), ..volume('a', Some('a')) }, start());
    let adopted = adopt(&spec(), &world, start()).unwrap();
    assert_eq!(adopted.current_volumes[&data()].volume, volume_id(1));
    // Alone, there is no data.
    world.volumes.items.remove(&volume_id(1));
    assert!(matches!(adopt(&spec(), &world, start()), Err(AdoptError::NoVolume { .. })));
    // Meant by a tag or by name, it is refused.
    let tagged = adoptable(&[(tag::VOLUME, "data")]);
    let spec_of =
        |id| Spec::parse(&SPEC.replace("name = \"data\"", &format!("name = \"data\"\nvolume_id = \"{id}\""))).unwrap();
    for (spec, world) in [(spec(), tagged), (spec_of("vol-00000008"), adoptable(&[]))] {
        let mut world = world;
        world.volumes.items.remove(&volume_id(1));
        let refused = adopt(&spec, &world, start()).unwrap_err();
        assert!(
            matches!(&refused, AdoptError::RootVolume { instance, .. } if *instance == instance_id('a')),
            "{refused}"
        );
    }
}

#[test]
fn the_advice_for_several_volumes_names_a_tag_that_is_there() {
    let with = |pairs: &[(&str, &str)]| {
        let mut world = world(start());
        for number in [1, 2] {
            put(&mut world.volumes, volume_id(number), Volume { tags: tags(pairs), ..volume('a', Some('a')) }, start());
        }
        adopt(&spec(), &world, start()).unwrap_err().to_string()
    };
    assert!(with(&[]).contains("give the one that holds the data the tag failover:volume as well"), "{}", with(&[]));
    assert!(with(&[(tag::VOLUME, "data")]).contains("remove the tag failover:volume"));
}

#[test]
fn a_record_of_any_length_of_trouble_fits_its_table() {
    let mut ledger = go(&lenient(), ledger(), &lost(start()), start(), &accepted()).0;
    let text = "x".repeat(300);
    let step = |number: u32| {
        let id = InstanceId::new(format!("i-{number:017x}")).unwrap();
        (id.clone(), Step::StartInstance { instance: id })
    };
    let mut gone = BTreeSet::new();
    for number in 0..2_000 {
        let (id, step) = step(number);
        let outcome = (
            step.key(),
            StepOutcome::Failed { class: FailureClass::Capacity, code: text.clone(), message: text.clone() },
            1,
        );
        for change in [
            Change::Intend(vec![step]),
            Change::Resolve(vec![outcome]),
            Change::Retarget { to: None, excluded: Some((id.clone(), text.clone())) },
            Change::Halt(format!("{number} {text}")),
        ] {
            ledger = ledger.apply(&change, start()).unwrap();
        }
        gone.insert(id);
        // What the group launched and lost is terminated: it is not listed any more.
        ledger = go(&lenient(), ledger, &lost(start()), start(), &accepted()).0;
    }
    let bytes = serde_json::to_vec(&ledger).unwrap().len();
    assert!(bytes < 200_000, "{bytes} bytes; DynamoDB takes 400 KB");
}
