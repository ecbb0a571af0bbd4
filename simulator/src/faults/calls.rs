//! What may happen to calls: refused, unanswered, slow, or shown the past.

use serde::{Deserialize, Serialize};

use super::bounds::{probability, seconds};
use super::error::FaultError;
use crate::state::State;
use crate::state::active_faults::{ActionEffect, ActionFault, ThrottleFault};
use crate::time::RegionTime;

/// A fault that hits calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CallFault {
    /// Calls are answered with `RequestLimitExceeded`.
    Throttle {
        /// Only this action.
        action: Option<String>,
        /// For how long.
        for_seconds: f64,
        /// How often, 0 to 1.
        probability: f64,
    },
    /// The next calls of an action fail.
    Fail {
        /// The action.
        action: String,
        /// The error's code.
        code: String,
        /// The HTTP status.
        status: u16,
        /// How many calls.
        count: u32,
        /// Fail after the effect instead of before it.
        #[serde(default)]
        after_effect: bool,
    },
    /// The next calls of an action are never answered.
    Hang {
        /// The action.
        action: String,
        /// How many calls.
        count: u32,
        /// Hang after the effect instead of before it.
        #[serde(default)]
        after_effect: bool,
    },
    /// The next calls of an action take longer.
    Slow {
        /// The action.
        action: String,
        /// By how much.
        seconds: f64,
        /// How many calls.
        count: u32,
    },
    /// Every EC2 read shows the past, up to this long ago; zero brings back the timing model.
    StaleReads {
        /// At most.
        lag_seconds: f64,
    },
}

impl State {
    pub(super) fn hit_calls(&mut self, fault: CallFault, at: RegionTime) -> Result<(), FaultError> {
        match fault {
            CallFault::Throttle { action, for_seconds, probability: value } => {
                let until = at.after(seconds("for_seconds", for_seconds)?);
                self.faults.throttles.push(ThrottleFault { action, until, probability: probability(value)? });
            }
            CallFault::Fail { action, code, status, count, after_effect } => {
                if !(400..=599).contains(&status) {
                    let value = f64::from(status);
                    return Err(FaultError::OutOfBounds { name: "status", value, allowed: "400 to 599" });
                }
                self.hit_action(action, count, ActionEffect::Fail { code, status, after_effect });
            }
            CallFault::Hang { action, count, after_effect } => {
                self.hit_action(action, count, ActionEffect::Hang { after_effect });
            }
            CallFault::Slow { action, seconds: value, count } => {
                seconds("seconds", value)?;
                self.hit_action(action, count, ActionEffect::Slow { seconds: value });
            }
            CallFault::StaleReads { lag_seconds } => {
                let lag = seconds("lag_seconds", lag_seconds)?;
                self.faults.stale_reads_seconds = (!lag.is_zero()).then_some(lag_seconds);
                self.instances.remember(lag);
                self.volumes.remember(lag);
                self.snapshots.remember(lag);
                self.addresses.remember(lag);
                self.scaling.groups.remember(lag);
            }
        }
        Ok(())
    }

    fn hit_action(&mut self, action: String, left: u32, effect: ActionEffect) {
        self.faults.actions.push(ActionFault { action, left, effect });
    }
}
