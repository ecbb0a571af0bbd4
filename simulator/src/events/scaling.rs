//! Events of Auto Scaling, best effort as those of EC2.

use serde_json::json;

use crate::events::DeliveryClass;
use crate::model::scaling::hook::{Hook, HookTransition};
use crate::state::State;
use crate::time::{RegionTime, timestamp_seconds};

const SOURCE: &str = "aws.autoscaling";

impl State {
    /// A hook's action has begun.
    pub(crate) fn emit_lifecycle_action(
        &mut self,
        group: &str,
        instance: &str,
        hook: &Hook,
        token: &str,
        at: RegionTime,
    ) {
        let (detail_type, origin, destination) = match hook.transition {
            HookTransition::Launching => ("EC2 Instance-launch Lifecycle Action", "EC2", "AutoScalingGroup"),
            HookTransition::Terminating => ("EC2 Instance-terminate Lifecycle Action", "AutoScalingGroup", "EC2"),
        };
        let mut detail = json!({
            "LifecycleActionToken": token,
            "AutoScalingGroupName": group,
            "LifecycleHookName": hook.name,
            "EC2InstanceId": instance,
            "LifecycleTransition": hook.transition.name(),
            "Origin": origin,
            "Destination": destination,
        });
        if let Some(metadata) = &hook.metadata {
            detail["NotificationMetadata"] = json!(metadata);
        }
        let arn = self.scaling.groups.get(group).map(|group| group.arn.clone()).unwrap_or_default();
        let event = self.envelope(SOURCE, detail_type, &arn, &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    /// An activity has ended. AWS: an event of success still carries `InProgress`.
    pub(crate) fn emit_activity(&mut self, activity_id: &str, detail_type: &str, at: RegionTime) {
        let Some(activity) = self.scaling.activities.get(activity_id).cloned() else { return };
        let subnet = self.zones.get(&activity.zone).map(|zone| zone.subnet_id.clone()).unwrap_or_default();
        let succeeded = detail_type.ends_with(" Successful");
        let detail = json!({
            "StatusCode": if succeeded { "InProgress" } else { "Failed" },
            "Description": activity.description,
            "AutoScalingGroupName": activity.group,
            "ActivityId": activity.id,
            "Details": {"Availability Zone": activity.zone, "Subnet ID": subnet},
            "RequestId": activity.id,
            "StatusMessage": activity.message,
            "EndTime": timestamp_seconds(self.clock.wall(activity.ended_at.unwrap_or(at))),
            "EC2InstanceId": activity.instance_id.unwrap_or_default(),
            "StartTime": timestamp_seconds(self.clock.wall(activity.started_at)),
            "Cause": activity.cause,
            "Origin": if detail_type.contains("Launch") { "EC2" } else { "AutoScalingGroup" },
            "Destination": if detail_type.contains("Launch") { "AutoScalingGroup" } else { "EC2" },
        });
        let event = self.envelope(SOURCE, detail_type, &activity.group_arn, &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }
}
