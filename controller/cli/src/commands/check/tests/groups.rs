//! What is said of Auto Scaling groups and of agents, to the word.

use failover_core::agent::{AgentReport, AgentState};
use failover_core::group::{Group, GroupMember, Hook, HookResult, Lifecycle, Transition};
use failover_core::ids::{GroupName, HookName, ServiceName};
use failover_core::ledger::Target;
use jiff::SignedDuration;

use super::*;

const UNITS: &str = "[agent]\nunits = [\"db.service\"]\n";
/// Agents are expected although they have nothing to start.
const READY: &str = "[agent]\nready = { tcp = \"127.0.0.1:5432\" }\n";

fn group_spec(more: &str) -> Spec {
    let text = "service = \"db\"\ntopology = \"auto-scaling\"\n[[volume]]\nname = \"data\"\n[detect]\nalarms = [\"db-status\"]\n\
                [data]\nsnapshot_every_seconds = 900\n";
    Spec::parse(&format!("{text}{more}")).unwrap()
}

fn zone(letter: char) -> Zone {
    Zone::new(format!("eu-central-1{letter}")).unwrap()
}

fn hook(transition: Transition) -> Hook {
    Hook { transition, heartbeat_timeout_seconds: 300, default_result: HookResult::Abandon }
}

/// A group as the operating guide makes it.
fn good_group() -> Group {
    let member = GroupMember { zone: zone('a'), lifecycle: Lifecycle::InService, healthy: true };
    let hooks = [("failover-launch", Transition::Launching), ("failover-terminate", Transition::Terminating)];
    Group {
        min: 1,
        max: 1,
        desired: 1,
        zones: [zone('a'), zone('b')].into(),
        subnets: Vec::new(),
        subnet_zones: BTreeMap::new(),
        members: [(id(ACTIVE), member)].into(),
        hooks: hooks.map(|(name, transition)| (HookName::new(name).unwrap(), hook(transition))).into(),
        suspended: ["AZRebalance".to_owned()].into(),
    }
}

fn report(state: AgentState, seconds_ago: i64) -> AgentReport {
    AgentReport { epoch: 1, state, at: now() - SignedDuration::from_secs(seconds_ago), lease_seconds: None }
}

fn group_name() -> GroupName {
    GroupName::new("billing").unwrap()
}

/// A group whose instance is active, with its agent.
fn grouped(group: Group, report: Option<AgentReport>) -> World {
    let mut world = well();
    world.instances.items.remove(&id(STANDBY));
    world.groups = Listing::known([(group_name(), group)], now());
    world.agents = Listing::known(report.map(|report| (id(ACTIVE), report)), now());
    world
}

/// What is found of a changed group, or of a changed report.
fn of(spec: &Spec, group: Group, report: Option<AgentReport>) -> Vec<CheckFinding> {
    let ledger = adopt(spec, &grouped(good_group(), None), now()).unwrap();
    findings(spec, &ledger, &grouped(group, report))
}

/// The same, printed as the command does.
fn printed(spec: &Spec, group: Group, report: Option<AgentReport>) -> String {
    let findings = of(spec, group, report);
    let from = Target { instance_id: id(ACTIVE), zone: zone('a') };
    let plan = Plan { from, to: None, refusal: None, steps: Vec::new() };
    let ready = findings.iter().all(|finding| finding.severity != Severity::Fault);
    text(&Checked { service: ServiceName::new("db").unwrap(), ready, plan, findings })
}

/// Compares with a golden file; with `UPDATE_GOLDEN=1` in the environment the file is written instead.
fn golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{name} differs:\n--- expected\n{expected}\n--- printed\n{text}");
}

#[test]
fn a_good_group_with_an_agent_has_no_findings() {
    let ready = Some(report(AgentState::Ready, 5));
    assert_eq!(of(&group_spec(UNITS), good_group(), ready), Vec::new());
    assert_eq!(of(&group_spec(""), good_group(), None), Vec::new(), "without an [agent] no agent is missed");
}

#[test]
fn an_agent_that_only_proves_readiness_is_missed_like_any_other() {
    for agent in [UNITS, READY] {
        let missed = of(&group_spec(agent), good_group(), None);
        only(&missed, Severity::Fault, "no agent has ever reported from the active instance i-00000000000000001");
        let (spec, mut world) = standby_pair(agent);
        let ledger = adopt(&spec, &world, now()).unwrap();
        world.agents = Listing::known([], now());
        let found = findings(&spec, &ledger, &world);
        assert!(
            matches!(found.as_slice(), [fault, warning]
                if fault.severity == Severity::Fault && fault.text.contains(ACTIVE)
                && warning.severity == Severity::Warning && warning.text.contains(STANDBY)),
            "{agent}: {found:?}"
        );
        world.agents = Listing::unknown("AccessDenied", now());
        only(&findings(&spec, &ledger, &world), Severity::Fault, "what agents report can't be observed: AccessDenied");
    }
}

/// A standby pair of which both run.
fn standby_pair(agent: &str) -> (Spec, World) {
    let spec = format!("service = \"db\"\ntopology = \"standby\"\n[detect]\nalarms = [\"db-status\"]\n{agent}");
    let mut world = well();
    let standby = instance("eu-central-1b", InstanceState::Running);
    world.instances.items.insert(id(STANDBY), Observed::Known { value: standby, at: now() });
    (Spec::parse(&spec).unwrap(), world)
}

#[test]
fn all_that_can_be_wrong_with_a_group_is_said_with_what_mends_it() {
    let mut bad = good_group();
    (bad.min, bad.max) = (0, 3);
    bad.zones = [zone('a'), zone('b')].into();
    bad.suspended = ["Launch".to_owned(), "HealthCheck".to_owned()].into();
    let launch = bad.hooks.get_mut(&HookName::new("failover-launch").unwrap()).unwrap();
    launch.default_result = HookResult::Continue;
    launch.heartbeat_timeout_seconds = 30;
    bad.hooks.remove(&HookName::new("failover-terminate").unwrap());
    bad.members.get_mut(&id(ACTIVE)).unwrap().healthy = false;
    golden("check-group.txt", &printed(&group_spec(""), bad, None));
}

#[test]
fn a_group_that_can_do_nothing_is_a_fault() {
    let mut empty = good_group();
    empty.desired = 0;
    empty.min = 0;
    empty.zones = [zone('a')].into();
    empty.members.clear();
    empty.hooks.clear();
    let spec = group_spec("[group]\nname = \"billing\"\nhooks = [\"brake\"]\n");
    golden("check-group-empty.txt", &printed(&spec, empty, None));
}

#[test]
fn no_group_two_groups_and_one_out_of_sight_are_told_apart() {
    let spec = group_spec("");
    let ledger = adopt(&spec, &grouped(good_group(), None), now()).unwrap();
    let mut world = grouped(good_group(), None);
    world.groups = Listing::known([], now());
    only(
        &findings(&spec, &ledger, &world),
        Severity::Fault,
        "no Auto Scaling group carries the tag failover:service=db",
    );
    let two = ["billing", "other"].map(|name| (GroupName::new(name).unwrap(), good_group()));
    world.groups = Listing::known(two, now());
    only(&findings(&spec, &ledger, &world), Severity::Fault, "billing and other carry the service's tag");
    world.groups = Listing::unknown("AccessDenied", now());
    only(&findings(&spec, &ledger, &world), Severity::Fault, "Auto Scaling groups can't be observed: AccessDenied");
}

#[test]
fn agents_that_are_missing_silent_or_failed_are_told() {
    let spec = group_spec(UNITS);
    let told = [
        None,
        Some(report(AgentState::Ready, 600)),
        Some(report(AgentState::Failed("/dev/nvme1n1 carries LUKS".to_owned()), 5)),
        Some(report(AgentState::Starting, 5)),
        Some(report(AgentState::Quiesced, 5)),
    ];
    let told: Vec<String> = told.into_iter().map(|report| printed(&spec, good_group(), report)).collect();
    golden("check-agents.txt", &told.concat());
}

#[test]
fn an_agent_that_serves_beside_the_active_instance_is_a_fault() {
    let (spec, mut world) = standby_pair(UNITS);
    let both = [(id(ACTIVE), report(AgentState::Ready, 5)), (id(STANDBY), report(AgentState::Ready, 5))];
    world.agents = Listing::known(both, now());
    let ledger = adopt(&spec, &world, now()).unwrap();
    only(&findings(&spec, &ledger, &world), Severity::Fault, "although i-00000000000000001 is the active instance");
}
