//! Crash anywhere: for every scenario the controller is killed before and after its API calls in turn, under virtual time, and started
//! again by the next event or tick. It ends as the scenario must, with one active, no lost data, nothing leaked. The same with every call
//! doubled, every event doubled, and two controllers at once.
//!
//! The deep tier tries every single call with standbys. Where only every so many-th point is tried, that is a walk that begins at another
//! one for every seed, so that as many seeds as the stride is long try them all.
#![allow(clippy::unwrap_used, missing_docs)]

use failover_scenarios::{Crash, InjectedFaults, Played, SCENARIOS, Scenario, play};
use failover_tests::{Depth, say, side_by_side};

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
        say(&format!("{} seed {seed} {faults:?}: {} {:?}", played.scenario, played.outcome, played.findings));
    }
    played
}

/// One of a seed's points; whether it was reached, and ended as it must.
fn is_survived(scenario: &Scenario, seed: u64, crash: Crash) -> bool {
    let played = tell(scenario, seed, InjectedFaults { crash: Some(crash), ..InjectedFaults::default() });
    if !played.crashed {
        say(&format!("{} seed {seed}: {crash:?} was not reached, {} calls", played.scenario, played.api_calls));
    }
    played.crashed && played.as_expected
}

/// Kills the controller at every so many-th point of a topology's stories, in either tier.
fn killed(topology: &str, quick: u64, deep: u64) {
    let depth = Depth::asked();
    let stride = depth.stride(quick, deep);
    let scenarios: Vec<&Scenario> = SCENARIOS.iter().filter(|it| it.layout.topology() == topology).collect();
    for seed in depth.seeds(1, 1) {
        let calls =
            side_by_side(&scenarios, |scenario| play(scenario, seed, InjectedFaults::default()).unwrap().api_calls);
        assert!(!calls.is_empty() && calls.iter().all(|calls| *calls > 0));
        let of_each = scenarios.iter().zip(&calls);
        let points: Vec<(&Scenario, Crash)> = of_each
            .flat_map(|(scenario, calls)| points(*calls, stride, seed).into_iter().map(|crash| (*scenario, crash)))
            .collect();
        let survived = side_by_side(&points, |(scenario, crash)| is_survived(scenario, seed, *crash));
        let wrong = survived.iter().filter(|survived| !**survived).count();
        let all = calls.iter().sum::<u64>() * 2;
        let (tried, of) = (points.len(), scenarios.len());
        say(&format!(
            "crash points, {topology}, {depth}, seed {seed}: {tried} of {all} of {of} scenarios, {wrong} wrong"
        ));
        assert!(wrong == 0, "{wrong} of {tried} went wrong");
    }
}

#[test]
fn killed_before_and_after_calls_with_standbys() {
    killed("standby", 64, 1);
}

/// Their stories have several times as many calls.
#[test]
fn killed_before_and_after_calls_for_a_group() {
    killed("auto-scaling", 192, 48);
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

/// Every scenario with faults that go on throughout.
fn with(what: &str, faults: InjectedFaults) {
    let depth = Depth::asked();
    let seeds = depth.seeds(1, 2);
    let stories: Vec<(&Scenario, u64)> =
        SCENARIOS.iter().flat_map(|scenario| seeds.clone().map(move |seed| (scenario, seed))).collect();
    let played = side_by_side(&stories, |(scenario, seed)| tell(scenario, *seed, faults).as_expected);
    let wrong = played.iter().filter(|as_expected| !**as_expected).count();
    say(&format!("{what}, {depth}: {} stories played, {wrong} wrong", stories.len()));
    assert!(wrong == 0, "{what}: {wrong} of {} went wrong", stories.len());
}

#[test]
fn every_call_doubled() {
    with("every call doubled", InjectedFaults { double_calls: true, ..InjectedFaults::default() });
}

#[test]
fn every_event_doubled() {
    with("every event doubled", InjectedFaults { double_events: true, ..InjectedFaults::default() });
}

#[test]
fn two_controllers_at_once() {
    with("two controllers", InjectedFaults { two_controllers: true, ..InjectedFaults::default() });
}
