//! What an agent's word or silence counts for, and how long.

use super::agents::{AGENT, out_of_reach, proof, taken_over};
use super::groups::{SPEC, Story, has};
use super::sample::*;
use crate::agent::{AgentReport, AgentState};
use crate::decide::decide;
use crate::group::Lifecycle;
use crate::ledger::{FenceState, Proof};
use crate::spec::Spec;
use crate::verdict::Verdict;
use crate::world::{Observed, Part};

#[test]
fn an_agent_that_is_silent_is_not_waited_for() {
    let stops = |silent: i64| {
        let mut story = Story::new();
        story.spec = Spec::parse(&format!("{SPEC}{AGENT}")).unwrap();
        let at = after(-silent);
        let value = AgentReport { epoch: 1, state: AgentState::Ready, at, lease_seconds: None };
        story.world.agents.items.insert(instance_id('a'), Observed::Known { value, at: start() });
        story.member('a', 'a', Lifecycle::TerminatingWait);
        has(&story.go(0).0, "stop i-0000000a")
    };
    assert!(!stops(89) && stops(90));
}

#[test]
fn an_agent_is_silent_after_the_seconds_that_the_spec_says() {
    let suspected = |silent| {
        let mut story = Story::new();
        story.spec = Spec::parse(&format!("{SPEC}{AGENT}[detect]\nagent_silent_seconds = 90\n")).unwrap();
        story.agent('a', AgentState::Ready);
        story.go(silent);
        story.ledger.suspicion.is_some()
    };
    assert!(!suspected(90) && suspected(91));
}

#[test]
fn a_report_that_is_lost_takes_no_expired_lease_back() {
    let mut story = out_of_reach(Some(60));
    story.go(80);
    assert_eq!(proof(&story), Some(Proof::LeaseExpired));
    story.world.agents.items.clear();
    story.go(3);
    assert_eq!((proof(&story), story.ledger.failover.as_ref().unwrap().fences), (Some(Proof::LeaseExpired), 0));
}

#[test]
fn the_end_of_a_lease_is_waited_for() {
    let mut story = out_of_reach(Some(60));
    let (_, verdict) = story.go(1);
    let Verdict::Wait { parts, reasons, .. } = &verdict else { panic!("{verdict:?}") };
    assert!(parts.contains(&Part::Agents), "{parts:?}");
    assert!(reasons.iter().any(|it| it.text.contains("has to stop when its lease ends")), "{reasons:?}");
}

#[test]
fn a_word_that_a_detach_rests_on_is_fresh() {
    let story = super::mishaps::quiesced();
    let mut world = story.world.clone();
    world.volumes.items.insert(volume_id(1), Observed::Known { value: volume('a', Some('a')), at: story.now });
    let mut ledger = story.ledger.clone();
    ledger.failover.as_mut().unwrap().fence = FenceState::Open { since: Some(start()) };
    ledger.failover.as_mut().unwrap().attempts.clear();
    let decided = |age| {
        let mut world = world.clone();
        let now = story.now + jiff::SignedDuration::from_secs(9);
        let seen = Observed::Known { value: (), at: now };
        world.instances.complete = seen.clone();
        world.volumes.complete = seen.clone();
        world.addresses.complete = seen.clone();
        world.groups.complete = seen;
        world.agents.complete = Observed::Known { value: (), at: now - jiff::SignedDuration::from_secs(age) };
        decide(&story.spec, &ledger, &world, now)
    };
    assert!(matches!(decided(5), Verdict::Act { ref steps, .. } if steps[0].kind() == "detach"), "{:?}", decided(5));
    assert_eq!(decided(6), Verdict::Observe(vec![Part::Agents]));
}

#[test]
fn what_an_agent_said_as_a_standby_ends_no_failover() {
    let ends = |epoch: fn(u64) -> u64| {
        let mut story = taken_over();
        let (state, at) = (AgentState::Ready, story.now);
        let value = AgentReport { epoch: epoch(story.ledger.epoch), state, at, lease_seconds: None };
        story.world.agents.items.insert(instance_id('b'), Observed::Known { value, at });
        story.go(3);
        story.ledger.failover.is_none()
    };
    assert!(ends(|epoch| epoch) && ends(|epoch| epoch + 1) && !ends(|epoch| epoch - 1));
}

#[test]
fn a_lease_binds_an_agent_that_serves_and_has_something_to_stop() {
    let fenced = |spec: &str, state: AgentState| {
        let mut story = out_of_reach(Some(60));
        story.spec = Spec::parse(spec).unwrap();
        let at = story.now;
        let value = AgentReport { epoch: 1, state, at, lease_seconds: Some(60) };
        story.world.agents.items.insert(instance_id('a'), Observed::Known { value, at });
        story.go(0);
        story.go(80);
        proof(&story) == Some(Proof::LeaseExpired)
    };
    let stops = format!("{SPEC}{AGENT}");
    assert!(fenced(&stops, AgentState::Ready) && fenced(&stops, AgentState::Starting));
    // It says that it can't do what is asked of it: whoever writes may go on.
    assert!(!fenced(&stops, AgentState::Failed("umount: target is busy".to_owned())));
    let unmounted = SPEC.replace("mount = \"/data\"\n", "");
    let probes = format!("{unmounted}[agent]\nready = {{ tcp = \"127.0.0.1:5432\" }}\n");
    assert!(!fenced(&probes, AgentState::Ready), "it has nothing to stop");
}
