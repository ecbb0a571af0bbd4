//! A new instance: where there is capacity for it, and what it begins with.

use std::collections::BTreeMap;

use crate::model::instance::{Condition, Instance, InstanceState, Launch, MappedVolume, Notices, ROOT_DEVICE};
use crate::model::status::StatusChecks;
use crate::model::volume::{AttachmentState, VolumeRequest, VolumeState};
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// Makes an instance, `pending`, and lets it start. The caller has checked the zone and its capacity.
    pub(crate) fn launch(&mut self, launch: Launch, reservation_id: &str, at: RegionTime) -> String {
        let id = self.new_instance(launch, reservation_id, at);
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.has_run = false;
        }
        self.begin_start(&id, at);
        id
    }

    /// Puts a stopped instance there, of which nothing is known but that it ran once.
    pub(crate) fn new_instance(&mut self, launch: Launch, reservation_id: &str, at: RegionTime) -> String {
        let id = self.ids.id("i");
        let (mapping, zone) = (launch.mapping, launch.zone.clone());
        let (index, subnet_id) =
            self.zones.get(&launch.zone).map_or((0, String::new()), |zone| (zone.index, zone.subnet_id.clone()));
        let workload =
            launch.workload.or_else(|| self.workload_tag.as_ref().and_then(|key| launch.tags.get(key).cloned()));
        let instance = Instance {
            id: id.clone(),
            reservation_id: reservation_id.to_owned(),
            client_token: launch.client_token,
            zone: launch.zone,
            subnet_id,
            instance_type: launch.instance_type,
            image_id: launch.image_id,
            state: InstanceState::Stopped,
            has_run: true,
            launched_at: at,
            private_ip: self.ids.private_address(index),
            network_interface_id: self.ids.id("eni"),
            root_device: ROOT_DEVICE,
            tags: launch.tags,
            state_reason: None,
            transition_reason: String::new(),
            disable_api_termination: launch.disable_api_termination,
            disable_api_stop: launch.disable_api_stop,
            terminate_on_shutdown: launch.terminate_on_shutdown,
            user_data: launch.user_data,
            workload,
            profile: launch.profile,
            metadata_tags: launch.metadata_tags,
            notices: Notices::default(),
            status: StatusChecks::not_running(),
            condition: Condition::default(),
            stop: None,
            generation: 0,
            requested_at: at,
        };
        self.instances.insert(&id, instance, at);
        self.guests.insert(id.clone(), crate::model::guest::Guest::default());
        for volume in std::iter::once(mapping.root).chain(mapping.others) {
            self.put_launch_volume(&id, &zone, volume, mapping.tags.clone(), at);
        }
        id
    }

    fn put_launch_volume(
        &mut self,
        instance_id: &str,
        zone: &str,
        mapped: MappedVolume,
        tags: BTreeMap<String, String>,
        at: RegionTime,
    ) {
        let request = VolumeRequest {
            zone: zone.to_owned(),
            size_gib: mapped.size_gib,
            volume_type: mapped.volume_type,
            iops: mapped.iops,
            throughput: mapped.throughput,
            kms_key_id: mapped.kms_key_id,
            snapshot_id: mapped.snapshot_id,
            multi_attach: false,
            initialization_mib_per_second: mapped.initialization_mib_per_second,
            tags,
        };
        let volume = self.put_volume(request, VolumeState::InUse, at);
        self.put_attachment(&volume, instance_id, &mapped.device, AttachmentState::Attached, at);
        self.set_delete_on_termination(instance_id, &mapped.device, mapped.delete_on_termination, at);
    }

    /// The zone's, the type's or the instance's capacity may be refused by a fault: AWS answers with a server error then.
    pub(crate) fn check_capacity(
        &self,
        id: Option<&str>,
        zone: &str,
        instance_type: &str,
        at: RegionTime,
    ) -> Result<(), ApiError> {
        if !self.faults.refuses_capacity(id, zone, at) {
            return Ok(());
        }
        let elsewhere: Vec<&str> = self.zones.keys().map(String::as_str).filter(|other| *other != zone).collect();
        Err(ApiError::with_status(
            500,
            "InsufficientInstanceCapacity",
            format!(
                "We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested ({zone}). Our system will be working on provisioning additional capacity. You can currently get {instance_type} capacity by not specifying an Availability Zone in your request or choosing {}.",
                elsewhere.join(", ")
            ),
        ))
    }
}
