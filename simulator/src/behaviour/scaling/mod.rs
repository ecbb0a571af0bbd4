//! EC2 Auto Scaling: groups that keep their number of instances, with hooks, health checks and replacement.
//!
//! | module | idea |
//! |---|---|
//! | [`capacity`] | launches what is missing, takes away what is too much |
//! | [`launching`] | one launch: where, and how it fails |
//! | [`joining`] | how an instance gets into its group, and into service |
//! | [`health`] | who is unhealthy, and what becomes of them |
//! | [`termination`] | hooks first, EC2's end after |
//! | [`hooks`], [`hook_ends`], [`hook_notices`] | lifecycle actions: how they begin and end, and who is told |
//! | [`group_requests`], [`member_requests`], [`errors`] | what callers ask of a group and its members, and what they are refused with |
//! | [`activity`] | notes what a group does |
//!
//! Auto Scaling is a regional service: it goes on while a zone is down. It acts on EC2 as any caller would, and sees instances late.

mod activity;
mod capacity;
pub(crate) mod errors;
mod group_requests;
mod health;
mod hook_ends;
mod hook_notices;
mod hooks;
mod joining;
pub(crate) mod launching;
mod member_requests;
mod termination;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::model::scaling::member::Member;
use crate::model::transition::{ScalingStep, StateTransition};
use crate::state::State;
use crate::time::RegionTime;
use crate::timing::distribution::{Distribution, seconds_duration};

impl State {
    /// Carries out a step; the group may be gone by then.
    pub(crate) fn scaling_step(&mut self, group: &str, step: ScalingStep, at: RegionTime) {
        match step {
            ScalingStep::Reconcile => self.reconcile(group, at),
            ScalingStep::CheckHealth => self.check_health(group, at),
            ScalingStep::LaunchHooks { instance } => self.meet_launch_hooks(group, &instance, at),
            ScalingStep::IntoService { instance } => self.enter_service(group, &instance, at),
            ScalingStep::Replace { instance } => self.replace_unhealthy(group, &instance, at),
            ScalingStep::TerminateHooks { instance } => self.meet_terminate_hooks(group, &instance, at),
            ScalingStep::EndInstance { instance } => self.end_instance(group, &instance, at),
            ScalingStep::Leave { instance } => self.leave_group(group, &instance, at),
            ScalingStep::HookTimedOut { instance, token } => self.hook_timed_out(group, &instance, &token, at),
        }
    }

    pub(crate) fn schedule_step(&mut self, group: &str, step: ScalingStep, at: RegionTime) {
        self.schedule.add(at, StateTransition::Scaling { group: group.to_owned(), step });
    }

    /// Lets the group look at its capacity then, if it does not do so earlier.
    pub(crate) fn wake_group(&mut self, name: &str, at: RegionTime) {
        let Some(group) = self.scaling.groups.get_mut(name) else { return };
        if group.reconcile_at.is_some_and(|planned| planned <= at) {
            return;
        }
        group.reconcile_at = Some(at);
        self.schedule_step(name, ScalingStep::Reconcile, at);
    }

    /// Lets the group act on something new.
    pub(crate) fn wake_group_soon(&mut self, name: &str, at: RegionTime) {
        let wait = self.sample_scaling(self.timing.scaling.reaction);
        self.wake_group(name, at.after(wait));
    }

    pub(crate) fn schedule_health_check(&mut self, group: &str, at: RegionTime) {
        let every = seconds_duration(self.timing.scaling.health_check_every_seconds.max(1.0));
        self.schedule_step(group, ScalingStep::CheckHealth, at.after(every));
    }

    /// Draws a duration for Auto Scaling: of its own chance, so that a group does not change how long a stop takes.
    pub(crate) fn sample_scaling(&mut self, distribution: Distribution) -> Duration {
        distribution.sample(&mut self.scaling.chance)
    }

    pub(crate) fn member(&self, group: &str, instance: &str) -> Option<&Member> {
        self.scaling.groups.get(group)?.members.get(instance)
    }

    /// For what no describe shows.
    pub(crate) fn member_mut(&mut self, group: &str, instance: &str) -> Option<&mut Member> {
        self.scaling.groups.get_mut(group)?.members.get_mut(instance)
    }

    /// For what a describe shows.
    pub(crate) fn change_member(&mut self, group: &str, instance: &str, at: RegionTime) -> Option<&mut Member> {
        self.scaling.groups.change(group, at)?.members.get_mut(instance)
    }
}
