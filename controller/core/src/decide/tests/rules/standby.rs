//! Cases of topology standby: three instances in three zones.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::sample::*;
use super::worlds::{attempt, fence_state, outcome, past, worlds};
use super::{Case, FAILOVER, NOW};
use crate::ids::FailoverId;
use crate::ledger::{
    Cause, Destination, Failover, FenceState, Ledger, Member, OlderCopies, Pause, Request, Superseded, Suspicion,
    Target,
};
use crate::spec::Spec;
use crate::step::StepKey;
use crate::world::{Address, Instance, InstanceState, Listing, Observed, Volume, World};

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
                lease: None,
                fences,
                older_copies: older_copies
                    .then(|| OlderCopies { at: started_at, snapshots: BTreeMap::from([(data(), snapshot_id(3))]) }),
                data_loss_seconds: 0,
                promoted_at: None,
                attempts,
                steps: Vec::new(),
                warnings: std::collections::BTreeSet::new(),
                halted: None,
                told: None,
            }
        })
}

pub(super) fn ledgers() -> impl Strategy<Value = Ledger> {
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
                ledger.current_volumes.clear();
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
                for current in ledger.current_volumes.values_mut() {
                    current.volume = volume_id(2);
                    current.zone = failover.to.as_ref().unwrap().zone.clone();
                }
            } else if ledger.failover.is_none() {
                ledger.request = request;
                ledger.suspicion = suspicion;
            }
            ledger.paused = paused.then(|| Pause { at: start(), by: "me".to_owned() });
            ledger
        })
}

pub(super) fn cases() -> impl Strategy<Value = Case> {
    let loss = prop::option::of(0_u64..2_000);
    (ledgers(), worlds(&['a', 'b', 'c']), any::<bool>(), loss, prop::bool::weighted(0.3), outcome()).prop_map(
        |(ledger, mut world, proceed, loss, mended, answer)| {
            if mended {
                mend(&mut world, &ledger);
            }
            let unconfirmed = if proceed { "proceed" } else { "halt" };
            let volume = if ledger.current_volumes.is_empty() { "" } else { "[[volume]]\nname = \"data\"\n" };
            let text = format!(
                "service = \"db\"\ntopology = \"standby\"\n{volume}[detect]\nalarms = [\"db-status\"]\n\
                 [fence]\nwhen_unconfirmed = \"{unconfirmed}\"\n\
                 [data]\nmax_loss_seconds = {}\nsnapshot_every_seconds = 90000\nkeep_snapshots = 1\n\
                 keep_superseded_seconds = 60\n",
                loss.unwrap_or(0)
            );
            Case { spec: Spec::parse(&text).unwrap(), ledger, world, now: after(NOW), answer }
        },
    )
}

/// Chance alone hardly ever makes a service that is healthy: here the active instance has all that it should have.
pub(super) fn mend(world: &mut World, ledger: &Ledger) {
    let at = after(NOW);
    let active = &ledger.active;
    let running = Instance {
        zone: ledger.active_zone.clone(),
        state: InstanceState::Running,
        devices: BTreeMap::new(),
        root_device: None,
    };
    world.instances.items.insert(active.clone(), Observed::Known { value: running, at });
    world.checks.items.insert(active.clone(), Observed::Known { value: PASSED, at });
    for current in ledger.current_volumes.values() {
        let letter = active.as_str().chars().last().unwrap();
        let value = Volume { zone: current.zone.clone(), ..volume('a', Some(letter)) };
        world.volumes.items.insert(current.volume.clone(), Observed::Known { value, at });
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
