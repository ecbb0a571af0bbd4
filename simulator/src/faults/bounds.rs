//! Bounds of the numbers that faults carry.

use std::time::Duration;

use super::error::FaultError;
use crate::time::RegionTime;
use crate::timing::distribution::seconds_duration;

pub(super) fn probability(value: f64) -> Result<f64, FaultError> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(FaultError::OutOfBounds { name: "probability", value, allowed: "0 to 1" })
    }
}

pub(super) fn seconds(name: &'static str, value: f64) -> Result<Duration, FaultError> {
    if (0.0..=31_536_000.0).contains(&value) {
        Ok(seconds_duration(value))
    } else {
        Err(FaultError::OutOfBounds { name, value, allowed: "0 to 31536000 (a year)" })
    }
}

/// When what lasts for so long ends; without a limit, never.
pub(super) fn end_of(for_seconds: Option<f64>, at: RegionTime) -> Result<RegionTime, FaultError> {
    match for_seconds {
        Some(value) => Ok(at.after(seconds("for_seconds", value)?)),
        None => Ok(RegionTime(u64::MAX)),
    }
}
