//! Every scenario, over several seeds, every second one with background faults: it ends as it must, and the region's ground truth agrees.
#![allow(clippy::unwrap_used, missing_docs)]

use failover_scenarios::{Expect, InjectedFaults, SCENARIOS, Scenario, named, play};
use failover_tests::{Depth, say, side_by_side};

/// Odd seeds are played as the region's timing model has it, even ones with background faults.
fn faults(seed: u64) -> InjectedFaults {
    InjectedFaults { background: seed.is_multiple_of(2), ..InjectedFaults::default() }
}

/// Plays so many seeds of each scenario of a topology, in either tier.
fn all_end_as_they_must(topology: &str, quick: u64, deep: u64) {
    let depth = Depth::asked();
    let scenarios = SCENARIOS.iter().filter(|scenario| scenario.layout.topology() == topology);
    let stories: Vec<(&Scenario, u64)> =
        scenarios.flat_map(|scenario| depth.seeds(quick, deep).map(move |seed| (scenario, seed))).collect();
    // Only whether it went well is kept: a story is tens of kilobytes, and there may be hundreds of thousands.
    let went_well = side_by_side(&stories, |(scenario, seed)| {
        let faults = faults(*seed);
        let played = play(scenario, *seed, faults).unwrap();
        if !played.as_expected {
            say(&format!("{} seed {seed} {faults:?}: {} {:?}", played.scenario, played.outcome, played.findings));
        }
        played.as_expected
    });
    let wrong = went_well.iter().filter(|well| !**well).count();
    say(&format!("scenarios, {topology}, {depth}: {} stories played, {wrong} wrong", stories.len()));
    assert!(!stories.is_empty() && wrong == 0, "{wrong} of {} went wrong", stories.len());
}

#[test]
fn those_of_a_standby_end_as_they_must() {
    all_end_as_they_must("standby", 4, 6);
}

#[test]
fn those_of_a_group_end_as_they_must() {
    all_end_as_they_must("auto-scaling", 4, 8);
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
    let text = |name, seed| serde_json::to_string(&play(named(name).unwrap(), seed, faults(seed)).unwrap()).unwrap();
    for name in ["throttled", "group-replacement-dies"] {
        assert_eq!(text(name, 7), text(name, 7));
        assert_eq!(text(name, 8), text(name, 8));
        assert_ne!(text(name, 7), text(name, 8));
    }
}
