//! EBS volumes, and where they are attached.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tag::Tags;
use crate::ids::{InstanceId, SnapshotId, Zone};

/// A volume's state, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeState {
    /// On its way from a snapshot, or empty; nothing can be attached yet.
    Creating,
    /// Usable, and attached to nothing.
    Available,
    /// Attached, or being attached or detached.
    InUse,
    /// On its way out; it can't be kept any more.
    Deleting,
    /// Gone, and still listed for a while.
    Deleted,
    /// Its creation failed, or its hardware did: it will never be usable.
    Error,
}

/// An attachment's state, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttachmentState {
    /// On its way to the instance.
    Attaching,
    /// The instance can use it.
    Attached,
    /// On its way from the instance, which may still write.
    Detaching,
    /// It has left; soon it is no longer listed.
    Detached,
    /// Would leave, but the guest holds it.
    Busy,
}

/// EC2's recommended device names for data volumes (aws-facts 2.7): a service has no more volumes than these.
pub const DEVICES: [&str; 11] = [
    "/dev/sdf", "/dev/sdg", "/dev/sdh", "/dev/sdi", "/dev/sdj", "/dev/sdk", "/dev/sdl", "/dev/sdm", "/dev/sdn",
    "/dev/sdo", "/dev/sdp",
];

/// A volume's place in an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The instance that has it, or is getting or losing it.
    pub instance: InstanceId,
    /// The device name that it was attached under; the guest's kernel gives another (aws-facts 2.7).
    pub device: String,
    /// How far the attachment is; only `attached` can be used.
    pub state: AttachmentState,
}

/// What a restored volume must have in common with its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeShape {
    /// Size in GiB. A copy may be larger than its snapshot, never smaller.
    pub size_gib: u32,
    /// Type, such as `gp3`.
    pub volume_type: String,
    /// Provisioned IOPS, where the type has them.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s, where the type has it.
    pub throughput_mib_per_second: Option<u32>,
    /// Whether it is encrypted: a copy of an encrypted volume always is (aws-facts 2.6).
    pub encrypted: bool,
    /// The KMS key of an encrypted volume.
    pub kms_key: Option<String>,
}

/// An EBS volume (`DescribeVolumes`, whose attachments are the truth: aws-facts 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Where it lives; a volume never changes its zone.
    pub zone: Zone,
    /// As AWS last showed it.
    pub state: VolumeState,
    /// Size, type, performance, encryption.
    pub shape: VolumeShape,
    /// Where it is attached, or still being detached from; io2 may have several.
    pub attachments: Vec<Attachment>,
    /// The snapshot it was restored from.
    pub restored_from: Option<SnapshotId>,
    /// When AWS accepted its creation.
    pub created_at: Timestamp,
    /// What tells which data it carries, and who made it.
    pub tags: Tags,
}

impl Volume {
    /// Attached nowhere, and AWS says so: nobody can write to it.
    pub fn is_free(&self) -> bool {
        self.state == VolumeState::Available && self.attachments.is_empty()
    }

    /// Whether EBS failed it, and nobody has it.
    pub fn is_failed(&self) -> bool {
        self.state == VolumeState::Error && self.attachments.is_empty()
    }

    /// Whether nobody has it but those that are allowed, and AWS says so. One that is in use and lists no attachment is held by somebody
    /// that we are not told of (reads of one resource disagree for seconds, aws-facts 7): it shows nothing.
    pub fn is_held_only_by(&self, allowed: impl Fn(&InstanceId) -> bool) -> bool {
        let unlisted = self.state == VolumeState::InUse && self.attachments.is_empty();
        !unlisted && self.attachments.iter().all(|attachment| allowed(&attachment.instance))
    }

    /// Whether somebody deleted it, or is about to have done so.
    pub fn is_deleted(&self) -> bool {
        matches!(self.state, VolumeState::Deleting | VolumeState::Deleted)
    }

    /// Whether the volume is gone or will never be usable.
    pub fn is_lost(&self) -> bool {
        self.is_deleted() || self.state == VolumeState::Error
    }

    /// Whether an instance has it for good: not on its way there or away.
    pub fn is_attached_to(&self, instance: &InstanceId) -> bool {
        self.attachment_to(instance).is_some_and(|attachment| attachment.state == AttachmentState::Attached)
    }

    /// The attachment to an instance, in whatever state.
    pub fn attachment_to(&self, instance: &InstanceId) -> Option<&Attachment> {
        self.attachments.iter().find(|attachment| attachment.instance == *instance)
    }
}
