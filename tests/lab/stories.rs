//! The stories: what happens to the service, and what must come of it beyond what every story ends with.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::command::succeeds;
use super::group_stories;
use super::mirror::Mirror;
use super::region::{Hardware, Region};
use super::stage::Stage;

/// How the service's instances come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topology {
    /// Two instances from the start, and a volume with data on it.
    Standby,
    /// An Auto Scaling group of one, from its very first launch.
    AutoScaling,
}

/// One story.
pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) topology: Topology,
    /// The region's scenario, in which nothing happens by itself.
    pub(crate) scenario: &'static str,
    pub(crate) filesystem: &'static str,
    /// Whether the Lambda runs; otherwise the agents are standalone.
    pub(crate) controlled: bool,
    /// What the spec's `[fence]` says more.
    pub(crate) fence: &'static str,
    /// Before any instance boots.
    pub(crate) before: fn(&Region),
    pub(crate) play: fn(&mut Stage),
}

const OTHER_ZONE: &str = "idle";
/// As short as it may be.
const LEASE: &str = "lease_seconds = 20\n";
const SAME_ZONE: &str = "idle-same-zone";
/// A planned failover of two seconds of AWS's time and what agents and PostgreSQL take, with room for a busy machine.
const PLANNED_WITHIN: Duration = Duration::from_secs(90);
/// The alarm, the forced stop of a dead host and the like come on top.
pub(super) const UNPLANNED_WITHIN: Duration = Duration::from_secs(150);
/// The client writes before anything happens to it.
pub(super) const AT_FIRST: Duration = Duration::from_secs(3);
/// How long nothing may change any more.
const STAYS: Duration = Duration::from_secs(8);

const ORDINARY: Story = Story {
    name: "",
    topology: Topology::Standby,
    scenario: OTHER_ZONE,
    filesystem: "ext4",
    controlled: true,
    fence: "",
    before: |_| {},
    play: |_| {},
};

const GROUP: Story = Story { topology: Topology::AutoScaling, scenario: "empty", ..ORDINARY };

/// All of them.
pub(crate) static STORIES: [Story; 12] = [
    Story { name: "planned-same-zone", scenario: SAME_ZONE, play: planned, ..ORDINARY },
    Story { name: "planned-other-zone", filesystem: "xfs", play: planned, ..ORDINARY },
    Story { name: "killed-host-same-zone", scenario: SAME_ZONE, play: killed_host_for_good, ..ORDINARY },
    Story { name: "killed-host-other-zone", play: killed_host, ..ORDINARY },
    Story { name: "terminated", play: terminated, ..ORDINARY },
    Story { name: "cut-off-under-a-lease", fence: LEASE, play: cut_off, ..ORDINARY },
    Story { name: "agent-killed-at-each-step", scenario: SAME_ZONE, play: agents_killed, ..ORDINARY },
    Story { name: "old-instance-returns", play: old_instance_returns, ..ORDINARY },
    Story {
        name: "both-claim-at-once",
        scenario: "no-volume",
        controlled: false,
        before: free_the_address,
        play: both_claim,
        ..ORDINARY
    },
    Story { name: "group-from-birth-to-other-zone", play: group_stories::terminated_by_group, ..GROUP },
    Story { name: "group-terminated-directly", filesystem: "xfs", play: group_stories::terminated_directly, ..GROUP },
    Story { name: "group-killed-while-formatting", play: group_stories::killed_while_formatting, ..GROUP },
];

impl Story {
    /// `/etc/failover/agent.toml` of every instance.
    pub(crate) fn agent_toml(&self) -> &'static str {
        if self.controlled {
            "service = \"sample\"\ntable = \"failover\"\n"
        } else {
            "service = \"sample\"\nspec = \"/etc/failover/failover.toml\"\n"
        }
    }
}

fn begin(stage: &Stage) {
    stage.until_it_serves();
    thread::sleep(AT_FIRST);
}

pub(super) fn to_first(stage: &Stage, what: &str) {
    stage.region.inject(&json!({ "instance": { "name": stage.first, "fault": what } }));
}

fn planned(stage: &mut Stage) {
    begin(stage);
    stage.region.ask("standby", true);
    let (_, report) = stage.until_taken_over(PLANNED_WITHIN);
    stage.remarks.push(quiesced(&report));
}

/// An agent that works makes a stop of the instance unnecessary.
fn quiesced(report: &Value) -> String {
    let steps = report["steps"].as_array().unwrap();
    let forced = steps.iter().filter(|step| step["step"].as_str().is_some_and(|step| step.contains("stop"))).count();
    if forced == 0 { "the agent let go".to_owned() } else { format!("{forced} stops") }
}

fn killed_host(stage: &mut Stage) {
    begin(stage);
    let force_stop = json!({ "after_seconds": 60.0 });
    stage.region.inject(
        &json!({ "instance": { "name": stage.first, "fault": { "fail_host": { "force_stop": force_stop } } } }),
    );
    stage.until_taken_over(UNPLANNED_WITHIN);
}

fn killed_host_for_good(stage: &mut Stage) {
    begin(stage);
    stage
        .region
        .inject(&json!({ "instance": { "name": stage.first, "fault": { "fail_host": { "force_stop": "never" } } } }));
    stage.until_taken_over(UNPLANNED_WITHIN);
}

/// The instance can neither be reached nor stopped, and writes on: its agent ends that by itself when it can't renew the lease.
fn cut_off(stage: &mut Stage) {
    begin(stage);
    let refused = json!({ "action": "StopInstances", "code": "InternalError", "status": 500, "count": 1_000_000 });
    stage.region.inject(&json!({ "calls": { "fail": refused } }));
    let mark = stage.now();
    to_first(stage, "impair_network");
    let (_, report) = stage.until_taken_over(UNPLANNED_WITHIN);
    assert_eq!(stage.seen().instances[&stage.first].state, "running", "the instance was stopped after all: {report}");
    let mirror = stage.hardware.now();
    let unmounted = format!("{} unmounts", stage.first);
    let stopped = mirror.when(mark, |what| what == unmounted).expect("the agent was to stop serving");
    drop(mirror);
    stage.remarks.push(format!("stopped by itself after {:.0} s", stopped.checked_sub(mark).unwrap().as_secs_f64()));
}

fn terminated(stage: &mut Stage) {
    begin(stage);
    let mark = stage.now();
    to_first(stage, "terminate");
    stage.until_taken_over(UNPLANNED_WITHIN);
    let mirror = stage.hardware.now();
    let unmounted = format!("{} unmounts", stage.first);
    assert!(
        mirror.when(mark, |what| what == unmounted).is_some(),
        "the old instance's agent was to unmount: {:?}",
        mirror.log
    );
}

/// Each time an agent's log shows something that no agent has logged before, the agent is killed and starts again.
fn agents_killed(stage: &mut Stage) {
    begin(stage);
    let enough = Arc::new(AtomicBool::new(false));
    let (mirror, ended) = (Arc::clone(&stage.hardware.mirror), Arc::clone(&enough));
    let assassin = thread::spawn(move || {
        let mut seen = BTreeSet::new();
        let mut killed = 0;
        // What was logged on the way here is no step of the failover.
        news(&mirror.lock().unwrap(), &mut seen);
        while !ended.load(Ordering::Relaxed) {
            let agents = news(&mirror.lock().unwrap(), &mut seen);
            for agent in agents {
                killed += usize::from(succeeds("kill", ["-KILL", &agent.to_string()]));
            }
            thread::sleep(Duration::from_millis(10));
        }
        killed
    });
    stage.region.ask("standby", true);
    let (_, report) = stage.until_taken_over(UNPLANNED_WITHIN);
    enough.store(true, Ordering::Relaxed);
    let killed = assassin.join().unwrap();
    assert!(killed >= 4, "killed {killed} times only");
    stage.remarks.push(format!("agents killed {killed} times, {}", quiesced(&report)));
}

/// Agents that have just logged something new.
fn news(mirror: &Mirror, seen: &mut BTreeSet<String>) -> Vec<u32> {
    let mut agents = Vec::new();
    for guest in mirror.guests.values() {
        let log = guest.agent_log();
        let lines = log.lines().filter_map(|line| {
            // What is the same but for times, ids and counts is the same step.
            let message = line.split_once(' ')?.1;
            Some(format!("{} {}", guest.id, message.replace(|letter: char| letter.is_ascii_digit(), "")))
        });
        let new = lines.filter(|line| seen.insert(line.clone())).count();
        agents.extend(guest.agent().filter(|_| new > 0));
    }
    agents
}

fn old_instance_returns(stage: &mut Stage) {
    begin(stage);
    to_first(stage, "stop");
    let (second, _) = stage.until_taken_over(UNPLANNED_WITHIN);
    to_first(stage, "start");
    let mark = stage.now();
    let first = stage.first.clone();
    stage.until("the old instance's agent", PLANNED_WITHIN, || {
        let mirror = stage.hardware.now();
        mirror.when(mark, |what| what == format!("{first} boots"))?;
        mirror.guests.get(&first)?.agent()
    });
    thread::sleep(STAYS);
    let mark = stage.now();
    let writer = stage.until_written_by("the new server, still", mark, PLANNED_WITHIN, |_| true);
    assert_eq!(writer, second);
    assert!(!stage.hardware.now().guests[&first].has_mounted(), "the old instance mounted its volume");
    stage.remarks.push("the old one came back and stayed away".to_owned());
}

/// Nobody has the address: whoever takes it first is to serve.
fn free_the_address(region: &Region) {
    let addresses = region.ec2("Action=DescribeAddresses");
    let association = addresses.split_once("<associationId>").and_then(|(_, rest)| rest.split_once('<')).unwrap().0;
    region.ec2(&format!("Action=DisassociateAddress&AssociationId={association}"));
}

fn holder(seen: &Hardware) -> Option<String> {
    seen.addresses.values().next()?.instance.clone()
}

fn both_claim(stage: &mut Stage) {
    let one = stage.until_written_by("a server", Duration::ZERO, PLANNED_WITHIN, |_| true);
    thread::sleep(STAYS);
    assert_eq!(holder(&stage.seen()).as_ref(), Some(&one), "the address has gone from whom clients reached first");
    stage.region.inject(&json!({ "instance": { "name": one, "fault": "stop" } }));
    let other = stage.until_written_by("the other server", Duration::ZERO, UNPLANNED_WITHIN, |who| who != one);
    stage.until("the first to be off", PLANNED_WITHIN, || {
        (stage.seen().instances[&one].state == "stopped").then_some(())
    });
    stage.region.inject(&json!({ "instance": { "name": one, "fault": "start" } }));
    stage.until("the first to boot again", PLANNED_WITHIN, || stage.hardware.now().guests[&one].agent());
    thread::sleep(STAYS);
    assert_eq!(holder(&stage.seen()), Some(other), "the old holder took the address back");
    stage.remarks.push("standalone: one took it, the other followed, the first stayed away".to_owned());
}
