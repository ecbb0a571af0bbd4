//! What may happen to events on their way.

use serde::{Deserialize, Serialize};

use super::bounds::{probability, seconds};
use super::error::FaultError;
use crate::state::State;
use crate::timing::distribution::Distribution;

/// A fault that hits events.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EventFault {
    /// They take this much longer, at least and at most.
    Delay {
        /// At least.
        low_seconds: f64,
        /// At most.
        high_seconds: f64,
    },
    /// Those of best effort are lost this often.
    Lose {
        /// 0 to 1.
        probability: f64,
    },
    /// They come twice this often.
    Repeat {
        /// 0 to 1.
        probability: f64,
    },
    /// They are held back this often.
    Reorder {
        /// 0 to 1.
        probability: f64,
    },
}

impl State {
    pub(super) fn hit_events(&mut self, fault: EventFault) -> Result<(), FaultError> {
        let timing = &mut self.timing.events;
        match fault {
            EventFault::Delay { low_seconds, high_seconds } => {
                seconds("low_seconds", low_seconds)?;
                seconds("high_seconds", high_seconds)?;
                timing.delay = Distribution::between(low_seconds, high_seconds.max(low_seconds));
            }
            EventFault::Lose { probability: value } => timing.loss_probability = probability(value)?,
            EventFault::Repeat { probability: value } => timing.duplicate_probability = probability(value)?,
            EventFault::Reorder { probability: value } => timing.reorder_probability = probability(value)?,
        }
        Ok(())
    }
}
