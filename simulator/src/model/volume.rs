//! A volume as EC2 holds it, its attachment, and what a new one is made from.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::time::RegionTime;

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
