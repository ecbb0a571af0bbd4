//! The region as people read it: `GET /_region`.

mod places;
mod truth;

use serde_json::{Map, Value, json};

use crate::model::instance::Instance;
use crate::model::volume::Volume;
use crate::state::State;
use crate::time::{RegionTime, timestamp};

impl State {
    /// Everything as it really is, without lag.
    pub(crate) fn readable(&self, now: RegionTime) -> Value {
        let counts: Map<String, Value> = self
            .call_log
            .counts
            .iter()
            .map(|((service, action), count)| (format!("{service} {action}"), json!(count)))
            .collect();
        json!({
            "region": self.region_name,
            "account": self.account_id,
            "now_seconds": now.seconds(),
            "wall_time": timestamp(self.clock.wall(now)),
            "zones": self.zones_readable(),
            "instances": self.instances.iter().map(|(id, instance)| (id.to_owned(), self.instance_readable(id, instance))).collect::<Map<_, _>>(),
            "volumes": self.volumes.iter().map(|(id, volume)| (id.to_owned(), self.volume_readable(id, volume))).collect::<Map<_, _>>(),
            "snapshots": self.snapshots_readable(now),
            "addresses": self.addresses_readable(),
            "groups": self.groups_readable(),
            "alarms": self.alarms.by_name,
            "faults": {"active": self.faults, "injected": self.faults.injected},
            "events": {"delivered": self.events.delivered, "lost": self.events.lost, "emitted": self.events.log},
            "stores": crate::services::overview(&self.stores, self.clock.wall(now)),
            "calls": counts,
            "truth": self.truth.at(now, Vec::new(), self.group_truth()).readable(),
        })
    }

    /// What somebody who plays the hardware mirrors many times a second: no logs, nothing that grows with time.
    pub(crate) fn hardware_readable(&self, now: RegionTime) -> Value {
        json!({
            "now_seconds": now.seconds(),
            "instances": self.instances.iter().map(|(id, instance)| (id.to_owned(), self.instance_readable(id, instance))).collect::<Map<_, _>>(),
            "volumes": self.volumes.iter().map(|(id, volume)| (id.to_owned(), self.volume_readable(id, volume))).collect::<Map<_, _>>(),
            "snapshots": self.snapshots_readable(now),
            "addresses": self.addresses_readable(),
        })
    }

    fn instance_readable(&self, id: &str, instance: &Instance) -> Value {
        json!({
            "state": instance.state,
            "zone": instance.zone,
            "type": instance.instance_type,
            "private_ip": instance.private_ip,
            "network_interface": instance.network_interface_id,
            "tags": instance.tags,
            "workload": instance.workload,
            "status": {
                "system": instance.status.system.summary(),
                "instance": instance.status.instance.summary(),
                "attached_ebs": instance.status.attached_ebs.summary(),
            },
            "condition": instance.condition,
            "stop": instance.stop,
            "guest": self.guests.get(id),
        })
    }

    fn volume_readable(&self, id: &str, volume: &Volume) -> Value {
        json!({
            "state": volume.state,
            "zone": volume.zone,
            "size_gib": volume.size_gib,
            "type": volume.volume_type,
            "encrypted": volume.kms_key_id.is_some(),
            "modification": volume.modification.as_ref().map(|last| last.phase.name()),
            "snapshot": volume.snapshot_id,
            "tags": volume.tags,
            "attachment": volume.attachment,
            "data": self.truth.data_of(id),
        })
    }

    fn snapshots_readable(&self, now: RegionTime) -> Map<String, Value> {
        let readable = |snapshot: &crate::model::snapshot::Snapshot| {
            json!({
                "state": snapshot.state,
                "volume": snapshot.volume_id,
                "progress_percent": snapshot.progress_percent(now),
                "started_at_seconds": snapshot.started_at.seconds(),
                "tags": snapshot.tags,
            })
        };
        self.snapshots.iter().map(|(id, snapshot)| (id.to_owned(), readable(snapshot))).collect()
    }

    fn addresses_readable(&self) -> Map<String, Value> {
        let readable = |address: &crate::model::address::Address| {
            json!({
                "public_ip": address.public_ip,
                "instance": address.association.as_ref().map(|association| &association.instance_id),
                "data_path": address.data_path,
                "tags": address.tags,
            })
        };
        self.addresses.iter().map(|(id, address)| (id.to_owned(), readable(address))).collect()
    }
}
