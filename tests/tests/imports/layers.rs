//! The simulator's layers: each knows those before it.

use crate::circles::{arrows, read_sources};

/// The top modules of the simulator, the lowest first. What each is, its `lib.rs` says.
const LAYERS: [&str; 16] = [
    "time",
    "protocol",
    "timing",
    "model",
    "setup",
    "truth",
    "state",
    "events",
    "behaviour",
    "faults",
    "services",
    "readable",
    "region",
    "imds",
    "provision",
    "serve",
];

/// The layer of a file; none for the root, which only names the layers.
fn layer(file: &str) -> Option<usize> {
    let name = file.split('/').next().unwrap().trim_end_matches(".rs");
    let found = LAYERS.iter().position(|layer| *layer == name);
    assert!(found.is_some() || name == "lib", "{file} is in no layer");
    found
}

#[test]
fn the_simulators_layers_know_those_before_them_only() {
    let (directory, _) = &crate::members()["failover-simulator"];
    let arrows = arrows(&read_sources(&directory.join("src")));
    assert!(arrows.len() > 200, "the simulator's imports were not found");
    let upward: Vec<_> = arrows.iter().filter(|(file, other)| layer(file) < layer(other)).collect();
    assert!(upward.is_empty(), "these lean on a higher layer: {upward:#?}");
}
