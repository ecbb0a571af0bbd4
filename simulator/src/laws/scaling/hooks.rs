//! Lifecycle hooks: brakes on a launch or a termination, each with a timer.
//!
//! A hook's action is open from its event until it is completed, abandoned or timed out. A heartbeat begins its time-out anew, but AWS lets an
//! instance wait for 48 hours or a hundred time-outs at most, whichever is less.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::laws::scaling::ScalingStep;
use crate::laws::scaling::activity::ActivityStatus;
use crate::laws::scaling::member::{Cause, LifecycleState};
use crate::model::topic::MessageContent;
use crate::state::State;
use crate::time::RegionTime;
use crate::wire::AwsError;

/// What a hook holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum HookTransition {
    /// `autoscaling:EC2_INSTANCE_LAUNCHING`
    #[serde(rename = "autoscaling:EC2_INSTANCE_LAUNCHING")]
    Launching,
    /// `autoscaling:EC2_INSTANCE_TERMINATING`
    #[serde(rename = "autoscaling:EC2_INSTANCE_TERMINATING")]
    Terminating,
}

impl HookTransition {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Launching => "autoscaling:EC2_INSTANCE_LAUNCHING",
            Self::Terminating => "autoscaling:EC2_INSTANCE_TERMINATING",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Launching, Self::Terminating].into_iter().find(|transition| transition.name() == name)
    }
}

/// How an action ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HookResult {
    /// Go on.
    Continue,
    /// Launch: terminate and replace. Termination: skip what remains.
    Abandon,
}

impl HookResult {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Abandon => "ABANDON",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Continue, Self::Abandon].into_iter().find(|result| result.name() == name)
    }
}

/// A group's hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Hook {
    pub(crate) name: String,
    pub(crate) transition: HookTransition,
    pub(crate) heartbeat_seconds: u32,
    pub(crate) default_result: HookResult,
    pub(crate) metadata: Option<String>,
    pub(crate) target_arn: Option<String>,
    pub(crate) role_arn: Option<String>,
}

/// AWS: 48 hours.
const LONGEST_WAIT_SECONDS: u32 = 48 * 3600;
/// AWS: a hundred heartbeats.
const MOST_HEARTBEATS: u32 = 100;

impl Hook {
    pub(crate) fn global_timeout_seconds(&self) -> u32 {
        self.heartbeat_seconds.saturating_mul(MOST_HEARTBEATS).min(LONGEST_WAIT_SECONDS)
    }
}

/// An action that waits for its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OpenAction {
    pub(crate) hook: String,
    pub(crate) token: String,
    pub(crate) since: RegionTime,
    /// When it times out unless a heartbeat comes.
    pub(crate) expires_at: RegionTime,
    /// When no heartbeat helps any more.
    pub(crate) cap_at: RegionTime,
    pub(crate) heartbeats: u32,
    /// As the hook was when the action began.
    pub(crate) heartbeat_seconds: u32,
    pub(crate) default_result: HookResult,
}

/// An action that nobody ended in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimedOutHook {
    /// The group.
    pub group: String,
    /// The hook.
    pub hook: String,
    /// The instance.
    pub instance: String,
    /// `autoscaling:EC2_INSTANCE_LAUNCHING` or `autoscaling:EC2_INSTANCE_TERMINATING`.
    pub transition: &'static str,
    /// When it began.
    pub since: RegionTime,
    /// When it ended.
    pub at: RegionTime,
    /// The default result that it ended with: `CONTINUE` or `ABANDON`.
    pub result: &'static str,
}

/// How a caller names an action.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ActionName<'a> {
    Token(&'a str),
    Instance(&'a str),
}

/// Who ended an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndedBy {
    Call,
    TimeOut,
}

impl State {
    /// The hooks that a transition of this group has, in the order in which they run: by name.
    pub(crate) fn hooks_for(&self, group: &str, transition: HookTransition) -> VecDeque<String> {
        let hooks = self.scaling.groups.get(group).into_iter().flat_map(|group| group.hooks.values());
        hooks.filter(|hook| hook.transition == transition).map(|hook| hook.name.clone()).collect()
    }

    /// Begins the next hook of the member's transition, or all of them; false if none is left.
    pub(crate) fn begin_hooks(&mut self, group: &str, instance: &str, at: RegionTime) -> bool {
        let together = self.laws.scaling.hooks_begin_together;
        let mut begun = false;
        while let Some(hook) = self.member_mut(group, instance).and_then(|member| member.queued_hooks.pop_front()) {
            // A hook that was deleted since holds nothing.
            begun |= self.begin_action(group, instance, &hook, at);
            if begun && !together {
                return true;
            }
        }
        begun
    }

    fn begin_action(&mut self, group: &str, instance: &str, hook: &str, at: RegionTime) -> bool {
        let Some(hook) = self.scaling.groups.get(group).and_then(|group| group.hooks.get(hook)).cloned() else {
            return false;
        };
        let token = self.scaling.ids.uuid();
        let action = OpenAction {
            hook: hook.name.clone(),
            token: token.clone(),
            since: at,
            expires_at: at.after(Duration::from_secs(hook.heartbeat_seconds.into())),
            cap_at: at.after(Duration::from_secs(hook.global_timeout_seconds().into())),
            heartbeats: 0,
            heartbeat_seconds: hook.heartbeat_seconds,
            default_result: hook.default_result,
        };
        let step = ScalingStep::HookTimedOut { instance: instance.to_owned(), token: token.clone() };
        self.schedule_step(group, step, action.expires_at);
        let Some(member) = self.change_member(group, instance, at) else { return false };
        member.open_actions.push(action);
        member.state = match hook.transition {
            HookTransition::Launching => LifecycleState::PendingWait,
            HookTransition::Terminating => LifecycleState::TerminatingWait,
        };
        let activity = member.activity_id.clone();
        self.set_activity(&activity, ActivityStatus::MidLifecycleAction);
        self.announce_action(group, instance, &hook, &token, at);
        true
    }

    /// The event, and the message to the hook's topic.
    fn announce_action(&mut self, group: &str, instance: &str, hook: &Hook, token: &str, at: RegionTime) {
        self.emit_lifecycle_action(group, instance, hook, token, at);
        if let Some(target) = hook.target_arn.clone() {
            let time = crate::time::timestamp(self.clock.wall(at));
            let mut message = serde_json::json!({
                "LifecycleHookName": hook.name,
                "AccountId": self.account_id,
                "RequestId": self.scaling.ids.uuid(),
                "LifecycleTransition": hook.transition.name(),
                "AutoScalingGroupName": group,
                "Service": "AWS Auto Scaling",
                "Time": time,
                "EC2InstanceId": instance,
                "LifecycleActionToken": token,
            });
            if let Some(metadata) = &hook.metadata {
                message["NotificationMetadata"] = serde_json::json!(metadata);
            }
            let subject = format!(
                "Auto Scaling:  Lifecycle action '{}' for instance {instance} in progress.",
                match hook.transition {
                    HookTransition::Launching => "LAUNCHING",
                    HookTransition::Terminating => "TERMINATING",
                }
            );
            self.publish_to_topic(&target, &subject, &message, at);
        }
    }

    /// Puts a message on a topic of the region, if there is one: notifications of hooks are as lost as their topic.
    fn publish_to_topic(&mut self, arn: &str, subject: &str, message: &serde_json::Value, at: RegionTime) {
        let content = MessageContent {
            subject: Some(subject.to_owned()),
            body: message.to_string(),
            attributes: serde_json::Value::Null,
        };
        if self.stores.topics.publish(arn, content, self.clock.wall(at)).is_none() {
            tracing::debug!(arn, "a hook's notification went nowhere: there is no such topic");
        }
    }

    /// Creates or changes a hook. AWS: a test message goes to a target when the hook is put.
    pub(crate) fn put_hook(&mut self, group: &str, hook: Hook, at: RegionTime) {
        if let Some(target) = hook.target_arn.clone() {
            let message = serde_json::json!({
                "AccountId": self.account_id,
                "RequestId": self.scaling.ids.uuid(),
                "AutoScalingGroupARN": self.scaling.groups.get(group).map(|group| group.arn.clone()),
                "AutoScalingGroupName": group,
                "Service": "AWS Auto Scaling",
                "Event": "autoscaling:TEST_NOTIFICATION",
                "Time": crate::time::timestamp(self.clock.wall(at)),
            });
            self.publish_to_topic(
                &target,
                &format!("Auto Scaling: test notification for group \"{group}\""),
                &message,
                at,
            );
        }
        if let Some(group) = self.scaling.groups.change(group, at) {
            group.hooks.insert(hook.name.clone(), hook);
        }
    }

    /// Removes a hook. AWS: actions that wait for it end, launches abandoned and terminations going on.
    pub(crate) fn delete_hook(&mut self, group: &str, hook: &str, at: RegionTime) {
        let removed = self.scaling.groups.change(group, at).and_then(|group| group.hooks.remove(hook));
        let result = match removed.map(|hook| hook.transition) {
            None => return,
            Some(HookTransition::Launching) => HookResult::Abandon,
            Some(HookTransition::Terminating) => HookResult::Continue,
        };
        for (instance, token) in self.actions_of(group, hook) {
            self.end_action(group, &instance, &token, result, EndedBy::Call, at);
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
    fn find_action(&self, group: &str, hook: &str, named: ActionName<'_>) -> Result<(String, String), AwsError> {
        let found = self.actions_of(group, hook).into_iter().find(|(instance, token)| match named {
            ActionName::Token(wanted) => token == wanted,
            ActionName::Instance(wanted) => instance == wanted,
        });
        found.ok_or_else(|| {
            AwsError::client(
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
    ) -> Result<(), AwsError> {
        let (instance, token) = self.find_action(group, hook, named)?;
        self.end_action(group, &instance, &token, result, EndedBy::Call, at);
        Ok(())
    }

    /// `RecordLifecycleActionHeartbeat`: the time-out begins anew, up to the cap.
    pub(crate) fn record_heartbeat(
        &mut self,
        group: &str,
        hook: &str,
        named: ActionName<'_>,
        at: RegionTime,
    ) -> Result<(), AwsError> {
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
        self.end_action(group, instance, token, action.default_result, EndedBy::TimeOut, at);
    }

    fn end_action(
        &mut self,
        group: &str,
        instance: &str,
        token: &str,
        result: HookResult,
        ended_by: EndedBy,
        at: RegionTime,
    ) {
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
            (false, HookResult::Continue) if ended_by == EndedBy::Call => {
                if !self.begin_hooks(group, instance, at) {
                    self.terminate_hooks_done(group, instance, at);
                }
            }
            (false, _) => self.terminate_hook_abandoned(group, instance, ended_by == EndedBy::TimeOut, at),
        }
    }

    /// Abandoned, or timed out. AWS: with the retention trigger the instance stays as it is until somebody terminates it by name.
    fn terminate_hook_abandoned(&mut self, group: &str, instance: &str, timed_out: bool, at: RegionTime) {
        let retains = self.scaling.groups.get(group).is_some_and(|group| group.spec.retain_abandoned);
        if retains {
            if let Some(member) = self.change_member(group, instance, at) {
                member.queued_hooks.clear();
                member.state = LifecycleState::TerminatingRetained;
            }
        } else if !timed_out || !self.begin_hooks(group, instance, at) {
            self.terminate_hooks_done(group, instance, at);
        }
    }

    /// Launch hooks hold nothing any more: the instance goes into service once EC2 says that it runs.
    pub(crate) fn launch_hooks_done(&mut self, group: &str, instance: &str, at: RegionTime) {
        let ready_at = at.after(self.sample_scaling(self.laws.scaling.proceed));
        if let Some(member) = self.change_member(group, instance, at) {
            if member.state == LifecycleState::PendingWait {
                member.state = LifecycleState::PendingProceed;
            }
            member.ready_at = Some(ready_at);
        }
        self.schedule_step(group, ScalingStep::IntoService { instance: instance.to_owned() }, ready_at);
    }

    fn terminate_hooks_done(&mut self, group: &str, instance: &str, at: RegionTime) {
        if let Some(member) = self.change_member(group, instance, at) {
            member.state = LifecycleState::TerminatingProceed;
        }
        let wait = self.sample_scaling(self.laws.scaling.proceed);
        self.schedule_step(group, ScalingStep::EndInstance { instance: instance.to_owned() }, at.after(wait));
    }

    /// AWS: an abandoned launch is terminated at once and replaced; launches that keep failing are slowed down.
    fn launch_abandoned(&mut self, group: &str, instance: &str, at: RegionTime) {
        self.note_failed_launch(group, None, at);
        self.begin_termination(group, instance, Cause::LaunchFailed, at);
    }
}
