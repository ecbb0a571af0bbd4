//! How a hook's action ends: completed, abandoned, timed out, or because its hook is deleted.

use std::time::Duration;

use crate::model::scaling::hook::{ActionName, HookResult, HookTransition, OpenAction, TimedOutHook};
use crate::model::scaling::member::{LifecycleState, RemovalCause};
use crate::model::transition::ScalingStep;
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// Removes a hook. AWS: actions that wait for it end, launches abandoned and terminations going on.
    pub(crate) fn delete_hook(&mut self, group: &str, hook: &str, at: RegionTime) {
        let removed = self.scaling.groups.change(group, at).and_then(|group| group.hooks.remove(hook));
        let result = match removed.map(|hook| hook.transition) {
            None => return,
            Some(HookTransition::Launching) => HookResult::Abandon,
            Some(HookTransition::Terminating) => HookResult::Continue,
        };
        for (instance, token) in self.actions_of(group, hook) {
            self.end_action(group, &instance, &token, result, at);
        }
    }

    fn actions_of(&self, group: &str, hook: &str) -> Vec<(String, String)> {
        let members = self.scaling.groups.get(group).into_iter().flat_map(|group| group.members.values());
        members
            .flat_map(|member| member.open_actions.iter().map(move |action| (member, action)))
            .filter(|(_, action)| action.hook == hook)
            .map(|(member, action)| (member.instance_id.clone(), action.token.clone()))
            .collect()
    }

    /// The instance and token of an open action of a hook.
    fn find_action(&self, group: &str, hook: &str, named: ActionName<'_>) -> Result<(String, String), ApiError> {
        let found = self.actions_of(group, hook).into_iter().find(|(instance, token)| match named {
            ActionName::Token(wanted) => token == wanted,
            ActionName::Instance(wanted) => instance == wanted,
        });
        found.ok_or_else(|| {
            ApiError::client(
                "ValidationError",
                match named {
                    ActionName::Token(token) => format!("No active Lifecycle Action found with token {token}"),
                    ActionName::Instance(id) => format!("No active Lifecycle Action found with instance ID {id}"),
                },
            )
        })
    }

    /// `CompleteLifecycleAction`.
    pub(crate) fn complete_action(
        &mut self,
        group: &str,
        hook: &str,
        named: ActionName<'_>,
        result: HookResult,
        at: RegionTime,
    ) -> Result<(), ApiError> {
        let (instance, token) = self.find_action(group, hook, named)?;
        self.end_action(group, &instance, &token, result, at);
        Ok(())
    }

    /// `RecordLifecycleActionHeartbeat`: the time-out begins anew, up to the cap.
    pub(crate) fn record_heartbeat(
        &mut self,
        group: &str,
        hook: &str,
        named: ActionName<'_>,
        at: RegionTime,
    ) -> Result<(), ApiError> {
        let (instance, token) = self.find_action(group, hook, named)?;
        let Some(member) = self.member_mut(group, &instance) else { return Ok(()) };
        let Some(action) = member.open_actions.iter_mut().find(|action| action.token == token) else { return Ok(()) };
        action.heartbeats += 1;
        action.expires_at = at.after(Duration::from_secs(action.heartbeat_seconds.into())).min(action.cap_at);
        let expires_at = action.expires_at;
        self.schedule_step(group, ScalingStep::HookTimedOut { instance, token }, expires_at);
        Ok(())
    }

    pub(crate) fn hook_timed_out(&mut self, group: &str, instance: &str, token: &str, at: RegionTime) {
        let Some(member) = self.member(group, instance) else { return };
        // A heartbeat may have come since this was scheduled; then another step waits.
        let due = |action: &&OpenAction| action.token == token && action.expires_at <= at;
        let Some(action) = member.open_actions.iter().find(due).cloned() else { return };
        let transition =
            if member.state.is_pending() { HookTransition::Launching } else { HookTransition::Terminating };
        self.scaling.timed_out.push(TimedOutHook {
            group: group.to_owned(),
            hook: action.hook.clone(),
            instance: instance.to_owned(),
            transition: transition.name(),
            since: action.since,
            at,
            result: action.default_result.name(),
        });
        self.end_action(group, instance, token, action.default_result, at);
    }

    fn end_action(&mut self, group: &str, instance: &str, token: &str, result: HookResult, at: RegionTime) {
        let Some(member) = self.change_member(group, instance, at) else { return };
        member.open_actions.retain(|action| action.token != token);
        if result == HookResult::Abandon {
            // AWS: ABANDON stops what remains, such as other hooks; CONTINUE lets them complete.
            member.queued_hooks.clear();
            member.open_actions.clear();
        }
        let launching = member.state.is_pending();
        if !member.open_actions.is_empty() {
            return;
        }
        match (launching, result) {
            (true, HookResult::Abandon) => self.launch_abandoned(group, instance, at),
            (true, HookResult::Continue) => {
                if !self.begin_hooks(group, instance, at) {
                    self.launch_hooks_done(group, instance, at);
                }
            }
            (false, HookResult::Continue) => {
                if !self.begin_hooks(group, instance, at) {
                    self.terminate_hooks_done(group, instance, at);
                }
            }
            (false, HookResult::Abandon) => self.terminate_hook_abandoned(group, instance, at),
        }
    }

    /// Abandoned, by a call or because that is what a time-out counts as. AWS: with the retention trigger the instance stays as it is until
    /// somebody terminates it by name; a time-out that counts as CONTINUE retains nothing.
    fn terminate_hook_abandoned(&mut self, group: &str, instance: &str, at: RegionTime) {
        let retains = self.scaling.groups.get(group).is_some_and(|group| group.spec.retain_abandoned);
        if !retains {
            self.terminate_hooks_done(group, instance, at);
        } else if let Some(member) = self.change_member(group, instance, at) {
            member.queued_hooks.clear();
            member.state = LifecycleState::TerminatingRetained;
        }
    }

    /// AWS: an abandoned launch is terminated at once and replaced; launches that keep failing are slowed down.
    fn launch_abandoned(&mut self, group: &str, instance: &str, at: RegionTime) {
        self.note_failed_launch(group, None, at);
        self.begin_termination(group, instance, RemovalCause::LaunchFailed, at);
    }
}
