//! The life of a volume and of its attachment.
//!
//! ```text
//! creating ─► available ─► in-use ─► available ─► deleting ─► gone
//!                 │ attach: attaching ─► attached ─► detaching ─► (busy, while the guest holds it) ─► detached
//! ```
//! A clean detach waits for the guest: a mounted volume of a running guest goes `busy` until the guest lets go, the instance stops, or
//! someone forces it. Nothing fences the guest before a forced detach is done, so it writes until then.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::laws::instance::InstanceState;
use crate::schedule::Transition;
use crate::setup::DataName;
use crate::state::State;
use crate::time::RegionTime;
use crate::wire::AwsError;

/// States of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VolumeState {
    Creating,
    Available,
    InUse,
    Deleting,
    Error,
}

impl VolumeState {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::InUse => "in-use",
            Self::Deleting => "deleting",
            Self::Error => "error",
        }
    }
}

/// States of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AttachmentState {
    Attaching,
    Attached,
    Detaching,
    Busy,
}

impl AttachmentState {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
            Self::Busy => "busy",
        }
    }
}

/// Where a volume is attached.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Attachment {
    pub(crate) instance_id: String,
    pub(crate) device: String,
    pub(crate) state: AttachmentState,
    pub(crate) attached_at: RegionTime,
    pub(crate) delete_on_termination: bool,
}

/// One volume.
#[expect(clippy::struct_field_names, reason = "EC2's own names")]
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    pub(crate) id: String,
    pub(crate) zone: String,
    pub(crate) size_gib: u32,
    pub(crate) volume_type: String,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) snapshot_id: Option<String>,
    pub(crate) multi_attach: bool,
    pub(crate) state: VolumeState,
    pub(crate) created_at: RegionTime,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) attachment: Option<Attachment>,
    /// Asked for at creation; none is AWS's default rate.
    pub(crate) initialization_mib_per_second: Option<u32>,
    /// What has been written to it since it was made.
    pub(crate) used_gib: f64,
    /// By fault: its creation ends in `error`.
    pub(crate) will_fail: bool,
    /// Grows with each attach and detach; a transition of an older one is void.
    pub(crate) generation: u64,
    pub(crate) requested_at: RegionTime,
    /// When the forced detach under way ends.
    pub(crate) forced_until: Option<RegionTime>,
}

/// What a new volume is made from.
#[derive(Debug, Clone)]
pub(crate) struct VolumeRequest {
    pub(crate) zone: String,
    pub(crate) size_gib: u32,
    pub(crate) volume_type: String,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) snapshot_id: Option<String>,
    pub(crate) multi_attach: bool,
    pub(crate) initialization_mib_per_second: Option<u32>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// gp3's baseline, which AWS sets where nothing was asked for.
const GP3_BASE_IOPS: u32 = 3000;
const GP3_BASE_THROUGHPUT: u32 = 125;
/// gp2 gives three IOPS per GiB within these bounds.
const GP2_IOPS_PER_GIB: u32 = 3;
const GP2_LEAST_IOPS: u32 = 100;
const GP2_MOST_IOPS: u32 = 16_000;

impl State {
    /// Makes a volume, `creating`. The caller has checked the request and the snapshot.
    pub(crate) fn create_volume(&mut self, request: VolumeRequest, at: RegionTime) -> String {
        let id = self.put_volume(request, VolumeState::Creating, at);
        let duration = self.sample(self.laws.volumes.create);
        let will_fail = self.faults.takes_failing_volume();
        if let Some(volume) = self.volumes.get_mut(&id) {
            volume.will_fail = will_fail;
        }
        self.schedule.add(at.after(duration), Transition::VolumeCreated { volume: id.clone() });
        id
    }

    /// Puts a volume there, with the content of its snapshot.
    pub(crate) fn put_volume(&mut self, request: VolumeRequest, state: VolumeState, at: RegionTime) -> String {
        let id = self.ids.id("vol");
        let iops = match (request.volume_type.as_str(), request.iops) {
            ("gp3", asked) => Some(asked.unwrap_or(GP3_BASE_IOPS)),
            ("gp2", _) => Some((request.size_gib * GP2_IOPS_PER_GIB).clamp(GP2_LEAST_IOPS, GP2_MOST_IOPS)),
            (_, asked) => asked,
        };
        let throughput = (request.volume_type == "gp3").then(|| request.throughput.unwrap_or(GP3_BASE_THROUGHPUT));
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
            size_gib: request.size_gib,
            volume_type: request.volume_type,
            iops,
            throughput,
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
            generation: 0,
            requested_at: at,
            forced_until: None,
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
        let Some(volume) = self.volumes.change(id, at) else { return };
        if volume.state != VolumeState::Creating {
            return;
        }
        let failed = volume.will_fail;
        volume.state = if failed { VolumeState::Error } else { VolumeState::Available };
        let created_at = volume.created_at;
        self.record_transition("create_volume", id, created_at, at);
        self.emit_volume(id, "createVolume", if failed { "failed" } else { "available" }, at);
    }

    /// `DeleteVolume`: only from `available` or `error`.
    pub(crate) fn delete_volume(&mut self, id: &str, at: RegionTime) -> Result<(), AwsError> {
        let Some(volume) = self.volumes.get(id) else { return Ok(()) };
        match volume.state {
            VolumeState::Available | VolumeState::Error => {
                self.begin_volume_deletion(id, at);
                Ok(())
            }
            VolumeState::InUse => {
                let holder = volume.attachment.as_ref().map_or("", |attachment| attachment.instance_id.as_str());
                Err(AwsError::client("VolumeInUse", format!("Volume {id} is currently attached to {holder}")))
            }
            VolumeState::Creating | VolumeState::Deleting => Err(AwsError::client(
                "IncorrectState",
                format!("The volume '{id}' is in the '{}' state.", volume.state.name()),
            )),
        }
    }

    fn begin_volume_deletion(&mut self, id: &str, at: RegionTime) {
        let duration = self.sample(self.laws.volumes.delete);
        self.truth.note_deletion(id, at);
        if let Some(volume) = self.volumes.change(id, at) {
            volume.state = VolumeState::Deleting;
        }
        self.schedule.add(at.after(duration), Transition::VolumeDeleted { volume: id.to_owned() });
    }

    pub(crate) fn volume_deleted(&mut self, id: &str, at: RegionTime) {
        self.emit_volume(id, "deleteVolume", "deleted", at);
        self.volumes.remove(id, at);
    }

    /// `AttachVolume`, in the order in which AWS's own messages suggest the checks.
    pub(crate) fn attach_volume(
        &mut self,
        id: &str,
        instance_id: &str,
        device: &str,
        at: RegionTime,
    ) -> Result<(), AwsError> {
        let (Some(volume), Some(instance)) = (self.volumes.get(id), self.instances.get(instance_id)) else {
            return Ok(());
        };
        if !matches!(instance.state, InstanceState::Running | InstanceState::Stopped) {
            return Err(AwsError::client("IncorrectState", format!("Instance '{instance_id}' is not 'running'.")));
        }
        if volume.zone != instance.zone {
            return Err(AwsError::client(
                "InvalidVolume.ZoneMismatch",
                format!("The volume '{id}' is not in the same availability zone as instance '{instance_id}'"),
            ));
        }
        match volume.state {
            VolumeState::Available => {}
            VolumeState::InUse => {
                return Err(AwsError::client("VolumeInUse", format!("{id} is already attached to an instance")));
            }
            VolumeState::Creating | VolumeState::Deleting | VolumeState::Error => {
                return Err(AwsError::client("IncorrectState", format!("{id} is not 'available'.")));
            }
        }
        self.check_device_free(instance_id, instance.root_device, device)?;
        let stopped = instance.state == InstanceState::Stopped;
        self.put_attachment(id, instance_id, device, AttachmentState::Attaching, at);
        let law = if stopped { self.laws.volumes.detach_from_stopped } else { self.laws.volumes.attach };
        let duration = self.sample(law);
        let generation = self.volumes.get(id).map_or(0, |volume| volume.generation);
        self.schedule.add(at.after(duration), Transition::VolumeAttached { volume: id.to_owned(), generation });
        Ok(())
    }

    fn check_device_free(&self, instance_id: &str, root_device: &str, device: &str) -> Result<(), AwsError> {
        let taken = self.volumes_of(instance_id).any(|(_, attachment)| attachment.device == device);
        if taken || device == root_device {
            return Err(AwsError::client(
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
        let Some(volume) = self.volumes.change(id, at) else { return };
        let requested_at = volume.requested_at;
        match volume.attachment.as_mut() {
            Some(attachment) if volume.generation == generation && attachment.state == AttachmentState::Attaching => {
                attachment.state = AttachmentState::Attached;
            }
            _ => return,
        }
        self.record_transition("attach", id, requested_at, at);
    }

    /// `DetachVolume`. `instance_id` and `device` narrow what is meant, as on AWS.
    pub(crate) fn detach_volume(
        &mut self,
        id: &str,
        instance_id: Option<&str>,
        device: Option<&str>,
        force: bool,
        at: RegionTime,
    ) -> Result<(), AwsError> {
        let Some(volume) = self.volumes.get(id) else { return Ok(()) };
        let Some(attachment) = volume.attachment.clone() else {
            return Err(AwsError::client(
                "IncorrectState",
                format!("Volume '{id}'is in the '{}' state.", volume.state.name()),
            ));
        };
        let other_instance = instance_id.is_some_and(|named| named != attachment.instance_id);
        let other_device = device.is_some_and(|named| named != attachment.device);
        if other_instance || other_device {
            let named = instance_id.unwrap_or(&attachment.instance_id);
            return Err(AwsError::client(
                "InvalidAttachment.NotFound",
                format!("Volume '{id}' is not attached to instance '{named}'"),
            ));
        }
        let Some(instance) = self.instances.get(&attachment.instance_id) else { return Ok(()) };
        if attachment.device == instance.root_device
            && !matches!(instance.state, InstanceState::Stopped | InstanceState::Terminated)
        {
            return Err(AwsError::client(
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
        let laws = self.laws.volumes.clone();
        let stopped = self.instances.get(instance_id).is_some_and(|instance| instance.state == InstanceState::Stopped);
        let failed_host =
            self.instances.get(instance_id).is_some_and(|instance| instance.condition.host_failed.is_some());
        let law = match (stopped, force, failed_host) {
            (true, _, _) => laws.detach_from_stopped,
            (false, true, true) => laws.forced_detach_from_failed_host,
            (false, true, false) if self.guest_holds(instance_id, id) => laws.forced_detach,
            (false, _, _) => laws.detach,
        };
        let mut done_at = at.after(self.sample(law));
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
            Transition::VolumeDetached { volume, generation }
        } else {
            Transition::DetachTried { volume, generation }
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
            let wait = self.sample(self.laws.volumes.detach_from_stopped);
            self.schedule_detached(&id, at.after(wait));
        }
    }

    pub(crate) fn release_volumes_of_terminated(&mut self, instance_id: &str, at: RegionTime) {
        let attached: Vec<String> = self.volumes_of(instance_id).map(|(id, _)| id.to_owned()).collect();
        for id in attached {
            let wait = self.sample(self.laws.volumes.detach_after_terminate);
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
            self.schedule.add(at, Transition::VolumeDetached { volume: id.to_owned(), generation });
        }
    }

    /// The volumes attached to an instance, as they really are.
    pub(crate) fn volumes_of(&self, instance_id: &str) -> impl Iterator<Item = (&str, &Attachment)> {
        self.attached_to.get(instance_id).into_iter().flatten().filter_map(move |id| {
            let attachment = self.volumes.get(id)?.attachment.as_ref()?;
            (attachment.instance_id == instance_id).then_some((id.as_str(), attachment))
        })
    }
}
