//! A new instance: where there is capacity for it, and what it begins with.

use std::collections::BTreeMap;

use crate::model::instance::{Condition, Instance, InstanceState, Launch, Notices, RootDisk};
use crate::model::status::StatusChecks;
use crate::model::volume::{AttachmentState, VolumeRequest, VolumeState};
use crate::protocol::error::AwsError;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// Makes an instance, `pending`, and lets it start. The caller has checked the zone and its capacity.
    pub(crate) fn launch(&mut self, launch: Launch, reservation_id: &str, at: RegionTime) -> String {
        let id = self.new_instance(launch, reservation_id, at);
        self.begin_start(&id, at);
        id
    }

    /// Puts a stopped instance there, of which nothing has happened yet.
    pub(crate) fn new_instance(&mut self, launch: Launch, reservation_id: &str, at: RegionTime) -> String {
        let id = self.ids.id("i");
        let (root, zone) = (launch.root, launch.zone.clone());
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
            launched_at: at,
            private_ip: self.ids.private_address(index),
            network_interface_id: self.ids.id("eni"),
            root_device: RootDisk::DEVICE,
            tags: launch.tags,
            state_reason: None,
            transition_reason: String::new(),
            disable_api_termination: launch.disable_api_termination,
            disable_api_stop: false,
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
        self.put_root_volume(&id, zone, root, at);
        id
    }

    fn put_root_volume(&mut self, instance_id: &str, zone: String, root: RootDisk, at: RegionTime) {
        let request = VolumeRequest {
            zone,
            size_gib: root.size_gib,
            volume_type: "gp3".to_owned(),
            iops: None,
            throughput: None,
            kms_key_id: None,
            snapshot_id: None,
            multi_attach: false,
            initialization_mib_per_second: None,
            tags: BTreeMap::new(),
        };
        let volume = self.put_volume(request, VolumeState::InUse, at);
        self.put_attachment(&volume, instance_id, RootDisk::DEVICE, AttachmentState::Attached, at);
        self.set_delete_on_termination(instance_id, RootDisk::DEVICE, root.delete_on_termination, at);
    }

    /// The zone's, the type's or the instance's capacity may be refused by a fault: AWS answers with a server error then.
    pub(crate) fn check_capacity(
        &self,
        id: Option<&str>,
        zone: &str,
        instance_type: &str,
        at: RegionTime,
    ) -> Result<(), AwsError> {
        if !self.faults.refuses_capacity(id, zone, at) {
            return Ok(());
        }
        let elsewhere: Vec<&str> = self.zones.keys().map(String::as_str).filter(|other| *other != zone).collect();
        Err(AwsError::with_status(
            500,
            "InsufficientInstanceCapacity",
            format!(
                "We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested ({zone}). Our system will be working on provisioning additional capacity. You can currently get {instance_type} capacity by not specifying an Availability Zone in your request or choosing {}.",
                elsewhere.join(", ")
            ),
        ))
    }
}
