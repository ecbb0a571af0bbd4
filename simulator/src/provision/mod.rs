//! What exists from the start is put there at the region's present moment, without latency, lag or events.

pub(crate) mod data_services;
mod group;

use crate::model::address::Association;
use crate::model::alarm::{Alarm, AlarmState, DataPoint, MissingData};
use crate::model::instance::{InstanceState, Launch, Mapping};
use crate::model::volume::{AttachmentState, VolumeRequest, VolumeState};
use crate::region::Region;
use crate::setup::{AddressSetup, AlarmSetup, DEFAULT_PROFILE, InstanceSetup, SnapshotSetup, VolumeSetup};
use crate::state::State;
use crate::time::RegionTime;

/// What exists from the start is put there at the region's present moment, without latency, lag or events.
impl Region {
    /// Puts an instance there; returns its id.
    pub fn add_instance(&self, spec: InstanceSetup) -> String {
        self.act(|state, now| state.add_instance(spec, now))
    }

    /// Puts an `available` volume there; returns its id.
    pub fn add_volume(&self, spec: VolumeSetup) -> String {
        self.act(|state, now| state.add_volume(spec, now))
    }

    /// Attaches a volume as if it had always been so.
    pub fn attach_at_start(&self, volume_id: &str, instance_id: &str, device: &str) {
        self.act(|state, now| {
            state.put_attachment(volume_id, instance_id, device, AttachmentState::Attached, now);
            state.settle_guests_at_once(now);
        });
    }

    /// Puts an address there; returns its allocation id.
    pub fn add_address(&self, spec: AddressSetup) -> String {
        self.act(|state, now| state.add_address(spec, now))
    }

    /// Puts a completed snapshot of a volume there; returns its id.
    pub fn add_snapshot(&self, spec: SnapshotSetup) -> String {
        self.act(|state, now| state.put_completed_snapshot(&spec.volume_id, spec.tags, now))
    }

    /// Puts an alarm there, in state `OK`; returns its ARN.
    pub fn add_alarm(&self, spec: AlarmSetup) -> String {
        self.act(|state, now| state.add_alarm(spec, now))
    }

    /// Sets a tag on any resource that has tags; false if there is no such resource.
    pub fn tag(&self, resource_id: &str, key: &str, value: &str) -> bool {
        self.act(|state, now| state.set_tag(resource_id, key, value, now))
    }
}

impl State {
    fn add_instance(&mut self, spec: InstanceSetup, now: RegionTime) -> String {
        let reservation = self.ids.id("r");
        let launch = Launch {
            zone: spec.zone,
            instance_type: spec.instance_type,
            image_id: "ami-0123456789abcdef0".to_owned(),
            tags: spec.tags,
            client_token: String::new(),
            user_data: None,
            disable_api_termination: false,
            disable_api_stop: false,
            terminate_on_shutdown: false,
            workload: spec.workload,
            mapping: Mapping::default(),
            profile: Some(DEFAULT_PROFILE.to_owned()),
            metadata_tags: true,
        };
        let id = self.new_instance(launch, &reservation, now);
        if spec.running {
            if let Some(instance) = self.instances.get_mut(&id) {
                instance.state = InstanceState::Running;
            }
            if let Some(guest) = self.guests.get_mut(&id) {
                guest.up = true;
            }
            self.begin_settled_status_checks(&id, now);
        }
        self.settle_guests_at_once(now);
        id
    }

    pub(crate) fn add_volume(&mut self, spec: VolumeSetup, now: RegionTime) -> String {
        let request = VolumeRequest {
            zone: spec.zone,
            size_gib: spec.size_gib,
            volume_type: spec.volume_type,
            iops: None,
            throughput: None,
            kms_key_id: spec.kms_key_id,
            snapshot_id: None,
            multi_attach: false,
            initialization_mib_per_second: None,
            tags: spec.tags,
        };
        let id = self.put_volume(request, VolumeState::Available, now);
        if let Some(volume) = self.volumes.get_mut(&id) {
            volume.used_gib = spec.used_gib;
        }
        if let Some(data) = spec.data {
            self.truth.register(&id, data);
        }
        self.settle_guests_at_once(now);
        id
    }

    fn add_address(&mut self, spec: AddressSetup, now: RegionTime) -> String {
        let allocation_id = self.allocate_address(spec.service, spec.tags, now);
        if let Some(instance_id) = spec.instance_id {
            let association_id = self.ids.id("eipassoc");
            if let Some(address) = self.addresses.get_mut(&allocation_id) {
                address.association = Some(Association { association_id, instance_id: instance_id.clone() });
                address.data_path = Some(instance_id);
            }
        }
        self.settle_guests_at_once(now);
        allocation_id
    }

    fn add_alarm(&mut self, spec: AlarmSetup, now: RegionTime) -> String {
        let arn = format!("arn:aws:cloudwatch:{}:{}:alarm:{}", self.region_name, self.account_id, spec.name);
        let alarm = Alarm {
            name: spec.name.clone(),
            arn: arn.clone(),
            description: None,
            namespace: "AWS/EC2".to_owned(),
            metric_name: spec.metric_name,
            dimensions: vec![("InstanceId".to_owned(), spec.instance_id)],
            statistic: "Maximum".to_owned(),
            period_seconds: 60,
            evaluation_periods: spec.evaluation_periods,
            datapoints_to_alarm: None,
            threshold: 1.0,
            comparison_operator: "GreaterThanOrEqualToThreshold".to_owned(),
            treat_missing_data: MissingData::from_name(&spec.treat_missing_data).unwrap_or(MissingData::Missing),
            actions_enabled: true,
            ok_actions: Vec::new(),
            alarm_actions: Vec::new(),
            insufficient_data_actions: Vec::new(),
            state: AlarmState::Ok,
            state_reason: "The instance passed its status checks.".to_owned(),
            state_reason_data: String::new(),
            state_updated_at: now,
            configured_at: now,
        };
        // What runs from the start has been checked before: without a past its alarms would begin by missing data.
        self.publish_past(&alarm, now);
        self.alarms.by_name.insert(spec.name, alarm);
        arn
    }

    fn publish_past(&mut self, alarm: &Alarm, now: RegionTime) {
        let running =
            |id: &&String| self.instances.get(id).is_some_and(|instance| instance.state == InstanceState::Running);
        let Some(instance_id) = alarm.dimensions.iter().map(|(_, value)| value).find(running) else { return };
        if self.alarms.has_points(instance_id) {
            return;
        }
        let point = DataPoint {
            measured_at: now,
            published_at: now,
            system_failed: false,
            instance_failed: false,
            attached_ebs_failed: false,
        };
        self.alarms.publish(instance_id, point);
    }
}
