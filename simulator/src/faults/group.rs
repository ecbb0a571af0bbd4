//! What people and AWS do to an Auto Scaling group.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::error::{FaultError, known, refused};
use crate::model::scaling::member::RemovalCause;
use crate::model::scaling::process::Process;
use crate::state::State;
use crate::time::RegionTime;

/// A fault that hits a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GroupFault {
    /// The desired capacity goes down by one; the least size with it, if need be.
    ScaleIn,
    /// An instance refresh begins.
    Refresh,
    /// The members' maximum lifetime is over.
    MaxLifetime,
    /// The group rebalances: its oldest member moves to another zone.
    RebalanceZones,
    /// It is deleted by force: no hooks run.
    ForceDelete,
    /// Processes are suspended.
    Suspend {
        /// Such as `ReplaceUnhealthy`; none means all.
        #[serde(default)]
        processes: BTreeSet<Process>,
    },
    /// Processes go on.
    ResumeProcesses {
        /// Such as `ReplaceUnhealthy`; none means all.
        #[serde(default)]
        processes: BTreeSet<Process>,
    },
    /// The next launches fail, wherever they are tried.
    FailLaunch {
        /// How many.
        count: u32,
    },
}

impl State {
    pub(super) fn hit_group(&mut self, name: &str, fault: GroupFault, at: RegionTime) -> Result<(), FaultError> {
        known("group", name, &self.scaling.groups.ids())?;
        match fault {
            GroupFault::ScaleIn => self.scale_in(name, at),
            GroupFault::Refresh => self.begin_planned(name, RemovalCause::InstanceRefresh, at)?,
            GroupFault::MaxLifetime => self.begin_planned(name, RemovalCause::MaxLifetime, at)?,
            GroupFault::RebalanceZones => self.rebalance(name, at)?,
            GroupFault::ForceDelete => {
                self.delete_group(name, true, at).map_err(|error| refused(name, &error.message))?;
            }
            GroupFault::Suspend { processes } => self.suspend(name, &all_if_none(processes), at),
            GroupFault::ResumeProcesses { processes } => self.resume_processes(name, &all_if_none(processes), at),
            GroupFault::FailLaunch { count } => {
                *self.scaling.failing_launches.entry(name.to_owned()).or_default() += count;
            }
        }
        Ok(())
    }

    fn scale_in(&mut self, group: &str, at: RegionTime) {
        if let Some(group) = self.scaling.groups.change(group, at) {
            let size = &mut group.spec.size;
            size.desired = size.desired.saturating_sub(1);
            size.min = size.min.min(size.desired);
        }
        self.wake_group_soon(group, at);
    }

    fn begin_planned(&mut self, group: &str, cause: RemovalCause, at: RegionTime) -> Result<(), FaultError> {
        if self.start_refresh(group, cause, at) {
            Ok(())
        } else {
            Err(FaultError::WrongState {
                named: group.to_owned(),
                state: "replacing instances already",
                allowed: "at rest",
            })
        }
    }

    /// The oldest member in service goes, once another one is in service elsewhere.
    fn rebalance(&mut self, name: &str, at: RegionTime) -> Result<(), FaultError> {
        let oldest = self.scaling.groups.get(name).and_then(|group| {
            let found = group.by_age().into_iter().find(|member| member.state.is_in_service());
            found.map(|member| member.instance_id.clone())
        });
        let Some(oldest) = oldest else {
            return Err(FaultError::WrongState {
                named: name.to_owned(),
                state: "a group without instances in service",
                allowed: "one with such instances",
            });
        };
        self.begin_replacement(name, &oldest, RemovalCause::ZoneRebalance, at);
        Ok(())
    }
}

fn all_if_none(processes: BTreeSet<Process>) -> BTreeSet<Process> {
    if processes.is_empty() { Process::ALL.into_iter().collect() } else { processes }
}
