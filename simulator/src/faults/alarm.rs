//! What may happen to an alarm.

use serde::{Deserialize, Serialize};

use super::error::{FaultError, known};
use crate::model::alarm::AlarmState;
use crate::state::State;
use crate::time::RegionTime;

/// A fault that hits an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AlarmFault {
    /// It changes its state, until its next evaluation.
    Set {
        /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
        state: AlarmState,
    },
}

impl State {
    pub(super) fn hit_alarm(&mut self, name: &str, fault: AlarmFault, at: RegionTime) -> Result<(), FaultError> {
        known("alarm", name, self.alarms.by_name.keys())?;
        match fault {
            AlarmFault::Set { state } => {
                self.set_alarm_state(name, state, "Set by fault injection.".to_owned(), String::new(), at);
            }
        }
        Ok(())
    }
}
