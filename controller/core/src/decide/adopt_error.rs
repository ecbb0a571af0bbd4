//! Why a set-up is not adopted.

use thiserror::Error;

use crate::ids::{AddressId, InstanceId, VolumeId, VolumeName};

/// Why a set-up can't be adopted; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AdoptError {
    /// Something could not be read.
    #[error("{what} could not be read: {why}")]
    Unseen {
        /// A part of the world, in the plural.
        what: &'static str,
        /// AWS's answer, or that there was none.
        why: String,
    },
    /// Nothing to adopt: no tag, or a group without an instance.
    #[error("no instance carries the tag failover:service={service}; tag the active instance and its standbys")]
    NoInstance {
        /// Its name, the value of the tag.
        service: String,
    },
    /// Too few to fail over.
    #[error("only {0} carries the tag failover:service; topology standby needs two or more instances")]
    NoStandby(InstanceId),
    /// Several addresses could be meant.
    #[error("several addresses carry the tag failover:service={service} ({}); name one in [[address]]", .addresses.join(", "))]
    AmbiguousAddress {
        /// Its name, the value of the tag.
        service: String,
        /// All that carry its tag.
        addresses: Vec<String>,
    },
    /// The spec names an address that does not exist.
    #[error("address.allocation_id = {0}: there is no such address")]
    NoAddress(AddressId),
    /// The spec names a volume that does not exist.
    #[error("volume.volume_id = {0}: there is no such volume")]
    NoSuchVolume(VolumeId),
    /// No group is the service's.
    #[error("no Auto Scaling group carries the tag failover:service={service}; tag it, or name it in [group]")]
    NoGroup {
        /// Its name, the value of the tag.
        service: String,
    },
    /// More than one group could be meant.
    #[error("several Auto Scaling groups carry the tag of the service ({}); name the right one in [group]", .0.join(", "))]
    AmbiguousGroup(Vec<String>),
    /// No volume for a name.
    #[error(
        "no volume carries the tags failover:service={service} and failover:volume={name}; tag the volume that holds the data"
    )]
    NoVolume {
        /// Its name, the value of the tag.
        service: String,
        /// The data, by its name in the spec.
        name: VolumeName,
    },
    /// Several volumes for a name.
    #[error("several volumes carry the tags of {name}: {}; {}", .volumes.join(", "), if *.named { "remove the tag failover:volume from those that are not part of the service" } else { "give the one that holds the data the tag failover:volume as well, or name it by volume_id" })]
    AmbiguousVolume {
        /// The data, by its name in the spec.
        name: VolumeName,
        /// All that could be meant.
        volumes: Vec<String>,
        /// Whether some of them say by the tag `failover:volume` which data they hold.
        named: bool,
    },
    /// A root volume is no data volume: the target has one of its own.
    #[error(
        "{volume} ({name}) is the root volume of {instance}; put the data on a volume of its own, and name or tag that"
    )]
    RootVolume {
        /// The one that carries the tags, or that the spec names.
        volume: VolumeId,
        /// Whose root it is.
        instance: InstanceId,
        /// The data, by its name in the spec.
        name: VolumeName,
    },
    /// A volume that nobody holds.
    #[error("{volume} ({name}) is not attached to any instance; attach it to the active one")]
    NotAttached {
        /// The one that carries the tags, or that the spec names.
        volume: VolumeId,
        /// The data, by its name in the spec.
        name: VolumeName,
    },
    /// No or several instances look active.
    #[error(
        "it is ambiguous which instance is active: {0}. The active one runs, holds every volume of the service and has its address"
    )]
    AmbiguousActive(String),
}
