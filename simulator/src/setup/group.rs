//! Auto Scaling groups that exist from the start.

use std::collections::{BTreeMap, BTreeSet};

pub use crate::model::scaling::hook::{HookResult, HookTransition};
pub use crate::model::scaling::process::Process;
use crate::setup::{InstanceSetup, VolumeSetup};

/// An Auto Scaling group, with its launch template.
#[derive(Debug, Clone)]
pub struct GroupSetup {
    /// Its name.
    pub name: String,
    /// Its zones; none means all of the region's.
    pub zones: Vec<String>,
    /// Least, most and desired number of instances.
    pub sizes: [usize; 3],
    /// What its instances are like: type, tags and workload; the zone and whether it runs are the group's to decide.
    pub instance: InstanceSetup,
    /// Its tags, which its instances carry, too.
    pub tags: BTreeMap<String, String>,
    /// Its hooks.
    pub hooks: Vec<HookSetup>,
    /// Minimum and maximum healthy percentage of its instance maintenance policy.
    pub maintenance: Option<[usize; 2]>,
    /// How long after an instance got into service its failed status checks do not count.
    pub health_check_grace_seconds: u32,
    /// `EC2,EBS` instead of `EC2`.
    pub checks_ebs: bool,
    /// `balanced-only` instead of `balanced-best-effort`.
    pub balanced_only: bool,
    /// `TerminateHookAbandon=retain` instead of `terminate`.
    pub retain_abandoned: bool,
    /// Suspended processes.
    pub suspended: BTreeSet<Process>,
    /// The zone of an instance that is in service from the start; without it the group's own loop launches the first.
    pub first: Option<String>,
    /// Volumes that are attached to that instance from the start, by device name. They are made in its zone.
    pub volumes: BTreeMap<String, VolumeSetup>,
}

impl Default for GroupSetup {
    fn default() -> Self {
        Self {
            name: "group".to_owned(),
            zones: Vec::new(),
            sizes: [1, 1, 1],
            instance: InstanceSetup::default(),
            tags: BTreeMap::new(),
            hooks: Vec::new(),
            maintenance: None,
            health_check_grace_seconds: 0,
            checks_ebs: false,
            balanced_only: false,
            retain_abandoned: false,
            suspended: BTreeSet::new(),
            first: None,
            volumes: BTreeMap::new(),
        }
    }
}

/// A lifecycle hook.
#[derive(Debug, Clone)]
pub struct HookSetup {
    /// Its name.
    pub name: String,
    /// What it holds back.
    pub transition: HookTransition,
    /// 30 to 7200.
    pub heartbeat_seconds: u32,
    /// What a time-out counts as.
    pub default_result: HookResult,
    /// The topic that is told, too.
    pub target_arn: Option<String>,
    /// What its messages carry.
    pub metadata: Option<String>,
}

impl HookSetup {
    /// A launch hook with AWS's defaults: an hour, then `ABANDON`.
    pub fn launching(name: &str) -> Self {
        Self::new(name, HookTransition::Launching)
    }

    /// A terminate hook with AWS's defaults: an hour, then `ABANDON`.
    pub fn terminating(name: &str) -> Self {
        Self::new(name, HookTransition::Terminating)
    }

    pub(crate) fn new(name: &str, transition: HookTransition) -> Self {
        Self {
            name: name.to_owned(),
            transition,
            heartbeat_seconds: 3600,
            default_result: HookResult::Abandon,
            target_arn: None,
            metadata: None,
        }
    }
}
