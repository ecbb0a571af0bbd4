//! What callers ask of a group's members.

use crate::behaviour::scaling::errors::{invalid, not_in_group, unknown_instance};
use crate::behaviour::scaling::launching::LaunchRefusal;
use crate::model::scaling::member::{Cause, LifecycleState};
use crate::protocol::error::AwsError;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// The group of an instance.
    pub(crate) fn require_member(&self, instance: &str) -> Result<String, AwsError> {
        self.scaling.group_of.get(instance).cloned().ok_or_else(|| unknown_instance(instance))
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
