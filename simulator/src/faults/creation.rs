//! Creations that end in `error`: of a volume or a snapshot.

use crate::faults::FaultError;
use crate::state::State;

impl State {
    pub(super) fn fail_snapshot(&mut self, snapshot: Option<String>, next: Option<u32>) -> Result<(), FaultError> {
        match (snapshot, next) {
            (Some(id), None) => match self.snapshots.get_mut(&id) {
                Some(found) if found.state == crate::model::snapshot::SnapshotState::Pending => found.will_fail = true,
                Some(found) => {
                    return Err(FaultError::WrongState { named: id, state: found.state.name(), allowed: "pending" });
                }
                None => {}
            },
            (None, Some(count)) => self.faults.failing_snapshots += count,
            _ => return Err(FaultError::EitherOr { first: "snapshot", second: "next" }),
        }
        Ok(())
    }

    pub(super) fn fail_volume(&mut self, volume: Option<String>, next: Option<u32>) -> Result<(), FaultError> {
        match (volume, next) {
            (Some(id), None) => match self.volumes.get_mut(&id) {
                Some(found) if found.state == crate::model::volume::VolumeState::Creating => found.will_fail = true,
                Some(found) => {
                    return Err(FaultError::WrongState { named: id, state: found.state.name(), allowed: "creating" });
                }
                None => {}
            },
            (None, Some(count)) => self.faults.failing_volumes += count,
            _ => return Err(FaultError::EitherOr { first: "volume", second: "next" }),
        }
        Ok(())
    }
}
