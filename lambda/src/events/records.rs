//! `Records`: several messages in one event, each of a topic's or of a queue's.

use super::drive::{Trigger, drive, joined};
use super::error::EventError;
use super::read::At;
use super::{sns, sqs};

const SOURCES: &str = "\"aws:sns\" or \"aws:sqs\"";

/// What the messages ask for, together. SNS hands over one at a time today; queues do so in batches.
pub(super) fn trigger(event: &At<'_>) -> Result<Trigger, EventError> {
    let mut triggers = Vec::new();
    for record in event.need("Records", "SNS or SQS records")?.items()? {
        triggers.push(of_record(&record)?);
    }
    Ok(together(triggers))
}

/// SNS and SQS write the key in their own ways. Records of other services are not passed over in silence: their queues and streams
/// would count them as done.
fn of_record(record: &At<'_>) -> Result<Trigger, EventError> {
    let source = record.get("EventSource").or_else(|| record.get("eventSource"));
    let source = source.map_or_else(|| record.need("EventSource", SOURCES), Ok)?;
    match source.text()? {
        "aws:sns" => sns::of_record(record),
        "aws:sqs" => sqs::of_record(record),
        _ => Err(source.wrong(SOURCES)),
    }
}

/// Several triggers as one: a tick observes everything anyway.
fn together(triggers: Vec<Trigger>) -> Trigger {
    let (mut said, mut subjects, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    for trigger in triggers {
        match trigger {
            Trigger::Tick { .. } | Trigger::Manual(_) => return trigger,
            Trigger::Drive { what, subjects: more } => {
                said.push(what);
                subjects.extend(more);
            }
            Trigger::Nothing { reason } => reasons.push(reason),
        }
    }
    if subjects.is_empty() {
        let reason = if reasons.is_empty() { "Records is empty".to_owned() } else { joined(&reasons) };
        return Trigger::Nothing { reason };
    }
    drive(joined(&said), subjects)
}
