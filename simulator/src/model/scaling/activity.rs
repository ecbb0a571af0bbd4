//! Scaling activities: what a group did, and why.

use std::collections::VecDeque;

use serde::Serialize;

use crate::time::RegionTime;

/// How an activity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum ActivityStatus {
    PreInService,
    InProgress,
    MidLifecycleAction,
    Successful,
    Failed,
}

impl ActivityStatus {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::PreInService => "PreInService",
            Self::InProgress => "InProgress",
            Self::MidLifecycleAction => "MidLifecycleAction",
            Self::Successful => "Successful",
            Self::Failed => "Failed",
        }
    }

    pub(crate) const fn progress_percent(self) -> u32 {
        match self {
            Self::PreInService | Self::InProgress => 30,
            Self::MidLifecycleAction => 60,
            Self::Successful | Self::Failed => 100,
        }
    }
}

/// One activity.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Activity {
    pub(crate) id: String,
    /// Counted from the first activity of the region.
    pub(crate) number: u64,
    pub(crate) group: String,
    pub(crate) group_arn: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) description: String,
    pub(crate) cause: String,
    pub(crate) zone: String,
    pub(crate) started_at: RegionTime,
    pub(crate) ended_at: Option<RegionTime>,
    pub(crate) status: ActivityStatus,
    pub(crate) message: String,
}

/// Activities kept: AWS keeps six weeks of them, a busy region here the last ones.
const ACTIVITIES_KEPT: usize = 2_000;

/// All activities, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Activities {
    kept: VecDeque<Activity>,
    begun: u64,
}

impl Activities {
    pub(crate) fn add(&mut self, activity: Activity) {
        if self.kept.len() == ACTIVITIES_KEPT {
            self.kept.pop_front();
        }
        self.begun += 1;
        self.kept.push_back(Activity { number: self.begun, ..activity });
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Activity> {
        self.kept.iter().rev().find(|activity| activity.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Activity> {
        self.kept.iter_mut().rev().find(|activity| activity.id == id)
    }

    /// The newest first, as AWS lists them.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Activity> {
        self.kept.iter().rev()
    }
}
