//! People at work in the account of a service under control, with boto3, while the built Lambda looks after it behind the served region.
//!
//! The controller's clock is the machine's, however fast the region's time runs: durations of the spec last as long as they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;

use failover_tests::served::{Served, asked_by};
use failover_tests::tools::built;

/// An invocation's time limit passes as fast as the region's time, and the function takes nothing below 30 s: 37 s are left of 15 minutes.
const SPEED: &str = "24";

/// The size and performance of the adoption are not those that a failover restores.
#[test]
fn a_disk_that_was_enlarged_stays_so_through_a_drill() {
    assert_eq!(played("enlarge"), 3);
}

/// Eleven of them, of a volume and of one that a failover restored, two with the tags of the controller's own copies: ten ticks with
/// `keep_snapshots = 1` leave all of them there, and one of its own.
#[test]
fn backups_with_copied_tags_outlive_retention() {
    assert_eq!(played("back-up"), 5);
}

/// With a newer copy of each volume at hand, of different moments.
#[test]
fn a_zone_lost_in_the_middle_of_a_set_brings_both_volumes_back_to_one_moment() {
    assert_eq!(played("lose-zone"), 4);
}

/// How many of its checks a story of `people.py` passed; none may fail.
fn played(story: &str) -> usize {
    let served = Served::with_lambda(&["--scenario", "sample", "--speed", SPEED]);
    let command = built("failover", "failover-cli");
    asked_by("people.py", &[&served.url, SPEED, utf8(&command), story])
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
