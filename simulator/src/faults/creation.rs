//! Creations of volumes and snapshots that fail: of one under way, or of the next few. Beside them, modifications of volumes.

use serde::{Deserialize, Serialize};

use super::error::{FaultError, known};
use crate::model::snapshot::SnapshotState;
use crate::model::volume::VolumeState;
use crate::state::State;

/// A fault that hits a volume.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VolumeFault {
    /// Its creation, which is under way, ends in `error`.
    FailCreation,
    /// Its modification, which is under way, ends in `failed`: the volume stays as it was.
    FailModification,
}

/// A fault that hits a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SnapshotFault {
    /// Its creation, which is under way, ends in `error`.
    FailCreation,
}

/// A fault that hits what is yet to be created.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CreationFault {
    /// The next volumes end in `error`.
    FailVolumes {
        /// How many.
        count: u32,
    },
    /// The next snapshots end in `error`.
    FailSnapshots {
        /// How many.
        count: u32,
    },
    /// The keys of the next volumes that are created with one turn out to be unusable: the calls succeed, then the volumes vanish, and their
    /// client tokens are spoilt.
    FailKeys {
        /// How many volumes.
        count: u32,
    },
}

impl State {
    pub(super) fn hit_volume(&mut self, id: &str, fault: VolumeFault) -> Result<(), FaultError> {
        known("volume", id, &self.volumes.ids())?;
        let Some(found) = self.volumes.get_mut(id) else { return Ok(()) };
        match fault {
            VolumeFault::FailCreation if found.state == VolumeState::Creating => found.will_fail = true,
            VolumeFault::FailCreation => {
                let state = found.state.name();
                return Err(FaultError::WrongState { named: id.to_owned(), state, allowed: "creating" });
            }
            VolumeFault::FailModification => match found.modification.as_mut() {
                Some(modification) if modification.phase.may_fail() => modification.will_fail = true,
                _ => {
                    let state = found.modification.as_ref().map_or("not being modified", |last| last.phase.name());
                    let allowed = "modifying, or optimizing and not yet changed";
                    return Err(FaultError::WrongState { named: id.to_owned(), state, allowed });
                }
            },
        }
        Ok(())
    }

    pub(super) fn hit_snapshot(&mut self, id: &str, fault: SnapshotFault) -> Result<(), FaultError> {
        known("snapshot", id, &self.snapshots.ids())?;
        let Some(found) = self.snapshots.get_mut(id) else { return Ok(()) };
        match fault {
            SnapshotFault::FailCreation if found.state == SnapshotState::Pending => found.will_fail = true,
            SnapshotFault::FailCreation => {
                let state = found.state.name();
                return Err(FaultError::WrongState { named: id.to_owned(), state, allowed: "pending" });
            }
        }
        Ok(())
    }

    pub(super) fn hit_creations(&mut self, fault: CreationFault) {
        match fault {
            CreationFault::FailVolumes { count } => self.faults.failing_volumes += count,
            CreationFault::FailSnapshots { count } => self.faults.failing_snapshots += count,
            CreationFault::FailKeys { count } => self.faults.failing_keys += count,
        }
    }
}
