//! Whom a hook's action is announced to: the event bus, and the hook's topic.

use crate::model::scaling::hook::{Hook, HookTransition};
use crate::model::topic::MessageContent;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// The event, and the message to the hook's topic.
    pub(crate) fn announce_action(&mut self, group: &str, instance: &str, hook: &Hook, token: &str, at: RegionTime) {
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
    pub(crate) fn publish_to_topic(&mut self, arn: &str, subject: &str, message: &serde_json::Value, at: RegionTime) {
        let content = MessageContent {
            subject: Some(subject.to_owned()),
            body: message.to_string(),
            attributes: serde_json::Value::Null,
        };
        if self.stores.topics.publish(arn, content, self.clock.wall(at)).is_none() {
            tracing::debug!(arn, "a hook's notification went nowhere: there is no such topic");
        }
    }
}
