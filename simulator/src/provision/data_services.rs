//! What the data services hold from the start, without calls, latency or waiting.

use crate::model::dynamodb::table::KeyAttribute;
use crate::region::Region;
use crate::services::{dynamodb, sns, ssm};

/// A DynamoDB table that exists from the start, `ACTIVE`. Keys are strings (`S`), numbers (`N`) or binaries (`B`).
#[derive(Debug, Clone)]
pub struct TableSetup {
    /// Its name.
    pub name: String,
    /// The partition key: name and type.
    pub partition_key: (String, String),
    /// The sort key: name and type.
    pub sort_key: Option<(String, String)>,
}

impl Region {
    /// Makes a DynamoDB table that is active at once. One of the same name is replaced.
    pub fn add_table(&self, spec: TableSetup) {
        let key = |(name, type_name)| KeyAttribute { name, type_name };
        self.act(|state, now| {
            let wall = state.clock.wall(now);
            dynamodb::add_active(
                &mut state.stores.tables,
                spec.name,
                key(spec.partition_key),
                spec.sort_key.map(key),
                wall,
            );
        });
    }

    /// Makes a Parameter Store parameter of type `String`, or gives it a new version. `false`: AWS would not take it.
    pub fn add_parameter(&self, name: &str, value: &str) -> bool {
        self.act(|state, now| {
            let wall = state.clock.wall(now);
            ssm::put_text(&mut state.stores.parameters, name, value, wall).is_ok()
        })
    }

    /// Makes an SNS topic; returns its ARN. None: AWS would not take the name.
    pub fn add_topic(&self, name: &str) -> Option<String> {
        self.act(|state, _| sns::create_topic(&mut state.stores.topics, name).ok())
    }

    /// The messages published to a topic so far, oldest first: subject and body.
    pub fn messages(&self, topic_arn: &str) -> Vec<(Option<String>, String)> {
        self.lock().0.stores.topics.messages(topic_arn)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::setup::Setup;

    async fn call(region: &Region, target: &str, body: Value) -> Value {
        let request =
            http::Request::post("/").header("x-amz-target", target).body(Bytes::from(body.to_string())).unwrap();
        let response = region.call(request).await.unwrap();
        assert_eq!(response.status(), 200, "{:?}", response.body());
        serde_json::from_slice(response.body()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_set_up_is_there_for_the_first_call() {
        let region = Region::new(Setup::default());
        region.add_table(TableSetup {
            name: "failover".to_owned(),
            partition_key: ("pk".to_owned(), "S".to_owned()),
            sort_key: None,
        });
        assert!(region.add_parameter("/failover/services/billing", "service = \"billing\""));
        assert!(!region.add_parameter("/aws/reserved", "x"));
        let topic = region.add_topic("failover").unwrap();
        call(&region, "DynamoDB_20120810.PutItem", json!({"TableName": "failover", "Item": {"pk": {"S": "billing"}}}))
            .await;
        let parameters = call(&region, "AmazonSSM.GetParametersByPath", json!({"Path": "/failover/services/"})).await;
        assert_eq!(parameters["Parameters"][0]["Value"], "service = \"billing\"");
        let publish = format!("Action=Publish&Version=2010-03-31&TopicArn={topic}&Subject=s&Message=done");
        let published = region.call(http::Request::post("/").body(Bytes::from(publish)).unwrap()).await.unwrap();
        assert_eq!(published.status(), 200);
        assert_eq!(region.messages(&topic), [(Some("s".to_owned()), "done".to_owned())]);
        assert_eq!(region.state()["stores"]["dynamodb"]["failover"]["items"][0]["pk"]["S"], "billing");
    }
}
