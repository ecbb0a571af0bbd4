//! Imports point inwards: the manifests say which crate may name which, and this test holds them to it. Inside a crate no files lean on each
//! other in a circle, and nothing grows beyond what one can see whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod circles;
mod layers;
mod sizes;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Without code, and needed by all: `features.rs` shows what for.
const FEATURES: &str = "failover-features";

/// What a crate's tests may name beside that: the region imports nothing of ours, so that no circle comes of it.
const FOR_TESTS: [(&str, &str); 3] = [
    ("failover-aws", "failover-simulator"),
    ("failover-engine", "failover-simulator"),
    ("failover-lambda", "failover-simulator"),
];

/// Who may depend on which of our own crates.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("failover-agent", &["failover-aws", "failover-core"]),
    ("failover-core", &[]),
    (FEATURES, &[]),
    ("failover-aws", &["failover-core"]),
    ("failover-engine", &["failover-aws", "failover-core"]),
    ("failover-lambda", &["failover-aws", "failover-core", "failover-engine"]),
    // The region of a scenario is driven through the very code of the Lambda.
    (
        "failover-scenarios",
        &["failover-aws", "failover-core", "failover-engine", "failover-lambda", "failover-simulator"],
    ),
    ("failover-cli", &["failover-aws", "failover-core", "failover-engine", "failover-scenarios", "failover-simulator"]),
    ("failover-simulator", &[]),
    (
        "failover-tests",
        &[
            "failover-agent",
            "failover-aws",
            "failover-cli",
            "failover-core",
            "failover-engine",
            "failover-lambda",
            "failover-scenarios",
            "failover-simulator",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn manifest(path: &Path) -> toml::Table {
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// Name, directory and all dependencies (of every kind) of each member; those for tests only are left out where they may be.
fn members() -> BTreeMap<String, (PathBuf, BTreeSet<String>)> {
    let workspace = manifest(&root().join("Cargo.toml"));
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let read = |member: &toml::Value| {
        let directory = root().join(member.as_str().unwrap());
        let table = manifest(&directory.join("Cargo.toml"));
        let name = table["package"]["name"].as_str().unwrap().to_owned();
        let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
        let tables = kinds.iter().filter_map(|kind| Some((*kind, table.get(*kind)?.as_table()?)));
        let named = tables.flat_map(|(kind, table)| table.keys().map(move |key| (kind, key)));
        let counts = |kind, key: &str| kind != "dev-dependencies" || !FOR_TESTS.contains(&(name.as_str(), key));
        let counted = named.filter(|(kind, key)| counts(*kind, key)).map(|(_, key)| key.clone()).collect();
        (name.clone(), (directory, counted))
    };
    members.iter().map(read).collect()
}

#[test]
fn our_crates_import_only_inwards() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let members = members();
    assert_eq!(members.keys().map(String::as_str).collect::<BTreeSet<_>>(), allowed.keys().copied().collect());
    for (name, (_, dependencies)) in &members {
        let ours = dependencies.iter().filter(|dependency| dependency.starts_with("failover-"));
        for dependency in ours.filter(|dependency| *dependency != FEATURES) {
            assert!(allowed[name.as_str()].contains(&dependency.as_str()), "{name} must not import {dependency}");
        }
    }
}

#[test]
fn only_one_crate_names_an_aws_sdk() {
    for (name, (_, dependencies)) in members() {
        let sdks: Vec<_> = dependencies
            .iter()
            .filter(|dependency| {
                ["aws-sdk-", "aws-config", "aws-smithy-", "aws-types", "aws-runtime"]
                    .iter()
                    .any(|sdk| dependency.starts_with(sdk))
            })
            .collect();
        assert!(name == "failover-aws" || sdks.is_empty(), "{name} names {sdks:?}");
    }
}

#[test]
fn the_core_is_pure() {
    let members = members();
    let (directory, dependencies) = &members["failover-core"];
    for impure in ["tokio", "futures", "fastrand", "rand", "reqwest", "hyper", "tracing"] {
        assert!(!dependencies.contains(impure), "the core must not import {impure}");
    }
    let mut files = Vec::new();
    sources(&directory.join("src"), &mut files);
    assert!(files.len() > 10, "the core's sources were not found");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for impure in [
            "async fn",
            "async move",
            ".await",
            "Timestamp::now",
            "SystemTime::now",
            "Instant::now",
            "std::env",
            "std::fs",
            "std::net",
        ] {
            assert!(!text.contains(impure), "{} contains {impure}", file.display());
        }
    }
}

fn sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Features are named once, in the workspace: one that only a member asks for would compile the SDKs twice.
#[test]
fn members_add_no_features_of_their_own() {
    for (name, (directory, _)) in members() {
        let table = manifest(&directory.join("Cargo.toml"));
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (dependency, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                let plain = value.as_table().is_some_and(|table| table.len() == 1 && table.contains_key("workspace"));
                assert!(plain, "{name}: {dependency} is not just `workspace = true`");
            }
        }
    }
}
