//! In which form an event comes.

use super::read::At;
use super::{envelope, group, request};

/// The forms in which events come, told apart by keys that only one of them has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    EventBridge,
    AlarmAction,
    /// Only inside an SNS message.
    AlarmNotification,
    /// Of a lifecycle hook, or of an Auto Scaling group.
    GroupMessage,
    /// Of SNS or SQS.
    Records,
    /// What SNS sends to HTTP endpoints before anything else; seen when a message is passed on by hand.
    SubscriptionConfirmation,
    Request,
}

impl Family {
    pub(super) fn of(event: &At<'_>) -> Option<Self> {
        let has = |key| event.get(key).is_some();
        if has("detail-type") {
            Some(Self::EventBridge)
        } else if has("alarmData") || has("alarmArn") {
            Some(Self::AlarmAction)
        } else if has("Records") {
            Some(Self::Records)
        } else if has("AlarmName") {
            Some(Self::AlarmNotification)
        } else if group::is_message(event) {
            Some(Self::GroupMessage)
        } else if envelope::is_confirmation(event) {
            Some(Self::SubscriptionConfirmation)
        } else if request::KEYS.iter().any(|key| has(key)) {
            Some(Self::Request)
        } else {
            None
        }
    }
}
