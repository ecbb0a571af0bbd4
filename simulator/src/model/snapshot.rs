//! A snapshot as EC2 holds it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::time::RegionTime;

/// States of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SnapshotState {
    Pending,
    Completed,
    Error,
}

impl SnapshotState {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "error",
        }
    }
}

/// One snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    pub(crate) volume_id: String,
    /// The volume's zone: while it is down, nothing is copied.
    pub(crate) zone: String,
    pub(crate) description: String,
    pub(crate) state: SnapshotState,
    pub(crate) started_at: RegionTime,
    pub(crate) completed_at: Option<RegionTime>,
    pub(crate) duration: Duration,
    pub(crate) volume_size_gib: u32,
    /// All that the volume held, in GiB.
    pub(crate) full_gib: f64,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Snapshots that `CreateSnapshots` made together: if one fails, all do.
    pub(crate) set: Vec<String>,
    /// By fault: it ends in `error`.
    pub(crate) will_fail: bool,
}

impl Snapshot {
    /// Copied so far, in percent, seen at a moment.
    pub(crate) fn progress_percent(&self, at: RegionTime) -> u32 {
        if self.state == SnapshotState::Completed {
            return 100;
        }
        let total = self.duration.as_millis().max(1);
        let copied = at.since(self.started_at).as_millis();
        // A pending snapshot shows 99 % at most: the last step is the change of state.
        u32::try_from(copied.saturating_mul(100) / total).unwrap_or(99).min(99)
    }
}
