//! What a region starts with.

pub mod group;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use crate::model::data_name::DataName;
use crate::timing::TimingModel;

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
    /// The timing model.
    pub timing: TimingModel,
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
            timing: TimingModel::default(),
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
