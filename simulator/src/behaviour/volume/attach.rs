//! Attachments: how a volume comes to an instance, and which ones it has.

use crate::model::instance::InstanceState;
use crate::model::modification::ModificationPhase;
use crate::model::transition::StateTransition;
use crate::model::volume::{Attachment, AttachmentState, Volume, VolumeState};
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;

use super::create::disabled_key_text;

impl State {
    /// `AttachVolume`, in the order in which AWS's own messages suggest the checks.
    pub(crate) fn attach_volume(
        &mut self,
        id: &str,
        instance_id: &str,
        device: &str,
        at: RegionTime,
    ) -> Result<(), ApiError> {
        let (Some(volume), Some(instance)) = (self.volumes.get(id), self.instances.get(instance_id)) else {
            return Ok(());
        };
        if !matches!(instance.state, InstanceState::Running | InstanceState::Stopped) {
            return Err(ApiError::client("IncorrectState", format!("Instance '{instance_id}' is not 'running'.")));
        }
        if volume.zone != instance.zone {
            return Err(ApiError::client(
                "InvalidVolume.ZoneMismatch",
                format!("The volume '{id}' is not in the same availability zone as instance '{instance_id}'"),
            ));
        }
        match volume.state {
            VolumeState::Available => {}
            VolumeState::InUse => {
                return Err(ApiError::client("VolumeInUse", format!("{id} is already attached to an instance")));
            }
            VolumeState::Creating | VolumeState::Deleting | VolumeState::Error => {
                return Err(ApiError::client("IncorrectState", format!("{id} is not 'available'.")));
            }
        }
        if volume.modification_under_way() == Some(ModificationPhase::Modifying) {
            return Err(ApiError::client(
                "OperationNotPermitted",
                format!("Cannot attach volume {id} when it is in modification state: MODIFYING"),
            ));
        }
        self.check_device_free(instance_id, instance.root_device, device)?;
        let stopped = instance.state == InstanceState::Stopped;
        self.put_attachment(id, instance_id, device, AttachmentState::Attaching, at);
        let distribution = if stopped { self.timing.volumes.detach_from_stopped } else { self.timing.volumes.attach };
        let duration = self.sample(distribution);
        let generation = self.volumes.get(id).map_or(0, |volume| volume.generation);
        self.schedule.add(at.after(duration), StateTransition::VolumeAttached { volume: id.to_owned(), generation });
        Ok(())
    }

    fn check_device_free(&self, instance_id: &str, root_device: &str, device: &str) -> Result<(), ApiError> {
        let taken = self.volumes_of(instance_id).any(|(_, attachment)| attachment.device == device);
        if taken || device == root_device {
            return Err(ApiError::client(
                "InvalidParameterValue",
                format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"),
            ));
        }
        Ok(())
    }

    /// Binds a volume to an instance.
    pub(crate) fn put_attachment(
        &mut self,
        id: &str,
        instance_id: &str,
        device: &str,
        state: AttachmentState,
        at: RegionTime,
    ) {
        self.attached_to.entry(instance_id.to_owned()).or_default().insert(id.to_owned());
        let Some(volume) = self.volumes.change(id, at) else { return };
        volume.state = VolumeState::InUse;
        volume.generation += 1;
        volume.requested_at = at;
        volume.forced_until = None;
        volume.attachment = Some(Attachment {
            instance_id: instance_id.to_owned(),
            device: device.to_owned(),
            state,
            attached_at: at,
            // AWS: what is attached after launch survives the instance by default.
            delete_on_termination: false,
        });
    }

    /// What becomes of an attached volume when its instance ends.
    pub(crate) fn set_delete_on_termination(
        &mut self,
        instance_id: &str,
        device: &str,
        delete: bool,
        at: RegionTime,
    ) -> bool {
        let found = self
            .volumes_of(instance_id)
            .find(|(_, attachment)| attachment.device == device)
            .map(|(id, _)| id.to_owned());
        let volume = found.and_then(|id| self.volumes.change(&id, at));
        let Some(attachment) = volume.and_then(|volume| volume.attachment.as_mut()) else { return false };
        attachment.delete_on_termination = delete;
        true
    }

    pub(crate) fn volume_attached(&mut self, id: &str, generation: u64, at: RegionTime) {
        let attaches = |volume: &&Volume| {
            let state = volume.attachment.as_ref().map(|attachment| attachment.state);
            volume.generation == generation && state == Some(AttachmentState::Attaching)
        };
        let Some(volume) = self.volumes.get(id).filter(attaches) else { return };
        if self.has_disabled_key(volume) {
            self.attachment_fails(id, at);
            return;
        }
        let Some(volume) = self.volumes.change(id, at) else { return };
        let requested_at = volume.requested_at;
        if let Some(attachment) = volume.attachment.as_mut() {
            attachment.state = AttachmentState::Attached;
        }
        self.record_transition("attach", id, requested_at, at);
    }

    /// AWS: to attach an encrypted volume needs its key once more; if it cannot be used, the attachment fails, which an event tells.
    fn attachment_fails(&mut self, id: &str, at: RegionTime) {
        let Some(volume) = self.volumes.change(id, at) else { return };
        volume.attachment = None;
        volume.state = VolumeState::Available;
        volume.generation += 1;
        let cause = disabled_key_text(volume);
        self.emit_volume(id, "attachVolume", "failed", &cause, at);
    }

    /// The volumes attached to an instance, as they really are.
    pub(crate) fn volumes_of(&self, instance_id: &str) -> impl Iterator<Item = (&str, &Attachment)> {
        self.attached_to.get(instance_id).into_iter().flatten().filter_map(move |id| {
            let attachment = self.volumes.get(id)?.attachment.as_ref()?;
            (attachment.instance_id == instance_id).then_some((id.as_str(), attachment))
        })
    }
}
