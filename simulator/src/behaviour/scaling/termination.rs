//! How a member goes: its terminate hooks first, EC2's end after them.
//!
//! Where EC2 acted first (a user's stop or terminate, a spot interruption), the hook holds the group's own step only: AWS runs it late or never,
//! and it cannot bring the instance back.

use std::collections::VecDeque;

use crate::model::instance::InstanceState;
use crate::model::scaling::activity::ActivityStatus;
use crate::model::scaling::hook::HookTransition;
use crate::model::scaling::member::{LifecycleState, RemovalCause};
use crate::model::transition::ScalingStep;
use crate::model::zone::ZoneAnswer;
use crate::state::State;
use crate::time::RegionTime;
use crate::timing::distribution::seconds_duration;

/// When the group calls EC2 again after a call that failed.
const EC2_RETRY_SECONDS: f64 = 30.0;

impl State {
    /// Takes a member out: from now on it does not count, and its replacement comes without waiting for its end.
    pub(crate) fn begin_termination(&mut self, name: &str, instance: &str, cause: RemovalCause, at: RegionTime) {
        let Some(member) = self.member(name, instance) else { return };
        let was = member.state;
        let may_go = !was.is_terminating()
            || (was == LifecycleState::TerminatingRetained
                && matches!(cause, RemovalCause::UserRequest | RemovalCause::GroupDeleted))
            || cause == RemovalCause::GroupDeleted;
        if !may_go || matches!(was, LifecycleState::TerminatingProceed | LifecycleState::Terminated) {
            return;
        }
        let (zone, launch_activity) = (member.zone.clone(), member.activity_id.clone());
        let hooks = if self.runs_terminate_hooks(was, instance, cause) {
            self.hooks_for(name, HookTransition::Terminating)
        } else {
            VecDeque::new()
        };
        let activity_id = self.begin_termination_activity(name, &zone, instance, cause, at);
        let no_hooks = hooks.is_empty();
        if let Some(member) = self.change_member(name, instance, at) {
            member.state = if no_hooks { LifecycleState::TerminatingProceed } else { LifecycleState::Terminating };
            member.queued_hooks = hooks;
            member.open_actions.clear();
            member.leaving = None;
            member.ready_at = None;
            member.activity_id = activity_id;
        }
        if let Some(group) = self.scaling.groups.get_mut(name) {
            group.planned.retain(|planned| planned.instance_id != instance);
        }
        if was.is_pending() {
            let text = "The instance was terminated before it got into service.";
            self.end_activity(&launch_activity, ActivityStatus::Failed, text, at);
            self.emit_activity(&launch_activity, "EC2 Instance Launch Unsuccessful", at);
        }
        let wait = self.sample_scaling(self.timing.scaling.hook_delay);
        let instance = instance.to_owned();
        let next =
            if no_hooks { ScalingStep::EndInstance { instance } } else { ScalingStep::TerminateHooks { instance } };
        self.schedule_step(name, next, at.after(wait));
        // AWS: termination begins right before the launch, which does not wait for it.
        self.wake_group_soon(name, at);
    }

    fn runs_terminate_hooks(&mut self, was: LifecycleState, instance: &str, cause: RemovalCause) -> bool {
        let ended = self.ec2_state(instance).is_ending();
        match cause {
            // AWS: a force-delete runs none.
            RemovalCause::GroupDeleted => false,
            _ if was == LifecycleState::TerminatingRetained => false,
            _ if was.is_pending() => self.timing.scaling.terminate_hooks_of_abandoned_launch,
            _ if ended => self.scaling.chance.f64() < self.timing.scaling.hook_of_ended_instance_probability,
            _ => true,
        }
    }

    pub(crate) fn meet_terminate_hooks(&mut self, name: &str, instance: &str, at: RegionTime) {
        let waits = self.member(name, instance).is_some_and(|member| member.state == LifecycleState::Terminating);
        if waits && !self.begin_hooks(name, instance, at) {
            if let Some(member) = self.change_member(name, instance, at) {
                member.state = LifecycleState::TerminatingProceed;
            }
            self.end_instance(name, instance, at);
        }
    }

    /// The group terminates the instance in EC2, if nobody has.
    pub(crate) fn end_instance(&mut self, name: &str, instance: &str, at: RegionTime) {
        let Some(member) = self.member(name, instance) else { return };
        if member.state != LifecycleState::TerminatingProceed {
            return;
        }
        let zone = member.zone.clone();
        match self.ec2_state(instance) {
            InstanceState::Terminated => self.member_ended(instance, at),
            InstanceState::ShuttingDown => {}
            _ => match self.enter_zone(&zone) {
                // AWS: termination protection does not stop Auto Scaling.
                ZoneAnswer::Normal | ZoneAnswer::AcceptedInSilence => self.terminate_instance(instance, at),
                ZoneAnswer::Hang | ZoneAnswer::Refused => {
                    let step = ScalingStep::EndInstance { instance: instance.to_owned() };
                    self.schedule_step(name, step, at.after(seconds_duration(EC2_RETRY_SECONDS)));
                }
            },
        }
    }

    /// EC2 says `terminated`. That matters if the group waits for it; one that does not know yet finds out by its health check.
    pub(crate) fn member_ended(&mut self, instance: &str, at: RegionTime) {
        let Some(name) = self.scaling.group_of.get(instance).cloned() else { return };
        let Some(member) = self.member(&name, instance) else { return };
        if member.state != LifecycleState::TerminatingProceed {
            return;
        }
        let activity = member.activity_id.clone();
        if let Some(member) = self.change_member(&name, instance, at) {
            member.state = LifecycleState::Terminated;
        }
        self.end_activity(&activity, ActivityStatus::Successful, "", at);
        self.emit_activity(&activity, "EC2 Instance Terminate Successful", at);
        let visible = self.sample_scaling(self.timing.scaling.terminated_member_visible);
        self.schedule_step(&name, ScalingStep::Leave { instance: instance.to_owned() }, at.after(visible));
    }

    pub(crate) fn leave_group(&mut self, name: &str, instance: &str, at: RegionTime) {
        self.scaling.group_of.remove(instance);
        let Some(group) = self.scaling.groups.change(name, at) else { return };
        group.members.remove(instance);
        if group.deleting && group.members.is_empty() {
            self.scaling.groups.remove(name, at);
        }
    }
}
