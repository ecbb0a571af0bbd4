//! EC2 Auto Scaling: groups that keep their number of instances, with hooks, health checks and replacement.
//!
//! | module | idea |
//! |---|---|
//! | [`group`] | what a group was asked to be |
//! | [`member`] | an instance's state in its group |
//! | [`capacity`] | launches what is missing, takes away what is too much |
//! | [`launching`] | one launch: where, how it fails, how it gets into service |
//! | [`health`] | who is unhealthy, and what becomes of them |
//! | [`termination`] | hooks first, EC2's end after |
//! | [`hooks`] | lifecycle actions, their timers and results |
//! | [`requests`] | what callers ask of a group |
//! | [`activity`] | what a group has done |
//! | [`templates`] | what it launches from |
//! | [`numbers`] | how fast all this is |
//!
//! Auto Scaling is a regional service: it goes on while a zone is down. It acts on EC2 as any caller would, and sees instances late.

pub(crate) mod activity;
mod capacity;
pub(crate) mod group;
mod health;
pub(crate) mod hooks;
pub(crate) mod launching;
pub(crate) mod member;
pub(crate) mod numbers;
pub(crate) mod requests;
pub(crate) mod templates;
mod termination;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use crate::ids::IdMaker;
use crate::laws::Distribution;
use crate::laws::distribution::seconds_duration;
use crate::laws::scaling::activity::Activities;
use crate::laws::scaling::group::Group;
use crate::laws::scaling::hooks::TimedOutHook;
use crate::laws::scaling::member::Member;
use crate::laws::scaling::requests::MadeBefore;
use crate::laws::scaling::templates::LaunchTemplates;
use crate::schedule::Transition;
use crate::state::State;
use crate::table::Table;
use crate::time::RegionTime;

/// Something that a group does at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScalingStep {
    /// Looks at its capacity.
    Reconcile,
    /// Looks at its members.
    CheckHealth,
    /// A launched instance meets its launch hooks.
    LaunchHooks {
        instance: String,
    },
    /// Nothing holds the instance in `Pending` any more, unless EC2 does.
    IntoService {
        instance: String,
    },
    /// Acts on a member found unhealthy.
    Replace {
        instance: String,
    },
    /// A terminating instance meets its terminate hooks.
    TerminateHooks {
        instance: String,
    },
    /// Terminates the instance in EC2.
    EndInstance {
        instance: String,
    },
    /// A terminated member leaves the describes.
    Leave {
        instance: String,
    },
    HookTimedOut {
        instance: String,
        token: String,
    },
}

/// All of Auto Scaling.
#[derive(Debug)]
pub(crate) struct Scaling {
    pub(crate) groups: Table<Group>,
    /// The group of each instance that is in one.
    pub(crate) group_of: BTreeMap<String, String>,
    pub(crate) templates: LaunchTemplates,
    pub(crate) activities: Activities,
    pub(crate) timed_out: Vec<TimedOutHook>,
    /// Launches that are to fail, by group: faults.
    pub(crate) failing_launches: BTreeMap<String, u32>,
    pub(crate) launch_tokens: BTreeMap<String, MadeBefore>,
    pub(crate) ids: IdMaker,
    pub(crate) chance: Rng,
}

impl Scaling {
    pub(crate) fn new(mut chance: Rng, memory: Duration) -> Self {
        Self {
            groups: Table::new(memory),
            group_of: BTreeMap::new(),
            templates: LaunchTemplates::default(),
            activities: Activities::default(),
            timed_out: Vec::new(),
            failing_launches: BTreeMap::new(),
            launch_tokens: BTreeMap::new(),
            ids: IdMaker::new(chance.fork()),
            chance,
        }
    }
}

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
        self.schedule.add(at, Transition::Scaling { group: group.to_owned(), step });
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
        let wait = self.sample_scaling(self.laws.scaling.reaction);
        self.wake_group(name, at.after(wait));
    }

    pub(crate) fn schedule_health_check(&mut self, group: &str, at: RegionTime) {
        let every = seconds_duration(self.laws.scaling.health_check_every_seconds.max(1.0));
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
