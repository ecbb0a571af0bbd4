//! Messages on their way to a topic.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::topics::{invalid, not_found, topic_arn};
use crate::model::topic::{MessageContent, Topics};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// AWS's limit on a message.
const LARGEST_MESSAGE_BYTES: usize = 256 * 1024;
/// AWS's limit on a subject.
const LONGEST_SUBJECT: usize = 100;

pub(super) fn publish(topics: &mut Topics, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
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
    let content =
        MessageContent { subject: subject.map(str::to_owned), body: body.to_owned(), attributes: attributes(input)? };
    let id = topics.publish(arn, content, now).ok_or_else(not_found)?;
    Ok(json!({"MessageId": id}))
}

/// Nobody subscribes, so nobody filters by them: they are kept with the message.
fn attributes(input: Input<'_>) -> Result<Value, ApiError> {
    let read = |(name, attribute): (&str, Input<'_>)| {
        let data_type = attribute.filled_text("DataType")?;
        let (text, bytes) = (attribute.text("StringValue")?, attribute.text("BinaryValue")?);
        // `String`, `String.Array`, `Number` and types made of these carry text.
        let is_binary = data_type.split('.').next() == Some("Binary");
        let value = if is_binary { ("BinaryValue", bytes) } else { ("StringValue", text) };
        match value {
            (member, Some(value)) if !value.is_empty() => {
                Ok((name.to_owned(), json!({"DataType": data_type, member: value})))
            }
            _ => Err(ApiError::client(
                "InvalidParameterValue",
                format!(
                    "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{data_type}'."
                ),
            )),
        }
    };
    Ok(Value::Object(input.map("MessageAttributes")?.into_iter().map(read).collect::<Result<Map<_, _>, ApiError>>()?))
}

fn may_be_subject(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= LONGEST_SUBJECT
        && !text.chars().any(char::is_control)
        && !text.starts_with(' ')
}

fn check_structure(structure: Option<&str>, body: &str) -> Result<(), ApiError> {
    let has_default =
        || serde_json::from_str::<Map<String, Value>>(body).is_ok_and(|message| message.contains_key("default"));
    match structure {
        None => Ok(()),
        Some("json") if has_default() => Ok(()),
        Some("json") => Err(invalid("Message Structure - No default entry in JSON message body")),
        Some(_) => Err(invalid("MessageStructure")),
    }
}
