//! The tags that the controller reads and writes.

use std::collections::BTreeMap;

use crate::ids::{FailoverId, VolumeName};

/// Tags of a resource: at most 50, of which those with `aws:` are AWS's own.
pub type Tags = BTreeMap<String, String>;

/// The service that a resource belongs to.
pub const SERVICE: &str = "failover:service";
/// The data volume (by its name in the spec) that a volume or snapshot carries.
pub const VOLUME: &str = "failover:volume";
/// The failover that made the resource.
pub const ID: &str = "failover:id";
/// The epoch for which it was made.
pub const EPOCH: &str = "failover:epoch";
/// What it was made for, or what became of it: a [`Role`].
pub const ROLE: &str = "failover:role";
/// How often the fence of its failover had been opened again when it was made.
pub const FENCE: &str = "failover:fence";
/// Which try of its failover made it.
pub const ATTEMPT: &str = "failover:attempt";

/// What a volume or snapshot is to the controller: the values of the tag [`ROLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Made by a failover: the copy under its fence, or what was restored from one.
    Failover,
    /// A copy that was taken while all was healthy.
    Periodic,
    /// A volume that was created empty.
    Blank,
    /// A volume that no longer serves.
    Superseded,
}

impl Role {
    /// The tag's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Periodic => "periodic",
            Self::Blank => "blank",
            Self::Superseded => "superseded",
        }
    }

    /// Reads the tag; a value that is not one of ours counts as missing.
    pub fn of(tags: &Tags) -> Option<Self> {
        let value = tags.get(ROLE)?;
        [Self::Failover, Self::Periodic, Self::Blank, Self::Superseded].into_iter().find(|role| role.as_str() == value)
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
