//! Events about volumes and snapshots.

use serde_json::json;

use crate::events::DeliveryClass;
use crate::state::State;
use crate::time::{RegionTime, timestamp_seconds};

impl State {
    /// EBS events carry the region where other ARNs carry the account.
    fn odd_arn(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:ec2::{}:{kind}/{id}", self.region_name)
    }

    /// `cause` is empty unless something failed.
    pub(crate) fn emit_volume(&mut self, id: &str, what: &str, result: &str, cause: &str, at: RegionTime) {
        let detail = json!({"result": result, "cause": cause, "event": what, "request-id": self.ids.uuid()});
        let event = self.envelope("aws.ec2", "EBS Volume Notification", &self.arn("volume", id), &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    pub(crate) fn emit_snapshot(&mut self, id: &str, succeeded: bool, at: RegionTime) {
        let Some(snapshot) = self.snapshots.get(id) else { return };
        let result = if succeeded { "succeeded" } else { "failed" };
        let detail = json!({
            "event": "createSnapshot",
            "result": result,
            "cause": if succeeded { "" } else { "The snapshot could not be completed." },
            "request-id": "",
            "snapshot_id": self.odd_arn("snapshot", id),
            "source": self.odd_arn("volume", &snapshot.volume_id),
            "startTime": timestamp_seconds(self.clock.wall(snapshot.started_at)),
            "endTime": timestamp_seconds(self.clock.wall(at)),
        });
        let set = snapshot.set.clone();
        let event = self.envelope("aws.ec2", "EBS Snapshot Notification", &self.odd_arn("snapshot", id), &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
        self.emit_snapshot_set(&set, at);
    }

    /// Once the last snapshot of a set has ended, an event tells of all.
    fn emit_snapshot_set(&mut self, set: &[String], at: RegionTime) {
        use crate::model::snapshot::SnapshotState::{Completed, Pending};
        let members: Vec<_> = set.iter().filter_map(|id| self.snapshots.get(id)).collect();
        if members.is_empty() || members.iter().any(|snapshot| snapshot.state == Pending) {
            return;
        }
        let all_completed = members.iter().all(|snapshot| snapshot.state == Completed);
        let describe = |snapshot: &&crate::model::snapshot::Snapshot| {
            json!({
                "snapshot_id": self.odd_arn("snapshot", &snapshot.id),
                "source": self.odd_arn("volume", &snapshot.volume_id),
                "status": snapshot.state.name(),
            })
        };
        let started_at = members.iter().map(|snapshot| snapshot.started_at).min().unwrap_or(at);
        let detail = json!({
            "event": "createSnapshots",
            "result": if all_completed { "succeeded" } else { "failed" },
            "cause": "",
            "request-id": "",
            "startTime": timestamp_seconds(self.clock.wall(started_at)),
            "endTime": timestamp_seconds(self.clock.wall(at)),
            "snapshots": members.iter().map(describe).collect::<Vec<_>>(),
        });
        let resource = set.first().map(|id| self.odd_arn("snapshot", id)).unwrap_or_default();
        let event = self.envelope("aws.ec2", "EBS Multi-Volume Snapshots Completion Status", &resource, &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }
}
