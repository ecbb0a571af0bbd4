//! Worlds that chance makes: every part known or not, fresh or old, with whatever AWS may say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::super::sample::*;
use super::{FAILOVER, NOW};
use crate::ids::{InstanceId, Zone};
use crate::ledger::{Attempt, FenceState, Proof};
use crate::step::{FailureClass, StepOutcome};
use crate::world::{
    Address, Alarm, AlarmState, Attachment, AttachmentState, Check, Checks, Instance, InstanceState, Listing, Observed,
    Snapshot, SnapshotState, Volume, VolumeState, World, tag,
};

/// The letters of the service's instances.
pub(super) type Letters = &'static [char];

/// An instance never changes its zone: the letter of the instance is its zone's. `d` is a second one in zone a.
pub(super) fn home(letter: char) -> Zone {
    zone(if letter == 'd' { 'a' } else { letter })
}

pub(super) fn letter(letters: Letters) -> impl Strategy<Value = char> {
    prop::sample::select(letters.to_vec())
}

pub(super) fn seen_at() -> impl Strategy<Value = Timestamp> {
    prop_oneof![4 => 0_i64..=5, 1 => 6_i64..600].prop_map(|age| after(NOW - age))
}

pub(super) fn past() -> impl Strategy<Value = Timestamp> {
    prop_oneof![0_i64..30, 30_i64..700, 700_i64..90_000].prop_map(|age| after(NOW - age))
}

pub(super) fn observed<T: std::fmt::Debug + Clone>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Observed<T>> {
    (value, prop::bool::weighted(0.85), seen_at()).prop_map(|(value, known, at)| {
        if known { Observed::Known { value, at } } else { Observed::Unknown { why: "timed out".to_owned(), at } }
    })
}

pub(super) fn listing<K: Ord + std::fmt::Debug + Clone, V: std::fmt::Debug + Clone>(
    items: impl Strategy<Value = BTreeMap<K, Observed<V>>>,
) -> impl Strategy<Value = Listing<K, V>> {
    (items, observed(Just(()))).prop_map(|(items, complete)| Listing { complete, items })
}

pub(super) fn instance_state() -> impl Strategy<Value = InstanceState> {
    use InstanceState::{Pending, Running, ShuttingDown, Stopped, Stopping, Terminated};
    prop_oneof![4 => Just(Running), 4 => Just(Stopped), 1 => Just(Pending), 1 => Just(Stopping), 1 => Just(ShuttingDown), 1 => Just(Terminated)]
}

pub(super) fn check() -> impl Strategy<Value = Check> {
    prop_oneof![4 => Just(Check::Ok), 1 => Just(Check::Impaired), 1 => Just(Check::Initializing)]
}

pub(super) fn attachments(letters: Letters) -> impl Strategy<Value = Vec<Attachment>> {
    use AttachmentState::{Attached, Attaching, Busy, Detaching};
    let state = prop_oneof![5 => Just(Attached), 1 => Just(Attaching), 1 => Just(Detaching), 1 => Just(Busy)];
    prop_oneof![
        1 => Just(Vec::new()),
        1 => (letter(letters), state).prop_map(|(to, state)| vec![Attachment {
            instance: instance_id(to), device: "/dev/sdf".to_owned(), state,
        }]),
    ]
}

/// Who made a snapshot: nobody of ours; the controller; or somebody who copies tags, as backups do.
pub(super) fn copied_by() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let of_failover =
        |id, fence| vec![(tag::VOLUME, "data"), (tag::COPY, "failover"), (tag::ID, id), (tag::FENCE, fence)];
    prop_oneof![
        Just(vec![]),
        Just(vec![(tag::VOLUME, "data")]),
        Just(vec![(tag::VOLUME, "data"), (tag::ROLE, "restored"), (tag::ID, FAILOVER), (tag::FENCE, "0")]),
        Just(vec![(tag::VOLUME, "data"), (tag::COPY, "periodic"), (tag::ID, "p1-e1")]),
        Just(vec![(tag::COPY, "periodic"), (tag::ID, "p1-e1"), (tag::TOGETHER, "i-0000000a")]),
        Just(vec![(tag::VOLUME, "data"), (tag::COPY, "periodic"), (tag::ID, "p1-e1"), (tag::SOURCE, "vol-00000009")]),
        Just(of_failover(FAILOVER, "0")),
        Just(of_failover(FAILOVER, "1")),
        Just(of_failover("f000000000000-e1", "0")),
    ]
}

/// Who made a volume, likewise.
pub(super) fn made_by() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let restored = |id, from| {
        vec![(tag::VOLUME, "data"), (tag::ROLE, "restored"), (tag::ID, id), (tag::FENCE, "0"), (tag::SNAPSHOT, from)]
    };
    prop_oneof![
        Just(vec![]),
        Just(vec![(tag::VOLUME, "data")]),
        Just(vec![(tag::VOLUME, "data"), (tag::ROLE, "blank")]),
        Just(vec![(tag::VOLUME, "data"), (tag::COPY, "periodic"), (tag::ID, "p1-e1")]),
        Just(restored(FAILOVER, "snap-00000001")),
        Just(restored(FAILOVER, "snap-00000002")),
        Just(restored(FAILOVER, "snap-00000003")),
        Just(restored("f000000000000-e1", "snap-00000001")),
    ]
}

pub(super) fn any_volume(letters: Letters) -> impl Strategy<Value = Volume> {
    use VolumeState::{Available, Creating, Error, InUse};
    // In use, and nobody is listed: reads of one resource disagree for seconds.
    let state = prop_oneof![6 => Just(Available), 1 => Just(Creating), 1 => Just(Error), 1 => Just(InUse)];
    (letter(&['a', 'b', 'c']), attachments(letters), state, made_by(), prop::option::of(1_u32..4)).prop_map(
        |(at, attachments, state, made_by, from)| Volume {
            zone: zone(at),
            state: if attachments.is_empty() { state } else { VolumeState::InUse },
            shape: shape(),
            attachments,
            restored_from: from.map(snapshot_id),
            created_at: after(NOW - 20),
            tags: tags(&made_by),
        },
    )
}

pub(super) fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    use SnapshotState::{Completed, Error, Pending};
    let state = prop_oneof![4 => Just(Completed), 2 => Just(Pending), 1 => Just(Error)];
    // Whose it is, whatever tags it was given since.
    let description =
        prop_oneof![4 => Just(None), 1 => Just(Some("This snapshot is created by the AWS Backup service."))];
    (1_u32..3, state, past(), copied_by(), description).prop_map(|(of, state, started_at, made_by, theirs)| {
        let snapshot = snapshot(of, state, started_at, &made_by);
        let description = theirs.map_or_else(|| snapshot.description.clone(), str::to_owned);
        Snapshot { description, ..snapshot }
    })
}

pub(super) fn worlds(letters: Letters) -> impl Strategy<Value = World> {
    let instance = instance_state().prop_map(|state| instance('a', state));
    let instances =
        prop::collection::btree_map(letter(letters).prop_map(instance_id), observed(instance), 1..=letters.len());
    let instances = instances
        .prop_map(|instances| instances.into_iter().map(|(id, seen)| (id.clone(), in_its_zone(&id, seen))).collect());
    let checks = (check(), check(), check()).prop_map(|(system, instance, attached_ebs)| Checks {
        system,
        instance,
        attached_ebs,
    });
    let checks =
        prop::collection::btree_map(letter(letters).prop_map(instance_id), observed(checks), 0..=letters.len());
    let volumes = prop::collection::btree_map((1_u32..5).prop_map(volume_id), observed(any_volume(letters)), 0..=4);
    let snapshots = prop::collection::btree_map((1_u32..5).prop_map(snapshot_id), observed(any_snapshot()), 0..=4);
    let address = prop::option::of(letter(letters)).prop_map(|to| Address {
        public_ip: "203.0.113.1".to_owned(),
        instance: to.map(instance_id),
        tags: tags(&[]),
    });
    let addresses = prop::collection::btree_map(Just(allocation()), observed(address), 0..=1);
    let alarm = (prop::option::of(letter(letters)), past(), any::<bool>()).prop_map(|(about, since, on)| Alarm {
        state: if on { AlarmState::Alarm } else { AlarmState::Ok },
        since,
        instance: about.map(instance_id),
    });
    let alarms =
        prop::collection::btree_map(Just(crate::ids::AlarmName::new("db-status").unwrap()), observed(alarm), 0..=1);
    (listing(instances), listing(checks), listing(volumes), listing(snapshots), listing(addresses), listing(alarms))
        .prop_map(|(instances, checks, volumes, snapshots, addresses, alarms)| World {
            instances,
            checks,
            volumes,
            snapshots,
            addresses,
            alarms,
            groups: Listing::unknown("not asked for", Timestamp::UNIX_EPOCH),
            agents: Listing::unknown("not asked for", Timestamp::UNIX_EPOCH),
            observation_took: jiff::SignedDuration::ZERO,
        })
}

pub(super) fn in_its_zone(id: &InstanceId, seen: Observed<Instance>) -> Observed<Instance> {
    let letter = id.as_str().chars().last().unwrap();
    match seen {
        Observed::Known { value, at } => Observed::Known { value: Instance { zone: home(letter), ..value }, at },
        unknown @ Observed::Unknown { .. } => unknown,
    }
}

pub(super) fn fence_state() -> impl Strategy<Value = FenceState> {
    prop_oneof![
        Just(FenceState::Open { since: None }),
        past().prop_map(|at| FenceState::Open { since: Some(at) }),
        past().prop_map(|at| FenceState::Confirmed { at, proof: Proof::InstancesOff }),
        past().prop_map(|at| FenceState::Confirmed { at, proof: Proof::VolumesDetached }),
        past().prop_map(|at| FenceState::Confirmed { at, proof: Proof::Quiesced }),
        past().prop_map(|at| FenceState::Confirmed { at, proof: Proof::LeaseExpired }),
        past().prop_map(|at| FenceState::Waived { at, why: "dark".to_owned() }),
    ]
}

/// What AWS may say to a step.
pub(super) fn outcome() -> impl Strategy<Value = StepOutcome> {
    use FailureClass::{Capacity, Conflict, Denied, Gone, Invalid, Retryable, UnknownOutcome};
    let class = prop::sample::select(vec![Capacity, Conflict, Denied, Gone, Invalid, Retryable, UnknownOutcome]);
    prop_oneof![
        Just(StepOutcome::Unanswered),
        Just(StepOutcome::Accepted { made: Vec::new() }),
        class.prop_map(|class| StepOutcome::Failed { class, code: "Code".to_owned(), message: "text".to_owned() }),
    ]
}

pub(super) fn attempt() -> impl Strategy<Value = Attempt> {
    (1_u32..20, past(), outcome()).prop_map(|(tries, at, outcome)| Attempt {
        tries,
        renewed: 0,
        failures: if matches!(outcome, StepOutcome::Accepted { .. }) { 0 } else { tries },
        first_at: at,
        last_at: at,
        outcome,
        answered_at: at,
    })
}

/// The same list, seen again.
pub(super) fn again<K: Ord + Clone, V: Clone>(listing: &Listing<K, V>, now: Timestamp) -> Listing<K, V> {
    let complete = seen_again(&listing.complete, now);
    let items = listing.items.iter().map(|(key, observed)| (key.clone(), seen_again(observed, now))).collect();
    Listing { complete, items }
}

fn seen_again<T: Clone>(observed: &Observed<T>, at: Timestamp) -> Observed<T> {
    match observed {
        Observed::Known { value, .. } => Observed::Known { value: value.clone(), at },
        Observed::Unknown { why, .. } => Observed::Unknown { why: why.clone(), at },
    }
}
