//! Every scenario, over several seeds, every second one with background faults: it ends as it must, and the region's ground truth agrees.
#![allow(clippy::unwrap_used, missing_docs)]

use failover_scenarios::{Expect, InjectedFaults, SCENARIOS, Scenario, play};
use failover_tests::{say, side_by_side};

/// Seeds per scenario, by topology; `FAILOVER_SEEDS` says another number for both, `FAILOVER_SCENARIOS` plays only those whose names begin so.
const STANDBY_SEEDS: u64 = 10;
const GROUP_SEEDS: u64 = 100;

fn is_asked_for(scenario: &Scenario) -> bool {
    std::env::var("FAILOVER_SCENARIOS").map_or(true, |beginning| scenario.name.starts_with(&beginning))
}

fn seeds(scenario: &Scenario) -> u64 {
    let asked = std::env::var("FAILOVER_SEEDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(if scenario.layout.topology() == "standby" { STANDBY_SEEDS } else { GROUP_SEEDS })
}

/// Odd seeds are played as the timing model of the region has it, even ones with background faults.
fn faults(seed: u64) -> InjectedFaults {
    InjectedFaults { background: seed.is_multiple_of(2), ..InjectedFaults::default() }
}

#[test]
fn every_scenario_ends_as_it_must() {
    let asked = SCENARIOS.iter().filter(|scenario| is_asked_for(scenario));
    let stories: Vec<_> = asked.flat_map(|scenario| (1..=seeds(scenario)).map(move |seed| (scenario, seed))).collect();
    assert!(!stories.is_empty(), "FAILOVER_SCENARIOS leaves no scenario to play");
    // Only whether it went well is kept: a story is tens of kilobytes, and there may be hundreds of thousands.
    let went_well = side_by_side(&stories, |(scenario, seed)| {
        let played = play(scenario, *seed, faults(*seed)).unwrap();
        if !played.as_expected {
            say(&format!(
                "{} seed {seed} {:?}: {} {:?}",
                played.scenario,
                faults(*seed),
                played.outcome,
                played.findings
            ));
        }
        played.as_expected
    });
    let wrong = went_well.iter().filter(|well| !**well).count();
    for topology in ["standby", "auto-scaling"] {
        let of = stories.iter().filter(|(scenario, _)| scenario.layout.topology() == topology).count();
        say(&format!("{topology}: {of} stories played, {wrong} of both topologies wrong"));
    }
    assert!(wrong == 0, "{wrong} of {} went wrong", stories.len());
}

/// A drill must really have been one: a scenario that is refused every time would show nothing.
#[test]
fn without_crashes_every_drill_is_done() {
    for scenario in SCENARIOS.iter().filter(|it| matches!(it.expect, Expect::DrillIn(_) | Expect::Drill)) {
        let played = play(scenario, 1, InjectedFaults::default()).unwrap();
        assert_eq!(played.outcome, "done", "{}: {:?}", scenario.name, played.report);
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let text = |name, seed| {
        let scenario = failover_scenarios::named(name).unwrap();
        serde_json::to_string(&play(scenario, seed, faults(seed)).unwrap()).unwrap()
    };
    for name in ["throttled", "group-replacement-dies"] {
        assert_eq!(text(name, 7), text(name, 7));
        assert_eq!(text(name, 8), text(name, 8));
        assert_ne!(text(name, 7), text(name, 8));
    }
}
