//! What Auto Scaling groups say (aws-facts 4.2): through EventBridge, and as the messages that a lifecycle hook or a group sends to a
//! topic, a queue or a function itself.
//!
//! Every one names its group; with it, the service is found although the instance is new and nobody knows it yet.

use failover_core::ids::{GroupName, InstanceId};
use failover_engine::Subject;

use super::drive::{Trigger, drive};
use super::error::{EventError, shown_text};
use super::read::At;

/// What Auto Scaling sends to see whether a target of messages can be reached.
const TEST: &str = "autoscaling:TEST_NOTIFICATION";

const GROUP: &str = "the name of an Auto Scaling group";

/// `EC2 Instance-launch Lifecycle Action`, `EC2 Instance-terminate Lifecycle Action`: a hook holds an instance.
pub(super) fn lifecycle_action(detail: &At<'_>) -> Result<Trigger, EventError> {
    let hook = detail.need("LifecycleHookName", "the name of a lifecycle hook")?.word()?;
    about(detail, |instance| format!("{instance} is held by hook {hook}"))
}

/// `EC2 Instance Launch Successful` and its like, or what a group's own notifications call it: an activity of the group has ended, well or
/// not.
pub(super) fn activity(detail: &At<'_>, what: &str) -> Result<Trigger, EventError> {
    about(detail, |instance| format!("{instance}: {what}"))
}

/// Whether it is a message of a hook's, or of a group's own notifications.
pub(super) fn is_message(message: &At<'_>) -> bool {
    let event = message.get("Event");
    message.get("LifecycleTransition").is_some()
        || event.is_some_and(|event| event.value().as_str().is_some_and(|event| event.starts_with("autoscaling:")))
}

/// What a hook or a group sends to a topic, a queue or a function.
pub(super) fn message(message: &At<'_>) -> Result<Trigger, EventError> {
    let Some(event) = message.get("Event") else { return lifecycle_action(message) };
    let event = event.text()?;
    if event == TEST {
        return Ok(Trigger::Nothing { reason: format!("{} is a test of a group's notifications", message.path()) });
    }
    activity(message, &shown_text(event.strip_prefix("autoscaling:").unwrap_or(event)))
}

/// The group and the instance are the subjects. A launch that failed has no instance: its id is missing or empty.
fn about(detail: &At<'_>, what: impl FnOnce(&str) -> String) -> Result<Trigger, EventError> {
    let group: GroupName = detail.need("AutoScalingGroupName", GROUP)?.name()?;
    let id = detail.get("EC2InstanceId").filter(|id| id.value().as_str() != Some(""));
    let instance = id.map(|id| id.name::<InstanceId>()).transpose()?;
    let said = what(instance.as_ref().map_or("an instance", InstanceId::as_str));
    let said = format!("group {}: {said}", shown_text(group.as_str()));
    let instance = instance.map(|id| Subject::Resource(id.to_string()));
    Ok(drive(said, instance.into_iter().chain([Subject::Group(group)])))
}
