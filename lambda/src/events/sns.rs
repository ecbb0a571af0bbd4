//! Events that come through an SNS topic: a message that is JSON in a string.

use serde_json::Value;

use super::error::{EventError, shown};
use super::read::At;
use super::{Family, Trigger, alarm, bridge, group};

/// What one record asks for.
pub(super) fn of_record(record: &At<'_>) -> Result<Trigger, EventError> {
    of_notification(&record.need("Sns", "an SNS message")?)
}

/// What an SNS message asks for, wherever it came from.
pub(super) fn of_notification(sns: &At<'_>) -> Result<Trigger, EventError> {
    if is_confirmation(sns) {
        return Ok(confirmation(sns));
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
            Ok(Trigger::Nothing { reason: format!("{} tells of nothing of ours", message.path()) })
        }
    }
}

/// Whether it is a message with SNS's envelope around it, as a queue gets it without raw delivery.
pub(super) fn is_notification(message: &At<'_>) -> bool {
    message.get("Type").is_some_and(|kind| kind.value().as_str() == Some("Notification"))
        && message.get("Message").is_some()
}

/// Whether it is the question that SNS asks before a subscription begins, or the notice that one has ended.
pub(super) fn is_confirmation(message: &At<'_>) -> bool {
    let kind = message.get("Type");
    kind.is_some_and(|kind| {
        matches!(kind.value().as_str(), Some("SubscriptionConfirmation" | "UnsubscribeConfirmation"))
    })
}

/// Lambda subscriptions are confirmed by AWS itself: there is nothing to answer.
pub(super) fn confirmation(message: &At<'_>) -> Trigger {
    Trigger::Nothing { reason: format!("{} confirms a subscription", message.path()) }
}
