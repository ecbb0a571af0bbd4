//! Events that come through an SNS topic: `Records`, each with a message that is JSON in a string.

use serde_json::Value;

use super::error::{EventError, shown};
use super::read::At;
use super::{Family, Trigger, alarm, bridge, joined, look};

/// What the messages ask for, together. Lambda gets one record at a time today; the form allows for several.
pub(super) fn trigger(event: &At<'_>) -> Result<Trigger, EventError> {
    let mut triggers = Vec::new();
    for record in event.need("Records", "SNS records")?.items()? {
        triggers.push(of_record(&record)?);
    }
    Ok(together(triggers))
}

fn of_record(record: &At<'_>) -> Result<Trigger, EventError> {
    // A queue would delete a record that "succeeded": those of other services are not passed over in silence.
    let source = record.get("EventSource").or_else(|| record.get("eventSource"));
    let source = source.map_or_else(|| record.need("EventSource", "\"aws:sns\""), Ok)?;
    if source.text()? != "aws:sns" {
        return Err(source.wrong("\"aws:sns\""));
    }
    let sns = record.need("Sns", "an SNS message")?;
    if is_confirmation(&sns) {
        return Ok(confirmation(&sns));
    }
    let message = sns.need("Message", "the JSON of an event, as a string")?;
    let Ok(inner) = serde_json::from_str::<Value>(message.text()?) else {
        // People publish to topics, too.
        return Ok(Trigger::Nothing { reason: format!("{} is no JSON: {}", message.path(), shown(message.value())) });
    };
    of_message(&At::root(message.path(), &inner))
}

fn of_message(message: &At<'_>) -> Result<Trigger, EventError> {
    match Family::of(message) {
        Some(Family::AlarmNotification) => alarm::notification(message),
        Some(Family::EventBridge) => bridge::trigger(message),
        Some(Family::AlarmAction) => alarm::action(message),
        // Who may publish to a topic of alarms is not thereby allowed to order failovers.
        Some(Family::Request) if message.get("to").is_some_and(|to| to.value().is_string()) => {
            Err(message.wrong("an event; a request for a failover is only taken from a direct invocation"))
        }
        // Our own notices among them, if they go to the same topic.
        Some(Family::Request | Family::Sns | Family::SubscriptionConfirmation) | None => {
            Ok(Trigger::Nothing { reason: format!("{} tells of nothing of ours", message.path()) })
        }
    }
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

/// Several triggers as one: a tick looks at everything anyway.
fn together(triggers: Vec<Trigger>) -> Trigger {
    let (mut said, mut clues, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    for trigger in triggers {
        match trigger {
            Trigger::Tick { .. } | Trigger::Manual(_) => return trigger,
            Trigger::Look { what, clues: more } => {
                said.push(what);
                clues.extend(more);
            }
            Trigger::Nothing { reason } => reasons.push(reason),
        }
    }
    if clues.is_empty() {
        let reason = if reasons.is_empty() { "Records is empty".to_owned() } else { joined(&reasons) };
        return Trigger::Nothing { reason };
    }
    look(joined(&said), clues)
}
