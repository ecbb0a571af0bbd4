//! The newest data, attached to the active instance.

use super::detach;
use super::progress::Progress;
use super::retry::next_observation_of;
use super::view::View;
use crate::ledger::CurrentVolume;
use crate::step::{FailureClass, Step, StepOutcome};
use crate::verdict::Halt;
use crate::world::{AttachmentState, DEVICES, Instance, Part, Sight, VolumeState};

/// Brings the newest data to the active instance; all of it there?
pub(super) fn attach(view: View<'_>, instance: &Instance, progress: &mut Progress<'_>) -> bool {
    let id = &view.ledger.active;
    let mut all = true;
    for (index, current) in view.ledger.current_volumes.values().enumerate() {
        let volume = match view.world.volumes.sight(&current.volume) {
            Sight::Known(volume) => volume,
            // It was seen when it was promoted: an observation that does not show it is one that lags or fails.
            Sight::Absent | Sight::Unknown(_) => {
                all = false;
                progress.wait(Part::Volumes, view.soon(), format!("{} can't be observed", current.volume));
                continue;
            }
        };
        let step = || attach_step(view, instance, current, index);
        match volume.attachment_to(id) {
            Some(attachment) if attachment.state == AttachmentState::Attached => progress.proved([step().key()]),
            // On its way. To ask again in any state but detached mostly fails (aws-facts 2.3).
            Some(attachment) => {
                all = false;
                let step = step();
                let since = view.attempt(&step).map_or(view.now, |attempt| attempt.last_at);
                let again = next_observation_of(view, &step, since);
                progress.wait(
                    Part::Volumes,
                    again,
                    format!("{} is {:?}", current.volume, attachment.state).to_lowercase(),
                );
            }
            None => {
                all = false;
                match volume.attachments.first() {
                    // Nobody but a person can have done that since the fence: it is not taken from them.
                    Some(other) => progress.halt(
                        Halt::VolumeTaken { volume: current.volume.clone(), instance: other.instance.clone() },
                        Part::Volumes,
                    ),
                    // An attach would be refused.
                    None if volume.state == VolumeState::InUse => {
                        detach::await_holder(view, &current.volume, view.ledger.active_since, progress);
                    }
                    None => drop(progress.step(step())),
                }
            }
        }
    }
    all
}

fn attach_step(view: View<'_>, instance: &Instance, current: &CurrentVolume, index: usize) -> Step {
    let step = |device: String| Step::AttachVolume {
        volume: current.volume.clone(),
        instance: view.ledger.active.clone(),
        device,
    };
    // The key names the volume alone: the tries under every device name are counted together.
    let first = step(current.device.clone());
    step(device(view, instance, current, index, &first))
}

/// The device name that the data had before, if the target has it free; after a refusal, the next one.
fn device(view: View<'_>, instance: &Instance, current: &CurrentVolume, index: usize, first: &Step) -> String {
    let taken = |device: &str| instance.devices.iter().any(|(name, id)| name == device && *id != current.volume);
    let refused = view.attempt(first).map_or(0, |attempt| match &attempt.outcome {
        // The name is in use there, or still unusable after a forced detach (aws-facts 2.3).
        StepOutcome::Failed { class: FailureClass::Invalid | FailureClass::Conflict, .. } => attempt.tries as usize,
        _ => 0,
    });
    if refused == 0 && !taken(&current.device) {
        return current.device.clone();
    }
    let free: Vec<&str> = DEVICES.into_iter().filter(|device| !taken(device)).collect();
    let next = free.get((index + refused) % free.len().max(1)).copied();
    next.map_or_else(|| current.device.clone(), str::to_owned)
}
