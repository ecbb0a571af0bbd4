//! What SNS puts around a message, and what it sends of its own accord.

use super::drive::Trigger;
use super::read::At;

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
