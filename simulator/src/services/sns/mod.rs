//! Simple Notification Service: topics, and the messages published to them.

mod publish;
#[cfg(test)]
mod tests;
mod topics;

use std::time::SystemTime;

use serde_json::Value;

use crate::model::topic::Topics;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::operations::{Operation, Operations, operation};
use crate::protocol::service::Service;

type Handler = fn(&mut Topics, Input<'_>, SystemTime) -> Result<Value, ApiError>;

pub(crate) static OPERATIONS: Operations<Handler> = Operations::new(Service::Sns, TABLE);

const TABLE: &[Operation<Handler>] = &[
    operation(
        "CreateTopic",
        topics::create,
        // Attributes that mean more than a name are refused by the handler.
        &["Name", "Attributes{}"],
        &[],
    ),
    operation("DeleteTopic", topics::delete, &["TopicArn"], &[]),
    operation("GetTopicAttributes", topics::attributes, &["TopicArn"], &[]),
    operation("ListTopics", topics::list, &["NextToken"], &[]),
    operation(
        "Publish",
        publish::publish,
        &[
            "TopicArn",
            "TargetArn",
            "Message",
            "Subject",
            "MessageStructure",
            "MessageAttributes{}.DataType",
            "MessageAttributes{}.StringValue",
            "MessageAttributes{}.BinaryValue",
        ],
        &[],
    ),
];

/// A topic without attributes, for a region's setup; returns its ARN.
pub(crate) fn create_topic(topics: &mut Topics, name: &str) -> Result<String, ApiError> {
    topics::create_named(topics, name, std::collections::BTreeMap::new())
}
