//! What of a volume can change while it lives, and a change of it that is under way.

use std::time::Duration;

use crate::time::RegionTime;

/// gp3's baseline, which AWS sets where nothing was asked for.
pub(crate) const GP3_BASE_IOPS: u32 = 3000;

pub(crate) const GP3_BASE_THROUGHPUT: u32 = 125;

/// gp2 gives three IOPS per GiB within these bounds.
const GP2_IOPS_PER_GIB: u32 = 3;

const GP2_LEAST_IOPS: u32 = 100;

const GP2_MOST_IOPS: u32 = 16_000;

/// A volume's size, type and performance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) size_gib: u32,
    pub(crate) volume_type: String,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
}

impl Shape {
    /// With the performance that AWS gives where none was asked for.
    pub(crate) fn provisioned(size_gib: u32, volume_type: String, iops: Option<u32>, throughput: Option<u32>) -> Self {
        let iops = match (volume_type.as_str(), iops) {
            ("gp3", asked) => Some(asked.unwrap_or(GP3_BASE_IOPS)),
            ("gp2", _) => Some(size_gib.saturating_mul(GP2_IOPS_PER_GIB).clamp(GP2_LEAST_IOPS, GP2_MOST_IOPS)),
            (_, asked) => asked,
        };
        let throughput = (volume_type == "gp3").then(|| throughput.unwrap_or(GP3_BASE_THROUGHPUT));
        Self { size_gib, volume_type, iops, throughput }
    }
}

/// How far a modification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModificationPhase {
    /// Begun.
    Modifying,
    /// `optimizing`, but the volume is as it was.
    Optimizing,
    /// Still `optimizing`, and the volume has its new shape.
    InEffect,
    Completed,
    /// By fault: the volume stays as it was.
    Failed,
}

impl ModificationPhase {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Modifying => "modifying",
            Self::Optimizing | Self::InEffect => "optimizing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    pub(crate) const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    /// Whether the volume is still as it was, so that the modification can fail.
    pub(crate) const fn may_fail(self) -> bool {
        matches!(self, Self::Modifying | Self::Optimizing)
    }
}

/// A volume's last modification.
#[derive(Debug, Clone)]
pub(crate) struct Modification {
    pub(crate) original: Shape,
    pub(crate) target: Shape,
    pub(crate) phase: ModificationPhase,
    pub(crate) started_at: RegionTime,
    /// When it became `optimizing`.
    pub(crate) optimizing_since: Option<RegionTime>,
    /// From then to the new shape.
    pub(crate) effect: Duration,
    /// From then to `completed`.
    pub(crate) optimizing: Duration,
    pub(crate) ended_at: Option<RegionTime>,
    /// By fault: it ends in `failed`.
    pub(crate) will_fail: bool,
}

impl Modification {
    /// Done so far, in percent, seen at a moment.
    pub(crate) fn progress_percent(&self, at: RegionTime) -> u32 {
        match self.phase {
            ModificationPhase::Modifying | ModificationPhase::Failed => 0,
            ModificationPhase::Completed => 100,
            ModificationPhase::Optimizing | ModificationPhase::InEffect => {
                let total = self.optimizing.as_millis().max(1);
                let done = at.since(self.optimizing_since.unwrap_or(at)).as_millis();
                // The last step is the change of state.
                u32::try_from(done.saturating_mul(100) / total).unwrap_or(99).min(99)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn performance_that_nobody_asked_for_is_that_of_the_type() {
        let given = |size_gib, kind: &str, iops, throughput| {
            let shape = Shape::provisioned(size_gib, kind.to_owned(), iops, throughput);
            (shape.iops, shape.throughput)
        };
        assert_eq!(given(20, "gp3", None, None), (Some(3000), Some(125)));
        assert_eq!(given(20, "gp3", Some(4000), Some(500)), (Some(4000), Some(500)));
        assert_eq!(given(20, "gp2", None, None), (Some(100), None));
        assert_eq!(given(200, "gp2", None, None), (Some(600), None));
        assert_eq!(given(16_384, "gp2", None, None), (Some(16_000), None));
        assert_eq!(given(20, "io2", Some(500), None), (Some(500), None));
        assert_eq!(given(500, "st1", None, None), (None, None));
    }
}
