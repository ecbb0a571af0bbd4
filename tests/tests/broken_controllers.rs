//! Controllers that break one of their rules, and the judge who must find it: checks that can't fail show nothing.
#![allow(clippy::unwrap_used, missing_docs)]

use failover_scenarios::layout::{Layout, Standby};
use failover_scenarios::scenario::{Act, Happening};
use failover_scenarios::{Agents, Breakage, Expect, InjectedFaults, Scenario, named, play};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;

/// A controller that keeps its rules ends the story well; the broken one breaks this rule, from every seed.
fn is_found(scenario: &Scenario, breakage: Breakage, rule: &str) {
    for seed in SEEDS {
        let whole = play(scenario, seed, InjectedFaults::default()).unwrap();
        assert!(whole.as_expected, "{} seed {seed}: {:?}", scenario.name, whole.findings);
        let broken =
            play(scenario, seed, InjectedFaults { breakage: Some(breakage), ..InjectedFaults::default() }).unwrap();
        let found = broken.findings.iter().any(|finding| finding.rule == rule);
        assert!(
            found,
            "{} seed {seed}, {breakage:?}: {rule:?} was not found: {} {:?}",
            scenario.name, broken.outcome, broken.findings
        );
    }
}

#[test]
fn two_writers_are_found() {
    is_found(named("network-failure").unwrap(), Breakage::BelievesItStopped, "never two writers");
}

#[test]
fn lost_writes_are_found() {
    let scenario = Scenario {
        name: "stopped-after-copies",
        summary: "the active instance is stopped after some periodic copies were made",
        layout: Layout::Standby(Standby {
            standbys: &[('b', true)],
            volumes: &["data"],
            encrypted: false,
            confirm_seconds: 20,
            agents: Agents::None,
            spec: "[data]\nsnapshot_every_seconds = 60\n",
        }),
        script: |made| {
            let stop = serde_json::json!({ "instance": { "name": made.active, "fault": "stop" } });
            vec![Act { at_seconds: 400, what: Happening::Fault(stop) }]
        },
        expect: Expect::DoneIn('b'),
    };
    is_found(&scenario, Breakage::RestoresTheFirstCopy, "no acknowledged write is lost");
}

#[test]
fn copies_of_different_moments_are_found() {
    let scenario = Scenario {
        name: "two-volumes-copied",
        summary: "two volumes of a running instance are copied every minute",
        layout: Layout::Standby(Standby {
            standbys: &[('b', true)],
            volumes: &["data", "log"],
            encrypted: false,
            confirm_seconds: 20,
            agents: Agents::None,
            spec: "[data]\nsnapshot_every_seconds = 60\n",
        }),
        script: |_| Vec::new(),
        expect: Expect::Untouched,
    };
    is_found(&scenario, Breakage::CopiesOneByOne, "all volumes are of one moment");
}

#[test]
fn a_deleted_only_copy_is_found() {
    let rule = "the only copy is never deleted";
    is_found(named("drill-same-zone").unwrap(), Breakage::DeletesInsteadOfAttaching, rule);
    is_found(named("group-same-zone").unwrap(), Breakage::DeletesInsteadOfAttaching, rule);
}

#[test]
fn hooks_that_run_out_are_found() {
    is_found(named("group-terminated-by-group").unwrap(), Breakage::EndsNoHook, "no hook times out");
}

#[test]
fn launches_that_are_abandoned_are_found() {
    is_found(named("group-terminated-by-group").unwrap(), Breakage::AbandonsLaunches, "ends as it must");
}

#[test]
fn an_address_that_did_not_move_is_found() {
    is_found(named("stopped-by-a-user").unwrap(), Breakage::BelievesTheAddressMoved, "the active instance serves");
}

#[test]
fn a_failover_for_nothing_is_found() {
    is_found(named("false-alarm").unwrap(), Breakage::BelievesItImpaired, "ends as it must");
}
