//! Numbers with a unit and a range: a value outside it is refused where it is read, with the range in the error.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounded<const MIN: u64, const MAX: u64>(u64);

/// Seconds, whole.
pub type Seconds<const MIN: u64, const MAX: u64> = Bounded<MIN, MAX>;
/// A number of things, such as snapshots.
pub type Count<const MIN: u64, const MAX: u64> = Bounded<MIN, MAX>;
/// A volume's size in GiB: EBS has 1 GiB to 64 TiB.
pub type Gib = Bounded<1, 65_536>;
/// A volume initialization rate in MiB/s: EBS has 100 to 300.
pub type MibPerSecond = Bounded<100, 300>;

impl<const MIN: u64, const MAX: u64> Bounded<MIN, MAX> {
    /// A number that is known to be in range; one that isn't is moved to the nearer end.
    pub const fn of(value: u64) -> Self {
        Self(if value < MIN {
            MIN
        } else if value > MAX {
            MAX
        } else {
            value
        })
    }

    /// The number, within its bounds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number, as seconds.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl<const MIN: u64, const MAX: u64> fmt::Display for Bounded<MIN, MAX> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<const MIN: u64, const MAX: u64> Serialize for Bounded<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Bounded<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = i64::deserialize(deserializer)?;
        match u64::try_from(value) {
            Ok(value) if (MIN..=MAX).contains(&value) => Ok(Self(value)),
            _ => Err(serde::de::Error::custom(format!("{value} is out of range: allowed is {MIN} to {MAX}"))),
        }
    }
}
