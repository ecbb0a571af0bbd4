//! What checkers ask about Auto Scaling: who is in which group, which hooks wait, which nobody ended in time.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::laws::scaling::hooks::HookTransition;
pub use crate::laws::scaling::hooks::TimedOutHook;
use crate::laws::scaling::member::Member;
use crate::state::State;
use crate::time::RegionTime;
use crate::truth::Truth;

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupMember {
    /// The instance.
    pub instance: String,
    /// Its zone.
    pub zone: String,
    /// Such as `Pending:Wait`.
    pub lifecycle_state: &'static str,
    /// `Healthy` or `Unhealthy`.
    pub health_status: &'static str,
    /// When it was launched.
    pub launched_at: RegionTime,
}

/// A hook's action that nobody has ended yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingHook {
    /// The group.
    pub group: String,
    /// The hook.
    pub hook: String,
    /// The instance.
    pub instance: String,
    /// The action's token.
    pub token: String,
    /// `autoscaling:EC2_INSTANCE_LAUNCHING` or `autoscaling:EC2_INSTANCE_TERMINATING`.
    pub transition: &'static str,
    /// When it began.
    pub since: RegionTime,
    /// When it times out.
    pub expires_at: RegionTime,
    /// Heartbeats so far.
    pub heartbeats: u32,
}

/// What the truth knows of groups.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct GroupTruth {
    members: BTreeMap<String, Vec<GroupMember>>,
    waiting_hooks: Vec<WaitingHook>,
    timed_out_hooks: Vec<TimedOutHook>,
}

impl Truth {
    /// The members of every group, oldest first.
    pub fn groups(&self) -> &BTreeMap<String, Vec<GroupMember>> {
        &self.groups.members
    }

    /// Actions that wait for their end, oldest first. How long: [`Truth::now`] less their beginning.
    pub fn waiting_hooks(&self) -> &[WaitingHook] {
        &self.groups.waiting_hooks
    }

    /// Actions that ended because nobody ended them in time.
    pub fn timed_out_hooks(&self) -> &[TimedOutHook] {
        &self.groups.timed_out_hooks
    }
}

impl State {
    pub(crate) fn group_members(&self, name: &str) -> Vec<GroupMember> {
        let members = self.scaling.groups.get(name).map(|group| group.by_age());
        let shown = |member: &Member| GroupMember {
            instance: member.instance_id.clone(),
            zone: member.zone.clone(),
            lifecycle_state: member.state.name(),
            health_status: member.health(),
            launched_at: member.launched_at,
        };
        members.into_iter().flatten().map(shown).collect()
    }

    pub(crate) fn group_truth(&self) -> GroupTruth {
        let names: Vec<String> = self.scaling.groups.ids();
        let mut waiting_hooks = Vec::new();
        for (name, group) in self.scaling.groups.iter() {
            for member in group.members.values() {
                let transition =
                    if member.state.is_pending() { HookTransition::Launching } else { HookTransition::Terminating };
                waiting_hooks.extend(member.open_actions.iter().map(|action| WaitingHook {
                    group: name.to_owned(),
                    hook: action.hook.clone(),
                    instance: member.instance_id.clone(),
                    token: action.token.clone(),
                    transition: transition.name(),
                    since: action.since,
                    expires_at: action.expires_at,
                    heartbeats: action.heartbeats,
                }));
            }
        }
        waiting_hooks.sort_by(|one, other| (one.since, &one.token).cmp(&(other.since, &other.token)));
        GroupTruth {
            members: names.into_iter().map(|name| (name.clone(), self.group_members(&name))).collect(),
            waiting_hooks,
            timed_out_hooks: self.scaling.timed_out.clone(),
        }
    }

    /// Groups as people read them.
    pub(crate) fn groups_readable(&self) -> serde_json::Map<String, serde_json::Value> {
        let readable = |group: &crate::laws::scaling::group::Group| {
            let members = group.members.values().map(|member| {
                let shown = serde_json::json!({
                    "lifecycle_state": member.state.name(),
                    "health_status": member.health(),
                    "unhealthy_because": member.unhealthy,
                    "zone": member.zone,
                    "protected": member.protected_from_scale_in,
                    "leaving": member.leaving,
                    "open_actions": member.open_actions,
                    "launched_at_seconds": member.launched_at.seconds(),
                });
                (member.instance_id.clone(), shown)
            });
            serde_json::json!({
                "size": group.spec.size,
                "zones": group.spec.zones,
                "maintenance": group.spec.maintenance,
                "hooks": group.hooks,
                "suspended": group.suspended,
                "tags": group.tags,
                "deleting": group.deleting,
                "failed_launches": group.attempts.failures,
                "members": members.collect::<serde_json::Map<_, _>>(),
            })
        };
        self.scaling.groups.iter().map(|(name, group)| (name.to_owned(), readable(group))).collect()
    }
}
