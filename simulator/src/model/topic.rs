//! SNS topics and what was published to them. Nobody subscribes here: a message is kept with its topic, for people and tests to read.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::model::ids::IdMaker;
use crate::time::timestamp;

/// Messages kept for each topic; older ones are forgotten.
const MESSAGES_KEPT: usize = 10_000;

/// All topics of the region.
#[derive(Debug)]
pub(crate) struct Topics {
    pub(crate) region_name: String,
    pub(crate) account_id: String,
    ids: IdMaker,
    pub(crate) by_arn: BTreeMap<String, Topic>,
}

#[derive(Debug, Default)]
pub(crate) struct Topic {
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) messages: VecDeque<Message>,
}

#[derive(Debug)]
pub(crate) struct Message {
    id: String,
    at: SystemTime,
    content: MessageContent,
}

/// What a publisher gives.
#[derive(Debug, Clone)]
pub(crate) struct MessageContent {
    pub(crate) subject: Option<String>,
    pub(crate) body: String,
    pub(crate) attributes: Value,
}

impl Topics {
    pub(crate) fn new(seed: u64, region_name: String, account_id: String) -> Self {
        let ids = IdMaker::new(fastrand::Rng::with_seed(seed ^ 0x51_45));
        Self { region_name, account_id, ids, by_arn: BTreeMap::new() }
    }

    pub(crate) fn arn(&self, name: &str) -> String {
        format!("arn:aws:sns:{}:{}:{name}", self.region_name, self.account_id)
    }

    /// Keeps a message; returns its id. None: there is no such topic.
    pub(crate) fn publish(&mut self, arn: &str, content: MessageContent, at: SystemTime) -> Option<String> {
        let topic = self.by_arn.get_mut(arn)?;
        let id = self.ids.uuid();
        topic.messages.push_back(Message { id: id.clone(), at, content });
        if topic.messages.len() > MESSAGES_KEPT {
            topic.messages.pop_front();
        }
        Some(id)
    }

    /// Subjects and bodies of what was published to a topic, oldest first.
    pub(crate) fn messages(&self, arn: &str) -> Vec<(Option<String>, String)> {
        let messages = self.by_arn.get(arn).into_iter().flat_map(|topic| &topic.messages);
        messages.map(|message| (message.content.subject.clone(), message.content.body.clone())).collect()
    }

    /// Everything, readable: topics with their messages.
    pub(crate) fn overview(&self) -> Value {
        let topics = self.by_arn.iter().map(|(arn, topic)| {
            let messages = topic.messages.iter().map(|message| {
                json!({
                    "message_id": message.id,
                    "at": timestamp(message.at),
                    "subject": message.content.subject,
                    "message": message.content.body,
                    "attributes": message.content.attributes,
                })
            });
            (arn.clone(), json!({"messages": messages.collect::<Vec<_>>()}))
        });
        Value::Object(topics.collect())
    }
}
