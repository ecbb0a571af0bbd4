//! Topics themselves.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::model::topic::{Topic, Topics};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

const TOPICS_PER_PAGE: usize = 100;

pub(super) fn create(topics: &mut Topics, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    let arn = create_named(topics, input.text("Name")?.unwrap_or_default(), read_attributes(input)?)?;
    Ok(json!({"TopicArn": arn}))
}

pub(super) fn create_named(
    topics: &mut Topics,
    name: &str,
    attributes: BTreeMap<String, String>,
) -> Result<String, ApiError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > 256 || !name.strip_suffix(".fifo").unwrap_or(name).bytes().all(allowed) {
        return Err(invalid("Topic Name"));
    }
    if name.strip_suffix(".fifo").is_some() {
        return Err(ApiError::unsupported("FIFO topics are not modelled by this simulated region."));
    }
    let arn = topics.arn(name);
    // Creating a topic that exists returns it, unless it was made otherwise.
    match topics.by_arn.get(&arn) {
        Some(topic) if !attributes.iter().all(|(name, value)| topic.attributes.get(name) == Some(value)) => {
            return Err(ApiError::client(
                "InvalidParameter",
                "Invalid parameter: Attributes Reason: Topic already exists with different attributes",
            ));
        }
        Some(_) => {}
        None => {
            topics.by_arn.insert(arn.clone(), Topic { attributes, ..Topic::default() });
        }
    }
    Ok(arn)
}

fn read_attributes(input: Input<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let read = |(name, value): (&str, Input<'_>)| match name {
        // A name for people, and rules for accesses and keys of which the region has none: kept and shown.
        "DisplayName" | "Policy" | "KmsMasterKeyId" => Ok((name.to_owned(), value.as_text()?.to_owned())),
        // Deliveries, FIFO, tracing, signatures: they would change what happens to messages.
        other => Err(ApiError::unsupported(format!(
            "The attribute {other} of CreateTopic's Attributes is unknown or not modelled by this simulated region."
        ))),
    };
    input.map("Attributes")?.into_iter().map(read).collect()
}

/// To delete what is not there is no error.
pub(super) fn delete(topics: &mut Topics, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    topics.by_arn.remove(topic_arn(input, "TopicArn")?);
    Ok(Value::Null)
}

pub(super) fn list(topics: &mut Topics, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    let after = input.text("NextToken")?.unwrap_or_default();
    let mut page: Vec<&String> =
        topics.by_arn.keys().filter(|arn| arn.as_str() > after).take(TOPICS_PER_PAGE + 1).collect();
    let more = page.len() > TOPICS_PER_PAGE;
    page.truncate(TOPICS_PER_PAGE);
    let mut output = json!({"Topics": page.iter().map(|arn| json!({"TopicArn": arn})).collect::<Vec<_>>()});
    if let Some(last) = page.last().filter(|_| more) {
        output["NextToken"] = json!(last);
    }
    Ok(output)
}

pub(super) fn attributes(topics: &mut Topics, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    let arn = topic_arn(input, "TopicArn")?;
    let topic = topics.by_arn.get(arn).ok_or_else(not_found)?;
    let mut attributes: Map<String, Value> =
        topic.attributes.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    attributes.insert("TopicArn".to_owned(), json!(arn));
    attributes.insert("Owner".to_owned(), json!(topics.account_id));
    for name in ["SubscriptionsConfirmed", "SubscriptionsPending", "SubscriptionsDeleted"] {
        attributes.insert(name.to_owned(), json!("0"));
    }
    attributes.entry("DisplayName").or_insert_with(|| json!(""));
    Ok(json!({"Attributes": attributes}))
}

/// A well-formed ARN of a topic, which need not exist.
pub(super) fn topic_arn<'a>(input: Input<'a>, name: &str) -> Result<&'a str, ApiError> {
    let arn = input.text(name)?.unwrap_or_default();
    if arn.starts_with("arn:aws:sns:") && arn.split(':').count() == 6 { Ok(arn) } else { Err(invalid(name)) }
}

pub(super) fn not_found() -> ApiError {
    ApiError::with_status(404, "NotFound", "Topic does not exist")
}

pub(super) fn invalid(what: &str) -> ApiError {
    ApiError::client("InvalidParameter", format!("Invalid parameter: {what}"))
}
