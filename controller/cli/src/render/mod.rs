//! How things read for people. Programs take `--output json`.

pub mod html;
pub mod report;
pub mod status;
pub mod table;

use std::fmt::Write as _;

use failover_core::ledger::Target;
use jiff::Timestamp;

/// An instance and where it lives.
pub fn target(target: &Target) -> String {
    format!("{} ({})", target.instance_id, target.zone)
}

/// A moment to the second, in UTC.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Seconds from one moment to another.
pub fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// Adds a line.
pub(crate) fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{content}");
}
