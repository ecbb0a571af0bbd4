//! A volume's beginning and its end.

use std::collections::BTreeMap;

use crate::model::data_name::DataName;
use crate::model::modification::Shape;
use crate::model::transition::StateTransition;
use crate::model::volume::{Volume, VolumeRequest, VolumeState};
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// Makes a volume, `creating`. The caller has checked the request and the snapshot.
    pub(crate) fn create_volume(&mut self, request: VolumeRequest, at: RegionTime) -> String {
        let id = self.put_volume(request, VolumeState::Creating, at);
        let duration = self.sample(self.timing.volumes.create);
        let will_fail = self.faults.takes_failing_volume();
        if let Some(volume) = self.volumes.get_mut(&id) {
            volume.will_fail = will_fail;
            volume.will_vanish = volume.kms_key_id.is_some() && self.faults.takes_failing_key();
        }
        self.schedule.add(at.after(duration), StateTransition::VolumeCreated { volume: id.clone() });
        id
    }

    /// Puts a volume there, with the content of its snapshot.
    pub(crate) fn put_volume(&mut self, request: VolumeRequest, state: VolumeState, at: RegionTime) -> String {
        let id = self.ids.id("vol");
        let shape = Shape::provisioned(request.size_gib, request.volume_type, request.iops, request.throughput);
        let used_gib = request
            .snapshot_id
            .as_ref()
            .and_then(|id| self.snapshots.get(id))
            .map_or(0.0, |snapshot| snapshot.full_gib);
        match &request.snapshot_id {
            Some(snapshot) => self.truth.restore(snapshot, &id),
            None => self.register_blank(&id, &request.tags),
        }
        let volume = Volume {
            id: id.clone(),
            zone: request.zone,
            size_gib: shape.size_gib,
            volume_type: shape.volume_type,
            iops: shape.iops,
            throughput: shape.throughput,
            kms_key_id: request.kms_key_id,
            snapshot_id: request.snapshot_id,
            multi_attach: request.multi_attach,
            state,
            created_at: at,
            tags: request.tags,
            attachment: None,
            initialization_mib_per_second: request.initialization_mib_per_second,
            used_gib,
            will_fail: false,
            will_vanish: false,
            generation: 0,
            requested_at: at,
            forced_until: None,
            modification: None,
            modified_at: Vec::new(),
        };
        self.volumes.insert(&id, volume, at);
        id
    }

    /// A blank volume is a service's data as soon as its tags say so, and holds none of what was written before: attached in place of the real
    /// one, it shows in the truth as a loss.
    fn register_blank(&mut self, id: &str, tags: &BTreeMap<String, String>) {
        let value_of = |key: &Option<String>| key.as_ref().and_then(|key| tags.get(key)).cloned();
        if let (Some(service), Some(volume_name)) = (value_of(&self.workload_tag), value_of(&self.volume_name_tag)) {
            self.truth.register(id, DataName { service, volume_name });
        }
    }

    pub(crate) fn volume_created(&mut self, id: &str, at: RegionTime) {
        let Some(volume) = self.volumes.get(id).filter(|volume| volume.state == VolumeState::Creating) else { return };
        if volume.will_vanish || self.has_disabled_key(volume) {
            self.volume_vanishes(id, at);
            return;
        }
        let Some(volume) = self.volumes.change(id, at) else { return };
        let failed = volume.will_fail;
        volume.state = if failed { VolumeState::Error } else { VolumeState::Available };
        let created_at = volume.created_at;
        self.record_transition("create_volume", id, created_at, at);
        if failed {
            self.emit_volume(id, "createVolume", "failed", "The volume could not be created.", at);
        } else {
            self.emit_volume(id, "createVolume", "available", "", at);
        }
    }

    /// AWS asks KMS after the call has been answered; a volume that gets no data key was never there, as the field tells. The cause is in the
    /// event alone, in AWS's documented words.
    fn volume_vanishes(&mut self, id: &str, at: RegionTime) {
        let cause = self.volumes.get(id).map(disabled_key_text).unwrap_or_default();
        self.emit_volume(id, "createVolume", "failed", &cause, at);
        self.truth.note_deletion(id, at);
        self.volumes.remove(id, at);
    }

    pub(crate) fn has_disabled_key(&self, volume: &Volume) -> bool {
        volume.kms_key_id.as_deref().is_some_and(|key| self.faults.is_disabled(key))
    }

    /// `DeleteVolume`: only from `available` or `error`.
    pub(crate) fn delete_volume(&mut self, id: &str, at: RegionTime) -> Result<(), ApiError> {
        let Some(volume) = self.volumes.get(id) else { return Ok(()) };
        match volume.state {
            VolumeState::Available | VolumeState::Error => {
                self.begin_volume_deletion(id, at);
                Ok(())
            }
            VolumeState::InUse => {
                let holder = volume.attachment.as_ref().map_or("", |attachment| attachment.instance_id.as_str());
                Err(ApiError::client("VolumeInUse", format!("Volume {id} is currently attached to {holder}")))
            }
            VolumeState::Creating | VolumeState::Deleting => Err(ApiError::client(
                "IncorrectState",
                format!("The volume '{id}' is in the '{}' state.", volume.state.name()),
            )),
        }
    }

    pub(crate) fn begin_volume_deletion(&mut self, id: &str, at: RegionTime) {
        let duration = self.sample(self.timing.volumes.delete);
        self.truth.note_deletion(id, at);
        if let Some(volume) = self.volumes.change(id, at) {
            volume.state = VolumeState::Deleting;
        }
        self.schedule.add(at.after(duration), StateTransition::VolumeDeleted { volume: id.to_owned() });
    }

    pub(crate) fn volume_deleted(&mut self, id: &str, at: RegionTime) {
        self.emit_volume(id, "deleteVolume", "deleted", "", at);
        self.volumes.remove(id, at);
    }
}

/// How AWS's events name the cause.
pub(super) fn disabled_key_text(volume: &Volume) -> String {
    format!("{} is disabled.", volume.kms_key_id.as_deref().unwrap_or_default())
}
