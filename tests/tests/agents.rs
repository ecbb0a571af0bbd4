//! Stories with boot agents in the guests: what their reports spare, and what happens without them.
#![allow(clippy::unwrap_used, missing_docs)]

use failover_core::report::ReportStep;
use failover_scenarios::{InjectedFaults, Played, named, play_traced};

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
