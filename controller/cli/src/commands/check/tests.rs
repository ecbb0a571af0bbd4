#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use failover_core::decide::adopt;
use failover_core::ids::{AlarmName, InstanceId, VolumeId, Zone};
use failover_core::world::{
    Address, Alarm, Attachment, AttachmentState, Instance, InstanceState, Listing, Tags, Volume, VolumeShape,
    VolumeState,
};
use jiff::Timestamp;

use super::*;

const ACTIVE: &str = "i-00000000000000001";
const STANDBY: &str = "i-00000000000000002";
const VOLUME: &str = "vol-00000000000000001";
const ADDRESS: &str = "eipalloc-00000000000000001";

fn now() -> Timestamp {
    "2026-01-05T09:00:00Z".parse().unwrap()
}

fn spec(more: &str) -> Spec {
    let text = format!(
        "service = \"db\"\ntopology = \"standby\"\n[[volume]]\nname = \"data\"\n[detect]\nalarms = [\"db-status\"]\n[data]\n{more}"
    );
    Spec::parse(&text).unwrap()
}

fn tags(more: &[(&str, &str)]) -> Tags {
    more.iter().chain(&[(tag::SERVICE, "db")]).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn instance(zone: &str, state: InstanceState) -> Instance {
    Instance { zone: Zone::new(zone).unwrap(), state, devices: BTreeMap::new(), root_device: None }
}

fn id(text: &str) -> InstanceId {
    InstanceId::new(text).unwrap()
}

fn volume() -> Volume {
    Volume {
        zone: Zone::new("eu-central-1a").unwrap(),
        state: VolumeState::InUse,
        shape: VolumeShape {
            size_gib: 20,
            volume_type: "gp3".to_owned(),
            iops: None,
            throughput_mib_per_second: None,
            encrypted: true,
            kms_key: None,
        },
        attachments: vec![Attachment {
            instance: id(ACTIVE),
            device: "/dev/sdf".to_owned(),
            state: AttachmentState::Attached,
        }],
        restored_from: None,
        created_at: now(),
        tags: tags(&[(tag::VOLUME, "data")]),
    }
}

fn alarm(state: AlarmState, about: &str) -> Alarm {
    Alarm { state, since: now(), instance: Some(id(about)) }
}

/// A service that is healthy: two instances in two zones, a tagged volume, an address, an alarm about the active instance.
fn well() -> World {
    let address = Address { public_ip: "203.0.113.7".to_owned(), instance: Some(id(ACTIVE)), tags: tags(&[]) };
    World {
        instances: Listing::known(
            [
                (id(ACTIVE), instance("eu-central-1a", InstanceState::Running)),
                (id(STANDBY), instance("eu-central-1b", InstanceState::Stopped)),
            ],
            now(),
        ),
        checks: Listing::known([], now()),
        volumes: Listing::known([(VolumeId::new(VOLUME).unwrap(), volume())], now()),
        snapshots: Listing::known([], now()),
        addresses: Listing::known([(ADDRESS.parse().unwrap(), address)], now()),
        alarms: Listing::known([(AlarmName::new("db-status").unwrap(), alarm(AlarmState::Ok, ACTIVE))], now()),
        ..World::unseen(now())
    }
}

fn adopted(spec: &Spec) -> Ledger {
    adopt(spec, &well(), now()).unwrap()
}

/// The findings of a world that was changed from a good one.
fn found(change: impl FnOnce(&mut World)) -> Vec<CheckFinding> {
    let spec = spec("snapshot_every_seconds = 900");
    let mut world = well();
    change(&mut world);
    findings(&spec, &adopted(&spec), &world)
}

fn only(found: &[CheckFinding], severity: Severity, named: &str) {
    assert!(matches!(found, [one] if one.severity == severity && one.text.contains(named)), "{named}: {found:?}");
}

#[test]
fn a_good_set_up_has_no_findings() {
    assert_eq!(found(|_| {}), Vec::new());
}

#[test]
fn what_can_not_be_seen_is_a_fault_and_never_absent() {
    let found = found(|world| world.alarms = Listing::unknown("AccessDenied", now()));
    assert!(
        found.iter().all(|finding| finding.severity == Severity::Fault && finding.text.contains("AccessDenied")),
        "{found:?}"
    );
    assert!(!found.is_empty());
}

#[test]
fn what_is_gone_is_a_fault() {
    only(&found(|world| drop(world.instances.items.remove(&id(STANDBY)))), Severity::Fault, STANDBY);
    only(&found(|world| world.volumes.items.clear()), Severity::Fault, VOLUME);
    only(&found(|world| world.addresses.items.clear()), Severity::Fault, ADDRESS);
    only(&found(|world| world.alarms.items.clear()), Severity::Fault, "no alarm db-status");
}

#[test]
fn a_missing_tag_is_named_with_the_command_that_sets_it() {
    let untagged = found(|world| {
        let mut volume = volume();
        volume.tags.remove(tag::VOLUME);
        world.volumes = Listing::known([(VolumeId::new(VOLUME).unwrap(), volume)], now());
    });
    only(
        &untagged,
        Severity::Warning,
        "create-tags --resources vol-00000000000000001 --tags Key=failover:volume,Value=data",
    );
}

#[test]
fn an_alarm_about_another_instance_or_without_data_is_told() {
    let name = || AlarmName::new("db-status").unwrap();
    let other = found(|world| world.alarms = Listing::known([(name(), alarm(AlarmState::Ok, STANDBY))], now()));
    only(&other, Severity::Warning, "not about the active");
    let silent =
        found(|world| world.alarms = Listing::known([(name(), alarm(AlarmState::InsufficientData, ACTIVE))], now()));
    only(&silent, Severity::Warning, "insufficient data");
}

#[test]
fn what_a_lost_zone_would_cost_is_told() {
    let spec = spec("");
    only(&findings(&spec, &adopted(&spec), &well()), Severity::Warning, "snapshot_every_seconds");
    let mut ledger = adopted(&spec);
    for member in ledger.members.values_mut() {
        member.zone = ledger.active_zone.clone();
    }
    let found = findings(&spec, &ledger, &well());
    assert!(found.iter().any(|finding| finding.text.contains("every standby is in eu-central-1a")), "{found:?}");
    ledger.members.retain(|member, _| *member == ledger.active);
    let found = findings(&spec, &ledger, &well());
    assert!(
        matches!(found.first(), Some(first) if first.severity == Severity::Fault && first.text.contains("no standby"))
    );
}

mod groups;
