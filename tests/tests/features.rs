//! Whichever member is built, alone or with all, for use or for tests: each dependency is compiled with the same features,
//! so that what was compiled once (the AWS SDKs take minutes) serves every build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What Cargo compiles for a build (`cargo build`), and for its tests too (`cargo test`).
const KINDS: [&str; 2] = ["normal,build", "normal,build,dev"];

/// The features of each package; more than one set where Cargo compiles it twice, for use and for build scripts.
type Features = BTreeMap<String, BTreeSet<String>>;

/// `which`: whose build is asked about; nothing: the default members', which `cargo run` builds.
fn resolved(which: &[&str], kinds: &str) -> Features {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["tree", "--offline", "--locked", "--edges", kinds, "--prefix", "none", "--format", "{p}|{f}"])
        .args(which)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut features = Features::new();
    for line in String::from_utf8(output.stdout).unwrap().lines().filter(|line| !line.is_empty()) {
        let (package, of_it) = line.split_once('|').unwrap();
        features.entry(package.to_owned()).or_default().insert(of_it.trim_end_matches(" (*)").trim().to_owned());
    }
    assert!(features.len() > 5, "a build of {which:?} with {} packages", features.len());
    features
}

/// What this build would compile again although all together have compiled it.
fn compiled_again(build: &Features, all: &Features) -> Vec<String> {
    let other = build.iter().filter(|(package, features)| !features.is_subset(&all[*package]));
    other.map(|(package, features)| format!("{package}: {features:?} instead of {:?}", all[package])).collect()
}

fn members() -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["metadata", "--offline", "--locked", "--no-deps", "--format-version", "1"])
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_build_asks_for_the_same_features() {
    let all = resolved(&["--workspace"], KINDS[1]);
    assert!(all.keys().any(|package| package.starts_with("aws-sdk-ec2 ")), "the SDKs were not found");
    let members = members();
    assert!(members.len() > 5, "{members:?}");
    let mut builds: Vec<Vec<&str>> = members.iter().map(|member| vec!["--package", member.as_str()]).collect();
    builds.extend([vec!["--workspace"], vec![]]);
    let mut faults = Vec::new();
    for build in &builds {
        for kinds in KINDS {
            let again = compiled_again(&resolved(build, kinds), &all);
            faults.extend(again.into_iter().map(|fault| format!("{} ({kinds}): {fault}", build.join(" "))));
        }
    }
    assert!(faults.is_empty(), "name these features in the root manifest, or a member there:\n{}", faults.join("\n"));
}

/// The comparison itself: it sees one feature less.
#[test]
fn a_missing_feature_is_seen() {
    let features = |of_tokio: &str| Features::from([("tokio v1".into(), BTreeSet::from([of_tokio.to_owned()]))]);
    assert_eq!(compiled_again(&features("fs,net"), &features("fs,net")), Vec::<String>::new());
    assert_eq!(compiled_again(&features("net"), &features("fs,net")), [r#"tokio v1: {"net"} instead of {"fs,net"}"#]);
}
