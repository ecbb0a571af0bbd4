//! What people and AWS do to Auto Scaling groups.

use std::collections::BTreeSet;

use super::{Fault, FaultError};
use crate::model::scaling::member::Cause;
use crate::model::scaling::process::Process;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    pub(super) fn disturb_group(&mut self, fault: Fault, at: RegionTime) -> Result<(), FaultError> {
        match fault {
            Fault::SetInstanceHealth { instance, healthy } => {
                if let Some(group) = self.scaling.group_of.get(&instance).cloned() {
                    self.set_instance_health(&group, &instance, healthy, false, at);
                }
            }
            Fault::TerminateInGroup { instance, decrement } => {
                self.terminate_member(&instance, decrement, at).map_err(|error| refused(&instance, &error.message))?;
            }
            Fault::ScaleIn { group } => self.scale_in(&group, at),
            Fault::Refresh { group } => self.begin_planned(&group, Cause::InstanceRefresh, at)?,
            Fault::MaxLifetime { group } => self.begin_planned(&group, Cause::MaxLifetime, at)?,
            Fault::RebalanceZones { group } => self.rebalance(&group, at)?,
            Fault::ForceDelete { group } => {
                self.delete_group(&group, true, at).map_err(|error| refused(&group, &error.message))?;
            }
            Fault::Suspend { group, processes } => self.suspend(&group, &all_if_none(processes), at),
            Fault::ResumeProcesses { group, processes } => {
                self.resume_processes(&group, &all_if_none(processes), at);
            }
            Fault::FailLaunch { group, count } => {
                *self.scaling.failing_launches.entry(group).or_default() += count;
            }
            _ => {}
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

    fn begin_planned(&mut self, group: &str, cause: Cause, at: RegionTime) -> Result<(), FaultError> {
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
        self.begin_replacement(name, &oldest, Cause::ZoneRebalance, at);
        Ok(())
    }
}

fn all_if_none(processes: BTreeSet<Process>) -> BTreeSet<Process> {
    if processes.is_empty() { Process::ALL.into_iter().collect() } else { processes }
}

fn refused(named: &str, why: &str) -> FaultError {
    FaultError::Refused { named: named.to_owned(), why: why.to_owned() }
}
