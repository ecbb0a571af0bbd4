//! Time as a value: nothing here reads a clock. An amount that does not fit counts as the most that does.

use jiff::{SignedDuration, Timestamp};

/// A number of seconds, as specs, reports and leases have it.
pub fn seconds(count: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(count).unwrap_or(i64::MAX))
}

/// So long after `at`.
pub fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    // Only a calendar span can fail here, and this is none.
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
