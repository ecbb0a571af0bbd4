//! Crash anywhere: for every scenario the controller is killed before and after every single API call in turn, under virtual time, and
//! started again by the next event or tick. It ends as the scenario must, with one active, no lost data, nothing leaked. The same with
//! every call doubled, every event doubled, and two controllers at once.
#![allow(clippy::unwrap_used, missing_docs)]

use failover_cli::simulate::{Crash, Meddling, Played, SCENARIOS, Scenario, play};
use failover_tests::side_by_side;

/// The seed of the exhaustive runs; `FAILOVER_CRASH_SEED` takes another.
fn seed() -> u64 {
    std::env::var("FAILOVER_CRASH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn report(what: &str, played: &[(String, Played)]) {
    let wrong: Vec<_> = played.iter().filter(|(_, it)| !it.as_expected).collect();
    for (how, it) in wrong.iter().take(20) {
        println!("{} {how}: {} {:?}", it.scenario, it.outcome, it.findings);
    }
    println!("{what}: {} tried, {} wrong", played.len(), wrong.len());
    assert!(wrong.is_empty(), "{what}: {} of {} went wrong", wrong.len(), played.len());
}

#[test]
fn killed_before_and_after_every_single_call() {
    let calls = side_by_side(SCENARIOS, |scenario| play(scenario, seed(), Meddling::default()).unwrap().api_calls);
    assert!(calls.iter().all(|calls| *calls > 0));
    let points: Vec<(&Scenario, Crash)> = SCENARIOS
        .iter()
        .zip(&calls)
        .flat_map(|(scenario, calls)| {
            (1..=*calls).flat_map(move |call| [Crash::Before(call), Crash::After(call)].map(|it| (scenario, it)))
        })
        .collect();
    let played = side_by_side(&points, |(scenario, crash)| {
        let meddling = Meddling { crash: Some(*crash), ..Meddling::default() };
        (format!("{crash:?}"), play(scenario, seed(), meddling).unwrap())
    });
    let crashed = played.iter().filter(|(_, it)| it.crashed).count();
    assert_eq!(crashed, played.len(), "every point must be reached");
    report("crash points", &played);
}

fn meddled(what: &str, meddling: Meddling) {
    let stories: Vec<_> = SCENARIOS.iter().flat_map(|scenario| (1..=5).map(move |seed| (scenario, seed))).collect();
    let played =
        side_by_side(&stories, |(scenario, seed)| (format!("seed {seed}"), play(scenario, *seed, meddling).unwrap()));
    report(what, &played);
}

#[test]
fn every_call_doubled() {
    meddled("calls doubled", Meddling { double_calls: true, ..Meddling::default() });
}

#[test]
fn every_event_doubled() {
    meddled("events doubled", Meddling { double_events: true, ..Meddling::default() });
}

#[test]
fn two_controllers_at_once() {
    meddled("two controllers", Meddling { two_controllers: true, ..Meddling::default() });
}
