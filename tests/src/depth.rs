//! How deep the tests go: `FAILOVER_DEPTH`, which nothing else reads.
#![allow(clippy::panic)] // A test that was asked for something that there is not must not pass for having done it.

use std::fmt;
use std::ops::RangeInclusive;

/// What says how deep the tests go.
pub const VARIABLE: &str = "FAILOVER_DEPTH";

/// How deep the tests go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Minutes: every scenario, a sample of the crash points, everything once.
    Quick,
    /// Every crash point of a standby, more of a group's, more seeds of everything.
    Deep {
        /// How many times as many seeds; above 1 it takes as many times as long.
        times: u64,
    },
}

/// A text that names no depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownDepth(String);

impl Depth {
    /// The depth that was asked for.
    ///
    /// # Panics
    /// If it is none: see [`UnknownDepth`].
    pub fn asked() -> Self {
        match std::env::var_os(VARIABLE) {
            None => Self::Quick,
            Some(text) => Self::parse(&text.to_string_lossy()).unwrap_or_else(|error| panic!("{error}")),
        }
    }

    fn parse(text: &str) -> Result<Self, UnknownDepth> {
        match (text, text.strip_prefix("deep:").map(str::parse)) {
            ("quick", _) => Ok(Self::Quick),
            ("deep", _) => Ok(Self::Deep { times: 1 }),
            (_, Some(Ok(times))) if times > 0 => Ok(Self::Deep { times }),
            _ => Err(UnknownDepth(text.to_owned())),
        }
    }

    /// The seeds to play, by how many there are of them in either tier.
    pub fn seeds(self, quick: u64, deep: u64) -> RangeInclusive<u64> {
        match self {
            Self::Quick => 1..=quick,
            Self::Deep { times } => 1..=deep.saturating_mul(times),
        }
    }

    /// Every how many-th of something is tried.
    pub fn stride(self, quick: u64, deep: u64) -> u64 {
        match self {
            Self::Quick => quick,
            Self::Deep { .. } => deep,
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quick => f.write_str("quick"),
            Self::Deep { times: 1 } => f.write_str("deep"),
            Self::Deep { times } => write!(f, "deep:{times}"),
        }
    }
}

impl fmt::Display for UnknownDepth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(
            f,
            "{VARIABLE}={text} is no depth; allowed are quick (as without it), deep, and deep:N for N times as many seeds"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for depth in [Depth::Quick, Depth::Deep { times: 1 }, Depth::Deep { times: 20 }] {
            assert_eq!(Depth::parse(&depth.to_string()), Ok(depth));
        }
        assert_eq!(Depth::parse("deep:1"), Ok(Depth::Deep { times: 1 }));
    }

    #[test]
    fn what_is_no_depth_is_told_what_is_allowed() {
        for wrong in ["", "Deep", "deeper", "deep:", "deep:0", "deep:-1", "deep:1.5", "quick:2", "5000"] {
            let error = Depth::parse(wrong).map_err(|error| error.to_string());
            let told =
                error.as_ref().is_err_and(|text| ["quick", "deep", "deep:N", wrong].iter().all(|it| text.contains(it)));
            assert!(told, "{wrong}: {error:?}");
        }
    }

    #[test]
    fn only_the_seeds_are_multiplied() {
        let deep = Depth::Deep { times: 100 };
        assert_eq!((deep.seeds(4, 50), deep.stride(96, 12)), (1..=5000, 12));
        assert_eq!((Depth::Quick.seeds(4, 50), Depth::Quick.stride(96, 12)), (1..=4, 96));
    }
}
