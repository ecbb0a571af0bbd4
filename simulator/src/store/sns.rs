//! Simple Notification Service: topics, and the messages published to them.
//!
//! Nobody subscribes here: a message is kept with its topic, for people and tests to read.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::input::Input;
use super::{AwsError, Settings};
use crate::time::timestamp;

/// AWS's limit on a message.
const LARGEST_MESSAGE_BYTES: usize = 256 * 1024;
/// AWS's limit on a subject.
const LONGEST_SUBJECT: usize = 100;
const TOPICS_PER_PAGE: usize = 100;
/// Messages kept for each topic; older ones are forgotten.
const MESSAGES_KEPT: usize = 10_000;

/// All topics of the region.
#[derive(Debug)]
pub(crate) struct Topics {
    settings: Settings,
    chance: fastrand::Rng,
    by_arn: BTreeMap<String, Topic>,
}

#[derive(Debug, Default)]
struct Topic {
    attributes: BTreeMap<String, String>,
    messages: VecDeque<Message>,
}

#[derive(Debug)]
struct Message {
    id: String,
    at: SystemTime,
    subject: Option<String>,
    body: String,
    attributes: Value,
}

impl Topics {
    pub(crate) fn new(settings: Settings) -> Topics {
        let chance = fastrand::Rng::with_seed(settings.seed ^ 0x51_45);
        Topics { settings, chance, by_arn: BTreeMap::new() }
    }

    /// One call: the operation by its name in the model.
    pub(crate) fn call(&mut self, operation: &str, input: &Value, now: SystemTime) -> Result<Value, AwsError> {
        let request = Input(input);
        match operation {
            "CreateTopic" => self.create_topic(request),
            "DeleteTopic" => self.delete_topic(request),
            "ListTopics" => self.list_topics(request),
            "GetTopicAttributes" => self.topic_attributes(request),
            "Publish" => self.publish(request, now),
            _ => Err(AwsError::client(
                "InvalidAction",
                format!("The action {operation} is not valid for this web service."),
            )),
        }
    }

    /// Everything, readable: topics with their messages.
    pub(crate) fn overview(&self) -> Value {
        let topics = self.by_arn.iter().map(|(arn, topic)| {
            let messages = topic.messages.iter().map(|message| {
                json!({
                    "message_id": message.id,
                    "at": timestamp(message.at),
                    "subject": message.subject,
                    "message": message.body,
                    "attributes": message.attributes,
                })
            });
            (arn.clone(), json!({"messages": messages.collect::<Vec<_>>()}))
        });
        Value::Object(topics.collect())
    }

    /// Subjects and bodies of what was published to a topic, oldest first.
    pub(crate) fn messages(&self, arn: &str) -> Vec<(Option<String>, String)> {
        let messages = self.by_arn.get(arn).into_iter().flat_map(|topic| &topic.messages);
        messages.map(|message| (message.subject.clone(), message.body.clone())).collect()
    }

    fn create_topic(&mut self, request: Input<'_>) -> Result<Value, AwsError> {
        let name = request.text("Name")?.unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let stem = name.strip_suffix(".fifo").unwrap_or(name);
        if stem.is_empty() || name.len() > 256 || !stem.bytes().all(allowed) {
            return Err(invalid("Topic Name"));
        }
        let attributes = request
            .list("Attributes")?
            .iter()
            .map(|entry| {
                let entry = Input(entry);
                Ok((entry.required_text("key")?.to_owned(), entry.required_text("value")?.to_owned()))
            })
            .collect::<Result<BTreeMap<String, String>, AwsError>>()?;
        let arn = format!("arn:aws:sns:{}:{}:{name}", self.settings.region_name, self.settings.account_id);
        // Creating a topic that exists returns it, unless it was made otherwise.
        match self.by_arn.get(&arn) {
            Some(topic) if !attributes.iter().all(|(name, value)| topic.attributes.get(name) == Some(value)) => {
                return Err(AwsError::client(
                    "InvalidParameter",
                    "Invalid parameter: Attributes Reason: Topic already exists with different attributes",
                ));
            }
            Some(_) => {}
            None => {
                self.by_arn.insert(arn.clone(), Topic { attributes, messages: VecDeque::new() });
            }
        }
        Ok(json!({"TopicArn": arn}))
    }

    fn delete_topic(&mut self, request: Input<'_>) -> Result<Value, AwsError> {
        let arn = self.topic_arn(request, "TopicArn")?;
        self.by_arn.remove(&arn);
        Ok(json!({}))
    }

    fn list_topics(&self, request: Input<'_>) -> Result<Value, AwsError> {
        let after = request.text("NextToken")?.unwrap_or_default();
        let mut page: Vec<&String> =
            self.by_arn.keys().filter(|arn| arn.as_str() > after).take(TOPICS_PER_PAGE + 1).collect();
        let more = page.len() > TOPICS_PER_PAGE;
        page.truncate(TOPICS_PER_PAGE);
        let mut output = json!({"Topics": page.iter().map(|arn| json!({"TopicArn": arn})).collect::<Vec<_>>()});
        if let Some(last) = page.last().filter(|_| more) {
            output["NextToken"] = json!(last);
        }
        Ok(output)
    }

    fn topic_attributes(&self, request: Input<'_>) -> Result<Value, AwsError> {
        let arn = self.topic_arn(request, "TopicArn")?;
        let topic = self.by_arn.get(&arn).ok_or_else(not_found)?;
        let mut attributes: Map<String, Value> =
            topic.attributes.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        attributes.insert("TopicArn".to_owned(), json!(arn));
        attributes.insert("Owner".to_owned(), json!(self.settings.account_id));
        for name in ["SubscriptionsConfirmed", "SubscriptionsPending", "SubscriptionsDeleted"] {
            attributes.insert(name.to_owned(), json!("0"));
        }
        attributes.entry("DisplayName").or_insert_with(|| json!(""));
        Ok(json!({"Attributes": attributes}))
    }

    fn publish(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        if request.get("PhoneNumber").is_some() {
            return Err(AwsError::client(
                "InvalidParameter",
                "Invalid parameter: the simulated region sends no text messages",
            ));
        }
        let member = if request.get("TopicArn").is_some() { "TopicArn" } else { "TargetArn" };
        let arn = self.topic_arn(request, member)?;
        let body = request.text("Message")?.unwrap_or_default();
        if body.is_empty() {
            return Err(AwsError::client("InvalidParameter", "Invalid parameter: Empty message"));
        }
        if body.len() > LARGEST_MESSAGE_BYTES {
            return Err(AwsError::client("InvalidParameter", "Invalid parameter: Message too long"));
        }
        let subject = request.text("Subject")?;
        let wrong_subject = |text: &str| {
            text.is_empty()
                || text.chars().count() > LONGEST_SUBJECT
                || text.chars().any(char::is_control)
                || text.starts_with(' ')
        };
        if subject.is_some_and(wrong_subject) {
            return Err(invalid("Subject"));
        }
        let by_protocol =
            || serde_json::from_str::<Map<String, Value>>(body).is_ok_and(|message| message.contains_key("default"));
        if request.text("MessageStructure")? == Some("json") && !by_protocol() {
            return Err(AwsError::client(
                "InvalidParameter",
                "Invalid parameter: Message Structure - No default entry in JSON message body",
            ));
        }
        let id = self.message_id();
        let message = Message {
            id: id.clone(),
            at: now,
            subject: subject.map(str::to_owned),
            body: body.to_owned(),
            attributes: request.get("MessageAttributes").cloned().unwrap_or(Value::Null),
        };
        let topic = self.by_arn.get_mut(&arn).ok_or_else(not_found)?;
        topic.messages.push_back(message);
        if topic.messages.len() > MESSAGES_KEPT {
            topic.messages.pop_front();
        }
        Ok(json!({"MessageId": id}))
    }

    /// The ARN of a topic that exists.
    fn topic_arn(&self, request: Input<'_>, member: &str) -> Result<String, AwsError> {
        let arn = request.text(member)?.unwrap_or_default();
        if !arn.starts_with("arn:aws:sns:") || arn.split(':').count() != 6 {
            return Err(invalid(member));
        }
        if self.by_arn.contains_key(arn) { Ok(arn.to_owned()) } else { Err(not_found()) }
    }

    fn message_id(&mut self) -> String {
        let hex = format!("{:032x}", self.chance.u128(..));
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    }
}

fn not_found() -> AwsError {
    AwsError::with_status("NotFound", "Topic does not exist", 404)
}

fn invalid(what: &str) -> AwsError {
    AwsError::client("InvalidParameter", format!("Invalid parameter: {what}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn what_is_published_is_kept_with_its_topic() {
        let mut topics = Topics::new(Settings::for_tests());
        let mut call = |operation: &str, input: &Value| topics.call(operation, input, UNIX_EPOCH);
        let arn = call("CreateTopic", &json!({"Name": "failover"})).unwrap()["TopicArn"].clone();
        assert_eq!(arn, "arn:aws:sns:eu-central-1:123456789012:failover");
        assert_eq!(call("CreateTopic", &json!({"Name": "failover"})).unwrap()["TopicArn"], arn);
        let publish = json!({"TopicArn": arn, "Subject": "billing-db", "Message": "done"});
        assert_eq!(call("Publish", &publish).unwrap()["MessageId"].as_str().unwrap().len(), 36);
        for (input, code, text) in [
            (json!({"TopicArn": arn}), "InvalidParameter", "Empty message"),
            (json!({"TopicArn": arn, "Message": "x", "Subject": "a\nb"}), "InvalidParameter", "Subject"),
            (json!({"TopicArn": "nonsense", "Message": "x"}), "InvalidParameter", "TopicArn"),
            (
                json!({"TopicArn": "arn:aws:sns:eu-central-1:123456789012:none", "Message": "x"}),
                "NotFound",
                "does not exist",
            ),
            (
                json!({"TopicArn": arn, "Message": "{}", "MessageStructure": "json"}),
                "InvalidParameter",
                "default entry",
            ),
        ] {
            let error = call("Publish", &input).unwrap_err();
            assert_eq!(error.code, code);
            assert!(error.message.contains(text), "{}", error.message);
        }
        assert_eq!(call("ListTopics", &json!({})).unwrap(), json!({"Topics": [{"TopicArn": arn}]}));
        assert_eq!(
            call("GetTopicAttributes", &json!({"TopicArn": arn})).unwrap()["Attributes"]["Owner"],
            "123456789012"
        );
        let shown = topics.overview();
        assert_eq!(shown[arn.as_str().unwrap()]["messages"][0]["message"], "done");
    }
}
