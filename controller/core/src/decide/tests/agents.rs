//! What agents say: readiness ends a failover, and a lease that runs out is a fence.

use crate::agent::{AgentReport, AgentState};
use crate::decide::tests::groups::{SPEC, Story, has};
use crate::decide::tests::sample::*;
use crate::group::Lifecycle;
use crate::ledger::{FenceState, Proof};
use crate::spec::Spec;
use crate::verdict::{Halt, Verdict};
use crate::world::{InstanceState, Observed};

pub(super) const AGENT: &str = "[agent]\nunits = [\"db.service\"]\n";

/// `b` was made active, and has the volume and the address.
pub(super) fn taken_over() -> Story {
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{SPEC}{AGENT}")).unwrap();
    story.instance('a', 'a', InstanceState::Terminated);
    story.free_volume();
    story.launched('b', 'a');
    story.go(0);
    story.attached('b');
    story.led_to('b');
    story.go(3);
    assert!(story.ledger.failover.as_ref().is_some_and(crate::ledger::Failover::is_promoted));
    story
}

#[test]
fn an_agent_that_is_ready_ends_the_failover_before_any_status_check() {
    let mut story = taken_over();
    story.agent('b', AgentState::Starting);
    let (steps, _) = story.go(3);
    assert!(story.ledger.failover.is_some() && !has(&steps, "complete"), "{steps:?}");
    story.agent('b', AgentState::Ready);
    story.go(3);
    assert!(story.ledger.last.as_ref().is_some_and(|last| last.done));
}

#[test]
fn status_checks_do_not_stand_in_for_an_agent_that_is_expected() {
    let mut story = taken_over();
    story.well('b');
    story.go(3);
    assert!(story.ledger.failover.is_some(), "no agent has reported");
    story.agent('b', AgentState::Failed("/dev/nvme1n1 holds btrfs".to_owned()));
    let (_, verdict) = story.go(16 * 60);
    let why = match verdict {
        Verdict::Halt { halt: Halt::TargetUnhealthy { why, .. }, .. } => why,
        verdict => story.ledger.failover.unwrap().halted.map(|it| it.reason).unwrap_or(format!("{verdict:?}")),
    };
    assert!(why.contains("holds btrfs"), "{why}");
}

/// The host of `a` is out of reach: it is not seen to stop, and its volume stays with it.
pub(super) fn out_of_reach(lease_seconds: Option<u64>) -> Story {
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{SPEC}{AGENT}")).unwrap();
    story.denied = "stop";
    renew(&mut story, lease_seconds);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    story.go(0);
    story
}

fn renew(story: &mut Story, lease_seconds: Option<u64>) {
    let value = AgentReport { epoch: story.ledger.epoch, state: AgentState::Ready, at: story.now, lease_seconds };
    story.world.agents.items.insert(instance_id('a'), Observed::Known { value, at: story.now });
}

pub(super) fn proof(story: &Story) -> Option<Proof> {
    match story.ledger.failover.as_ref().unwrap().fence {
        FenceState::Confirmed { proof, .. } => Some(proof),
        FenceState::Open { .. } | FenceState::Waived { .. } => None,
    }
}

#[test]
fn a_lease_that_ran_out_is_a_fence() {
    let mut story = out_of_reach(Some(60));
    story.go(70);
    assert_eq!(proof(&story), None, "the lease and its margin have not passed since it was seen");
    story.go(10);
    assert_eq!(proof(&story), Some(Proof::LeaseExpired));
}

#[test]
fn a_lease_that_is_renewed_starts_anew() {
    let mut story = out_of_reach(Some(60));
    story.go(70);
    renew(&mut story, Some(60));
    story.go(10);
    story.go(70);
    assert_eq!(proof(&story), None);
    story.go(6);
    assert_eq!(proof(&story), Some(Proof::LeaseExpired));
}

#[test]
fn an_agent_without_a_lease_is_no_fence_however_long_it_is_silent() {
    let mut story = out_of_reach(None);
    story.go(250);
    assert_eq!(proof(&story), None);
}

#[test]
fn a_lease_says_nothing_of_another_instance_that_holds_the_volume() {
    let mut story = out_of_reach(Some(60));
    story.instance('c', 'a', InstanceState::Running);
    story.attached('c');
    story.go(90);
    assert_ne!(proof(&story), Some(Proof::LeaseExpired));
}

#[test]
fn an_old_side_that_renews_its_lease_after_all_is_fenced_anew() {
    let mut story = out_of_reach(Some(60));
    story.go(80);
    assert_eq!(proof(&story), Some(Proof::LeaseExpired));
    renew(&mut story, Some(60));
    story.go(2);
    assert_eq!(proof(&story), None);
    assert_eq!(story.ledger.failover.as_ref().unwrap().fences, 1);
}

#[test]
fn a_silent_or_failing_agent_is_evidence_only_where_the_spec_says_so() {
    for (detect, counts) in [("", false), ("[detect]\nagent_silent_seconds = 90\n", true)] {
        for failing in [false, true] {
            let mut story = Story::new();
            story.spec = Spec::parse(&format!("{SPEC}{AGENT}{detect}")).unwrap();
            let failed = AgentState::Failed("db.service does not start".to_owned());
            story.agent('a', if failing { failed } else { AgentState::Ready });
            story.go(80);
            assert_eq!(story.ledger.suspicion.is_some(), failing && counts, "{detect}");
            story.go(15);
            assert_eq!(story.ledger.suspicion.is_some(), counts, "{detect}");
            story.go(60);
            assert_eq!(story.ledger.failover.is_some(), counts, "{detect}");
        }
    }
}

#[test]
fn a_word_that_was_read_before_the_failover_began_is_read_again() {
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{SPEC}{AGENT}")).unwrap();
    story.agent('a', AgentState::Quiesced);
    story.free_volume();
    story.member('a', 'a', Lifecycle::TerminatingWait);
    // Everything in one moment: the failover begins, and the report is as old as its beginning.
    story.go(0);
    assert_eq!(proof(&story), None, "the agent may have taken it back before it could see the failover");
    story.go(1);
    assert_eq!(proof(&story), Some(Proof::Quiesced));
}

/// A spec that lets agents probe the service, and gives them nothing to stop.
const ONLY_READY: &str = "[agent]\nready = { tcp = \"127.0.0.1:5432\" }\n";

#[test]
fn an_agent_that_has_nothing_to_stop_has_stopped_nobody_by_saying_so() {
    let unmounted = SPEC.replace("mount = \"/data\"\n", "");
    assert_ne!(unmounted, SPEC);
    let mut story = Story::new();
    story.spec = Spec::parse(&format!("{unmounted}{ONLY_READY}")).unwrap();
    story.agent('a', AgentState::Ready);
    story.member('a', 'a', Lifecycle::TerminatingWait);
    let (steps, _) = story.go(0);
    assert!(has(&steps, "stop i-0000000a"), "it is not waited for: {steps:?}");
    story.agent('a', AgentState::Quiesced);
    let (steps, _) = story.go(3);
    assert!(!has(&steps, "detach") && !has(&steps, "snapshot"), "what may be written to is left alone: {steps:?}");
    story.free_volume();
    story.go(3);
    assert_ne!(proof(&story), Some(Proof::Quiesced));
}
