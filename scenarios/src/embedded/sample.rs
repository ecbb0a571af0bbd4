//! The sample service: something to try every command on.

use failover_simulator::{AddressSetup, AlarmSetup, Region};

pub use crate::layout::SERVICE;
use crate::layout::{alarm_name, attach_all, data_volume, instance, tags};

/// The sample's `failover.toml`.
pub const SPEC: &str = r#"service = "sample"
topology = "standby"

[[volume]]
name = "data"
mount = "/var/lib/sample"
filesystem = "xfs"

[detect]
alarms = ["sample-status"]
"#;

const VOLUME: &str = "data";

/// Ids of what was made.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The instance that serves, in zone a.
    pub active: String,
    /// A running standby in zone b.
    pub warm_standby: String,
    /// A stopped standby in zone c.
    pub cold_standby: String,
    /// The data volume.
    pub volume: String,
    /// The Elastic IP's allocation.
    pub address: String,
    /// The alarm's name.
    pub alarm: String,
}

/// Puts the sample's resources into a region that has its zones a, b and c.
pub fn add(region: &Region) -> Sample {
    let active = instance(region, 'a', true);
    let warm_standby = instance(region, 'b', true);
    let cold_standby = instance(region, 'c', false);
    let volume = data_volume(region, VOLUME, true, tags(&[("Name", "sample-data"), ("failover:volume", VOLUME)]));
    attach_all(region, std::slice::from_ref(&volume), &active);
    let address = region.add_address(AddressSetup {
        instance_id: Some(active.clone()),
        service: Some(SERVICE.to_owned()),
        tags: tags(&[("Name", SERVICE)]),
    });
    let alarm = alarm_name();
    region.add_alarm(AlarmSetup { name: alarm.clone(), instance_id: active.clone(), ..AlarmSetup::default() });
    Sample { active, warm_standby, cold_standby, volume, address, alarm }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use failover_core::spec::Spec;

    use super::*;

    #[test]
    fn the_spec_is_one() {
        let spec = Spec::parse(SPEC).unwrap();
        assert_eq!(spec.service.as_str(), SERVICE);
        assert_eq!(spec.volumes.len(), 1);
    }
}
