//! The sample service: something to try every command on.

use std::collections::BTreeMap;

use failover_simulator::setup::DataName;
use failover_simulator::{AddressSetup, AlarmSetup, InstanceSetup, Region, VolumeSetup};

/// The sample's service name.
pub const SERVICE: &str = "sample";

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
const DEVICE: &str = "/dev/sdf";

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

/// Puts the sample's resources into a region that has the zones a, b and c of `region_name`.
pub fn add(region: &Region, region_name: &str) -> Sample {
    let instance = |zone: &str, name: &str, running: bool| {
        region.add_instance(InstanceSetup {
            zone: format!("{region_name}{zone}"),
            running,
            tags: tags(&[("Name", name)]),
            workload: Some(SERVICE.to_owned()),
            ..InstanceSetup::default()
        })
    };
    let active = instance("a", "sample-a", true);
    let warm_standby = instance("b", "sample-b", true);
    let cold_standby = instance("c", "sample-c", false);
    let volume = region.add_volume(VolumeSetup {
        zone: format!("{region_name}a"),
        volume_type: "gp3".to_owned(),
        kms_key_id: Some(format!("arn:aws:kms:{region_name}:123456789012:key/5a3c1f0e-6b1d-4c8e-9f27-0d6b8a1e4c55")),
        tags: tags(&[("Name", "sample-data"), ("failover:volume", VOLUME)]),
        data: Some(DataName { service: SERVICE.to_owned(), volume_name: VOLUME.to_owned() }),
        ..VolumeSetup::default()
    });
    region.attach_at_start(&volume, &active, DEVICE);
    let address = region.add_address(AddressSetup {
        instance_id: Some(active.clone()),
        service: Some(SERVICE.to_owned()),
        tags: tags(&[("Name", "sample")]),
    });
    let alarm = "sample-status".to_owned();
    region.add_alarm(AlarmSetup { name: alarm.clone(), instance_id: active.clone(), ..AlarmSetup::default() });
    Sample { active, warm_standby, cold_standby, volume, address, alarm }
}

fn tags(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = [("failover:service", SERVICE)];
    own.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
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
