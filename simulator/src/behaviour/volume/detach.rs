//! Detaching: clean, which waits for the guest; by force; and with the end of the instance.

use crate::model::instance::InstanceState;
use crate::model::transition::StateTransition;
use crate::model::volume::{AttachmentState, VolumeState};
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// `DetachVolume`. `instance_id` and `device` narrow what is meant, as on AWS.
    pub(crate) fn detach_volume(
        &mut self,
        id: &str,
        instance_id: Option<&str>,
        device: Option<&str>,
        force: bool,
        at: RegionTime,
    ) -> Result<(), ApiError> {
        let Some(volume) = self.volumes.get(id) else { return Ok(()) };
        let Some(attachment) = volume.attachment.clone() else {
            return Err(ApiError::client(
                "IncorrectState",
                format!("Volume '{id}'is in the '{}' state.", volume.state.name()),
            ));
        };
        let other_instance = instance_id.is_some_and(|named| named != attachment.instance_id);
        let other_device = device.is_some_and(|named| named != attachment.device);
        if other_instance || other_device {
            let named = instance_id.unwrap_or(&attachment.instance_id);
            return Err(ApiError::client(
                "InvalidAttachment.NotFound",
                format!("Volume '{id}' is not attached to instance '{named}'"),
            ));
        }
        let Some(instance) = self.instances.get(&attachment.instance_id) else { return Ok(()) };
        // Seen in the field; that this is the state in which it happens is deduced.
        if instance.state == InstanceState::ShuttingDown {
            return Err(ApiError::client(
                "IncorrectInstanceState",
                format!(
                    "Unable to detach volume '{id}' from instance '{}'. The instance is not in a state in which volumes can be detached.",
                    attachment.instance_id
                ),
            ));
        }
        if attachment.device == instance.root_device
            && !matches!(instance.state, InstanceState::Stopped | InstanceState::Terminated)
        {
            return Err(ApiError::client(
                "OperationNotPermitted",
                format!("Unable to detach root volume '{id}' from instance '{}'", attachment.instance_id),
            ));
        }
        // Asking again without force changes nothing about a detach under way.
        let under_way = matches!(attachment.state, AttachmentState::Detaching | AttachmentState::Busy);
        if under_way && !force {
            return Ok(());
        }
        self.begin_detach(id, &attachment.instance_id, force, under_way, at);
        Ok(())
    }

    fn begin_detach(&mut self, id: &str, instance_id: &str, force: bool, again: bool, at: RegionTime) {
        let timing = self.timing.volumes.clone();
        let stopped = self.instances.get(instance_id).is_some_and(|instance| instance.state == InstanceState::Stopped);
        let failed_host =
            self.instances.get(instance_id).is_some_and(|instance| instance.condition.host_failed.is_some());
        let distribution = match (stopped, force, failed_host) {
            (true, _, _) => timing.detach_from_stopped,
            (false, true, true) => timing.forced_detach_from_failed_host,
            (false, true, false) if self.guest_holds(instance_id, id) => timing.forced_detach,
            (false, _, _) => timing.detach,
        };
        let mut done_at = at.after(self.sample(distribution));
        let Some(volume) = self.volumes.change(id, at) else { return };
        if force {
            // Asking again does not start it anew: whichever ends first ends it.
            done_at = volume.forced_until.map_or(done_at, |until| until.min(done_at));
            volume.forced_until = Some(done_at);
        }
        volume.generation += 1;
        if !again {
            volume.requested_at = at;
        }
        if let Some(attachment) = volume.attachment.as_mut() {
            attachment.state = AttachmentState::Detaching;
        }
        let (volume, generation) = (id.to_owned(), volume.generation);
        let next = if stopped || force {
            StateTransition::VolumeDetached { volume, generation }
        } else {
            StateTransition::DetachTried { volume, generation }
        };
        self.schedule.add(done_at, next);
    }

    /// A clean detach reaches the guest: it is done if nothing holds the device, and `busy` otherwise.
    pub(crate) fn detach_tried(&mut self, id: &str, generation: u64, at: RegionTime) {
        let Some(attachment) = self
            .volumes
            .get(id)
            .filter(|volume| volume.generation == generation)
            .and_then(|volume| volume.attachment.clone())
        else {
            return;
        };
        let Some(instance) = self.instances.get(&attachment.instance_id) else { return };
        // A dead host answers as little as a guest that keeps the device.
        let unanswered = instance.condition.host_failed.is_some() && instance.state != InstanceState::Stopped;
        if unanswered || self.guest_holds(&attachment.instance_id, id) {
            if let Some(attachment) = self.volumes.change(id, at).and_then(|volume| volume.attachment.as_mut()) {
                attachment.state = AttachmentState::Busy;
            }
        } else {
            self.volume_detached(id, generation, at);
        }
    }

    pub(crate) fn volume_detached(&mut self, id: &str, generation: u64, at: RegionTime) {
        let Some(volume) = self.volumes.change(id, at) else { return };
        if volume.generation != generation || volume.attachment.is_none() {
            return;
        }
        let delete = volume
            .attachment
            .take()
            .filter(|attachment| attachment.delete_on_termination)
            .map(|attachment| attachment.instance_id);
        volume.state = VolumeState::Available;
        let requested_at = volume.requested_at;
        self.record_transition("detach", id, requested_at, at);
        // Only a termination carries DeleteOnTermination out; a detach by hand leaves the volume.
        let ended = delete
            .and_then(|instance| self.instances.get(&instance))
            .is_some_and(|instance| instance.state == InstanceState::Terminated);
        if ended {
            self.settle_guests(at);
            self.begin_volume_deletion(id, at);
        }
    }

    /// The guest has let go of its devices: detaches that waited for it go through.
    pub(crate) fn finish_waiting_detaches(&mut self, instance_id: &str, at: RegionTime) {
        let waiting: Vec<String> = self
            .volumes_of(instance_id)
            .filter(|(_, attachment)| matches!(attachment.state, AttachmentState::Busy | AttachmentState::Detaching))
            .map(|(id, _)| id.to_owned())
            .collect();
        for id in waiting {
            let wait = self.sample(self.timing.volumes.detach_from_stopped);
            self.schedule_detached(&id, at.after(wait));
        }
    }

    pub(crate) fn release_volumes_of_terminated(&mut self, instance_id: &str, at: RegionTime) {
        let attached: Vec<String> = self.volumes_of(instance_id).map(|(id, _)| id.to_owned()).collect();
        for id in attached {
            let wait = self.sample(self.timing.volumes.detach_after_terminate);
            if let Some(volume) = self.volumes.change(&id, at) {
                volume.requested_at = at;
                if let Some(attachment) = volume.attachment.as_mut() {
                    attachment.state = AttachmentState::Detaching;
                }
            }
            self.schedule_detached(&id, at.after(wait));
        }
    }

    fn schedule_detached(&mut self, id: &str, at: RegionTime) {
        if let Some(volume) = self.volumes.get_mut(id) {
            volume.generation += 1;
            let generation = volume.generation;
            self.schedule.add(at, StateTransition::VolumeDetached { volume: id.to_owned(), generation });
        }
    }
}
