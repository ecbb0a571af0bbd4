//! The rules that make it safe, held against generated worlds and ledgers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::sample::*;
use crate::decide::decide;
use crate::ids::{FailoverId, InstanceId, VolumeName};
use crate::ledger::{
    Attempt, Cause, Change, Destination, Failover, FenceState, Head, Ledger, Member, Pause, Proof, Request, Superseded,
    Suspicion, Target,
};
use crate::spec::Spec;
use crate::step::{FailureClass, Step, StepKey, StepOutcome};
use crate::verdict::Verdict;
use crate::world::{
    Address, Alarm, AlarmState, Attachment, AttachmentState, Check, Checks, Instance, InstanceState, Lineage, Listing,
    Observed, Snapshot, SnapshotState, Volume, VolumeState, World, tag,
};

/// Everything a decision depends on.
#[derive(Debug, Clone)]
struct Case {
    spec: Spec,
    ledger: Ledger,
    world: World,
    now: Timestamp,
}

/// When it is, in the cases: late enough that things can have begun long ago.
const NOW: i64 = 100_000;
const LETTERS: [char; 3] = ['a', 'b', 'c'];

fn letter() -> impl Strategy<Value = char> {
    prop::sample::select(LETTERS.to_vec())
}

fn seen_at() -> impl Strategy<Value = Timestamp> {
    prop_oneof![4 => 0_i64..=5, 1 => 6_i64..600].prop_map(|age| after(NOW - age))
}

fn past() -> impl Strategy<Value = Timestamp> {
    prop_oneof![0_i64..30, 30_i64..700, 700_i64..90_000].prop_map(|age| after(NOW - age))
}

fn observed<T: std::fmt::Debug + Clone>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Observed<T>> {
    (value, prop::bool::weighted(0.85), seen_at()).prop_map(|(value, known, at)| {
        if known { Observed::Known { value, at } } else { Observed::Unknown { why: "timed out".to_owned(), at } }
    })
}

fn listing<K: Ord + std::fmt::Debug + Clone, V: std::fmt::Debug + Clone>(
    items: impl Strategy<Value = BTreeMap<K, Observed<V>>>,
) -> impl Strategy<Value = Listing<K, V>> {
    (items, observed(Just(()))).prop_map(|(items, complete)| Listing { complete, items })
}

fn instance_state() -> impl Strategy<Value = InstanceState> {
    use InstanceState::{Pending, Running, ShuttingDown, Stopped, Stopping, Terminated};
    prop_oneof![4 => Just(Running), 4 => Just(Stopped), 1 => Just(Pending), 1 => Just(Stopping), 1 => Just(ShuttingDown), 1 => Just(Terminated)]
}

fn check() -> impl Strategy<Value = Check> {
    prop_oneof![4 => Just(Check::Ok), 1 => Just(Check::Impaired), 1 => Just(Check::Initializing)]
}

fn attachments() -> impl Strategy<Value = Vec<Attachment>> {
    use AttachmentState::{Attached, Attaching, Busy, Detaching};
    let state = prop_oneof![5 => Just(Attached), 1 => Just(Attaching), 1 => Just(Detaching), 1 => Just(Busy)];
    prop_oneof![
        1 => Just(Vec::new()),
        1 => (letter(), state).prop_map(|(to, state)| vec![Attachment {
            instance: instance_id(to), device: "/dev/sdf".to_owned(), state,
        }]),
    ]
}

const FAILOVER: &str = "f000000000001-e2";

fn made_by() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    prop_oneof![
        Just(vec![]),
        Just(vec![(tag::VOLUME, "data")]),
        Just(vec![(tag::VOLUME, "data"), (tag::ROLE, "periodic"), (tag::ID, "p1-e1")]),
        Just(vec![(tag::VOLUME, "data"), (tag::ROLE, "failover"), (tag::ID, FAILOVER), (tag::FENCE, "0")]),
        Just(vec![(tag::VOLUME, "data"), (tag::ROLE, "failover"), (tag::ID, FAILOVER), (tag::FENCE, "1")]),
        Just(vec![(tag::VOLUME, "data"), (tag::ROLE, "failover"), (tag::ID, "f000000000000-e1"), (tag::FENCE, "0")]),
    ]
}

fn any_volume() -> impl Strategy<Value = Volume> {
    use VolumeState::{Available, Creating, Error};
    let state = prop_oneof![6 => Just(Available), 1 => Just(Creating), 1 => Just(Error)];
    (letter(), attachments(), state, made_by(), prop::option::of(1_u32..4)).prop_map(
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

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    use SnapshotState::{Completed, Error, Pending};
    let state = prop_oneof![4 => Just(Completed), 2 => Just(Pending), 1 => Just(Error)];
    (1_u32..3, state, past(), made_by())
        .prop_map(|(of, state, started_at, made_by)| snapshot(of, state, started_at, &made_by))
}

fn world_strategy() -> impl Strategy<Value = World> {
    let instance = (letter(), instance_state()).prop_map(|(at, state)| instance(at, state));
    let instances = prop::collection::btree_map(letter().prop_map(instance_id), observed(instance), 1..=3);
    // An instance never changes its zone: the letter of the instance is its zone's.
    let instances = instances
        .prop_map(|instances| instances.into_iter().map(|(id, seen)| (id.clone(), in_its_zone(&id, seen))).collect());
    let checks = (check(), check(), check()).prop_map(|(system, instance, attached_ebs)| Checks {
        system,
        instance,
        attached_ebs,
    });
    let checks = prop::collection::btree_map(letter().prop_map(instance_id), observed(checks), 0..=3);
    let volumes = prop::collection::btree_map((1_u32..5).prop_map(volume_id), observed(any_volume()), 0..=4);
    let snapshots = prop::collection::btree_map((1_u32..5).prop_map(snapshot_id), observed(any_snapshot()), 0..=4);
    let address = prop::option::of(letter()).prop_map(|to| Address {
        public_ip: "203.0.113.1".to_owned(),
        instance: to.map(instance_id),
        tags: tags(&[]),
    });
    let addresses = prop::collection::btree_map(Just(allocation()), observed(address), 0..=1);
    let alarm = (prop::option::of(letter()), past(), any::<bool>()).prop_map(|(about, since, on)| Alarm {
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
            look_took: jiff::SignedDuration::ZERO,
        })
}

fn in_its_zone(id: &InstanceId, seen: Observed<Instance>) -> Observed<Instance> {
    let letter = id.as_str().chars().last().unwrap();
    match seen {
        Observed::Known { value, at } => Observed::Known { value: Instance { zone: zone(letter), ..value }, at },
        unknown @ Observed::Unknown { .. } => unknown,
    }
}

fn fence_state() -> impl Strategy<Value = FenceState> {
    prop_oneof![
        Just(FenceState::Open { since: None }),
        past().prop_map(|at| FenceState::Open { since: Some(at) }),
        past().prop_map(|at| FenceState::Proven { at, proof: Proof::InstancesOff }),
        past().prop_map(|at| FenceState::Proven { at, proof: Proof::VolumesDetached }),
        past().prop_map(|at| FenceState::Waived { at, why: "dark".to_owned() }),
    ]
}

fn attempt() -> impl Strategy<Value = Attempt> {
    use FailureClass::{Capacity, Conflict, Denied, Gone, Invalid, Retryable, UnknownOutcome};
    let class = prop::sample::select(vec![Capacity, Conflict, Denied, Gone, Invalid, Retryable, UnknownOutcome]);
    let outcome = prop_oneof![
        Just(StepOutcome::Unanswered),
        Just(StepOutcome::Accepted { made: Vec::new() }),
        class.prop_map(|class| StepOutcome::Failed { class, code: "Code".to_owned(), message: "text".to_owned() }),
    ];
    (1_u32..20, past(), outcome).prop_map(|(tries, at, outcome)| Attempt {
        tries,
        first_at: at,
        last_at: at,
        outcome,
        answered_at: at,
    })
}

fn failover() -> impl Strategy<Value = Failover> {
    let keys = prop::sample::select(vec![
        "stop i-0000000a",
        "force-stop i-0000000a",
        "start i-0000000b",
        "snapshot vol-00000001",
        "restore data@eu-central-1b",
        "detach vol-00000001",
        "attach vol-00000002",
        "address eipalloc-00000001",
    ]);
    let attempts = prop::collection::btree_map(keys.prop_map(|key| StepKey(key.to_owned())), attempt(), 0..=4);
    let to = prop::sample::select(vec!['b', 'c']);
    (fence_state(), attempts, to, any::<(bool, bool, bool)>(), past(), 0_u32..2, prop::option::of(0_u64..100_000))
        .prop_map(|(fence, attempts, to, (planned, drill, older), started_at, fences, accepted)| {
            let older_copies = older && !matches!(fence, FenceState::Open { .. });
            Failover {
                id: FailoverId::new(FAILOVER).unwrap(),
                cause: Cause::Operator("me".to_owned()),
                drill,
                planned,
                destination: Destination::Standby,
                accepted_loss_seconds: accepted,
                from: Target { instance_id: instance_id('a'), zone: zone('a') },
                to: Some(Target { instance_id: instance_id(to), zone: zone(to) }),
                retargeted_at: None,
                target_unseen_since: None,
                excluded: BTreeMap::new(),
                down_since: Some(started_at),
                started_at,
                fence,
                fences,
                older_copies: if older_copies { BTreeMap::from([(data(), snapshot_id(3))]) } else { BTreeMap::new() },
                data_loss_seconds: 0,
                promoted_at: None,
                attempts,
                steps: Vec::new(),
                warnings: std::collections::BTreeSet::new(),
                halted: None,
            }
        })
}

fn ledger_strategy() -> impl Strategy<Value = Ledger> {
    let superseded = prop::collection::btree_map((3_u32..5).prop_map(volume_id), past(), 0..=2);
    let request =
        (any::<bool>(), past(), prop::option::of(0_u64..100_000)).prop_map(|(drill, at, accepted_loss_seconds)| {
            Request { id: None, to: Destination::Standby, drill, accepted_loss_seconds, at, by: "me".to_owned() }
        });
    let suspicion =
        past().prop_map(|since| Suspicion { instance: instance_id('a'), since, evidence: vec!["x".to_owned()] });
    (
        prop::option::weighted(0.7, failover()),
        any::<bool>(),
        superseded,
        prop::option::weighted(0.2, request),
        prop::option::weighted(0.3, suspicion),
        prop::bool::weighted(0.1),
        any::<bool>(),
    )
        .prop_map(|(failover, promoted, superseded, request, suspicion, paused, volumes)| {
            let mut ledger = ledger();
            ledger.members.insert(instance_id('c'), Member { zone: zone('c') });
            if !volumes {
                ledger.heads.clear();
            }
            ledger.superseded = superseded
                .into_iter()
                .map(|(id, since)| {
                    (id, Superseded { name: data(), since, failover: FailoverId::new(FAILOVER).unwrap() })
                })
                .collect();
            ledger.failover = failover;
            if let Some(failover) = &mut ledger.failover
                && promoted
                && !matches!(failover.fence, FenceState::Open { .. })
            {
                failover.promoted_at = Some(failover.started_at);
                ledger.epoch = 2;
                ledger.active = failover.to.as_ref().unwrap().instance_id.clone();
                ledger.active_zone = failover.to.as_ref().unwrap().zone.clone();
                for head in ledger.heads.values_mut() {
                    head.volume = volume_id(2);
                    head.zone = failover.to.as_ref().unwrap().zone.clone();
                }
            } else if ledger.failover.is_none() {
                ledger.request = request;
                ledger.suspicion = suspicion;
            }
            ledger.paused = paused.then(|| Pause { at: start(), by: "me".to_owned() });
            ledger
        })
}

fn case() -> impl Strategy<Value = Case> {
    let loss = prop::option::of(0_u64..2_000);
    (ledger_strategy(), world_strategy(), any::<bool>(), loss, prop::bool::weighted(0.3)).prop_map(
        |(ledger, mut world, proceed, loss, mended)| {
            if mended {
                mend(&mut world, &ledger);
            }
            let unconfirmed = if proceed { "proceed" } else { "halt" };
            let volume = if ledger.heads.is_empty() { "" } else { "[[volume]]\nname = \"data\"\n" };
            let text = format!(
                "service = \"db\"\ntopology = \"standby\"\n{volume}[detect]\nalarms = [\"db-status\"]\n\
                 [fence]\nwhen_unconfirmed = \"{unconfirmed}\"\n\
                 [data]\nmax_loss_seconds = {}\nsnapshot_every_seconds = 90000\nkeep_snapshots = 1\n\
                 keep_superseded_seconds = 60\n",
                loss.unwrap_or(0)
            );
            Case { spec: Spec::parse(&text).unwrap(), ledger, world, now: after(NOW) }
        },
    )
}

/// Chance alone hardly ever makes a service that is well: here the active instance has all that it should have.
fn mend(world: &mut World, ledger: &Ledger) {
    let at = after(NOW);
    let active = &ledger.active;
    let running =
        Instance { zone: ledger.active_zone.clone(), state: InstanceState::Running, devices: BTreeMap::new() };
    world.instances.items.insert(active.clone(), Observed::Known { value: running, at });
    world.checks.items.insert(active.clone(), Observed::Known { value: PASSED, at });
    for head in ledger.heads.values() {
        let letter = active.as_str().chars().last().unwrap();
        let value = Volume { zone: head.zone.clone(), ..volume('a', Some(letter)) };
        world.volumes.items.insert(head.volume.clone(), Observed::Known { value, at });
    }
    for address in world.addresses.items.values_mut() {
        let value = Address { public_ip: "203.0.113.1".to_owned(), instance: Some(active.clone()), tags: tags(&[]) };
        *address = Observed::Known { value, at };
    }
    let known = Observed::Known { value: (), at };
    world.instances.complete = known.clone();
    world.checks.complete = known.clone();
    world.volumes.complete = known.clone();
    world.addresses.complete = known;
    world.alarms = Listing::known([], at);
}

/// What a verdict writes and does.
fn effects(verdict: &Verdict) -> (Vec<Change>, Vec<Step>) {
    match verdict {
        Verdict::Record { changes, .. } => (changes.clone(), Vec::new()),
        Verdict::Act { changes, steps, .. } => (changes.clone(), steps.clone()),
        _ => (Vec::new(), Vec::new()),
    }
}

fn fresh<T>(observed: Option<&Observed<T>>) -> bool {
    matches!(observed, Some(Observed::Known { .. }))
}

impl Case {
    fn is_off(&self, id: &InstanceId) -> bool {
        self.world.instances.get(id).is_some_and(|instance| instance.state.is_off())
    }

    fn allowed_loss(&self) -> u64 {
        let accepted = self.ledger.failover.as_ref().and_then(|failover| failover.accepted_loss_seconds);
        self.spec.data.max_loss_seconds.get().max(accepted.unwrap_or(0))
    }

    /// No irreversible step on anything unknown.
    fn irreversible_steps_are_on_what_is_known(&self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::StopInstance { instance, mode: crate::step::StopMode::Forced } => {
                prop_assert!(fresh(self.world.instances.items.get(instance)));
            }
            Step::DetachVolume { volume, .. } | Step::AttachVolume { volume, .. } | Step::DeleteVolume { volume } => {
                prop_assert!(fresh(self.world.volumes.items.get(volume)));
            }
            Step::MoveAddress { allocation, instance } => {
                prop_assert!(fresh(self.world.addresses.items.get(allocation)));
                prop_assert!(fresh(self.world.instances.items.get(instance)));
            }
            Step::DeleteSnapshot { snapshot } => prop_assert!(fresh(self.world.snapshots.items.get(snapshot))),
            _ => prop_assert!(step.is_reversible(), "{step} is not covered by a rule"),
        }
        Ok(())
    }

    fn the_step_keeps_the_rules(&self, step: &Step) -> Result<(), TestCaseError> {
        let failover = self.ledger.failover.as_ref();
        let promoted = failover.is_some_and(Failover::is_promoted);
        let fenced = failover.is_some_and(|failover| !matches!(failover.fence, FenceState::Open { .. }));
        match step {
            Step::StopInstance { instance, .. } => {
                let target = failover.map(|failover| &failover.to.as_ref().unwrap().instance_id);
                prop_assert_ne!(Some(instance), target, "the target is never stopped");
                prop_assert!(*instance != self.ledger.active || (failover.is_some() && !promoted));
            }
            Step::StartInstance { instance } => {
                prop_assert_eq!(Some(instance), failover.map(|failover| &failover.to.as_ref().unwrap().instance_id));
                prop_assert!(!promoted);
            }
            Step::TakeSnapshots { sources, .. } => {
                // As the newest state only under a proven fence; otherwise as a periodic copy of a healthy service.
                let proven = failover.is_some_and(|failover| matches!(failover.fence, FenceState::Proven { .. }));
                let waived = failover.is_some_and(|failover| matches!(failover.fence, FenceState::Waived { .. }));
                for source in sources {
                    prop_assert!(self.ledger.is_head(&source.volume));
                    let volume = self.world.volumes.get(&source.volume);
                    let quiet = volume.is_some_and(|volume| {
                        volume.attachments.iter().all(|attachment| {
                            self.is_off(&attachment.instance)
                                || failover.is_some_and(|failover| {
                                    failover.to.as_ref().unwrap().instance_id == attachment.instance
                                })
                        })
                    });
                    match source.tags.get(tag::ROLE).map(String::as_str) {
                        Some("failover") => {
                            prop_assert!(proven || (waived && quiet), "copied while it may be written to");
                        }
                        role => prop_assert!(role == Some("periodic") && failover.is_none()),
                    }
                }
            }
            Step::RestoreVolume { snapshot, zone, .. } => {
                prop_assert!(fenced && !promoted, "nothing is restored before the fence");
                prop_assert_eq!(Some(zone), failover.map(|failover| &failover.to.as_ref().unwrap().zone));
                let older = failover.is_some_and(|failover| failover.older_copies.values().any(|id| id == snapshot));
                let completed =
                    self.world.snapshots.get(snapshot).is_some_and(|copy| copy.state == SnapshotState::Completed);
                prop_assert!(older || completed);
            }
            Step::AttachVolume { volume, instance, .. } => {
                prop_assert!(promoted, "nothing is attached before the promotion");
                prop_assert_eq!(instance, &self.ledger.active);
                prop_assert!(self.ledger.is_head(volume));
                prop_assert!(
                    self.world.volumes.get(volume).is_some_and(Volume::is_free)
                        || self.world.volumes.get(volume).is_some_and(|volume| volume.attachments.is_empty())
                );
            }
            Step::DetachVolume { volume, instance, force } => {
                let known = self.world.volumes.get(volume).unwrap();
                prop_assert!(known.attachment_to(instance).is_some());
                prop_assert!(*instance != self.ledger.active || (failover.is_some() && !promoted));
                // From a guest that may run only by force, as the last resort of a fence.
                prop_assert!(self.is_off(instance) || (*force && failover.is_some() && !promoted));
            }
            Step::MoveAddress { instance, .. } => {
                let volumes_free = !self.ledger.heads.is_empty()
                    && self.ledger.heads.values().all(|head| {
                        self.world.volumes.get(&head.volume).is_some_and(|volume| {
                            volume.attachments.iter().all(|attachment| attachment.instance == *instance)
                        })
                    });
                prop_assert!((promoted && *instance == self.ledger.active) || volumes_free);
                prop_assert_eq!(Some(instance), failover.map(|failover| &failover.to.as_ref().unwrap().instance_id));
            }
            Step::MarkSuperseded { volume } => prop_assert!(!self.ledger.is_head(volume)),
            Step::CreateBlank { .. }
            | Step::CompleteHook { .. }
            | Step::ExtendHook { .. }
            | Step::ReplaceMember { .. }
            | Step::SetSubnets { .. } => prop_assert!(false, "a standby pair has no group"),
            Step::DeleteVolume { volume } => {
                prop_assert!(!self.ledger.is_head(volume) && self.ledger.superseded.contains_key(volume));
                self.the_newest_data_is_attached()?;
            }
            Step::DeleteSnapshot { snapshot } => {
                self.the_newest_data_is_attached()?;
                let name = Lineage::of(&self.world.snapshots.get(snapshot).unwrap().tags).name;
                let newer = self.world.snapshots.iter_known().filter(|(id, copy)| {
                    *id != snapshot && copy.state == SnapshotState::Completed && Lineage::of(&copy.tags).name == name
                });
                let failed = self.world.snapshots.get(snapshot).unwrap().state == SnapshotState::Error;
                prop_assert!(newer.count() >= 1 || failed, "a newer copy stays");
            }
        }
        Ok(())
    }

    fn the_newest_data_is_attached(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.ledger.failover.is_none());
        for head in self.ledger.heads.values() {
            let volume = self.world.volumes.get(&head.volume);
            prop_assert!(volume.is_some_and(|volume| volume.attachment_to(&self.ledger.active).is_some()));
        }
        Ok(())
    }

    fn the_change_keeps_the_rules(&self, change: &Change) -> Result<(), TestCaseError> {
        match change {
            Change::Promote { heads } => self.the_promotion_keeps_the_rules(heads),
            Change::ChooseCopy { loss_seconds, .. } => {
                prop_assert!(*loss_seconds <= self.allowed_loss(), "older data beyond what may be lost");
                Ok(())
            }
            Change::WaiveFence(_) => {
                prop_assert_eq!(self.spec.fence.when_unconfirmed, crate::spec::WhenUnconfirmed::Proceed);
                Ok(())
            }
            Change::Fenced(Proof::InstancesOff) => {
                prop_assert!(self.is_off(&self.ledger.failover.as_ref().unwrap().from.instance_id));
                Ok(())
            }
            Change::Fenced(Proof::VolumesDetached) => {
                let to = &self.ledger.failover.as_ref().unwrap().to.as_ref().unwrap().instance_id;
                prop_assert!(!self.ledger.heads.is_empty());
                for head in self.ledger.heads.values() {
                    let volume = self.world.volumes.get(&head.volume);
                    prop_assert!(
                        volume.is_some_and(|volume| volume
                            .attachments
                            .iter()
                            .all(|attachment| attachment.instance == *to))
                    );
                }
                Ok(())
            }
            Change::Begin(failover) => {
                prop_assert!(
                    self.ledger.paused.is_none() && failover.to.as_ref().unwrap().instance_id != self.ledger.active
                );
                let target = self.world.instances.get(&failover.to.as_ref().unwrap().instance_id);
                prop_assert!(target.is_some(), "the target is known");
                Ok(())
            }
            Change::Finish => {
                let active = &self.ledger.active;
                self.the_newest_data_is_attached_to(active)?;
                prop_assert!(self.world.checks.get(active).is_some_and(|checks| checks.passed()));
                for id in &self.ledger.addresses {
                    prop_assert_eq!(
                        self.world.addresses.get(id).and_then(|address| address.instance.as_ref()),
                        Some(active)
                    );
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn the_newest_data_is_attached_to(&self, id: &InstanceId) -> Result<(), TestCaseError> {
        for head in self.ledger.heads.values() {
            let volume = self.world.volumes.get(&head.volume);
            let holds = volume.is_some_and(|volume| {
                volume.attachment_to(id).is_some_and(|attachment| attachment.state == AttachmentState::Attached)
            });
            prop_assert!(holds);
        }
        Ok(())
    }

    fn the_promotion_keeps_the_rules(&self, heads: &BTreeMap<VolumeName, Head>) -> Result<(), TestCaseError> {
        let failover = self.ledger.failover.as_ref().unwrap();
        prop_assert!(!matches!(failover.fence, FenceState::Open { .. }), "promoted before the fence");
        prop_assert!(!failover.is_promoted());
        let target = self.world.instances.get(&failover.to.as_ref().unwrap().instance_id);
        prop_assert!(target.is_some_and(|instance| instance.state == InstanceState::Running));
        for (name, head) in heads {
            let volume = self.world.volumes.get(&head.volume);
            let Some(volume) = volume else { return Err(TestCaseError::fail("promoted an unknown volume")) };
            prop_assert_eq!(&volume.zone, &failover.to.as_ref().unwrap().zone);
            prop_assert!(
                volume
                    .attachments
                    .iter()
                    .all(|attachment| attachment.instance == failover.to.as_ref().unwrap().instance_id),
                "never two actives"
            );
            let old = self.ledger.heads.get(name).unwrap();
            let lineage = Lineage::of(&volume.tags);
            let of_this_fence = |id| {
                self.world.snapshots.get(id).is_some_and(|copy| {
                    copy.volume == old.volume
                        && copy.tags.get(tag::FENCE) == Some(&failover.fences.to_string())
                        && Lineage::of(&copy.tags).failover.as_ref() == Some(&failover.id)
                })
            };
            let newest = volume.restored_from.as_ref().is_some_and(of_this_fence);
            let older =
                volume.restored_from.is_some() && volume.restored_from.as_ref() == failover.older_copies.get(name);
            prop_assert!(
                head.volume == old.volume || (lineage.failover.as_ref() == Some(&failover.id) && (newest || older)),
                "promoted data of unknown age"
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_verdict_keeps_the_rules(case in case()) {
        let verdict = decide(&case.spec, &case.ledger, &case.world, case.now);
        prop_assert_eq!(&verdict, &decide(&case.spec, &case.ledger, &case.world, case.now), "the same in, the same out");
        let (changes, steps) = effects(&verdict);
        for step in &steps {
            case.irreversible_steps_are_on_what_is_known(step)?;
            case.the_step_keeps_the_rules(step)?;
        }
        for change in &changes {
            case.the_change_keeps_the_rules(change)?;
        }
        if case.ledger.paused.is_some() && case.ledger.failover.is_none() {
            prop_assert!(steps.is_empty(), "a paused service was changed");
        }
        // Whatever is written, the ledger allows it.
        let mut ledger = case.ledger.clone();
        for change in changes.iter().chain([&Change::Intend(steps.clone())]) {
            ledger = ledger.apply(change, case.now).map_err(|error| TestCaseError::fail(error.to_string()))?;
        }
        prop_assert!(ledger.epoch >= case.ledger.epoch, "the epoch never falls");
        prop_assert!(ledger.active == case.ledger.active || ledger.epoch == case.ledger.epoch + 1);
        // A wait has an end and something to look at.
        if let Verdict::Wait { until, parts, .. } = &verdict {
            prop_assert!(*until >= case.now && !parts.is_empty());
        }
    }

    #[test]
    fn a_ledger_survives_its_json(ledger in ledger_strategy()) {
        let text = serde_json::to_string(&ledger).unwrap();
        prop_assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
    }
}

/// The rules above say nothing if the cases never lead to an effect: each kind must come up.
#[test]
fn the_cases_lead_to_every_kind_of_effect() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20_000 {
        let case = case().new_tree(&mut runner).unwrap().current();
        let (changes, steps) = effects(&decide(&case.spec, &case.ledger, &case.world, case.now));
        seen.extend(steps.iter().map(|step| step.kind().to_owned()));
        seen.extend(changes.iter().map(|change| format!("{change:?}").split(['(', ' ']).next().unwrap().to_owned()));
    }
    let wanted = [
        "stop",
        "force-stop",
        "start",
        "snapshot",
        "restore",
        "detach",
        "force-detach",
        "attach",
        "address",
        "mark-superseded",
        "delete-volume",
        "delete-snapshot",
        "Begin",
        "BeginFence",
        "ReopenFence",
        "Fenced",
        "WaiveFence",
        "ChooseCopy",
        "Promote",
        "Finish",
        "GiveUp",
        "Halt",
        "Retarget",
        "Suspect",
        "Decline",
        "Refuse",
        "Members",
        "Supersede",
    ];
    let missing: Vec<_> = wanted.iter().filter(|kind| !seen.contains(**kind)).collect();
    assert!(missing.is_empty(), "never came up: {missing:?}; seen: {seen:?}");
}
