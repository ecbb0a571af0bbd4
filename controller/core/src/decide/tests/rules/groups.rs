//! Cases of topology auto-scaling: four instances, two of them in one zone, in every state of a group.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;

use super::super::sample::*;
use super::worlds::{Letters, attempt, fence_state, home, letter, listing, observed, outcome, past, worlds};
use super::{Case, FAILOVER, NOW, standby};
use crate::agent::{AgentReport, AgentState};
use crate::group::{Group, GroupMember, Hook, HookResult, Lifecycle, Transition};
use crate::ids::{FailoverId, GroupName, HookName, SubnetId};
use crate::ledger::{
    Attempt, Cause, Destination, Failover, FenceState, Ledger, Member, OlderCopies, Pause, Request, SeenLease,
    Superseded, Suspicion, Target,
};
use crate::spec::Spec;
use crate::step::StepKey;
use crate::world::{Listing, Observed, World};

const LETTERS: Letters = &['a', 'b', 'c', 'd'];

fn subnet(letter: char) -> SubnetId {
    SubnetId::new(format!("subnet-0000000{letter}")).unwrap()
}

fn target(letter: char) -> Target {
    Target { instance_id: instance_id(letter), zone: home(letter) }
}

fn lifecycle() -> impl Strategy<Value = Lifecycle> {
    use Lifecycle::{InService, Other, Pending, PendingWait, Retained, Terminated, Terminating, TerminatingWait};
    prop_oneof![
        4 => Just(InService),
        3 => Just(PendingWait),
        3 => Just(TerminatingWait),
        1 => Just(Pending),
        1 => Just(Terminating),
        1 => Just(Terminated),
        1 => Just(Retained),
        1 => Just(Other("Standby".to_owned())),
    ]
}

fn hooks() -> impl Strategy<Value = BTreeMap<HookName, Hook>> {
    let names = [
        ("failover-launch", Transition::Launching),
        ("failover-terminate", Transition::Terminating),
        ("log-shipper", Transition::Terminating),
        ("warm-up", Transition::Launching),
    ];
    (prop::sample::subsequence(names.to_vec(), 1..=4), prop::sample::select(vec![30_u32, 300, 7_200])).prop_map(
        |(names, heartbeat_timeout_seconds)| {
            let hook = |transition| Hook { transition, heartbeat_timeout_seconds, default_result: HookResult::Abandon };
            names.into_iter().map(|(name, transition)| (HookName::new(name).unwrap(), hook(transition))).collect()
        },
    )
}

fn any_group() -> impl Strategy<Value = Group> {
    let member = (lifecycle(), any::<bool>());
    let members = prop::collection::btree_map(letter(LETTERS), member, 0..=4);
    let subnets = prop::sample::select(vec![vec!['a', 'b', 'c'], vec!['b'], vec!['a', 'b'], vec!['c']]);
    let suspended = prop::sample::subsequence(vec!["Launch", "Terminate", "AZRebalance"], 0..=2);
    let desired = prop_oneof![8 => Just(1_u32), 1 => Just(0), 1 => Just(2)];
    let suspended = prop_oneof![3 => Just(vec![]), 1 => suspended];
    (members, subnets, hooks(), suspended, desired).prop_map(|(members, subnets, hooks, suspended, desired)| Group {
        min: 1,
        max: 1,
        desired,
        zones: subnets.iter().copied().map(zone).collect(),
        subnets: subnets.into_iter().map(subnet).collect(),
        subnet_zones: ['a', 'b', 'c'].map(|at| (subnet(at), zone(at))).into(),
        members: members
            .into_iter()
            .map(|(id, (lifecycle, healthy))| (instance_id(id), GroupMember { zone: home(id), lifecycle, healthy }))
            .collect(),
        hooks,
        suspended: suspended.into_iter().map(str::to_owned).collect(),
    })
}

fn report() -> impl Strategy<Value = AgentReport> {
    use AgentState::{Failed, Quiesced, Ready, Starting, Waiting};
    let state = prop_oneof![
        3 => Just(Ready),
        3 => Just(Quiesced),
        1 => Just(Starting),
        1 => Just(Waiting),
        1 => Just(Failed("no such unit".to_owned())),
    ];
    let lease = prop::option::weighted(0.3, 20_u64..700);
    (0_u64..4, state, past(), lease).prop_map(|(epoch, state, at, lease_seconds)| AgentReport {
        epoch,
        state,
        at,
        lease_seconds,
    })
}

fn world_strategy() -> impl Strategy<Value = World> {
    let name = prop::sample::select(vec!["db", "db", "db", "db", "other"]).prop_map(|it| GroupName::new(it).unwrap());
    let groups = prop::collection::btree_map(name, observed(any_group()), 0..=2);
    let agents = prop::collection::btree_map(letter(LETTERS).prop_map(instance_id), observed(report()), 0..=4);
    (worlds(LETTERS), listing(groups), listing(agents), any::<bool>()).prop_map(|(world, mut groups, agents, alone)| {
        // Chance gives two groups too often: a service has one.
        if alone {
            groups.items.remove(&GroupName::new("other").unwrap());
        }
        World { groups, agents, ..world }
    })
}

fn cause() -> impl Strategy<Value = (Cause, bool)> {
    prop_oneof![
        any::<bool>().prop_map(|planned| (Cause::Operator("me".to_owned()), planned)),
        Just((Cause::Failure(vec!["i-0000000a is stopped".to_owned()]), false)),
        Just((Cause::Replacement(instance_id('b')), true)),
    ]
}

fn destination() -> impl Strategy<Value = Destination> {
    prop_oneof![
        2 => Just(Destination::Standby),
        1 => Just(Destination::Zone(zone('b'))),
        1 => Just(Destination::Zone(zone('c'))),
    ]
}

const TRIED: [&str; 12] = [
    "stop i-0000000a",
    "force-stop i-0000000a",
    "snapshot vol-00000001",
    "restore data@eu-central-1b",
    "detach vol-00000001",
    "attach vol-00000002",
    "address eipalloc-00000001",
    "extend-hook failover-launch@i-0000000b",
    "extend-hook failover-terminate@i-0000000a",
    "complete-hook failover-terminate@i-0000000a",
    "replace i-0000000a",
    "subnets subnet-0000000b",
];

/// What was tried; seldom a hook for so long that the group ends it soon.
fn attempts(most: usize) -> impl Strategy<Value = BTreeMap<StepKey, Attempt>> {
    let key = prop::sample::select(TRIED.to_vec()).prop_map(|key| StepKey(key.to_owned()));
    let worn = ["extend-hook failover-launch@i-0000000b", "extend-hook failover-terminate@i-0000000a"];
    let worn = (prop::sample::select(worn.to_vec()), attempt())
        .prop_map(|(key, attempt)| (StepKey(key.to_owned()), Attempt { tries: 95, ..attempt }));
    (prop::collection::btree_map(key, attempt(), 0..=most), prop::option::weighted(0.1, worn)).prop_map(
        |(mut attempts, worn)| {
            attempts.extend(worn);
            attempts
        },
    )
}

fn failover() -> impl Strategy<Value = Failover> {
    let attempts = attempts(4);
    let to = prop::option::weighted(0.7, letter(&['b', 'c', 'd']));
    let excluded = prop::sample::subsequence(vec!['b', 'c', 'd'], 0..=2);
    let times = (past(), prop::option::of(past()), prop::option::weighted(0.2, past()));
    let accepted = prop::option::of(0_u64..100_000);
    (fence_state(), attempts, (to, excluded), cause(), destination(), any::<(bool, bool)>(), times, 0_u32..2, accepted)
        .prop_map(
            |(
                fence,
                attempts,
                (to, excluded),
                (cause, planned),
                destination,
                (drill, older),
                times,
                fences,
                accepted,
            )| {
                let (started_at, retargeted_at, target_unseen_since) = times;
                let excluded = excluded.into_iter().filter(|id| Some(*id) != to);
                let older_copies = older && !matches!(fence, FenceState::Open { .. });
                Failover {
                    id: FailoverId::new(FAILOVER).unwrap(),
                    cause,
                    drill,
                    planned,
                    destination,
                    accepted_loss_seconds: accepted,
                    from: target('a'),
                    to: to.map(target),
                    retargeted_at,
                    target_unseen_since: target_unseen_since.filter(|_| to.is_some()),
                    excluded: excluded.map(|id| (instance_id(id), "it is terminated".to_owned())).collect(),
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
                    warnings: BTreeSet::new(),
                    halted: None,
                    told: None,
                }
            },
        )
}

/// The data of a case: an EBS volume, something that has none yet, or nothing at all.
#[derive(Debug, Clone, Copy)]
enum Data {
    CurrentVolume,
    Uninitialized,
    None,
}

pub(super) fn ledgers() -> impl Strategy<Value = Ledger> {
    let request = (any::<bool>(), past(), prop::option::of(0_u64..100_000), destination()).prop_map(
        |(drill, at, accepted_loss_seconds, to)| Request {
            id: None,
            to,
            drill,
            accepted_loss_seconds,
            at,
            by: "me".to_owned(),
        },
    );
    let suspicion =
        past().prop_map(|since| Suspicion { instance: instance_id('a'), since, evidence: vec!["x".to_owned()] });
    let kept = (
        prop::collection::btree_map((3_u32..5).prop_map(volume_id), past(), 0..=2),
        prop::sample::subsequence(vec!['b', 'c', 'd'], 0..=1),
        prop::option::weighted(0.2, Just(vec![subnet('a'), subnet('b')])),
        attempts(2),
    );
    let data = prop_oneof![5 => Just(Data::CurrentVolume), 1 => Just(Data::Uninitialized), 1 => Just(Data::None)];
    (
        prop::option::weighted(0.6, failover()),
        any::<bool>(),
        kept,
        prop::option::weighted(0.2, request),
        prop::option::weighted(0.3, suspicion),
        prop::option::weighted(0.1, Just(Pause { at: start(), by: "me".to_owned() })),
        data,
    )
        .prop_map(
            |(failover, promoted, (superseded, retired, subnets, maintenance), request, suspicion, paused, data)| {
                let mut ledger = ledger();
                ledger.members = LETTERS.iter().map(|id| (instance_id(*id), Member { zone: home(*id) })).collect();
                if matches!(data, Data::Uninitialized) {
                    ledger.uninitialized = ledger.current_volumes.keys().cloned().collect();
                }
                if !matches!(data, Data::CurrentVolume) {
                    ledger.current_volumes.clear();
                }
                let kept = |since| Superseded {
                    name: super::super::sample::data(),
                    since,
                    failover: FailoverId::new(FAILOVER).unwrap(),
                };
                ledger.superseded = superseded.into_iter().map(|(id, since)| (id, kept(since))).collect();
                ledger.former_actives = retired.into_iter().map(instance_id).collect();
                ledger.subnets_before = subnets;
                ledger.paused = paused;
                if let Some(failover) = failover {
                    run(&mut ledger, failover, promoted);
                } else {
                    ledger.request = request;
                    ledger.suspicion = suspicion;
                    ledger.maintenance = maintenance;
                }
                ledger
            },
        )
}

/// A failover that runs: before or after its promotion.
fn run(ledger: &mut Ledger, mut failover: Failover, promoted: bool) {
    ledger.former_actives.retain(|id| !failover.is_target(id));
    if let Some(to) = failover.to.clone().filter(|_| promoted && !matches!(failover.fence, FenceState::Open { .. })) {
        failover.promoted_at = Some(failover.started_at);
        ledger.epoch = 2;
        ledger.former_actives.insert(instance_id('a'));
        ledger.active = to.instance_id;
        ledger.active_zone = to.zone.clone();
        for current in ledger.current_volumes.values_mut() {
            current.volume = volume_id(2);
            current.zone = to.zone.clone();
        }
    }
    ledger.failover = Some(failover);
}

/// What a case is like beyond chance: how often all is healthy, and what is known for sure.
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself, and none excludes another")]
#[derive(Debug, Clone, Copy)]
struct Bent {
    when_unconfirmed: &'static str,
    mended: bool,
    named: bool,
    seen: bool,
    /// Agents mount the data, and can let it go.
    mounted: bool,
}

pub(super) fn cases() -> impl Strategy<Value = Case> {
    let bent = (
        prop::sample::select(vec!["halt", "proceed"]),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.5),
        prop::bool::weighted(0.7),
    )
        .prop_map(|(when_unconfirmed, mended, named, seen, mounted)| Bent {
            when_unconfirmed,
            mended,
            named,
            seen,
            mounted,
        });
    let lease = prop::option::weighted(0.4, past());
    (ledgers(), world_strategy(), bent, prop::option::of(0_u64..2_000), (outcome(), lease), any_group()).prop_map(
        |(mut ledger, mut world, bent, loss, (answer, lease), group)| {
            seen_before(&mut ledger, &world, lease);
            if bent.seen {
                world.groups = Listing::known([(GroupName::new("db").unwrap(), group)], after(NOW));
            }
            if bent.mended {
                standby::mend(&mut world, &ledger);
                if !bent.named {
                    in_service(&mut world, &ledger);
                }
            }
            Case { spec: spec_of(&ledger, bent, loss), ledger, world, now: after(NOW), answer }
        },
    )
}

/// The old active's report was seen before, and has not changed since.
fn seen_before(ledger: &mut Ledger, world: &World, since: Option<Timestamp>) {
    let Some(failover) = &mut ledger.failover else { return };
    let report = world.agents.get(&failover.from.instance_id);
    failover.lease = report.zip(since).map(|(report, since)| SeenLease { renewed_at: report.at, since });
}

/// The active instance of a service that is well is in service, too; or about to be.
fn in_service(world: &mut World, ledger: &Ledger) {
    for observed in world.groups.items.values_mut() {
        let Observed::Known { value: group, .. } = observed else { continue };
        if let Some(member) = group.members.get_mut(&ledger.active).filter(|it| it.lifecycle.is_going()) {
            member.lifecycle = Lifecycle::InService;
        }
    }
    if let Some(observed) = world.agents.items.get_mut(&ledger.active) {
        let value = AgentReport {
            epoch: ledger.epoch,
            state: AgentState::Ready,
            at: Timestamp::UNIX_EPOCH,
            lease_seconds: None,
        };
        *observed = Observed::Known { value, at: after(NOW) };
    }
}

fn spec_of(ledger: &Ledger, bent: Bent, loss: Option<u64>) -> Spec {
    let unconfirmed = bent.when_unconfirmed;
    let group = if bent.named { "[group]\nname = \"db\"\nhooks = [\"warm-up\", \"failover-terminate\"]\n" } else { "" };
    let volume = match (ledger.current_volumes.is_empty(), ledger.uninitialized.is_empty()) {
        (true, true) => "",
        (_, true) => "[[volume]]\nname = \"data\"\n",
        (_, false) => "[[volume]]\nname = \"data\"\nblank = { size_gib = 20 }\n",
    };
    let mount = if bent.mounted && !volume.is_empty() { "mount = \"/data\"\n" } else { "" };
    let text = format!(
        "service = \"db\"\ntopology = \"auto-scaling\"\n{group}{volume}{mount}[detect]\nalarms = [\"db-status\"]\n\
         [fence]\nwhen_unconfirmed = \"{unconfirmed}\"\n\
         [data]\nmax_loss_seconds = {}\nsnapshot_every_seconds = 90000\nkeep_snapshots = 1\n\
         keep_superseded_seconds = 60\n",
        loss.unwrap_or(0)
    );
    Spec::parse(&text).unwrap()
}
