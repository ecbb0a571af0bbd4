//! What a scenario's region starts with: one service, its instances, volumes, address and alarms.

use std::collections::BTreeMap;

use failover_simulator::setup::DataName;
use failover_simulator::{AddressSetup, AlarmSetup, InstanceSetup, Region, VolumeSetup};

/// The service of every scenario.
pub const SERVICE: &str = "sample";
/// The region of every scenario.
pub const REGION: &str = "eu-central-1";

/// The parts of a scenario's service. The active instance runs in zone a.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Zone letter of each standby, and whether it runs.
    pub standbys: &'static [(char, bool)],
    /// Names of the data volumes.
    pub volumes: &'static [&'static str],
    /// Whether the volumes are encrypted with a customer's key.
    pub encrypted: bool,
    /// `detect.confirm_seconds` of the spec.
    pub confirm_seconds: u32,
    /// What the spec says beyond that and the defaults.
    pub spec: &'static str,
}

/// Ids of what was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The active instance.
    pub active: String,
    /// The standbys, in the layout's order.
    pub standbys: Vec<String>,
    /// The data volumes, in the layout's order.
    pub volumes: Vec<String>,
}

impl Layout {
    /// Puts the service into a region.
    pub fn build(&self, region: &Region) -> Made {
        let active = instance(region, 'a', true);
        let standbys = self.standbys.iter().map(|(zone, running)| instance(region, *zone, *running)).collect();
        let volumes: Vec<String> = self.volumes.iter().map(|name| self.volume(region, name)).collect();
        for (volume, letter) in volumes.iter().zip('f'..='p') {
            region.attach_at_start(volume, &active, &format!("/dev/sd{letter}"));
        }
        region.add_address(AddressSetup {
            instance_id: Some(active.clone()),
            service: Some(SERVICE.to_owned()),
            tags: tags(&[]),
        });
        region.add_alarm(AlarmSetup { name: alarm_name(), instance_id: active.clone(), ..AlarmSetup::default() });
        Made { active, standbys, volumes }
    }

    fn volume(&self, region: &Region, name: &str) -> String {
        let key = format!("arn:aws:kms:{REGION}:123456789012:key/5a3c1f0e-6b1d-4c8e-9f27-0d6b8a1e4c55");
        region.add_volume(VolumeSetup {
            zone: zone('a'),
            kms_key_id: self.encrypted.then_some(key),
            tags: tags(&[("failover:volume", name)]),
            data: Some(DataName { service: SERVICE.to_owned(), volume_name: name.to_owned() }),
            ..VolumeSetup::default()
        })
    }

    /// The service's `failover.toml`.
    pub fn failover_toml(&self) -> String {
        let volumes: Vec<String> =
            self.volumes.iter().map(|name| format!("\n[[volume]]\nname = \"{name}\"\n")).collect();
        let volumes = volumes.concat();
        format!(
            "service = \"{SERVICE}\"\ntopology = \"standby\"\n{volumes}\n[detect]\nalarms = [\"{}\"]\nconfirm_seconds = {}\n\n{}",
            alarm_name(),
            self.confirm_seconds,
            self.spec
        )
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

fn instance(region: &Region, letter: char, running: bool) -> String {
    region.add_instance(InstanceSetup {
        zone: zone(letter),
        running,
        tags: tags(&[("Name", &format!("{SERVICE}-{letter}"))]),
        workload: Some(SERVICE.to_owned()),
        ..InstanceSetup::default()
    })
}

fn tags(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = [("failover:service", SERVICE)];
    own.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
