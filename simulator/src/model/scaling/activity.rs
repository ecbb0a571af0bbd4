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
pub(crate) struct Activities(VecDeque<Activity>);

impl Activities {
    pub(crate) fn add(&mut self, activity: Activity) {
        if self.0.len() == ACTIVITIES_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(activity);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Activity> {
        self.0.iter().rev().find(|activity| activity.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Activity> {
        self.0.iter_mut().rev().find(|activity| activity.id == id)
    }

    /// The newest first, as AWS lists them.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Activity> {
        self.0.iter().rev()
    }
}
