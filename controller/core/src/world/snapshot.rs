//! EBS snapshots.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tag::Tags;
use crate::ids::VolumeId;

/// A snapshot's state, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotState {
    /// Being copied; nothing can be restored from it yet.
    Pending,
    /// A volume can be restored from it.
    Completed,
    /// Failed, or archived and not to be had now.
    Error,
}

/// An EBS snapshot (`DescribeSnapshots`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The volume that it is a copy of, which may be gone by now.
    pub volume: VolumeId,
    /// As AWS last showed it.
    pub state: SnapshotState,
    /// 0 to 100, in coarse steps, and no promise of the time left.
    pub progress_percent: u8,
    /// The point in time whose data it holds.
    pub started_at: Timestamp,
    /// The volume's size in GiB.
    pub size_gib: u32,
    /// What its maker wrote when it was made; unlike tags, nobody can change it (aws-facts 2.1).
    pub description: String,
    /// What tells which data it carries, and who made it.
    pub tags: Tags,
}
