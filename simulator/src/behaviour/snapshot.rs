//! The life of a snapshot: its content is that of the moment of the request, its copying takes as long as what has changed since the last one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::snapshot::{Snapshot, SnapshotState};
use crate::model::transition::StateTransition;
use crate::model::volume::VolumeState;
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;
use crate::timing::distribution::seconds_duration;

impl State {
    /// What AWS checks before it takes a snapshot of a volume.
    pub(crate) fn check_snapshot_allowed(&self, volume_id: &str, at: RegionTime) -> Result<(), ApiError> {
        let Some(volume) = self.volumes.get(volume_id) else { return Ok(()) };
        if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
            return Err(ApiError::client(
                "IncorrectState",
                format!("The volume '{volume_id}' is in the '{}' state.", volume.state.name()),
            ));
        }
        let timing = &self.timing.snapshots;
        let of_volume =
            || self.snapshots.iter().map(|(_, snapshot)| snapshot).filter(|snapshot| snapshot.volume_id == volume_id);
        let least_interval = seconds_duration(timing.least_interval_seconds);
        if of_volume().any(|snapshot| at.since(snapshot.started_at) < least_interval) {
            return Err(ApiError::client(
                "SnapshotCreationPerVolumeRateExceeded",
                "The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep interval between requests.",
            ));
        }
        // AWS counts snapshots that are stuck in `error` too.
        let unfinished = of_volume().filter(|snapshot| snapshot.state != SnapshotState::Completed).count();
        let allowed = if matches!(volume.volume_type.as_str(), "st1" | "sc1") { 1 } else { timing.pending_per_volume };
        if unfinished >= allowed {
            return Err(ApiError::client(
                "ConcurrentSnapshotLimitExceeded",
                format!(
                    "Maximum allowed in-progress snapshots for a single volume exceeded. Volume '{volume_id}' has {unfinished} in progress."
                ),
            ));
        }
        Ok(())
    }

    /// Takes a snapshot, `pending`. Its content is fixed now. The caller has checked that it may be taken.
    pub(crate) fn create_snapshot(
        &mut self,
        volume_id: &str,
        description: &str,
        tags: BTreeMap<String, String>,
        at: RegionTime,
    ) -> String {
        let changed_gib = self.changed_since_last_snapshot(volume_id, at);
        let rate = self.sample(self.timing.snapshots.per_changed_gib);
        let duration = self.sample(self.timing.snapshots.base) + rate.mul_f64(changed_gib.max(0.0));
        let id = self.put_snapshot(volume_id, description, tags, duration, at);
        let will_fail = self.faults.takes_failing_snapshot();
        if let Some(snapshot) = self.snapshots.get_mut(&id) {
            snapshot.will_fail = will_fail;
        }
        self.schedule.add(at.after(duration), StateTransition::SnapshotDone { snapshot: id.clone() });
        id
    }

    fn put_snapshot(
        &mut self,
        volume_id: &str,
        description: &str,
        tags: BTreeMap<String, String>,
        duration: Duration,
        at: RegionTime,
    ) -> String {
        let id = self.ids.id("snap");
        let Some(volume) = self.volumes.get(volume_id) else { return id };
        let snapshot = Snapshot {
            id: id.clone(),
            volume_id: volume_id.to_owned(),
            zone: volume.zone.clone(),
            description: description.to_owned(),
            state: SnapshotState::Pending,
            started_at: at,
            completed_at: None,
            duration,
            volume_size_gib: volume.size_gib,
            full_gib: self.used_gib(volume_id, at),
            kms_key_id: volume.kms_key_id.clone(),
            tags,
            set: Vec::new(),
            will_fail: false,
        };
        self.truth.copy_to_snapshot(volume_id, &id, at);
        self.snapshots.insert(&id, snapshot, at);
        id
    }

    /// Puts a completed snapshot there.
    pub(crate) fn put_completed_snapshot(
        &mut self,
        volume_id: &str,
        tags: BTreeMap<String, String>,
        at: RegionTime,
    ) -> String {
        let id = self.put_snapshot(volume_id, "", tags, Duration::ZERO, at);
        if let Some(snapshot) = self.snapshots.get_mut(&id) {
            snapshot.state = SnapshotState::Completed;
            snapshot.completed_at = Some(at);
        }
        self.truth.snapshot_completed(&id);
        id
    }

    /// All that the volume holds: what it started with and what has been written since.
    pub(crate) fn used_gib(&self, volume_id: &str, at: RegionTime) -> f64 {
        let Some(volume) = self.volumes.get(volume_id) else { return 0.0 };
        let written = self.written_gib(volume_id, volume.created_at, at);
        (volume.used_gib + written).min(f64::from(volume.size_gib))
    }

    fn written_gib(&self, volume_id: &str, from: RegionTime, to: RegionTime) -> f64 {
        self.truth.written_seconds(volume_id, from, to) / 3600.0 * self.timing.guests.write_gib_per_hour
    }

    /// Snapshots are incremental per volume, and the first one of a restored volume builds on the one that it was made from, unless the timing
    /// model says that it copies all.
    fn changed_since_last_snapshot(&self, volume_id: &str, at: RegionTime) -> f64 {
        let Some(volume) = self.volumes.get(volume_id) else { return 0.0 };
        let earlier = self
            .snapshots
            .iter()
            .filter(|(_, snapshot)| snapshot.volume_id == volume_id && snapshot.state != SnapshotState::Error);
        let since = match earlier.map(|(_, snapshot)| snapshot.started_at).max() {
            Some(last) => last,
            None if volume.snapshot_id.is_some() && !self.timing.snapshots.first_of_restored_volume_is_full => {
                volume.created_at
            }
            None => return self.used_gib(volume_id, at),
        };
        self.written_gib(volume_id, since, at).min(f64::from(volume.size_gib))
    }

    pub(crate) fn snapshot_done(&mut self, id: &str, at: RegionTime) {
        let Some(snapshot) = self.snapshots.get(id) else { return };
        if snapshot.state != SnapshotState::Pending {
            return;
        }
        if snapshot.will_fail {
            // AWS: if one of a set fails, all others go to error.
            let mut failed = snapshot.set.clone();
            if !failed.iter().any(|other| other == id) {
                failed.push(id.to_owned());
            }
            for each in failed {
                self.end_snapshot(&each, SnapshotState::Error, at);
            }
        } else {
            self.end_snapshot(id, SnapshotState::Completed, at);
        }
    }

    fn end_snapshot(&mut self, id: &str, state: SnapshotState, at: RegionTime) {
        let Some(snapshot) = self.snapshots.change(id, at) else { return };
        snapshot.state = state;
        snapshot.completed_at = Some(at);
        let started_at = snapshot.started_at;
        if state == SnapshotState::Completed {
            self.truth.snapshot_completed(id);
            self.record_transition("snapshot", id, started_at, at);
        } else {
            self.truth.snapshot_failed(id);
        }
        self.emit_snapshot(id, state == SnapshotState::Completed, at);
    }

    /// `DeleteSnapshot`. A pending one is given up.
    pub(crate) fn delete_snapshot(&mut self, id: &str, at: RegionTime) {
        self.truth.note_deletion(id, at);
        self.snapshots.remove(id, at);
    }
}
