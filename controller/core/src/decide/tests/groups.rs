//! An Auto Scaling group of one, in every order in which the group may do things.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::sample::{
    PASSED, allocation, data, instance, instance_id, ledger, snapshot_id, start, volume_id, world, zone,
};
use crate::agent::{AgentReport, AgentState};
use crate::decide::{AdoptError, adopt, decide, plan};
use crate::group::{Group, GroupMember, Hook, HookResult, Lifecycle, Transition};
use crate::ids::{FailoverId, GroupName, HookName, InstanceId, SubnetId};
use crate::ledger::{Cause, Change, Destination, FenceState, Ledger, Member, Proof, Request, Superseded};
use crate::spec::Spec;
use crate::step::{FailureClass, Step, StepOutcome};
use crate::verdict::Verdict;
use crate::world::{AttachmentState, InstanceState, Listing, Observed, Part, SnapshotState, VolumeState, World, tag};

pub(super) const SPEC: &str =
    "service = \"db\"\ntopology = \"auto-scaling\"\n[[volume]]\nname = \"data\"\nmount = \"/data\"\n";

fn spec() -> Spec {
    Spec::parse(SPEC).unwrap()
}

pub(super) fn group_name() -> GroupName {
    GroupName::new("db").unwrap()
}

pub(super) fn subnet(letter: char) -> SubnetId {
    SubnetId::new(format!("subnet-0000000{letter}")).unwrap()
}

/// A story: a group whose first instance is active in zone a, with the volume and the address.
pub(super) struct Story {
    pub(super) spec: Spec,
    pub(super) ledger: Ledger,
    pub(super) world: World,
    pub(super) now: Timestamp,
    done: Vec<String>,
    /// Steps that begin so are denied; the others are accepted.
    pub(super) denied: &'static str,
    /// By this code.
    pub(super) code: &'static str,
}

impl Story {
    pub(super) fn new() -> Self {
        let mut ledger = ledger();
        ledger.members = BTreeMap::from([(instance_id('a'), Member { zone: zone('a') })]);
        let mut world = world(start());
        world.instances.items.remove(&instance_id('b'));
        world.checks.items.remove(&instance_id('b'));
        let hooks = [("failover-launch", Transition::Launching), ("failover-terminate", Transition::Terminating)];
        let group = Group {
            min: 1,
            max: 1,
            desired: 1,
            zones: BTreeSet::from([zone('a'), zone('b')]),
            subnets: vec![subnet('a'), subnet('b')],
            subnet_zones: BTreeMap::from([(subnet('a'), zone('a')), (subnet('b'), zone('b'))]),
            members: BTreeMap::new(),
            hooks: hooks
                .map(|(name, transition)| {
                    let default_result = HookResult::Abandon;
                    (HookName::new(name).unwrap(), Hook { transition, heartbeat_timeout_seconds: 300, default_result })
                })
                .into(),
            suspended: BTreeSet::new(),
        };
        world.groups = Listing::known([(group_name(), group)], start());
        let mut story = Self {
            spec: spec(),
            ledger,
            world,
            now: start(),
            done: Vec::new(),
            denied: "never",
            code: "UnauthorizedOperation",
        };
        story.member('a', 'a', Lifecycle::InService);
        story
    }

    pub(super) fn group(&mut self) -> &mut Group {
        match self.world.groups.items.get_mut(&group_name()).unwrap() {
            Observed::Known { value, .. } => value,
            Observed::Unknown { .. } => panic!(),
        }
    }

    pub(super) fn member(&mut self, letter: char, at: char, lifecycle: Lifecycle) {
        let member = GroupMember { zone: zone(at), lifecycle, healthy: true };
        self.group().members.insert(instance_id(letter), member);
    }

    pub(super) fn instance(&mut self, letter: char, at: char, state: InstanceState) {
        let value = instance(at, state);
        self.world.instances.items.insert(instance_id(letter), Observed::Known { value, at: self.now });
    }

    pub(super) fn launched(&mut self, letter: char, at: char) {
        self.member(letter, at, Lifecycle::PendingWait);
        self.instance(letter, at, InstanceState::Running);
    }

    pub(super) fn well(&mut self, letter: char) {
        self.world.checks.items.insert(instance_id(letter), Observed::Known { value: PASSED, at: self.now });
    }

    pub(super) fn free_volume(&mut self) {
        if let Some(Observed::Known { value, .. }) = self.world.volumes.items.get_mut(&volume_id(1)) {
            value.attachments.clear();
            value.state = VolumeState::Available;
        }
    }

    pub(super) fn agent(&mut self, letter: char, state: AgentState) {
        let value = AgentReport { epoch: self.ledger.epoch, state, at: self.now, lease_seconds: None };
        self.world.agents.items.insert(instance_id(letter), Observed::Known { value, at: self.now });
    }

    pub(super) fn stamp(&mut self) {
        let now = self.now;
        macro_rules! stamp { ($($part:ident),*) => { $(
            self.world.$part.complete = Observed::Known { value: (), at: now };
            for observed in self.world.$part.items.values_mut() {
                if let Observed::Known { at, .. } = observed { *at = now; }
            } )* } }
        stamp!(instances, checks, volumes, snapshots, addresses, alarms, groups);
        self.world.agents.complete = Observed::Known { value: (), at: now };
    }

    /// Decides until there is something to wait for; every step is accepted and shows no effect. What was done this time.
    pub(super) fn go(&mut self, seconds: i64) -> (Vec<String>, Verdict) {
        self.now += jiff::SignedDuration::from_secs(seconds);
        self.stamp();
        let before = self.done.len();
        for _ in 0..30 {
            match decide(&self.spec, &self.ledger, &self.world, self.now) {
                Verdict::Record { changes, .. } => self.apply(&changes),
                Verdict::Act { mut changes, steps, .. } => {
                    changes.push(Change::Intend(steps.clone()));
                    self.apply(&changes);
                    let said = |step: &Step| (step.key(), self.answer(step), 1);
                    self.apply(&[Change::Resolve(steps.iter().map(said).collect())]);
                    self.done.extend(steps.iter().map(ToString::to_string));
                }
                verdict => return (self.done.split_off(before), verdict),
            }
        }
        panic!("it goes round in circles: {:?}", self.done)
    }

    fn answer(&self, step: &Step) -> StepOutcome {
        if step.to_string().starts_with(self.denied) {
            let code = self.code.to_owned();
            return StepOutcome::Failed { class: FailureClass::Denied, code, message: "not allowed".to_owned() };
        }
        StepOutcome::Accepted { made: vec![] }
    }

    pub(super) fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            self.ledger = self.ledger.apply(change, self.now).unwrap();
        }
    }

    pub(super) fn target(&self) -> Option<InstanceId> {
        Some(self.ledger.failover.as_ref()?.to.as_ref()?.instance_id.clone())
    }

    pub(super) fn copied(&mut self, state: SnapshotState) {
        let failover = self.ledger.failover.as_ref().unwrap();
        let tags = [
            (tag::VOLUME, "data"),
            (tag::ID, failover.id.as_str()),
            (tag::FENCE, &failover.fences.to_string()),
            (tag::COPY, "failover"),
        ];
        let value = super::sample::snapshot(1, state, self.now, &tags);
        self.world.snapshots.items.insert(snapshot_id(1), Observed::Known { value, at: self.now });
    }

    pub(super) fn attached(&mut self, letter: char) {
        if let Some(Observed::Known { value, .. }) = self.world.volumes.items.get_mut(&volume_id(1)) {
            *value = super::sample::volume('a', Some(letter));
        }
    }

    pub(super) fn led_to(&mut self, letter: char) {
        if let Some(Observed::Known { value, .. }) = self.world.addresses.items.get_mut(&allocation()) {
            value.instance = Some(instance_id(letter));
        }
    }
}

pub(super) fn has(steps: &[String], text: &str) -> bool {
    steps.iter().any(|step| step.contains(text))
}

#[test]
fn a_group_that_is_well_is_settled() {
    let (steps, verdict) = Story::new().go(0);
    assert!(steps.is_empty() && matches!(verdict, Verdict::Settled { .. }), "{steps:?} {verdict:?}");
}

#[test]
fn terminate_first_then_launch_in_the_same_zone_moves_the_volume() {
    let mut story = Story::new();
    story.member('a', 'a', Lifecycle::TerminatingWait);
    let (steps, _) = story.go(0);
    assert!(has(&steps, "stop i-0000000a") && has(&steps, "extend failover-terminate of i-0000000a"), "{steps:?}");
    assert!(!has(&steps, "complete"), "it still has the volume: {steps:?}");
    story.instance('a', 'a', InstanceState::Stopped);
    story.launched('b', 'a');
    let (steps, _) = story.go(20);
    assert!(has(&steps, "detach vol-00000001") && !has(&steps, "snapshot"), "{steps:?}");
    story.free_volume();
    let (steps, _) = story.go(3);
    assert!(has(&steps, "complete failover-terminate of i-0000000a with CONTINUE"), "{steps:?}");
    assert!(
        has(&steps, "attach vol-00000001 to i-0000000b") && has(&steps, "move eipalloc-00000001 to i-0000000b"),
        "{steps:?}"
    );
    assert_eq!(story.ledger.epoch, 2);
    assert!(!has(&steps, "complete failover-launch"), "its data is not there yet: {steps:?}");
    story.attached('b');
    story.led_to('b');
    let (steps, _) = story.go(3);
    assert!(has(&steps, "complete failover-launch of i-0000000b with CONTINUE"), "{steps:?}");
    story.member('b', 'a', Lifecycle::InService);
    story.well('b');
    let (_, verdict) = story.go(120);
    assert!(story.ledger.failover.is_none() && story.ledger.last.as_ref().unwrap().done, "{verdict:?}");
}

#[test]
fn without_a_replacement_the_data_is_copied_and_let_go_at_once() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Stopped);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    let (steps, _) = story.go(0);
    assert!(has(&steps, "snapshot data (vol-00000001)"), "{steps:?}");
    assert!(has(&steps, "detach vol-00000001 from i-0000000a"), "a copy under way needs no attachment: {steps:?}");
    assert_eq!(story.target(), None);
    story.copied(SnapshotState::Pending);
    story.free_volume();
    let (steps, _) = story.go(2);
    assert!(has(&steps, "complete failover-terminate of i-0000000a with CONTINUE"), "{steps:?}");
    story.copied(SnapshotState::Completed);
    story.launched('b', 'b');
    let (steps, _) = story.go(10);
    assert!(has(&steps, "restore data from snap-00000001 in eu-central-1b"), "{steps:?}");
    assert_eq!(story.target(), Some(instance_id('b')));
}

#[test]
fn launch_before_terminate_is_a_planned_failover() {
    let mut story = Story::new();
    story.launched('b', 'b');
    let (steps, _) = story.go(0);
    let failover = story.ledger.failover.as_ref().unwrap();
    assert!(failover.planned && matches!(failover.cause, Cause::Replacement(_)));
    assert!(has(&steps, "extend failover-launch") && !has(&steps, "stop"), "nothing is taken down yet: {steps:?}");
    story.well('b');
    let (steps, _) = story.go(60);
    assert!(has(&steps, "stop i-0000000a"), "{steps:?}");
    // Once it has served, the old one is never taken for a replacement again.
    story.instance('a', 'a', InstanceState::Stopped);
    story.copied(SnapshotState::Completed);
    story.go(20);
    assert!(story.ledger.former_actives.is_empty());
}

#[test]
fn what_served_before_is_no_newcomer() {
    let mut story = Story::new();
    story.ledger.former_actives.insert(instance_id('b'));
    story.member('b', 'a', Lifecycle::InService);
    story.instance('b', 'a', InstanceState::Running);
    let (steps, verdict) = story.go(0);
    assert!(steps.is_empty() && matches!(verdict, Verdict::Settled { .. }), "{steps:?}");
}

#[test]
fn an_agent_that_quiesces_spares_the_stop() {
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{SPEC}[agent]\nunits = [\"db.service\"]\n")).unwrap();
    story.agent('a', AgentState::Ready);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    let (steps, _) = story.go(0);
    assert!(!has(&steps, "stop"), "the agent is asked first: {steps:?}");
    assert!(matches!(story.ledger.failover.as_ref().unwrap().fence, FenceState::Open { since: Some(_) }));
    story.agent('a', AgentState::Quiesced);
    let (steps, _) = story.go(4);
    assert!(has(&steps, "detach vol-00000001 from i-0000000a") && !has(&steps, "by force"), "{steps:?}");
    story.free_volume();
    story.go(3);
    let fence = &story.ledger.failover.as_ref().unwrap().fence;
    assert!(matches!(fence, FenceState::Confirmed { proof: Proof::Quiesced, .. }), "{fence:?}");
}

#[test]
fn an_agent_that_does_not_answer_is_not_waited_for_beyond_the_grace() {
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{SPEC}[agent]\nunits = [\"db.service\"]\n")).unwrap();
    story.agent('a', AgentState::Ready);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(0);
    let (steps, _) = story.go(31);
    assert!(has(&steps, "stop i-0000000a"), "{steps:?}");
}

#[test]
fn a_replacement_that_dies_is_abandoned_and_the_next_one_taken() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Terminated);
    story.member('a', 'a', Lifecycle::Terminating);
    story.free_volume();
    story.launched('b', 'b');
    story.go(0);
    assert_eq!(story.target(), Some(instance_id('b')));
    story.instance('b', 'b', InstanceState::ShuttingDown);
    let (steps, _) = story.go(5);
    assert!(has(&steps, "complete failover-launch of i-0000000b with ABANDON"), "{steps:?}");
    assert_eq!(story.target(), None);
    story.launched('c', 'a');
    let (steps, _) = story.go(5);
    assert_eq!(story.ledger.active, instance_id('c'), "{steps:?}");
    assert!(has(&steps, "attach vol-00000001 to i-0000000c"), "same zone: nothing is copied: {steps:?}");
}

#[test]
fn a_group_that_does_not_launch_is_a_halt_that_says_why() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Terminated);
    story.free_volume();
    story.copied_before();
    story.group().members.clear();
    story.group().suspended.insert("Launch".to_owned());
    story.go(0);
    let (_, verdict) = story.go(700);
    let Verdict::Halt { halt, .. } = verdict else { panic!("{verdict:?}") };
    assert!(halt.to_string().contains("Launch"), "{halt}");
}

impl Story {
    /// A copy under way is not what this story is about.
    fn copied_before(&mut self) {
        self.spec = Spec::parse("service = \"db\"\ntopology = \"auto-scaling\"\n").unwrap();
        self.ledger.current_volumes.clear();
    }
}

#[test]
fn a_move_narrows_the_group_replaces_and_puts_back() {
    let mut story = Story::new();
    let request = Request {
        id: None,
        to: Destination::Zone(zone('b')),
        drill: true,
        accepted_loss_seconds: None,
        at: start(),
        by: "me".to_owned(),
    };
    let planned = plan(&story.spec, &story.ledger, &story.world, &request, start());
    assert!(planned.refusal.is_none() && planned.steps[0].contains("eu-central-1b only"), "{planned:?}");
    story.ledger.request = Some(request);
    let (steps, _) = story.go(0);
    assert_eq!(steps, ["let db launch in subnet-0000000b"]);
    assert_eq!(story.ledger.subnets_before, Some(vec![subnet('a'), subnet('b')]));
    story.group().subnets = vec![subnet('b')];
    let (steps, _) = story.go(2);
    assert_eq!(steps, ["let db replace i-0000000a"]);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.launched('b', 'b');
    let (steps, _) = story.go(2);
    assert!(has(&steps, "extend failover-terminate") && !has(&steps, "stop"), "it serves on: {steps:?}");
    story.well('b');
    let (steps, _) = story.go(60);
    assert!(has(&steps, "stop i-0000000a"), "{steps:?}");
    // However it ends, the group may launch again where it did.
    story.ledger.failover = None;
    story.ledger.active = instance_id('b');
    story.ledger.active_zone = zone('b');
    story.ledger.current_volumes.clear();
    story.spec = Spec::parse("service = \"db\"\ntopology = \"auto-scaling\"\n").unwrap();
    story.led_to('b');
    story.member('b', 'b', Lifecycle::InService);
    story.group().members.remove(&instance_id('a'));
    let (steps, _) = story.go(60);
    assert_eq!(steps, ["let db launch in subnet-0000000a, subnet-0000000b"]);
    story.group().subnets = vec![subnet('a'), subnet('b')];
    story.go(2);
    assert_eq!(story.ledger.subnets_before, None);
}

#[test]
fn what_a_group_can_t_do_is_refused_by_name() {
    let mut story = Story::new();
    let refusal = |story: &Story, to: Destination| {
        let request = Request { id: None, to, drill: false, accepted_loss_seconds: None, at: start(), by: "me".into() };
        plan(&story.spec, &story.ledger, &story.world, &request, start()).refusal.unwrap_or_default()
    };
    assert!(refusal(&story, Destination::Instance(instance_id('b'))).contains("--to ZONE"));
    assert!(refusal(&story, Destination::Zone(zone('c'))).contains("eu-central-1b"));
    assert!(refusal(&story, Destination::Zone(zone('a'))).contains("already"));
    assert_eq!(refusal(&story, Destination::Standby), "");
    story.group().suspended.insert("Terminate".to_owned());
    assert!(refusal(&story, Destination::Standby).contains("Terminate"));
    story.group().desired = 2;
    story.group().suspended.clear();
    assert!(refusal(&story, Destination::Standby).contains("needs 1"));
}

#[test]
fn the_first_launch_creates_an_empty_volume_once() {
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{SPEC}blank = {{ size_gib = 20 }}\n")).unwrap();
    story.world.volumes.items.clear();
    if let Some(Observed::Known { value, .. }) = story.world.addresses.items.get_mut(&allocation()) {
        value.instance = None;
    }
    story.member('a', 'a', Lifecycle::PendingWait);
    story.stamp();
    story.ledger = adopt(&story.spec, &story.world, start()).unwrap();
    assert_eq!(story.ledger.uninitialized, BTreeSet::from([data()]));
    let (steps, _) = story.go(0);
    assert!(has(&steps, "create data, 20 GiB and empty, in eu-central-1a"), "{steps:?}");
    assert!(!has(&steps, "complete"), "{steps:?}");
    let mut made = super::sample::volume('a', None);
    made.tags = super::sample::tags(&[(tag::VOLUME, "data"), (tag::ROLE, "blank")]);
    story.world.volumes.items.insert(volume_id(1), Observed::Known { value: made, at: start() });
    let (steps, _) = story.go(3);
    assert!(has(&steps, "attach vol-00000001 to i-0000000a") && has(&steps, "move eipalloc-00000001"), "{steps:?}");
    assert!(story.ledger.uninitialized.is_empty() && story.ledger.current_volumes.contains_key(&data()));
    story.attached('a');
    story.led_to('a');
    let (steps, _) = story.go(3);
    assert!(has(&steps, "complete failover-launch of i-0000000a with CONTINUE"), "{steps:?}");
}

#[test]
fn nothing_empty_is_created_where_a_copy_exists() {
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{SPEC}blank = {{ size_gib = 20 }}\n")).unwrap();
    story.world.volumes.items.clear();
    let tags = [(tag::VOLUME, "data")];
    let copy = super::sample::snapshot(7, SnapshotState::Completed, start(), &tags);
    story.world.snapshots.items.insert(snapshot_id(7), Observed::Known { value: copy, at: start() });
    story.stamp();
    assert!(matches!(adopt(&story.spec, &story.world, start()), Err(AdoptError::NoVolume { .. })));
    // It turned up after the adoption.
    story.ledger.current_volumes.clear();
    story.ledger.uninitialized.insert(data());
    let (steps, _) = story.go(0);
    assert!(!has(&steps, "create"), "{steps:?}");
}

#[test]
fn a_group_that_can_t_be_seen_takes_nothing_down() {
    let mut story = Story::new();
    story.world.groups = Listing::unknown("timed out", start());
    let verdict = decide(&story.spec, &story.ledger, &story.world, start());
    assert!(matches!(verdict, Verdict::Settled { .. }), "{verdict:?}");
}

#[test]
fn an_impaired_instance_is_stopped_so_that_the_group_replaces_it() {
    let mut story = Story::new();
    let checks = crate::world::Checks { instance: crate::world::Check::Impaired, ..PASSED };
    story.world.checks.items.insert(instance_id('a'), Observed::Known { value: checks, at: start() });
    let (steps, _) = story.go(0);
    assert!(steps.is_empty());
    let (steps, _) = story.go(25);
    assert!(has(&steps, "stop i-0000000a"), "{steps:?}");
    assert_eq!(story.target(), None);
}

#[test]
fn a_hook_is_abandoned_before_the_group_s_own_limit() {
    let mut story = Story::new();
    story.launched('b', 'b');
    story.go(0);
    let worn = story.ledger.failover.as_mut().unwrap();
    let extend = worn.attempts.iter_mut().find(|(key, _)| key.0.starts_with("extend-hook")).unwrap();
    extend.1.tries = 95;
    let (steps, _) = story.go(1);
    assert!(has(&steps, "complete failover-launch of i-0000000b with ABANDON"), "{steps:?}");
}

#[test]
fn a_volume_that_is_still_attaching_holds_the_launch() {
    let mut story = Story::new();
    story.instance('a', 'a', InstanceState::Terminated);
    story.free_volume();
    story.launched('b', 'a');
    story.go(0);
    assert_eq!(story.ledger.active, instance_id('b'));
    story.attached('b');
    if let Some(Observed::Known { value, .. }) = story.world.volumes.items.get_mut(&volume_id(1)) {
        value.attachments[0].state = AttachmentState::Attaching;
    }
    story.led_to('b');
    let (steps, _) = story.go(3);
    assert!(!has(&steps, "complete"), "{steps:?}");
}

#[test]
fn the_group_is_watched_while_a_failover_waits_for_something_else() {
    let mut story = Story::new();
    story.launched('b', 'b');
    story.member('b', 'b', Lifecycle::Pending);
    let (_, verdict) = story.go(0);
    assert!(matches!(&verdict, Verdict::Wait { parts, .. } if !parts.contains(&Part::Groups)), "{verdict:?}");
    // Its hook begins now: nothing else would show that before the hook runs out.
    let later = story.now + jiff::SignedDuration::from_secs(16);
    let verdict = decide(&story.spec, &story.ledger, &story.world, later);
    assert_eq!(verdict, Verdict::Observe(vec![Part::Groups]));
}

#[test]
fn a_hook_that_is_held_for_long_is_left_to_the_ticks() {
    let mut story = Story::new();
    story.member('c', 'b', Lifecycle::TerminatingWait);
    let unseen = Observed::Unknown { why: "its zone is down".to_owned(), at: start() };
    story.world.instances.items.insert(instance_id('c'), unseen);
    let kept = super::sample::volume('b', Some('c'));
    story.world.volumes.items.insert(volume_id(9), Observed::Known { value: kept, at: start() });
    let record = Superseded { name: data(), since: start(), failover: FailoverId::of(1, start()) };
    story.ledger.superseded.insert(volume_id(9), record);
    let (steps, verdict) = story.go(0);
    assert!(has(&steps, "extend failover-terminate of i-0000000c"), "{steps:?}");
    assert!(matches!(verdict, Verdict::Settled { .. }), "{verdict:?}");
    let (steps, _) = story.go(101);
    assert!(has(&steps, "extend failover-terminate of i-0000000c"), "{steps:?}");
}
