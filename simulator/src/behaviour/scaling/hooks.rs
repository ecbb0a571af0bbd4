//! Lifecycle hooks: brakes on a launch or a termination, each with a timer.
//!
//! A hook's action is open from its event until it is completed, abandoned or timed out. A heartbeat begins its time-out anew, but AWS lets an
//! instance wait for 48 hours or a hundred time-outs at most, whichever is less.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::scaling::activity::ActivityStatus;
use crate::model::scaling::hook::{Hook, HookTransition, OpenAction};
use crate::model::scaling::member::LifecycleState;
use crate::model::transition::ScalingStep;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// The hooks that a transition of this group has, in the order in which they run: by name.
    pub(crate) fn hooks_for(&self, group: &str, transition: HookTransition) -> VecDeque<String> {
        let hooks = self.scaling.groups.get(group).into_iter().flat_map(|group| group.hooks.values());
        hooks.filter(|hook| hook.transition == transition).map(|hook| hook.name.clone()).collect()
    }

    /// Begins the next hook of the member's transition, or all of them; false if none is left.
    pub(crate) fn begin_hooks(&mut self, group: &str, instance: &str, at: RegionTime) -> bool {
        let together = self.timing.scaling.hooks_begin_together;
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

    /// Launch hooks hold nothing any more: the instance goes into service once EC2 says that it runs.
    pub(crate) fn launch_hooks_done(&mut self, group: &str, instance: &str, at: RegionTime) {
        let ready_at = at.after(self.sample_scaling(self.timing.scaling.proceed));
        if let Some(member) = self.change_member(group, instance, at) {
            if member.state == LifecycleState::PendingWait {
                member.state = LifecycleState::PendingProceed;
            }
            member.ready_at = Some(ready_at);
        }
        self.schedule_step(group, ScalingStep::IntoService { instance: instance.to_owned() }, ready_at);
    }

    pub(crate) fn terminate_hooks_done(&mut self, group: &str, instance: &str, at: RegionTime) {
        if let Some(member) = self.change_member(group, instance, at) {
            member.state = LifecycleState::TerminatingProceed;
        }
        let wait = self.sample_scaling(self.timing.scaling.proceed);
        self.schedule_step(group, ScalingStep::EndInstance { instance: instance.to_owned() }, at.after(wait));
    }
}
