//! What all layouts share: names, zones, data volumes, and who runs in the guests.

use std::collections::BTreeMap;

use failover_simulator::setup::DataName;
use failover_simulator::{InstanceSetup, Region, Setup, VolumeSetup};

/// The service of every scenario.
pub const SERVICE: &str = "sample";
/// The region of every scenario.
pub const REGION: &str = "eu-central-1";

/// The customer's key of every encrypted volume.
pub const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/5a3c1f0e-6b1d-4c8e-9f27-0d6b8a1e4c55";

/// Who runs in a scenario's guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agents {
    /// Nobody: a guest serves as soon as it has its volumes.
    None,
    /// Agents as they should be.
    Good,
    /// Agents that report, and never stop a service.
    NeverStopping,
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

/// An instance of the service.
pub(crate) fn instance(region: &Region, letter: char, running: bool) -> String {
    region.add_instance(InstanceSetup {
        zone: zone(letter),
        running,
        tags: tags(&[("Name", &format!("{SERVICE}-{letter}"))]),
        workload: Some(SERVICE.to_owned()),
        ..InstanceSetup::default()
    })
}

/// A data volume in zone a, not attached yet.
pub(crate) fn data_volume(region: &Region, name: &str, encrypted: bool, tags: BTreeMap<String, String>) -> String {
    region.add_volume(VolumeSetup {
        zone: zone('a'),
        kms_key_id: encrypted.then(|| KEY.to_owned()),
        tags,
        data: Some(DataName { service: SERVICE.to_owned(), volume_name: name.to_owned() }),
        ..VolumeSetup::default()
    })
}

pub(crate) fn attach_all(region: &Region, volumes: &[String], instance: &str) {
    for (volume, letter) in volumes.iter().zip('f'..='p') {
        region.attach_at_start(volume, instance, &format!("/dev/sd{letter}"));
    }
}

pub(crate) fn tags(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = [("failover:service", SERVICE)];
    own.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
