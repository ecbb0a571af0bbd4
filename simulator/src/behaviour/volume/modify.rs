//! Elastic Volumes: a volume changes its size, type or performance while it is in use.
//!
//! ```text
//! modifying ─► optimizing ─(seconds)─► the new shape is in effect ─(minutes to hours)─► completed
//!                  └─► failed, by fault: the volume stays as it was
//! ```

use std::time::Duration;

use crate::model::modification::{Modification, ModificationPhase, Shape};
use crate::model::transition::StateTransition;
use crate::model::volume::{Volume, VolumeState};
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::{RegionTime, timestamp};

/// AWS counts modifications in a rolling day.
const RATE_WINDOW: Duration = Duration::from_hours(24);

impl State {
    /// `ModifyVolume`. The caller has checked that such a volume can be.
    pub(crate) fn modify_volume(&mut self, id: &str, target: Shape, at: RegionTime) -> Result<(), ApiError> {
        let Some(volume) = self.volumes.get(id) else { return Ok(()) };
        self.check_modifiable(volume, at)?;
        let used_gib = self.used_gib(id, at);
        let timing = self.timing.volumes.clone();
        let modifying = self.sample(timing.modifying);
        let effect = self.sample(timing.modification_effect);
        let migration = self.sample(timing.optimizing) + self.sample(timing.optimizing_per_used_gib).mul_f64(used_gib);
        let Some(volume) = self.volumes.change(id, at) else { return Ok(()) };
        volume.modified_at.retain(|earlier| at.since(*earlier) < RATE_WINDOW);
        volume.modified_at.push(at);
        volume.modification = Some(Modification {
            original: volume.shape(),
            target,
            phase: ModificationPhase::Modifying,
            started_at: at,
            optimizing_since: None,
            effect,
            optimizing: effect + migration,
            ended_at: None,
            will_fail: false,
        });
        self.schedule.add(at.after(modifying), StateTransition::ModificationGoesOn { volume: id.to_owned() });
        Ok(())
    }

    fn check_modifiable(&self, volume: &Volume, at: RegionTime) -> Result<(), ApiError> {
        let id = &volume.id;
        if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
            return Err(ApiError::client(
                "IncorrectState",
                format!("Volume {id} must be in the available or in-use state to be modified."),
            ));
        }
        if let Some(phase) = volume.modification_under_way() {
            let phase = phase.name().to_ascii_uppercase();
            return Err(ApiError::client(
                "IncorrectModificationState",
                format!("Volume {id} cannot be modified in modification state {phase}"),
            ));
        }
        let counted = || volume.modified_at.iter().filter(|earlier| at.since(**earlier) < RATE_WINDOW);
        if let Some(oldest) = counted().min().filter(|_| counted().count() >= self.timing.volumes.modifications_a_day) {
            let again = timestamp(self.clock.wall(oldest.after(RATE_WINDOW)));
            return Err(ApiError::client(
                "VolumeModificationRateExceeded",
                format!(
                    "You've reached the maximum modification rate per volume limit. Wait until {again} before you can issue the next modification request for this volume."
                ),
            ));
        }
        Ok(())
    }

    /// The next step of a modification.
    pub(crate) fn modification_goes_on(&mut self, id: &str, at: RegionTime) {
        let Some(volume) = self.volumes.change(id, at) else { return };
        let Some(modification) = volume.modification.as_mut() else { return };
        let next = match modification.phase {
            ModificationPhase::Modifying => ModificationPhase::Optimizing,
            ModificationPhase::Optimizing if modification.will_fail => ModificationPhase::Failed,
            ModificationPhase::Optimizing => ModificationPhase::InEffect,
            ModificationPhase::InEffect => ModificationPhase::Completed,
            ModificationPhase::Completed | ModificationPhase::Failed => return,
        };
        modification.phase = next;
        let (started_at, effect, optimizing) = (modification.started_at, modification.effect, modification.optimizing);
        let go_on = StateTransition::ModificationGoesOn { volume: id.to_owned() };
        match next {
            ModificationPhase::Optimizing => {
                modification.optimizing_since = Some(at);
                self.schedule.add(at.after(effect), go_on);
                self.emit_volume(id, "modifyVolume", "optimizing", "", at);
            }
            ModificationPhase::InEffect => {
                let target = modification.target.clone();
                volume.set_shape(target);
                self.schedule.add(at.after(optimizing.saturating_sub(effect)), go_on);
            }
            ModificationPhase::Completed => {
                modification.ended_at = Some(at);
                self.record_transition("modify_volume", id, started_at, at);
                self.emit_volume(id, "modifyVolume", "completed", "", at);
            }
            ModificationPhase::Failed => {
                modification.ended_at = Some(at);
                self.emit_volume(id, "modifyVolume", "failed", "The volume could not be modified.", at);
            }
            ModificationPhase::Modifying => {}
        }
    }
}
