//! Crash anywhere: for every scenario the controller is killed before and after its API calls in turn, under virtual time, and started
//! again by the next event or tick. It ends as the scenario must, with one active, no lost data, nothing leaked. The same with every call
//! doubled, every event doubled, and two controllers at once.
//!
//! With standbys every single call is tried. Stories of Auto Scaling groups have several times as many calls: one run tries every
//! `GROUP_STRIDE`-th of their points, beginning at another one for every seed, so that as many seeds as the stride is long try them all.
#![allow(clippy::unwrap_used, missing_docs)]

use failover_scenarios::{Crash, InjectedFaults, Played, SCENARIOS, Scenario, play};
use failover_tests::{say, side_by_side};

/// Every how many-th point of a story of a group is tried, at least.
const GROUP_STRIDE: u64 = 12;

/// The seed of the exhaustive runs; `FAILOVER_CRASH_SEED` takes another.
fn seed() -> u64 {
    std::env::var("FAILOVER_CRASH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Every how many-th point is tried; `FAILOVER_CRASH_STRIDE` says another number for all, 1 is every single one.
fn stride(scenario: &Scenario) -> u64 {
    let asked = std::env::var("FAILOVER_CRASH_STRIDE").ok().and_then(|text| text.parse().ok()).filter(|it| *it > 0);
    asked.unwrap_or(if scenario.layout.topology() == "standby" { 1 } else { GROUP_STRIDE })
}

/// The points of a story of so many calls: before and after each of them, or a walk over them whose step has no divisor in common with
/// their number, so that it meets no point twice, and calls of every kind, before and after.
fn points(calls: u64, stride: u64, seed: u64) -> Vec<Crash> {
    let all = calls * 2;
    let step = (stride..=stride + all).find(|step| greatest_common_divisor(*step, all) == 1).unwrap_or(1);
    let point = |index: u64| {
        let call = index / 2 + 1;
        if index.is_multiple_of(2) { Crash::Before(call) } else { Crash::After(call) }
    };
    (0..all.div_ceil(stride)).map(|index| point((seed + index * step) % all)).collect()
}

fn greatest_common_divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

/// Plays a story; what is wrong is told at once, not only at the end of a long run.
fn tell(scenario: &Scenario, seed: u64, faults: InjectedFaults) -> Played {
    let played = play(scenario, seed, faults).unwrap();
    if !played.as_expected {
        println!("{} seed {seed} {faults:?}: {} {:?}", played.scenario, played.outcome, played.findings);
    }
    played
}

fn report(what: &str, played: &[Played]) {
    let wrong = played.iter().filter(|it| !it.as_expected).count();
    say(&format!("{what}: {} tried, {wrong} wrong", played.len()));
    assert!(wrong == 0, "{what}: {wrong} of {} went wrong", played.len());
}

fn killed(topology: &str) {
    let scenarios: Vec<&Scenario> = SCENARIOS.iter().filter(|it| it.layout.topology() == topology).collect();
    let calls =
        side_by_side(&scenarios, |scenario| play(scenario, seed(), InjectedFaults::default()).unwrap().api_calls);
    assert!(calls.iter().all(|calls| *calls > 0));
    let points: Vec<(&Scenario, Crash)> = scenarios
        .iter()
        .zip(&calls)
        .flat_map(|(scenario, calls)| {
            points(*calls, stride(scenario), seed()).into_iter().map(|crash| (*scenario, crash))
        })
        .collect();
    let all = calls.iter().sum::<u64>() * 2;
    say(&format!("{topology}: {} of {all} points of {} scenarios", points.len(), scenarios.len()));
    let played = side_by_side(&points, |(scenario, crash)| {
        tell(scenario, seed(), InjectedFaults { crash: Some(*crash), ..InjectedFaults::default() })
    });
    for (it, (_, crash)) in played.iter().zip(&points).filter(|(it, _)| !it.crashed) {
        println!("{}: {crash:?} was not reached, {} calls", it.scenario, it.api_calls);
    }
    let crashed = played.iter().filter(|it| it.crashed).count();
    assert_eq!(crashed, played.len(), "every point must be reached");
    report(&format!("crash points, {topology}"), &played);
}

#[test]
fn killed_before_and_after_every_single_call() {
    killed("standby");
}

#[test]
fn killed_before_and_after_calls_for_a_group() {
    killed("auto-scaling");
}

#[test]
fn a_walk_meets_no_point_twice_and_all_of_them_with_stride_one() {
    for calls in 1..100 {
        for stride in [1, 2, 12] {
            let mut met = points(calls, stride, 7);
            let tried = met.len();
            met.sort_by_key(|crash| format!("{crash:?}"));
            met.dedup();
            assert_eq!(met.len(), tried);
            assert_eq!(tried as u64, (calls * 2).div_ceil(stride));
        }
    }
}

fn with(what: &str, faults: InjectedFaults) {
    let stories: Vec<_> = SCENARIOS.iter().flat_map(|scenario| (1..=5).map(move |seed| (scenario, seed))).collect();
    report(what, &side_by_side(&stories, |(scenario, seed)| tell(scenario, *seed, faults)));
}

#[test]
fn every_call_doubled() {
    with("calls doubled", InjectedFaults { double_calls: true, ..InjectedFaults::default() });
}

#[test]
fn every_event_doubled() {
    with("events doubled", InjectedFaults { double_events: true, ..InjectedFaults::default() });
}

#[test]
fn two_controllers_at_once() {
    with("two controllers", InjectedFaults { two_controllers: true, ..InjectedFaults::default() });
}
