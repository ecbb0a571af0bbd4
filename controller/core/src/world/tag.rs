//! The tags that the controller reads and writes.

use std::collections::BTreeMap;

use crate::ids::{FailoverId, VolumeName};

/// Tags of a resource: at most 50, of which those with `aws:` are AWS's own.
pub type Tags = BTreeMap<String, String>;

/// The service that a resource belongs to.
pub const SERVICE: &str = "failover:service";
/// The data volume (by its name in the spec) that a volume or snapshot carries.
pub const VOLUME: &str = "failover:volume";
/// The failover (or the periodic copy) that made the resource.
pub const ID: &str = "failover:id";
/// The epoch for which it was made.
pub const EPOCH: &str = "failover:epoch";
/// How often the fence of its failover had been opened again when it was made.
pub const FENCE: &str = "failover:fence";
/// Which try of its failover made it.
pub const ATTEMPT: &str = "failover:attempt";

/// Snapshots only: what the copy was made for, a [`CopyRole`]. Backups copy the tags of volumes, so no volume ever gets it.
pub const COPY: &str = "failover:copy";
/// Snapshots only: the volume that it was made of. That the snapshot itself says the same shows that the tag was not copied from another.
pub const SOURCE: &str = "failover:source";
/// Snapshots only: the instance whose volumes were all copied at one point in time, by one `CreateSnapshots`.
pub const TOGETHER: &str = "failover:together";

/// Volumes only: what it was made for, or what became of it, a [`VolumeRole`].
pub const ROLE: &str = "failover:role";
/// Volumes only: the snapshot that a failover restored it from. That the volume itself says the same shows that the tag was not copied
/// from another.
pub const SNAPSHOT: &str = "failover:snapshot";

/// The description that the controller gives a snapshot with these tags. It can't be changed afterwards, so that a snapshot that was given the
/// controller's tags later on, by a person or a tagging tool, is not taken for the controller's own.
pub fn description(tags: &Tags) -> Option<String> {
    let (service, id) = (tags.get(SERVICE)?, tags.get(ID)?);
    Some(format!("failover: {service}, {id}"))
}

/// What a snapshot of the controller's was made for: the values of the tag [`COPY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyRole {
    /// The copy that a failover made under its fence.
    Failover,
    /// A copy that was taken while all was healthy.
    Periodic,
}

impl CopyRole {
    /// The tag's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Periodic => "periodic",
        }
    }

    /// Reads the tag; a value that is not one of ours counts as missing.
    pub fn of(tags: &Tags) -> Option<Self> {
        let value = tags.get(COPY)?;
        [Self::Failover, Self::Periodic].into_iter().find(|role| role.as_str() == value)
    }
}

/// What a volume is to the controller: the values of the tag [`ROLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeRole {
    /// A failover restored it from a copy.
    Restored,
    /// It was created empty.
    Blank,
    /// It no longer serves.
    Superseded,
}

impl VolumeRole {
    /// The tag's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Blank => "blank",
            Self::Superseded => "superseded",
        }
    }

    /// Reads the tag; a value that is not one of ours counts as missing.
    pub fn of(tags: &Tags) -> Option<Self> {
        let value = tags.get(ROLE)?;
        [Self::Restored, Self::Blank, Self::Superseded].into_iter().find(|role| role.as_str() == value)
    }
}

/// What the tags of a volume or snapshot say of its lineage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The data, by its name in the spec.
    pub name: Option<VolumeName>,
    /// The failover that made it, if one did.
    pub failover: Option<FailoverId>,
}

impl Lineage {
    /// Reads the tags; values that are no names count as missing.
    pub fn of(tags: &Tags) -> Self {
        let name = tags.get(VOLUME).and_then(|value| VolumeName::new(value.as_str()).ok());
        let failover = tags.get(ID).and_then(|value| FailoverId::new(value.as_str()).ok());
        Self { name, failover }
    }
}
