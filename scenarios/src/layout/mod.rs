//! What a scenario's region starts with: one service, its instances, volumes, address and alarm.

mod common;
mod group;
mod standby;

use failover_simulator::Region;

pub use common::{Agents, KEY, Made, REGION, SERVICE, alarm_name, region_setup, zone};
pub(crate) use common::{attach_all, data_volume, instance, tags};
pub use group::{GROUP, Group};
pub use standby::Standby;

/// The parts of a scenario's service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Several instances, one of them active.
    Standby(Standby),
    /// An Auto Scaling group of one.
    Group(Group),
}

impl Layout {
    /// Puts the service into a region.
    pub fn build(&self, region: &Region) -> Made {
        match self {
            Self::Standby(standby) => standby.build(region),
            Self::Group(group) => group.build(region),
        }
    }

    /// The service's `failover.toml`.
    pub fn failover_toml(&self, made: &Made) -> String {
        match self {
            Self::Standby(standby) => standby.failover_toml(),
            Self::Group(group) => group.failover_toml(made),
        }
    }

    /// Names of the data volumes.
    pub fn volumes(&self) -> &'static [&'static str] {
        match self {
            Self::Standby(standby) => standby.volumes,
            Self::Group(group) => group.volumes,
        }
    }

    /// Who runs in its guests.
    pub fn agents(&self) -> Agents {
        match self {
            Self::Standby(standby) => standby.agents,
            Self::Group(group) => group.agents,
        }
    }

    /// The topology, as the spec names it.
    pub fn topology(&self) -> &'static str {
        match self {
            Self::Standby(_) => "standby",
            Self::Group(_) => "auto-scaling",
        }
    }
}
