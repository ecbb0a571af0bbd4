//! An Auto Scaling group of one.

use std::collections::BTreeMap;

use failover_simulator::setup::group::{GroupSetup, HookSetup};
use failover_simulator::{AddressSetup, AlarmSetup, InstanceSetup, Region};

use super::common::{Agents, Made, SERVICE, alarm_name, attach_all, data_volume, tags, zone};

/// The group of every scenario that has one.
pub const GROUP: &str = "sample-group";

/// The parts of a service of the topology `auto-scaling`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Letters of the zones that the group launches in.
    pub zones: &'static [char],
    /// Whether an instance is in service from the start, in zone a. Without one the group launches its first, and the volumes are yet to be made.
    pub first: bool,
    /// Names of the data volumes.
    pub volumes: &'static [&'static str],
    /// Whether the group has lifecycle hooks.
    pub hooks: bool,
    /// Minimum and maximum healthy percentage of the instance maintenance policy.
    pub maintenance: Option<[usize; 2]>,
    /// Whether everything carries the service's tags; otherwise the spec names everything by its id.
    pub tagged: bool,
    /// Who runs in its guests.
    pub agents: Agents,
    /// What the spec says beyond that and the defaults.
    pub spec: &'static str,
}

/// What the controller has to extend while it works: short enough to show if it does not.
const HEARTBEAT_SECONDS: u32 = 300;

impl Group {
    /// Puts the service into a region.
    pub fn build(&self, region: &Region) -> Made {
        let own = |more: &[(&str, &str)]| if self.tagged { tags(more) } else { BTreeMap::new() };
        let hooks = [HookSetup::launching("failover-launch"), HookSetup::terminating("failover-terminate")];
        let hooks = hooks.map(|hook| HookSetup { heartbeat_seconds: HEARTBEAT_SECONDS, ..hook });
        region.add_group(GroupSetup {
            name: GROUP.to_owned(),
            zones: self.zones.iter().map(|letter| zone(*letter)).collect(),
            instance: InstanceSetup { workload: Some(SERVICE.to_owned()), ..InstanceSetup::default() },
            tags: own(&[]),
            hooks: if self.hooks { hooks.into() } else { Vec::new() },
            maintenance: self.maintenance,
            first: self.first.then(|| zone('a')),
            ..GroupSetup::default()
        });
        let active = region.group_members(GROUP).into_iter().map(|member| member.instance).next();
        let volumes: Vec<String> = match &active {
            Some(_) => {
                let volume = |name: &&str| data_volume(region, name, true, own(&[("failover:volume", name)]));
                self.volumes.iter().map(volume).collect()
            }
            None => Vec::new(),
        };
        if let Some(active) = &active {
            attach_all(region, &volumes, active);
            region.add_alarm(AlarmSetup { name: alarm_name(), instance_id: active.clone(), ..AlarmSetup::default() });
        }
        let service = Some(SERVICE.to_owned());
        let address = region.add_address(AddressSetup { instance_id: active.clone(), service, tags: own(&[]) });
        Made { active, standbys: Vec::new(), volumes, address }
    }

    /// The service's `failover.toml`.
    pub fn failover_toml(&self, made: &Made) -> String {
        let mut parts = vec![format!("service = \"{SERVICE}\"\ntopology = \"auto-scaling\"\n")];
        if !self.tagged {
            parts.push(format!("\n[group]\nname = \"{GROUP}\"\n"));
            let address = &made.address;
            parts.push(format!("\n[[address]]\nkind = \"elastic-ip\"\nallocation_id = \"{address}\"\n"));
        }
        for (index, name) in self.volumes.iter().enumerate() {
            parts.push(format!("\n[[volume]]\nname = \"{name}\"\n"));
            match made.volumes.get(index) {
                None => parts.push("blank = { size_gib = 20 }\n".to_owned()),
                Some(id) if !self.tagged => parts.push(format!("volume_id = \"{id}\"\n")),
                Some(_) => {}
            }
        }
        if self.first {
            parts.push(format!("\n[detect]\nalarms = [\"{}\"]\n", alarm_name()));
        }
        parts.push(format!("\n{}", self.spec));
        parts.concat()
    }
}
