//! What callers ask of a group.

use std::collections::{BTreeMap, BTreeSet};

use crate::behaviour::scaling::errors::{invalid, unknown_group};
use crate::model::scaling::group::{DeletionProtection, Group, GroupSpec, GroupTag, LaunchAttempts, Size};
use crate::model::scaling::member::{LifecycleState, Member, RemovalCause};
use crate::model::scaling::process::Process;
use crate::model::transition::ScalingStep;
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;
use crate::timing::distribution::seconds_duration;

impl Size {
    pub(crate) fn check(self) -> Result<Self, ApiError> {
        if self.min > self.max {
            return Err(invalid("Max bound, must be greater than or equal to min bound"));
        }
        self.check_desired(self.desired)?;
        Ok(self)
    }

    pub(crate) fn refuses_move(self, group: &str, what: &str, instances: usize) -> ApiError {
        let plural = if instances == 1 { "" } else { "s" };
        invalid(format!(
            "AutoScalingGroup {group} has min-size={}, max-size={}, and desired-size={}. To {what} standby {instances} instance{plural}, please update the AutoScalingGroup sizes appropriately.",
            self.min, self.max, self.desired
        ))
    }

    fn check_desired(self, desired: usize) -> Result<(), ApiError> {
        if desired < self.min {
            return Err(invalid(format!(
                "Desired capacity:{desired} must be above the specified min size:{}",
                self.min
            )));
        }
        if desired > self.max {
            return Err(invalid(format!(
                "New SetDesiredCapacity value {desired} is above max value {} for the AutoScalingGroup.",
                self.max
            )));
        }
        Ok(())
    }
}

impl State {
    pub(crate) fn require_group(&self, name: &str) -> Result<&Group, ApiError> {
        self.scaling.groups.get(name).ok_or_else(|| unknown_group(name))
    }

    /// Puts a group there and lets it begin. The caller has checked that its name is free.
    pub(crate) fn create_group(
        &mut self,
        name: &str,
        spec: GroupSpec,
        tags: BTreeMap<String, GroupTag>,
        at: RegionTime,
    ) {
        let group = Group {
            name: name.to_owned(),
            arn: format!(
                "arn:aws:autoscaling:{}:{}:autoScalingGroup:{}:autoScalingGroupName/{name}",
                self.region_name,
                self.account_id,
                self.scaling.ids.uuid()
            ),
            created_at: at,
            spec,
            hooks: BTreeMap::new(),
            suspended: BTreeSet::new(),
            tags,
            members: BTreeMap::new(),
            planned: std::collections::VecDeque::new(),
            deleting: false,
            attempts: LaunchAttempts::default(),
            reconcile_at: None,
        };
        self.scaling.groups.insert(name, group, at);
        // Groups look at their members at different moments.
        let phase = self.timing.scaling.health_check_every_seconds.max(1.0) * self.scaling.chance.f64();
        self.schedule_step(name, ScalingStep::CheckHealth, at.after(seconds_duration(phase)));
        self.wake_group_soon(name, at);
    }

    /// Changes what the group is asked to be.
    pub(crate) fn update_group(&mut self, name: &str, spec: GroupSpec, at: RegionTime) {
        if let Some(group) = self.scaling.groups.change(name, at) {
            group.spec = spec;
        }
        self.wake_group_soon(name, at);
    }

    /// `DeleteAutoScalingGroup`. AWS: with instances only by force, which runs no hooks; a retained instance blocks even that.
    pub(crate) fn delete_group(&mut self, name: &str, force: bool, at: RegionTime) -> Result<(), ApiError> {
        let group = self.require_group(name)?;
        let protected = match group.spec.deletion_protection {
            DeletionProtection::None => false,
            DeletionProtection::PreventForceDeletion => force,
            DeletionProtection::PreventAllDeletion => true,
        };
        if protected {
            return Err(invalid(format!(
                "You cannot delete AutoScalingGroup '{name}': deletion protection is enabled."
            )));
        }
        let retained = |member: &&Member| member.state == LifecycleState::TerminatingRetained;
        if !group.members.is_empty() && !force {
            return Err(ApiError::client(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.",
            ));
        }
        if group.members.values().any(|member| retained(&member)) {
            return Err(ApiError::client(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances in a retained state still in the group.",
            ));
        }
        let members: Vec<String> = group.members.keys().cloned().collect();
        if members.is_empty() {
            self.scaling.groups.remove(name, at);
            return Ok(());
        }
        if let Some(group) = self.scaling.groups.change(name, at) {
            group.deleting = true;
        }
        for instance in members {
            self.begin_termination(name, &instance, RemovalCause::GroupDeleted, at);
        }
        Ok(())
    }

    /// `SetDesiredCapacity`.
    pub(crate) fn set_desired_capacity(&mut self, name: &str, desired: usize, at: RegionTime) -> Result<(), ApiError> {
        self.require_group(name)?.spec.size.check_desired(desired)?;
        self.put_desired(name, desired, at);
        Ok(())
    }

    pub(crate) fn put_desired(&mut self, name: &str, desired: usize, at: RegionTime) {
        if let Some(group) = self.scaling.groups.change(name, at) {
            group.spec.size.desired = desired;
        }
        self.wake_group_soon(name, at);
    }

    pub(crate) fn suspend(&mut self, name: &str, processes: &BTreeSet<Process>, at: RegionTime) {
        if let Some(group) = self.scaling.groups.change(name, at) {
            group.suspended.extend(processes);
        }
    }

    pub(crate) fn resume_processes(&mut self, name: &str, processes: &BTreeSet<Process>, at: RegionTime) {
        if let Some(group) = self.scaling.groups.change(name, at) {
            group.suspended.retain(|process| !processes.contains(process));
        }
        self.wake_group_soon(name, at);
    }

    /// Replaces every member in service, one after another; false if one is under way.
    pub(crate) fn start_refresh(&mut self, name: &str, cause: RemovalCause, at: RegionTime) -> bool {
        let Some(group) = self.scaling.groups.get(name) else { return false };
        if group.planned.iter().any(|planned| planned.cause == cause) || group.leaving().next().is_some() {
            return false;
        }
        let members: Vec<String> = group
            .by_age()
            .iter()
            .filter(|member| member.state.is_in_service())
            .map(|m| m.instance_id.clone())
            .collect();
        for instance in members {
            self.plan_replacement(name, &instance, cause, at);
        }
        true
    }
}
