//! The swarm: stories that nobody wrote. What holds in every story holds in each of these, and where a controller breaks a rule, they show it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use failover_scenarios::swarm::{shortest, story};
use failover_scenarios::{Breakage, InjectedFaults};
use failover_tests::{Depth, say, side_by_side};

/// Stories that went wrong are shortened, but no more of them than anybody reads.
const MOST_SHORTENED: usize = 3;

#[test]
fn nothing_goes_wrong_whatever_happens() {
    let depth = Depth::asked();
    let seeds: Vec<u64> = depth.seeds(100, 1_000).collect();
    let ends = side_by_side(&seeds, |seed| {
        let played = story(*seed).play().unwrap();
        if !played.as_expected {
            say(&format!("swarm seed {seed}: {} {:?}", played.outcome, played.findings));
        }
        (played.outcome, played.as_expected)
    });
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for (outcome, _) in &ends {
        *outcomes.entry(outcome).or_default() += 1;
    }
    let wrong: Vec<u64> = seeds.iter().zip(&ends).filter(|(_, (_, well))| !well).map(|(seed, _)| *seed).collect();
    say(&format!("swarm, {depth}: {} stories played, {} wrong; {outcomes:?}", seeds.len(), wrong.len()));
    for seed in wrong.iter().take(MOST_SHORTENED) {
        let shortest = shortest(&story(*seed)).unwrap();
        say(&format!("swarm seed {seed}, shortened: {shortest:#?} {:#?}", shortest.play().unwrap().findings));
    }
    assert!(wrong.is_empty(), "{} of {} went wrong: {wrong:?}", wrong.len(), seeds.len());
}

/// A broken controller that is not found within so many stories is not found.
const FOUND_WITHIN: u64 = 500;

/// The first story that shows the rule broken.
fn found_at(breakage: Breakage, rule: &str) -> Option<u64> {
    (1..=FOUND_WITHIN).find(|seed| {
        let mut story = story(*seed);
        story.faults = InjectedFaults { breakage: Some(breakage), ..story.faults };
        story.play().unwrap().findings.iter().any(|finding| finding.rule == rule)
    })
}

/// Checks that can't fail show nothing. That whole controllers keep these rules in the same stories is the other test's.
#[test]
fn each_broken_controller_is_found() {
    // Minutes: in the quick tier written stories find the first of them.
    if Depth::asked() == Depth::Quick {
        return;
    }
    let found = side_by_side(&Breakage::ALL, |(breakage, rule)| found_at(*breakage, rule));
    for ((breakage, rule), seed) in Breakage::ALL.iter().zip(&found) {
        say(&format!("swarm: {breakage:?} breaks {rule:?} in the story of {seed:?}"));
    }
    assert!(found.iter().all(Option::is_some), "not all were found within {FOUND_WITHIN} stories");
}
