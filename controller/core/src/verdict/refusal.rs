//! Why no failover begins.

use std::fmt;

use jiff::Timestamp;
use thiserror::Error;

use super::lists::{Joined, Listed};
use crate::ids::{AddressId, GroupName, InstanceId, VolumeId, VolumeName, Zone};

/// Why no failover begins; each says what would let it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// An operator paused the service.
    #[error("the service is paused (by {by}); `failover resume` ends that")]
    Paused {
        /// Who paused it, as far as the command line knew.
        by: String,
    },
    /// The last failover is too recent.
    #[error("the last failover ended too recently: limits.cooldown_seconds = {cooldown_seconds} lasts until {until}")]
    Cooldown {
        /// `limits.cooldown_seconds`.
        cooldown_seconds: u64,
        /// When it is over.
        until: Timestamp,
    },
    /// As many automatic failovers as the spec allows in a day.
    #[error(
        "{count} automatic failovers began within 24 hours: limits.failovers_per_day = {count}; find the cause, or use `failover --to standby`"
    )]
    DailyCap {
        /// `limits.failovers_per_day`.
        count: u64,
    },
    /// No instance can take over.
    #[error("no instance can take over: {}", Listed(.candidates))]
    NoTarget {
        /// Who was considered, and why not.
        candidates: Vec<(InstanceId, String)>,
    },
    /// More than one address could be meant.
    #[error("several addresses carry the tag of the service: {}; name the right ones in [[address]], or remove the tag from the others", Joined(.0))]
    AmbiguousAddress(Vec<AddressId>),
    /// More than one volume could be meant.
    #[error("several volumes carry the tags of {name}: {}; remove the tag failover:volume from those that are not part of the service", Joined(.volumes))]
    AmbiguousVolume {
        /// The data, by its name in the spec.
        name: VolumeName,
        /// The one of the ledger first.
        volumes: Vec<VolumeId>,
    },
    /// The spec and the ledger speak of different volumes.
    #[error(
        "the volumes of failover.toml ({spec}) are not those that the service was adopted with ({ledger}); put them back into failover.toml and run `failover apply`"
    )]
    VolumesDiffer {
        /// The names in the spec.
        spec: String,
        /// The names in the ledger.
        ledger: String,
    },
    /// No group is the service's.
    #[error("{}; tag the service's Auto Scaling group, or name it in [group]", NoGroup(.0.as_deref()))]
    NoGroup(Option<String>),
    /// More than one group could be meant.
    #[error("several Auto Scaling groups carry the tag of the service: {}; name the right one in [group]", Joined(.0))]
    AmbiguousGroup(Vec<GroupName>),
    /// A group of more than one.
    #[error("the desired capacity of {group} is {desired}; a service of one instance needs 1")]
    GroupTooLarge {
        /// The service's group.
        group: GroupName,
        /// How many it should have.
        desired: u32,
    },
    /// A group that replaces nothing.
    #[error("the process {process} of {group} is suspended; resume it first")]
    GroupSuspended {
        /// The service's group.
        group: GroupName,
        /// AWS's name of the process.
        process: String,
    },
    /// A group launches new instances.
    #[error(
        "{0} can't be requested: an Auto Scaling group launches a new instance. Allowed are `--to ZONE`, and `--to standby` for whichever zone the group chooses"
    )]
    GroupLaunches(InstanceId),
    /// A zone without a subnet.
    #[error("the group has no subnet in {zone}; allowed are its other zones: {}", Joined(.allowed))]
    NoSubnet {
        /// The zone that was asked for.
        zone: Zone,
        /// Where the group may launch.
        allowed: Vec<Zone>,
    },
    /// A request for what is so already.
    #[error("the active instance is in {0} already")]
    AlreadyThere(Zone),
    /// A request that came too late.
    #[error("the request of {at} was not handled within {seconds} s; request it again")]
    Expired {
        /// When it was asked for.
        at: Timestamp,
        /// How long it would have held.
        seconds: i64,
    },
    /// A request for what is so already.
    #[error("{0} is the active instance already")]
    AlreadyActive(InstanceId),
    /// A drill needs everything known and healthy.
    #[error("a drill needs everything known and healthy: {}", .0.join("; "))]
    NotHealthy(Vec<String>),
    /// AWS has not answered for the active instance for a while: whether it serves, nobody can tell.
    #[error(
        "AWS has not answered for {instance} since {since}, so nobody can tell whether it serves: look, and if it does not, `failover --to standby`"
    )]
    Unobserved {
        /// The active instance.
        instance: InstanceId,
        /// Since when.
        since: Timestamp,
    },
    /// Part of what the decision needs can't be seen.
    #[error("can't be observed now: {0}")]
    Unseen(String),
}

struct NoGroup<'a>(Option<&'a str>);

impl fmt::Display for NoGroup<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(formatter, "there is no Auto Scaling group {name}"),
            None => formatter.write_str("no Auto Scaling group carries the tag of the service"),
        }
    }
}
