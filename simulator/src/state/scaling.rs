//! All that Auto Scaling holds.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use crate::model::ids::IdMaker;
use crate::model::scaling::activity::Activities;
use crate::model::scaling::group::Group;
use crate::model::scaling::hook::TimedOutHook;
use crate::model::scaling::template::LaunchTemplates;
use crate::model::table::Table;

/// All of Auto Scaling.
#[derive(Debug)]
pub(crate) struct Scaling {
    pub(crate) groups: Table<Group>,
    /// The group of each instance that is in one.
    pub(crate) group_of: BTreeMap<String, String>,
    pub(crate) templates: LaunchTemplates,
    pub(crate) activities: Activities,
    pub(crate) timed_out: Vec<TimedOutHook>,
    /// Launches that are to fail, by group: faults.
    pub(crate) failing_launches: BTreeMap<String, u32>,
    pub(crate) launch_tokens: BTreeMap<String, MadeBefore>,
    pub(crate) ids: IdMaker,
    pub(crate) chance: Rng,
}

impl Scaling {
    pub(crate) fn new(mut chance: Rng, memory: Duration) -> Self {
        Self {
            groups: Table::new(memory),
            group_of: BTreeMap::new(),
            templates: LaunchTemplates::default(),
            activities: Activities::default(),
            timed_out: Vec::new(),
            failing_launches: BTreeMap::new(),
            launch_tokens: BTreeMap::new(),
            ids: IdMaker::new(chance.fork()),
            chance,
        }
    }
}

/// What `LaunchInstances` did for a client token.
#[derive(Debug, Clone)]
pub(crate) struct MadeBefore {
    pub(crate) parameters: String,
    pub(crate) instances: Vec<String>,
}
