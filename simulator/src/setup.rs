//! What a region starts with.

pub mod data;
pub mod group;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::laws::Laws;
use crate::laws::address::Association;
use crate::laws::alarm::{Alarm, AlarmState, DataPoint, MissingData};
use crate::laws::instance::{InstanceState, Launch, RootDisk};
use crate::laws::volume::{AttachmentState, VolumeRequest, VolumeState};
use crate::region::Region;
use crate::state::State;
use crate::time::RegionTime;

/// 2026-01-05T09:00:00Z, a Monday: a fixed origin makes runs comparable to the byte.
const DEFAULT_ORIGIN_SECONDS: u64 = 1_767_603_600;

/// The instance profile of instances that exist from the start.
pub(crate) const DEFAULT_PROFILE: &str = "failover-instance";

/// How a region is made.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The same seed and the same calls give the same trace.
    pub seed: u64,
    /// Such as `eu-central-1`.
    pub region_name: String,
    /// Twelve digits.
    pub account_id: String,
    /// Full names, such as `eu-central-1a`.
    pub zones: Vec<String>,
    /// Wall time at the region's start.
    pub origin: SystemTime,
    /// How much faster than the wall the region's time runs.
    pub speed: f64,
    /// The laws.
    pub laws: Laws,
    /// Instances that carry this tag run the service that its value names: how instances made over the API get a workload.
    pub workload_tag: Option<String>,
    /// New blank volumes that carry this tag beside the workload's hold the service's data of the name that its value gives: without it, what is
    /// written to a volume made blank over the API is nobody's data for the truth.
    pub volume_name_tag: Option<String>,
    /// Guests have boot agents: a service starts after a boot, and again after it was quiesced, only at `Region::resume`.
    pub agents: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            seed: 1,
            region_name: "eu-central-1".to_owned(),
            account_id: "123456789012".to_owned(),
            zones: ["eu-central-1a", "eu-central-1b", "eu-central-1c"].map(str::to_owned).to_vec(),
            origin: UNIX_EPOCH + Duration::from_secs(DEFAULT_ORIGIN_SECONDS),
            speed: 1.0,
            laws: Laws::default(),
            workload_tag: None,
            volume_name_tag: None,
            agents: false,
        }
    }
}

/// An instance that exists from the start.
#[derive(Debug, Clone)]
pub struct InstanceSetup {
    /// Its zone; must be one of the region's.
    pub zone: String,
    /// Such as `t3.micro`.
    pub instance_type: String,
    /// Running with its guest up, or stopped.
    pub running: bool,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// The service that its guest runs.
    pub workload: Option<String>,
}

impl Default for InstanceSetup {
    fn default() -> Self {
        Self {
            zone: "eu-central-1a".to_owned(),
            instance_type: "t3.micro".to_owned(),
            running: true,
            tags: BTreeMap::new(),
            workload: None,
        }
    }
}

/// A volume that exists from the start, `available`.
#[derive(Debug, Clone)]
pub struct VolumeSetup {
    /// Its zone.
    pub zone: String,
    /// Its size.
    pub size_gib: u32,
    /// How much of it has been written: what a first snapshot copies.
    pub used_gib: f64,
    /// Such as `gp3`.
    pub volume_type: String,
    /// Encrypted, with this key.
    pub kms_key_id: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// The service whose data it holds, and that service's name for it: the ground truth follows this through snapshots and restores.
    pub data: Option<DataName>,
}

impl Default for VolumeSetup {
    fn default() -> Self {
        Self {
            zone: "eu-central-1a".to_owned(),
            size_gib: 20,
            used_gib: 2.0,
            volume_type: "gp3".to_owned(),
            kms_key_id: None,
            tags: BTreeMap::new(),
            data: None,
        }
    }
}

/// Which data a volume holds: one of a service's volumes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct DataName {
    /// The service.
    pub service: String,
    /// The service's name for the volume, such as `data`.
    pub volume_name: String,
}

/// An Elastic IP address that exists from the start.
#[derive(Debug, Clone, Default)]
pub struct AddressSetup {
    /// The instance that it points to, data path included.
    pub instance_id: Option<String>,
    /// The service whose clients use it.
    pub service: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A completed snapshot that exists from the start, of a volume's content at that time.
#[derive(Debug, Clone, Default)]
pub struct SnapshotSetup {
    /// The volume.
    pub volume_id: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A metric alarm over an instance's status checks.
#[derive(Debug, Clone)]
pub struct AlarmSetup {
    /// Its name.
    pub name: String,
    /// The instance.
    pub instance_id: String,
    /// `StatusCheckFailed`, `StatusCheckFailed_System`, `StatusCheckFailed_Instance` or `StatusCheckFailed_AttachedEBS`; any other metric has no
    /// data here and changes by hand only.
    pub metric_name: String,
    /// Periods of a minute that are looked at.
    pub evaluation_periods: u32,
    /// `missing`, `ignore`, `breaching` or `notBreaching`.
    pub treat_missing_data: String,
}

impl Default for AlarmSetup {
    fn default() -> Self {
        Self {
            name: "status-check-failed".to_owned(),
            instance_id: String::new(),
            metric_name: "StatusCheckFailed".to_owned(),
            evaluation_periods: 2,
            treat_missing_data: "missing".to_owned(),
        }
    }
}

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
            terminate_on_shutdown: false,
            workload: spec.workload,
            root: RootDisk::default(),
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

    /// Sets a tag wherever the id's prefix says; false if there is no such resource.
    pub(crate) fn set_tag(&mut self, resource_id: &str, key: &str, value: &str, now: RegionTime) -> bool {
        let tags = self.tags_of(resource_id, now);
        let found = tags.is_some();
        if let Some(tags) = tags {
            tags.insert(key.to_owned(), value.to_owned());
        }
        found
    }

    /// The tags of a resource, to change.
    pub(crate) fn tags_of(&mut self, resource_id: &str, now: RegionTime) -> Option<&mut BTreeMap<String, String>> {
        match resource_id.split('-').next()? {
            "i" => self.instances.change(resource_id, now).map(|instance| &mut instance.tags),
            "vol" => self.volumes.change(resource_id, now).map(|volume| &mut volume.tags),
            "snap" => self.snapshots.change(resource_id, now).map(|snapshot| &mut snapshot.tags),
            "eipalloc" => self.addresses.change(resource_id, now).map(|address| &mut address.tags),
            _ => None,
        }
    }
}
