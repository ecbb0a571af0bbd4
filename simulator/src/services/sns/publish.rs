//! Messages on their way to a topic.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::topics::{invalid, not_found, topic_arn};
use crate::model::topic::{MessageContent, Topics};
use crate::protocol::error::AwsError;
use crate::protocol::input::Input;

/// AWS's limit on a message.
const LARGEST_MESSAGE_BYTES: usize = 256 * 1024;
/// AWS's limit on a subject.
const LONGEST_SUBJECT: usize = 100;

pub(super) fn publish(topics: &mut Topics, input: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
    let named_as_target = input.has("TargetArn")? && !input.has("TopicArn")?;
    let arn = topic_arn(input, if named_as_target { "TargetArn" } else { "TopicArn" })?;
    let body = input.text("Message")?.unwrap_or_default();
    if body.is_empty() {
        return Err(invalid("Empty message"));
    }
    if body.len() > LARGEST_MESSAGE_BYTES {
        return Err(invalid("Message too long"));
    }
    let subject = input.text("Subject")?;
    if subject.is_some_and(|subject| !may_be_subject(subject)) {
        return Err(invalid("Subject"));
    }
    check_structure(input.text("MessageStructure")?, body)?;
    let content = MessageContent {
        subject: subject.map(str::to_owned),
        body: body.to_owned(),
        attributes: input.document("MessageAttributes")?.cloned().unwrap_or(Value::Null),
    };
    let id = topics.publish(arn, content, now).ok_or_else(not_found)?;
    Ok(json!({"MessageId": id}))
}

fn may_be_subject(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= LONGEST_SUBJECT
        && !text.chars().any(char::is_control)
        && !text.starts_with(' ')
}

fn check_structure(structure: Option<&str>, body: &str) -> Result<(), AwsError> {
    let has_default =
        || serde_json::from_str::<Map<String, Value>>(body).is_ok_and(|message| message.contains_key("default"));
    match structure {
        None => Ok(()),
        Some("json") if has_default() => Ok(()),
        Some("json") => Err(invalid("Message Structure - No default entry in JSON message body")),
        Some(_) => Err(invalid("MessageStructure")),
    }
}
