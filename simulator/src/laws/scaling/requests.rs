//! What callers ask of a group.

use std::collections::{BTreeMap, BTreeSet};

use crate::laws::distribution::seconds_duration;
use crate::laws::scaling::ScalingStep;
use crate::laws::scaling::group::{DeletionProtection, Group, GroupSpec, GroupTag, LaunchAttempts, Process, Size};
use crate::laws::scaling::launching::LaunchRefusal;
use crate::laws::scaling::member::{Cause, LifecycleState};
use crate::state::State;
use crate::time::RegionTime;
use crate::wire::AwsError;

/// What `LaunchInstances` did for a client token.
#[derive(Debug, Clone)]
pub(crate) struct MadeBefore {
    pub(crate) parameters: String,
    pub(crate) instances: Vec<String>,
}

/// AWS's message for anything that breaks a rule of a group.
pub(crate) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::client("ValidationError", message)
}

/// AWS words the unknown group differently from operation to operation.
pub(crate) fn unknown_group(name: &str) -> AwsError {
    invalid(format!("AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"))
}

pub(crate) fn unknown_instance(id: &str) -> AwsError {
    invalid(format!("Instance Id not found - No managed instance found for instance ID: {id}"))
}

impl Size {
    pub(crate) fn check(self) -> Result<Self, AwsError> {
        if self.min > self.max {
            return Err(invalid("Max bound, must be greater than or equal to min bound"));
        }
        self.check_desired(self.desired)?;
        Ok(self)
    }

    fn check_desired(self, desired: usize) -> Result<(), AwsError> {
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
    pub(crate) fn require_group(&self, name: &str) -> Result<&Group, AwsError> {
        self.scaling.groups.get(name).ok_or_else(|| unknown_group(name))
    }

    /// The group of an instance.
    pub(crate) fn require_member(&self, instance: &str) -> Result<String, AwsError> {
        self.scaling.group_of.get(instance).cloned().ok_or_else(|| unknown_instance(instance))
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
        let phase = self.laws.scaling.health_check_every_seconds.max(1.0) * self.scaling.chance.f64();
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
    pub(crate) fn delete_group(&mut self, name: &str, force: bool, at: RegionTime) -> Result<(), AwsError> {
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
        let retained = |member: &&super::member::Member| member.state == LifecycleState::TerminatingRetained;
        if !group.members.is_empty() && !force {
            return Err(AwsError::client(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.",
            ));
        }
        if group.members.values().any(|member| retained(&member)) {
            return Err(AwsError::client(
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
            self.begin_termination(name, &instance, Cause::GroupDeleted, at);
        }
        Ok(())
    }

    /// `SetDesiredCapacity`.
    pub(crate) fn set_desired_capacity(&mut self, name: &str, desired: usize, at: RegionTime) -> Result<(), AwsError> {
        self.require_group(name)?.spec.size.check_desired(desired)?;
        self.put_desired(name, desired, at);
        Ok(())
    }

    fn put_desired(&mut self, name: &str, desired: usize, at: RegionTime) {
        if let Some(group) = self.scaling.groups.change(name, at) {
            group.spec.size.desired = desired;
        }
        self.wake_group_soon(name, at);
    }

    /// `TerminateInstanceInAutoScalingGroup`: hooks run. Returns the activity's id.
    pub(crate) fn terminate_member(
        &mut self,
        instance: &str,
        decrement: bool,
        at: RegionTime,
    ) -> Result<String, AwsError> {
        let name = self.require_member(instance)?;
        let size = self.require_group(&name)?.spec.size;
        let state = self.member(&name, instance).map(|member| member.state);
        if state == Some(LifecycleState::TerminatingProceed) || state == Some(LifecycleState::Terminated) {
            return Err(AwsError::client(
                "ScalingActivityInProgress",
                format!("Activity is already in progress for instance {instance}"),
            ));
        }
        if decrement && state.is_some_and(LifecycleState::counts) {
            let desired = size.desired.saturating_sub(1);
            if desired < size.min {
                return Err(invalid(format!(
                    "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
                    size.min
                )));
            }
            self.put_desired(&name, desired, at);
        }
        self.begin_termination(&name, instance, Cause::UserRequest, at);
        Ok(self.member(&name, instance).map(|member| member.activity_id.clone()).unwrap_or_default())
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

    /// `EnterStandby` of one instance. AWS: no hooks; the instance is not checked and does not count.
    pub(crate) fn enter_standby(
        &mut self,
        name: &str,
        instance: &str,
        decrement: bool,
        at: RegionTime,
    ) -> Result<String, AwsError> {
        let size = self.require_group(name)?.spec.size;
        let member = self.member(name, instance).ok_or_else(|| not_in_group(name, instance))?;
        if !member.state.is_in_service() {
            return Err(invalid(format!(
                "The instance {instance} is not in InService. The instance {instance} is in {}.",
                member.state.name()
            )));
        }
        let zone = member.zone.clone();
        if decrement {
            let desired = size.desired.saturating_sub(1);
            if desired < size.min {
                return Err(invalid(format!(
                    "AutoScalingGroup {name} has min-size={}, max-size={}, and desired-size={}. To place into standby 1 instance, please update the AutoScalingGroup sizes appropriately.",
                    size.min, size.max, size.desired
                )));
            }
            self.put_desired(name, desired, at);
        }
        if let Some(member) = self.change_member(name, instance, at) {
            member.state = LifecycleState::Standby;
            member.leaving = None;
        }
        self.wake_group_soon(name, at);
        Ok(self.note_move(name, &zone, instance, "Moving EC2 instance to Standby", at))
    }

    /// `ExitStandby` of one instance: the desired capacity grows.
    pub(crate) fn exit_standby(&mut self, name: &str, instance: &str, at: RegionTime) -> Result<String, AwsError> {
        let size = self.require_group(name)?.spec.size;
        let member = self.member(name, instance).ok_or_else(|| not_in_group(name, instance))?;
        if member.state != LifecycleState::Standby {
            return Err(invalid(format!(
                "The instance {instance} is not in Standby. The instance {instance} is in {}.",
                member.state.name()
            )));
        }
        if size.desired + 1 > size.max {
            return Err(invalid(format!(
                "AutoScalingGroup {name} has min-size={}, max-size={}, and desired-size={}. To move out of standby 1 instance, please update the AutoScalingGroup sizes appropriately.",
                size.min, size.max, size.desired
            )));
        }
        let zone = member.zone.clone();
        if let Some(member) = self.change_member(name, instance, at) {
            member.state = LifecycleState::InService;
            member.in_service_at = Some(at);
            member.unhealthy = None;
            member.noticed = false;
        }
        self.put_desired(name, size.desired + 1, at);
        Ok(self.note_move(name, &zone, instance, "Moving EC2 instance out of Standby", at))
    }

    fn note_move(&mut self, name: &str, zone: &str, instance: &str, what: &str, at: RegionTime) -> String {
        let why = format!("instance {instance} was moved in response to a user request.");
        self.note_move_activity(name, zone, instance, what, &why, at)
    }

    /// Replaces every member in service, one after another; false if one is under way.
    pub(crate) fn start_refresh(&mut self, name: &str, cause: Cause, at: RegionTime) -> bool {
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

    /// `LaunchInstances`: launches in one zone and says at once what came of it. Assumed: it fills what is missing and raises the desired
    /// capacity beyond that.
    pub(crate) fn launch_now(
        &mut self,
        name: &str,
        zone: &str,
        count: usize,
        retries: bool,
        at: RegionTime,
    ) -> Result<(Vec<String>, Option<LaunchRefusal>), AwsError> {
        let group = self.require_group(name)?;
        let (size, counted) = (group.spec.size, group.counted().count());
        if counted + count > size.max {
            return Err(invalid(format!(
                "The requested capacity {count} would take AutoScalingGroup {name} beyond its max size {}.",
                size.max
            )));
        }
        let mut launched = Vec::new();
        let mut refusal = None;
        for _ in 0..count {
            match self.try_launch(name, Some(zone), at) {
                Ok(id) => launched.push(id),
                Err(refused) => {
                    refusal = Some(refused);
                    break;
                }
            }
        }
        let wanted = if retries { counted + count } else { counted + launched.len() };
        if wanted > size.desired {
            self.put_desired(name, wanted, at);
        }
        Ok((launched, refusal))
    }
}

fn not_in_group(name: &str, instance: &str) -> AwsError {
    invalid(format!("The instance {instance} is not part of Auto Scaling group {name}."))
}
