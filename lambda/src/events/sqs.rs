//! Events that come through an SQS queue: `Records`, each with a body that is what was sent to the queue, or an SNS envelope around it.
//!
//! One record that can't be understood fails the invocation, and with it the whole batch comes again: driving twice is harmless, and
//! the queue's redrive policy takes what never gets through. Partial batch responses are not given.

use serde_json::Value;

use super::drive::Trigger;
use super::error::EventError;
use super::read::At;
use super::{envelope, sns};

/// What one record asks for.
pub(super) fn of_record(record: &At<'_>) -> Result<Trigger, EventError> {
    const BODY: &str = "the JSON of an event or of an SNS message, as a string";
    let body = record.need("body", BODY)?;
    // Unlike a topic, a queue is nobody's notice board: what is in it and can't be read would be deleted unread.
    let Ok(inner) = serde_json::from_str::<Value>(body.text()?) else { return Err(body.wrong(BODY)) };
    let inner = At::root(body.path(), &inner);
    if envelope::is_confirmation(&inner) || envelope::is_notification(&inner) {
        return sns::of_notification(&inner);
    }
    sns::of_message(&inner)
}
