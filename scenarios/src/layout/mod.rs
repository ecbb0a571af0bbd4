//! What a scenario's region starts with: one service, its instances, volumes, address and alarm.

mod group;
mod standby;

use std::collections::BTreeMap;

use failover_simulator::setup::DataName;
use failover_simulator::{Region, Setup, VolumeSetup};

use super::agents::Agents;
pub use group::{GROUP, Group};
pub use standby::Standby;

/// The service of every scenario.
pub const SERVICE: &str = "sample";
/// The region of every scenario.
pub const REGION: &str = "eu-central-1";

/// The parts of a scenario's service.
#[derive(Debug, Clone, Copy)]
pub enum Layout {
    /// Several instances, one of them active.
    Standby(Standby),
    /// An Auto Scaling group of one.
    Group(Group),
}

/// Ids of what was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The active instance; none if a group has not launched its first yet.
    pub active: Option<String>,
    /// The standbys, in the layout's order.
    pub standbys: Vec<String>,
    /// The data volumes, in the layout's order.
    pub volumes: Vec<String>,
    /// The address.
    pub address: String,
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

/// The region of a scenario: what carries the service's tags later on is part of it for the truth, too.
pub fn region_setup(seed: u64, agents: Agents) -> Setup {
    Setup {
        seed,
        agents: agents != Agents::None,
        region_name: REGION.to_owned(),
        workload_tag: Some("failover:service".to_owned()),
        volume_name_tag: Some("failover:volume".to_owned()),
        ..Setup::default()
    }
}

/// The alarm over the status checks of the first active instance.
pub fn alarm_name() -> String {
    format!("{SERVICE}-status")
}

/// A zone of the region by its letter.
pub fn zone(letter: char) -> String {
    format!("{REGION}{letter}")
}

/// A data volume in zone a, not attached yet.
fn data_volume(region: &Region, name: &str, encrypted: bool, tags: BTreeMap<String, String>) -> String {
    let key = format!("arn:aws:kms:{REGION}:123456789012:key/5a3c1f0e-6b1d-4c8e-9f27-0d6b8a1e4c55");
    region.add_volume(VolumeSetup {
        zone: zone('a'),
        kms_key_id: encrypted.then_some(key),
        tags,
        data: Some(DataName { service: SERVICE.to_owned(), volume_name: name.to_owned() }),
        ..VolumeSetup::default()
    })
}

fn attach_all(region: &Region, volumes: &[String], instance: &str) {
    for (volume, letter) in volumes.iter().zip('f'..='p') {
        region.attach_at_start(volume, instance, &format!("/dev/sd{letter}"));
    }
}

fn tags(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = [("failover:service", SERVICE)];
    own.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
