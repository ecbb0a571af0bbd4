//! What may happen to a zone.

use serde::{Deserialize, Serialize};

use super::bounds::end_of;
use super::error::{FaultError, known};
use crate::model::zone::ZoneLoss;
use crate::state::State;
use crate::state::active_faults::CapacityRefusal;
use crate::time::RegionTime;

/// A fault that hits a zone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ZoneFault {
    /// It goes down.
    Down {
        /// `power` or `network`.
        mode: ZoneLoss,
    },
    /// It comes back.
    Up,
    /// Launches and starts are refused there for lack of capacity.
    RefuseCapacity {
        /// For how long; for ever if absent.
        for_seconds: Option<f64>,
    },
}

impl State {
    pub(super) fn hit_zone(&mut self, name: &str, fault: ZoneFault, at: RegionTime) -> Result<(), FaultError> {
        known("zone", name, self.zones.keys())?;
        match fault {
            ZoneFault::Down { mode } => self.zone_goes_down(name, mode, at),
            ZoneFault::Up => self.zone_comes_up(name, at),
            ZoneFault::RefuseCapacity { for_seconds } => {
                let until = end_of(for_seconds, at)?;
                self.faults.capacity.push(CapacityRefusal { zone: Some(name.to_owned()), instance: None, until });
            }
        }
        Ok(())
    }
}
