//! Who is unhealthy. EC2's states are acted on at once, even in the grace period; failed checks after minutes, and not before it is over.

use std::time::Duration;

use crate::model::instance::InstanceState;
use crate::model::scaling::group::Group;
use crate::model::scaling::member::{Member, RemovalCause};
use crate::model::scaling::process::Process;
use crate::model::status::Check;
use crate::model::transition::ScalingStep;
use crate::state::State;
use crate::time::RegionTime;
use crate::timing::distribution::seconds_duration;

impl State {
    /// Looks at every member that counts. AWS leaves `Standby` and what is terminating alone.
    pub(crate) fn check_health(&mut self, name: &str, at: RegionTime) {
        let Some(group) = self.scaling.groups.get(name) else { return };
        let checks = !group.is_suspended(Process::HealthCheck);
        let members: Vec<String> = group.counted().map(|member| member.instance_id.clone()).collect();
        for instance in members {
            if checks {
                self.check_runs(name, &instance, at);
                self.check_status(name, &instance, at);
            }
            self.check_pending_too_long(name, &instance, at);
            self.check_lifetime(name, &instance, at);
            self.act_again(name, &instance, at);
        }
        self.schedule_health_check(name, at);
    }

    pub(crate) fn ec2_state(&self, instance: &str) -> InstanceState {
        self.instances.get(instance).map_or(InstanceState::Terminated, |found| found.state)
    }

    fn check_runs(&mut self, name: &str, instance: &str, at: RegionTime) {
        let runs = matches!(self.ec2_state(instance), InstanceState::Pending | InstanceState::Running);
        if runs || self.member(name, instance).is_none_or(|member| member.noticed) {
            return;
        }
        let wait = self.sample_scaling(self.timing.scaling.notice);
        if let Some(member) = self.change_member(name, instance, at) {
            member.noticed = true;
            member.unhealthy = Some(RemovalCause::NotRunning);
        }
        self.schedule_step(name, ScalingStep::Replace { instance: instance.to_owned() }, at.after(wait));
    }

    /// Failed status checks count in service only, after the grace period. AWS: insufficient data are not a failure.
    fn check_status(&mut self, name: &str, instance: &str, at: RegionTime) {
        let Some(group) = self.scaling.groups.get(name) else { return };
        let Some(member) = group.members.get(instance) else { return };
        let in_grace = in_grace(group, member, at);
        if !member.state.is_in_service() || member.unhealthy.is_some() {
            return;
        }
        let Some(found) = self.instances.get(instance) else { return };
        let ebs = Some(found.status.attached_ebs).filter(|_| group.spec.checks_ebs);
        let failed = |check: Check| match check {
            Check::Failed { since } => Some(since),
            _ => None,
        };
        let by_status = failed(found.status.system).or_else(|| failed(found.status.instance));
        let found = by_status
            .map(|since| (since, RemovalCause::StatusChecks))
            .or_else(|| Some((failed(ebs?)?, RemovalCause::EbsCheck)));
        let known = member.impaired_until;
        let Some((since, cause)) = found else {
            if known.is_some()
                && let Some(member) = self.member_mut(name, instance)
            {
                member.impaired_until = None;
            }
            return;
        };
        let until = known.unwrap_or_else(|| since.after(self.sample_scaling(self.timing.scaling.impaired_for)));
        if let Some(member) = self.member_mut(name, instance) {
            member.impaired_until = Some(until);
        }
        if until <= at && !in_grace {
            if let Some(member) = self.change_member(name, instance, at) {
                member.unhealthy = Some(cause);
            }
            self.replace_unhealthy(name, instance, at);
        }
    }

    /// A launch that EC2 never carries out has failed.
    fn check_pending_too_long(&mut self, name: &str, instance: &str, at: RegionTime) {
        let limit = seconds_duration(self.timing.scaling.launch_gives_up_seconds);
        let waits = |member: &Member| member.state.is_pending() && at.since(member.launched_at) >= limit;
        if self.member(name, instance).is_some_and(waits) && self.ec2_state(instance) == InstanceState::Pending {
            self.note_failed_launch(name, None, at);
            self.begin_termination(name, instance, RemovalCause::LaunchFailed, at);
        }
    }

    fn check_lifetime(&mut self, name: &str, instance: &str, at: RegionTime) {
        let Some(group) = self.scaling.groups.get(name) else { return };
        let Some(limit) = group.spec.max_lifetime_seconds else { return };
        let Some(member) = group.members.get(instance).filter(|member| member.state.is_in_service()) else { return };
        if at.since(member.launched_at) >= Duration::from_secs(limit.into()) {
            self.plan_replacement(name, instance, RemovalCause::MaxLifetime, at);
        }
    }

    /// A member found unhealthy while a process was suspended is acted on once it is resumed.
    fn act_again(&mut self, name: &str, instance: &str, at: RegionTime) {
        let member = self.member(name, instance);
        // The step of one that does not run is under way.
        let ripe = |member: &Member| {
            member.leaving.is_none() && member.unhealthy.is_some_and(|cause| cause != RemovalCause::NotRunning)
        };
        if member.is_some_and(ripe) {
            self.replace_unhealthy(name, instance, at);
        }
    }

    /// `SetInstanceHealth`. Works with `HealthCheck` suspended, too.
    pub(crate) fn set_instance_health(
        &mut self,
        name: &str,
        instance: &str,
        healthy: bool,
        respect_grace: bool,
        at: RegionTime,
    ) {
        let Some(group) = self.scaling.groups.get(name) else { return };
        let Some(member) = group.members.get(instance).filter(|member| member.state.counts()) else { return };
        if !healthy && respect_grace && in_grace(group, member, at) {
            return;
        }
        if let Some(member) = self.change_member(name, instance, at) {
            member.unhealthy = (!healthy).then_some(RemovalCause::SetUnhealthy);
        }
        if !healthy {
            let wait = self.sample_scaling(self.timing.scaling.reaction);
            self.schedule_step(name, ScalingStep::Replace { instance: instance.to_owned() }, at.after(wait));
        }
    }

    /// Replaces a member that is unhealthy still. AWS: at once if it does not run or a user said so, else one at a time in small groups; not
    /// while `ReplaceUnhealthy` or `Terminate` is suspended.
    pub(crate) fn replace_unhealthy(&mut self, name: &str, instance: &str, at: RegionTime) {
        let Some(group) = self.scaling.groups.get(name) else { return };
        let held = group.is_suspended(Process::ReplaceUnhealthy) || group.is_suspended(Process::Terminate);
        let Some(member) = group.members.get(instance).filter(|member| member.state.counts()) else { return };
        let pending = member.state.is_pending();
        match member.unhealthy {
            None => {}
            Some(RemovalCause::NotRunning) if held => {
                // Looked at again with the next check.
                if let Some(member) = self.member_mut(name, instance) {
                    member.noticed = false;
                }
            }
            Some(_) if held => {}
            Some(_) if pending => {
                self.note_failed_launch(name, None, at);
                self.begin_termination(name, instance, RemovalCause::LaunchFailed, at);
            }
            Some(cause @ (RemovalCause::NotRunning | RemovalCause::SetUnhealthy)) => {
                self.begin_replacement(name, instance, cause, at);
            }
            Some(cause) => self.plan_replacement(name, instance, cause, at),
        }
    }
}

/// AWS: the grace period begins when the instance gets into service.
fn in_grace(group: &Group, member: &Member, at: RegionTime) -> bool {
    let grace = Duration::from_secs(group.spec.grace_seconds.into());
    member.in_service_at.is_some_and(|since| at.since(since) < grace)
}
