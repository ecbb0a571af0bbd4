//! How an instance gets into its group, and into service.

use crate::model::instance::InstanceState;
use crate::model::scaling::activity::ActivityStatus;
use crate::model::scaling::member::{LifecycleState, Member};
use crate::model::transition::ScalingStep;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// Makes an instance a member.
    pub(crate) fn join_group(&mut self, name: &str, mut member: Member, at: RegionTime) {
        self.scaling.group_of.insert(member.instance_id.clone(), name.to_owned());
        if let Some(group) = self.scaling.groups.change(name, at) {
            member.protected_from_scale_in = group.spec.new_instances_protected;
            group.members.insert(member.instance_id.clone(), member);
        }
    }

    pub(crate) fn meet_launch_hooks(&mut self, name: &str, instance: &str, at: RegionTime) {
        if self.member(name, instance).is_some_and(|member| member.state == LifecycleState::Pending)
            && !self.begin_hooks(name, instance, at)
        {
            self.launch_hooks_done(name, instance, at);
        }
    }

    /// EC2 says that the instance runs: nothing of Auto Scaling's waits for it but the last step.
    pub(crate) fn member_runs(&mut self, instance: &str, at: RegionTime) {
        let Some(name) = self.scaling.group_of.get(instance).cloned() else { return };
        if self.member(&name, instance).is_some_and(|member| member.ready_at.is_some()) {
            let wait = self.sample_scaling(self.timing.scaling.proceed);
            self.schedule_step(&name, ScalingStep::IntoService { instance: instance.to_owned() }, at.after(wait));
        }
    }

    pub(crate) fn enter_service(&mut self, name: &str, instance: &str, at: RegionTime) {
        let runs = self.instances.get(instance).is_some_and(|found| found.state == InstanceState::Running);
        let is_due = |member: &Member| member.state.is_pending() && member.ready_at.is_some_and(|ready| ready <= at);
        if !runs || !self.member(name, instance).is_some_and(is_due) {
            return;
        }
        let Some(member) = self.change_member(name, instance, at) else { return };
        member.state = LifecycleState::InService;
        member.in_service_at = Some(at);
        let (activity, launched_at) = (member.activity_id.clone(), member.launched_at);
        if let Some(group) = self.scaling.groups.get_mut(name) {
            group.attempts.failures = 0;
        }
        self.record_transition("in_service", instance, launched_at, at);
        self.end_activity(&activity, ActivityStatus::Successful, "", at);
        self.emit_activity(&activity, "EC2 Instance Launch Successful", at);
        self.wake_group_soon(name, at);
    }
}
