//! A small service: `i-…a` active in zone a with one volume and an address, `i-…b` standby in zone b.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::ids::{AddressId, AllocationId, InstanceId, ServiceName, SnapshotId, VolumeId, VolumeName, Zone};
use crate::ledger::{CurrentVolume, Ledger, Member};
use crate::spec::Spec;
use crate::world::{
    Address, Attachment, AttachmentState, Check, Checks, Instance, InstanceState, Listing, Snapshot, SnapshotState,
    Tags, Volume, VolumeShape, VolumeState, World, tag,
};

pub(super) const SPEC: &str = r#"
service = "db"
topology = "standby"
[[volume]]
name = "data"
[detect]
alarms = ["db-status"]
confirm_seconds = 20
"#;

pub(super) fn start() -> Timestamp {
    "2026-01-05T09:00:00Z".parse().unwrap()
}

pub(super) fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

pub(super) fn instance_id(letter: char) -> InstanceId {
    InstanceId::new(format!("i-0000000{letter}")).unwrap()
}

pub(super) fn zone(letter: char) -> Zone {
    Zone::new(format!("eu-central-1{letter}")).unwrap()
}

pub(super) fn volume_id(number: u32) -> VolumeId {
    VolumeId::new(format!("vol-{number:08x}")).unwrap()
}

pub(super) fn snapshot_id(number: u32) -> SnapshotId {
    SnapshotId::new(format!("snap-{number:08x}")).unwrap()
}

pub(super) fn allocation() -> AddressId {
    AddressId::ElasticIp(AllocationId::new("eipalloc-00000001").unwrap())
}

pub(super) fn data() -> VolumeName {
    VolumeName::new("data").unwrap()
}

pub(super) fn shape() -> VolumeShape {
    VolumeShape {
        size_gib: 20,
        volume_type: "gp3".to_owned(),
        iops: Some(3_000),
        throughput_mib_per_second: Some(125),
        encrypted: true,
        kms_key: None,
    }
}

pub(super) fn spec() -> Spec {
    Spec::parse(SPEC).unwrap()
}

pub(super) fn ledger() -> Ledger {
    let members = [('a', 'a'), ('b', 'b')].map(|(id, at)| (instance_id(id), Member { zone: zone(at) }));
    let current =
        CurrentVolume { volume: volume_id(1), zone: zone('a'), shape: shape(), device: "/dev/sdf".to_owned() };
    Ledger {
        service: ServiceName::new("db").unwrap(),
        epoch: 1,
        active: instance_id('a'),
        active_zone: zone('a'),
        active_since: start(),
        members: BTreeMap::from(members),
        current_volumes: BTreeMap::from([(data(), current)]),
        uninitialized: BTreeSet::new(),
        blank: BTreeSet::new(),
        former_actives: std::collections::BTreeSet::new(),
        subnets_before: None,
        addresses: BTreeSet::from([allocation()]),
        paused: None,
        request: None,
        recent_request_ids: VecDeque::new(),
        suspicion: None,
        unseen_since: None,
        refused: None,
        failover: None,
        maintenance: BTreeMap::new(),
        superseded: BTreeMap::new(),
        former_volumes: BTreeMap::new(),
        refused_maintenance: BTreeMap::new(),
        automatic_starts: VecDeque::new(),
        last: None,
        outbox: VecDeque::new(),
    }
}

pub(super) fn instance(at: char, state: InstanceState) -> Instance {
    Instance { zone: zone(at), state, devices: BTreeMap::new(), root_device: None }
}

pub(super) const PASSED: Checks = Checks { system: Check::Ok, instance: Check::Ok, attached_ebs: Check::Ok };

pub(super) fn tags(pairs: &[(&str, &str)]) -> Tags {
    let service = [(tag::SERVICE, "db")];
    service.iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn volume(at: char, attached_to: Option<char>) -> Volume {
    let attachments = attached_to.map(|letter| Attachment {
        instance: instance_id(letter),
        device: "/dev/sdf".to_owned(),
        state: AttachmentState::Attached,
    });
    Volume {
        zone: zone(at),
        state: if attached_to.is_some() { VolumeState::InUse } else { VolumeState::Available },
        shape: shape(),
        attachments: attachments.into_iter().collect(),
        restored_from: None,
        created_at: start(),
        tags: tags(&[(tag::VOLUME, "data"), (tag::ROLE, "an old one"), ("owner", "billing"), ("aws:stack", "s")]),
    }
}

pub(super) fn snapshot(of: u32, state: SnapshotState, started_at: Timestamp, pairs: &[(&str, &str)]) -> Snapshot {
    let mut tags = tags(pairs);
    // The controller says of which volume it made a copy; who copies tags, says it as well.
    if tags.contains_key(tag::COPY) && tags.contains_key(tag::VOLUME) {
        tags.entry(tag::SOURCE.to_owned()).or_insert_with(|| volume_id(of).to_string());
    }
    let description = tag::description(&tags).filter(|_| tags.contains_key(tag::COPY)).unwrap_or_default();
    Snapshot { volume: volume_id(of), state, progress_percent: 50, started_at, size_gib: 20, description, tags }
}

/// All is healthy.
pub(super) fn world(at: Timestamp) -> World {
    let address = Address { public_ip: "203.0.113.1".to_owned(), instance: Some(instance_id('a')), tags: tags(&[]) };
    World {
        instances: Listing::known(
            [
                (instance_id('a'), instance('a', InstanceState::Running)),
                (instance_id('b'), instance('b', InstanceState::Running)),
            ],
            at,
        ),
        checks: Listing::known([(instance_id('a'), PASSED), (instance_id('b'), PASSED)], at),
        volumes: Listing::known([(volume_id(1), volume('a', Some('a')))], at),
        snapshots: Listing::known([], at),
        addresses: Listing::known([(allocation(), address)], at),
        alarms: Listing::known([], at),
        groups: Listing::known([], at),
        agents: Listing::known([], at),
        observation_took: jiff::SignedDuration::ZERO,
    }
}
