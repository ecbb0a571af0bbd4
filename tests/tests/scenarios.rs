//! Every scenario, over several seeds: it ends as it must, and the region's ground truth agrees.
#![allow(clippy::unwrap_used, missing_docs)]

use failover_cli::simulate::{Meddling, SCENARIOS, play};
use failover_tests::side_by_side;

/// Seeds per scenario; `FAILOVER_SEEDS` asks for more.
const SEEDS: u64 = 10;

fn seeds() -> u64 {
    std::env::var("FAILOVER_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS)
}

#[test]
fn every_scenario_ends_as_it_must() {
    let stories: Vec<_> =
        SCENARIOS.iter().flat_map(|scenario| (1..=seeds()).map(move |seed| (scenario, seed))).collect();
    let played = side_by_side(&stories, |(scenario, seed)| play(scenario, *seed, Meddling::default()).unwrap());
    let wrong: Vec<_> = played.iter().filter(|it| !it.as_expected).collect();
    for it in &wrong {
        println!("{} seed {}: {} {:?}", it.scenario, it.seed, it.outcome, it.findings);
    }
    println!("{} stories played, {} wrong", played.len(), wrong.len());
    assert!(wrong.is_empty());
}

/// A drill must really have been one: a scenario that is refused every time would show nothing.
#[test]
fn without_crashes_every_drill_is_done() {
    for scenario in SCENARIOS.iter().filter(|it| matches!(it.expect, failover_cli::simulate::Expect::DrillIn(_))) {
        let played = play(scenario, 1, Meddling::default()).unwrap();
        assert_eq!(played.outcome, "done", "{}: {:?}", scenario.name, played.report);
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let text = |seed| {
        let scenario = failover_cli::simulate::named("throttled").unwrap();
        serde_json::to_string(&play(scenario, seed, Meddling::default()).unwrap()).unwrap()
    };
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}
