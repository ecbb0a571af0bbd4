//! A story depends on its seed alone: not on what was played before it on the same thread, nor on how much is logged.
#![allow(clippy::unwrap_used, missing_docs)]

use failover_scenarios::{InjectedFaults, named, play_traced};
use failover_tests::say;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Wants every span and event, as `RUST_LOG=trace` does, and keeps none.
struct Everything;

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What came of a story, and each call of it, one a line.
fn story(name: &str, seed: u64) -> Vec<String> {
    let faults = InjectedFaults { background: true, ..InjectedFaults::default() };
    let (played, calls) = play_traced(named(name).unwrap(), seed, faults).unwrap();
    let calls = calls.iter().map(|call| serde_json::to_string(call).unwrap());
    calls.chain([serde_json::to_string(&played).unwrap()]).collect()
}

/// Where two stories part.
fn difference(one: &[String], other: &[String]) -> Option<String> {
    let parts = one.iter().zip(other).enumerate().find(|(_, (one, other))| one != other);
    let parts = parts.map(|(line, (one, other))| format!("line {line}:\n  {one}\n  {other}"));
    parts.or_else(|| (one.len() != other.len()).then(|| format!("{} and {} lines", one.len(), other.len())))
}

/// Stories in which calls are repeated, refused, late and unanswered.
const STORIES: [(&str, u64); 6] = [
    ("old-side-returns", 32),
    ("group-rebalance", 3),
    ("throttled", 8),
    ("answers-lost", 5),
    ("group-several-volumes", 12),
    ("group-first-launch", 4),
];

#[test]
fn a_story_is_the_same_after_any_other() {
    let alone: Vec<_> =
        STORIES.map(|(name, seed)| std::thread::spawn(move || story(name, seed)).join().unwrap()).into_iter().collect();
    for (index, (name, seed)) in STORIES.into_iter().enumerate() {
        let (between, its_seed) = STORIES[(index + 1) % STORIES.len()];
        for turn in ["first", "second"] {
            let again = story(name, seed);
            let parts = difference(&alone[index], &again);
            assert!(parts.is_none(), "{name} seed {seed}, {turn} time: {}", parts.unwrap_or_default());
            let _ = story(between, its_seed);
        }
        say(&format!("{name} seed {seed}: {} calls", alone[index].len() - 1));
    }
}

#[test]
fn a_story_is_the_same_however_much_is_logged() {
    for (name, seed) in STORIES {
        let quiet = story(name, seed);
        let loud = tracing::subscriber::with_default(Everything, || story(name, seed));
        let parts = difference(&quiet, &loud);
        assert!(parts.is_none(), "{name} seed {seed}: {}", parts.unwrap_or_default());
    }
}
