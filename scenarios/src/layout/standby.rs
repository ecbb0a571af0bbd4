//! Several instances, one of them active.

use failover_simulator::{AddressSetup, AlarmSetup, Region};

use super::common::{Agents, Made, SERVICE, alarm_name, attach_all, data_volume, instance, tags};

/// The parts of a service of the topology `standby`. The active instance runs in zone a.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standby {
    /// Zone letter of each standby, and whether it runs.
    pub standbys: &'static [(char, bool)],
    /// Names of the data volumes.
    pub volumes: &'static [&'static str],
    /// Whether the volumes are encrypted with a customer's key.
    pub encrypted: bool,
    /// `detect.confirm_seconds` of the spec.
    pub confirm_seconds: u32,
    /// Who runs in its guests.
    pub agents: Agents,
    /// What the spec says beyond that and the defaults.
    pub spec: &'static str,
}

impl Standby {
    /// Puts the service into a region.
    pub fn build(&self, region: &Region) -> Made {
        let active = instance(region, 'a', true);
        let standbys = self.standbys.iter().map(|(zone, running)| instance(region, *zone, *running)).collect();
        let volume = |name: &&str| data_volume(region, name, self.encrypted, tags(&[("failover:volume", name)]));
        let volumes: Vec<String> = self.volumes.iter().map(volume).collect();
        attach_all(region, &volumes, &active);
        let address = region.add_address(AddressSetup {
            instance_id: Some(active.clone()),
            service: Some(SERVICE.to_owned()),
            tags: tags(&[]),
        });
        region.add_alarm(AlarmSetup { name: alarm_name(), instance_id: active.clone(), ..AlarmSetup::default() });
        Made { active: Some(active), standbys, volumes, address }
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
