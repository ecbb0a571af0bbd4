//! What callers ask of a group's members.

use crate::behaviour::scaling::errors::{invalid, not_in_group, unknown_instance};
use crate::behaviour::scaling::launching::LaunchRefusal;
use crate::model::scaling::member::{LifecycleState, RemovalCause};
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// The group of an instance.
    pub(crate) fn require_member(&self, instance: &str) -> Result<String, ApiError> {
        self.scaling.group_of.get(instance).cloned().ok_or_else(|| unknown_instance(instance))
    }

    /// `TerminateInstanceInAutoScalingGroup` of one member or several, all or none: hooks run. Returns the activities' ids.
    pub(crate) fn terminate_members(
        &mut self,
        name: &str,
        instances: &[&str],
        decrement: bool,
        at: RegionTime,
    ) -> Result<Vec<String>, ApiError> {
        let size = self.require_group(name)?.spec.size;
        let mut leaving = 0;
        for instance in instances {
            let member = self.member(name, instance).ok_or_else(|| unknown_instance(instance))?;
            if matches!(member.state, LifecycleState::TerminatingProceed | LifecycleState::Terminated) {
                return Err(ApiError::client(
                    "ScalingActivityInProgress",
                    format!("Activity is already in progress for instance {instance}"),
                ));
            }
            leaving += usize::from(member.state.counts());
        }
        let desired = size.desired.saturating_sub(leaving);
        if decrement && leaving > 0 {
            if desired < size.min {
                return Err(invalid(format!(
                    "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
                    size.min
                )));
            }
            self.put_desired(name, desired, at);
        }
        for instance in instances {
            self.begin_termination(name, instance, RemovalCause::UserRequest, at);
        }
        let activity = |instance: &&str| self.member(name, instance).map(|member| member.activity_id.clone());
        Ok(instances.iter().filter_map(activity).collect())
    }

    /// `EnterStandby`, of all instances or of none. AWS: no hooks; the instances are not checked and do not count.
    pub(crate) fn enter_standby(
        &mut self,
        name: &str,
        instances: &[&str],
        decrement: bool,
        at: RegionTime,
    ) -> Result<Vec<String>, ApiError> {
        let size = self.require_group(name)?.spec.size;
        self.check_members_are(name, instances, "InService", LifecycleState::is_in_service)?;
        if decrement {
            let desired = size.desired.saturating_sub(instances.len());
            if desired < size.min {
                return Err(size.refuses_move(name, "place into", instances.len()));
            }
            self.put_desired(name, desired, at);
        }
        for instance in instances {
            if let Some(member) = self.change_member(name, instance, at) {
                member.state = LifecycleState::Standby;
                member.leaving = None;
            }
        }
        self.wake_group_soon(name, at);
        Ok(self.note_moves(name, instances, "Moving EC2 instance to Standby", at))
    }

    /// `ExitStandby`, of all instances or of none: the desired capacity grows.
    pub(crate) fn exit_standby(
        &mut self,
        name: &str,
        instances: &[&str],
        at: RegionTime,
    ) -> Result<Vec<String>, ApiError> {
        let size = self.require_group(name)?.spec.size;
        self.check_members_are(name, instances, "Standby", |state| state == LifecycleState::Standby)?;
        let desired = size.desired + instances.len();
        if desired > size.max {
            return Err(size.refuses_move(name, "move out of", instances.len()));
        }
        for instance in instances {
            if let Some(member) = self.change_member(name, instance, at) {
                member.state = LifecycleState::InService;
                member.in_service_at = Some(at);
                member.unhealthy = None;
                member.noticed = false;
            }
        }
        self.put_desired(name, desired, at);
        Ok(self.note_moves(name, instances, "Moving EC2 instance out of Standby", at))
    }

    fn check_members_are(
        &self,
        name: &str,
        instances: &[&str],
        wanted: &str,
        fits: impl Fn(LifecycleState) -> bool,
    ) -> Result<(), ApiError> {
        for instance in instances {
            let member = self.member(name, instance).ok_or_else(|| not_in_group(name, instance))?;
            if !fits(member.state) {
                return Err(invalid(format!(
                    "The instance {instance} is not in {wanted}. The instance {instance} is in {}.",
                    member.state.name()
                )));
            }
        }
        Ok(())
    }

    fn note_moves(&mut self, name: &str, instances: &[&str], what: &str, at: RegionTime) -> Vec<String> {
        let mut noted = Vec::new();
        for instance in instances {
            let zone = self.member(name, instance).map(|member| member.zone.clone()).unwrap_or_default();
            let why = format!("instance {instance} was moved in response to a user request.");
            noted.push(self.note_move_activity(name, &zone, instance, what, &why, at));
        }
        noted
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
    ) -> Result<(Vec<String>, Option<LaunchRefusal>), ApiError> {
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
