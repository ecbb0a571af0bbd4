//! How long something takes: a distribution that a seeded generator samples.

use std::time::Duration;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

/// A distribution of durations, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Fixed {
        /// The duration.
        seconds: f64,
    },
    /// Evenly between two bounds.
    Uniform {
        /// Lower bound.
        low_seconds: f64,
        /// Upper bound.
        high_seconds: f64,
    },
    /// Mostly evenly between two bounds; rarely between the upper one and the end of a long tail.
    LongTail {
        /// Lower bound.
        low_seconds: f64,
        /// Upper bound of the usual case.
        high_seconds: f64,
        /// How often the tail is drawn, 0 to 1.
        tail_probability: f64,
        /// The longest that the tail gets.
        tail_seconds: f64,
    },
}

impl Distribution {
    /// Takes no time at all.
    pub const NONE: Self = Self::Fixed { seconds: 0.0 };

    /// Always `seconds`.
    pub const fn fixed(seconds: f64) -> Self {
        Self::Fixed { seconds }
    }

    /// Evenly between two bounds.
    pub const fn between(low_seconds: f64, high_seconds: f64) -> Self {
        Self::Uniform { low_seconds, high_seconds }
    }

    /// Draws one duration.
    pub fn sample(&self, rng: &mut Rng) -> Duration {
        let seconds = match *self {
            Self::Fixed { seconds } => seconds,
            Self::Uniform { low_seconds, high_seconds } => within(rng, low_seconds, high_seconds),
            Self::LongTail { low_seconds, high_seconds, tail_probability, tail_seconds } => {
                if rng.f64() < tail_probability {
                    within(rng, high_seconds, tail_seconds)
                } else {
                    within(rng, low_seconds, high_seconds)
                }
            }
        };
        seconds_duration(seconds)
    }

    /// The longest duration that can be drawn.
    pub fn longest(&self) -> Duration {
        seconds_duration(match *self {
            Self::Fixed { seconds } => seconds,
            Self::Uniform { high_seconds, .. } => high_seconds,
            Self::LongTail { high_seconds, tail_seconds, .. } => high_seconds.max(tail_seconds),
        })
    }
}

fn within(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.f64()
}

/// Seconds as a duration; what is negative or not a number counts as none. Cut to whole microseconds, the unit of region time.
pub(crate) fn seconds_duration(seconds: f64) -> Duration {
    let exact = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    Duration::from_micros(u64::try_from(exact.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stay_within_bounds_and_repeat_with_the_seed() {
        let tail =
            Distribution::LongTail { low_seconds: 1.0, high_seconds: 2.0, tail_probability: 0.2, tail_seconds: 60.0 };
        let draw = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..500).map(|_| tail.sample(&mut rng)).collect::<Vec<_>>()
        };
        let samples = draw(7);
        assert!(samples.iter().all(|sample| *sample >= Duration::from_secs(1) && *sample <= tail.longest()));
        let in_tail = samples.iter().filter(|sample| **sample > Duration::from_secs(2)).count();
        assert!((50..150).contains(&in_tail), "a fifth of 500 should lie in the tail, not {in_tail}");
        assert_eq!(samples, draw(7));
        assert_ne!(samples, draw(8));
    }
}
