//! A volume as EC2 holds it, its attachment, and what a new one is made from.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::modification::{Modification, ModificationPhase, Shape};
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
    /// By fault: KMS does not let its key be used, and it vanishes instead of becoming `available`.
    pub(crate) will_vanish: bool,
    /// Grows with each attach and detach; a transition of an older one is void.
    pub(crate) generation: u64,
    pub(crate) requested_at: RegionTime,
    /// When the forced detach under way ends.
    pub(crate) forced_until: Option<RegionTime>,
    /// The last one.
    pub(crate) modification: Option<Modification>,
    /// When the modifications of the last day began.
    pub(crate) modified_at: Vec<RegionTime>,
}

impl Volume {
    pub(crate) fn shape(&self) -> Shape {
        Shape {
            size_gib: self.size_gib,
            volume_type: self.volume_type.clone(),
            iops: self.iops,
            throughput: self.throughput,
        }
    }

    pub(crate) fn set_shape(&mut self, shape: Shape) {
        self.size_gib = shape.size_gib;
        self.volume_type = shape.volume_type;
        self.iops = shape.iops;
        self.throughput = shape.throughput;
    }

    /// How far the modification is that has not ended yet.
    pub(crate) fn modification_under_way(&self) -> Option<ModificationPhase> {
        self.modification.as_ref().map(|modification| modification.phase).filter(|phase| !phase.has_ended())
    }
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
