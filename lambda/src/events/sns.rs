//! Events that come through an SNS topic: a message that is JSON in a string.

use serde_json::Value;

use super::drive::Trigger;
use super::error::{EventError, shown};
use super::family::Family;
use super::read::At;
use super::{alarm, bridge, envelope, group};

/// What one record asks for.
pub(super) fn of_record(record: &At<'_>) -> Result<Trigger, EventError> {
    of_notification(&record.need("Sns", "an SNS message")?)
}

/// What an SNS message asks for, wherever it came from.
pub(super) fn of_notification(sns: &At<'_>) -> Result<Trigger, EventError> {
    if envelope::is_confirmation(sns) {
        return Ok(envelope::confirmation(sns));
    }
    let message = sns.need("Message", "the JSON of an event, as a string")?;
    let Ok(inner) = serde_json::from_str::<Value>(message.text()?) else {
        // People publish to topics, too.
        return Ok(Trigger::Nothing { reason: format!("{} is no JSON: {}", message.path(), shown(message.value())) });
    };
    of_message(&At::root(message.path(), &inner))
}

/// What a message asks for that came through a topic or a queue.
pub(super) fn of_message(message: &At<'_>) -> Result<Trigger, EventError> {
    match Family::of(message) {
        Some(Family::AlarmNotification) => alarm::notification(message),
        Some(Family::EventBridge) => bridge::trigger(message),
        Some(Family::AlarmAction) => alarm::action(message),
        Some(Family::GroupMessage) => group::message(message),
        // Who may publish to a topic of alarms, or to a queue, is not thereby allowed to order failovers.
        Some(Family::Request) if message.get("to").is_some_and(|to| to.value().is_string()) => {
            Err(message.wrong("an event; a request for a failover is only taken from a direct invocation"))
        }
        // Our own notices among them, if they go to the same topic.
        Some(Family::Request | Family::Records | Family::SubscriptionConfirmation) | None => {
            Ok(Trigger::Nothing { reason: format!("{} is about no service under control", message.path()) })
        }
    }
}
