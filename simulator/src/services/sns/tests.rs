#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::*;

fn topics() -> Topics {
    Topics::new(1, "eu-central-1".to_owned(), "123456789012".to_owned())
}

fn call(topics: &mut Topics, name: &str, input: &Value) -> Result<Value, ApiError> {
    let admitted = OPERATIONS.admit_tree(name, input.clone())?;
    (admitted.operation.handler)(topics, admitted.input(), UNIX_EPOCH)
}

#[test]
fn what_is_published_is_kept_with_its_topic() {
    let topics = &mut topics();
    let arn = call(topics, "CreateTopic", &json!({"Name": "failover"})).unwrap()["TopicArn"].clone();
    assert_eq!(arn, "arn:aws:sns:eu-central-1:123456789012:failover");
    assert_eq!(call(topics, "CreateTopic", &json!({"Name": "failover"})).unwrap()["TopicArn"], arn);
    let publish = json!({"TopicArn": arn, "Subject": "billing-db", "Message": "done"});
    assert_eq!(call(topics, "Publish", &publish).unwrap()["MessageId"].as_str().unwrap().len(), 36);
    assert_eq!(call(topics, "ListTopics", &json!({})).unwrap(), json!({"Topics": [{"TopicArn": arn}]}));
    assert_eq!(
        call(topics, "GetTopicAttributes", &json!({"TopicArn": arn})).unwrap()["Attributes"]["Owner"],
        "123456789012"
    );
    assert_eq!(topics.overview()[arn.as_str().unwrap()]["messages"][0]["message"], "done");
}

#[test]
fn what_aws_does_not_take_is_refused() {
    let topics = &mut topics();
    let arn = call(topics, "CreateTopic", &json!({"Name": "failover"})).unwrap()["TopicArn"].clone();
    let elsewhere = "arn:aws:sns:eu-central-1:123456789012:none";
    for (input, code, text) in [
        (json!({"TopicArn": arn}), "InvalidParameter", "Empty message"),
        (json!({"TopicArn": arn, "Message": "x", "Subject": "a\nb"}), "InvalidParameter", "Subject"),
        (json!({"TopicArn": "nonsense", "Message": "x"}), "InvalidParameter", "TopicArn"),
        (json!({"TopicArn": elsewhere, "Message": "x"}), "NotFound", "does not exist"),
        (json!({"TopicArn": arn, "Message": "{}", "MessageStructure": "json"}), "InvalidParameter", "default entry"),
        (
            json!({"TopicArn": arn, "Message": "x", "MessageAttributes": {"a": {"DataType": "String", "BinaryValue": "eA=="}}}),
            "InvalidParameterValue",
            "message attribute 'a'",
        ),
        (json!({"PhoneNumber": "+49", "Message": "x"}), "UnsupportedOperation", "PhoneNumber"),
        (json!({"TopicArn": arn, "Message": "x", "MessageGroupId": "g"}), "UnsupportedOperation", "MessageGroupId"),
    ] {
        let error = call(topics, "Publish", &input).unwrap_err();
        assert_eq!(error.code, code);
        assert!(error.message.contains(text), "{}", error.message);
    }
    for (input, named) in [
        (json!({"Name": "x", "Tags": []}), "Tags"),
        (json!({"Name": "x", "Attributes": {"FifoTopic": "true"}}), "FifoTopic"),
        (json!({"Name": "x.fifo"}), "FIFO"),
    ] {
        let error = call(topics, "CreateTopic", &input).unwrap_err();
        assert_eq!(error.code, "UnsupportedOperation");
        assert!(error.message.contains(named), "{}", error.message);
    }
}

#[test]
fn to_delete_a_topic_that_is_not_there_is_no_error() {
    let topics = &mut topics();
    let unknown = json!({"TopicArn": "arn:aws:sns:eu-central-1:123456789012:none"});
    assert_eq!(call(topics, "DeleteTopic", &unknown).unwrap(), Value::Null);
    assert_eq!(call(topics, "DeleteTopic", &json!({"TopicArn": "none"})).unwrap_err().code, "InvalidParameter");
}
