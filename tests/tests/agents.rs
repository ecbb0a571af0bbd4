//! Stories with boot agents in the guests: what their reports spare, and what happens without them.
#![allow(clippy::unwrap_used, missing_docs)]

use failover_core::report::ReportStep;
use failover_scenarios::layout::{Group, Layout, Standby};
use failover_scenarios::{Agents, InjectedFaults, Played, Scenario, named, play_traced};

/// Without background faults, so that no agent's report comes late; every call's action beside it.
fn story(name: &str, seed: u64) -> (Played, Vec<String>) {
    let (played, calls) = play_traced(named(name).unwrap(), seed, InjectedFaults::default()).unwrap();
    assert!(played.as_expected, "{name} seed {seed}: {:?}", played.findings);
    (played, calls.into_iter().map(|call| call.action).collect())
}

fn steps(played: &Played) -> &[ReportStep] {
    &played.report.as_ref().unwrap().steps
}

#[test]
fn an_agent_that_quiesces_spares_the_stop_and_the_force() {
    for name in ["group-agent-quiesces", "standby-agent-drill"] {
        for seed in 1..=5 {
            let (played, calls) = story(name, seed);
            assert!(!calls.iter().any(|action| action == "StopInstances"), "{name} seed {seed}: {calls:?}");
            let detach = steps(&played).iter().find(|it| it.step == "detach").unwrap();
            let seconds = detach.finished_at.unwrap().duration_since(detach.started_at).as_secs();
            assert!(
                seconds <= 20,
                "{name} seed {seed}: a volume that is unmounted leaves at once, not after {seconds} s"
            );
        }
    }
}

#[test]
fn an_agent_that_does_not_quiesce_is_stopped() {
    for seed in 1..=5 {
        let (played, calls) = story("group-agent-silent", seed);
        assert!(calls.iter().any(|action| action == "StopInstances"), "seed {seed}: {calls:?}");
        let stop = steps(&played).iter().find(|it| it.step == "stop").unwrap();
        let waited = stop.started_at.duration_since(played.report.as_ref().unwrap().started_at).as_secs();
        assert!((25..=60).contains(&waited), "seed {seed}: the grace is 30 s, it took {waited} s");
    }
}

/// The same scenario, with agents that prove readiness and have no units to start.
fn with_ready_alone(name: &str, agents: Agents) -> Scenario {
    let spec = "[agent]\nready = { tcp = \"127.0.0.1:5432\" }\n";
    let scenario = named(name).unwrap();
    let layout = match scenario.layout {
        Layout::Standby(standby) => Layout::Standby(Standby { agents, spec, ..standby }),
        Layout::Group(group) => Layout::Group(Group { agents, spec, ..group }),
    };
    Scenario { layout, ..*scenario }
}

#[test]
fn agents_that_only_prove_readiness_end_a_failover() {
    for name in ["standby-agent-drill", "group-agent-quiesces"] {
        for seed in 1..=3 {
            let scenario = with_ready_alone(name, Agents::Good);
            let (played, calls) = play_traced(&scenario, seed, InjectedFaults::default()).unwrap();
            assert!(played.as_expected, "{name} seed {seed}: {:?}", played.findings);
            // It has nothing to stop: that it says so is no fence.
            assert!(calls.iter().any(|call| call.action == "StopInstances"), "{name} seed {seed}: {calls:?}");
        }
    }
}

#[test]
fn without_an_agent_a_service_that_expects_one_is_not_shown_to_serve() {
    for name in ["standby-agent-drill", "group-agent-quiesces"] {
        let scenario = with_ready_alone(name, Agents::None);
        let (played, _) = play_traced(&scenario, 1, InjectedFaults::default()).unwrap();
        let reason = played.report.as_ref().map(|report| report.reason.as_str());
        assert_eq!(played.outcome, "halted", "{name}: {reason:?}");
        assert!(reason.is_some_and(|reason| reason.contains("no agent has reported from")), "{name}: {reason:?}");
    }
}
