//! SNS and STS: the query protocol.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Answer, ParsedRequest, query};
use crate::store::AwsError;
use crate::store::sns::Topics;

const SNS: query::Shape = query::Shape { namespace: "http://sns.amazonaws.com/doc/2010-03-31/", maps: &["Attributes"] };
const STS: query::Shape = query::Shape { namespace: "https://sts.amazonaws.com/doc/2011-06-15/", maps: &[] };

pub(crate) fn handle(topics: &mut Topics, request: &ParsedRequest, now: SystemTime, request_id: &str) -> Answer {
    let output = query::form_to_json(&request.body).and_then(|input| topics.call(&request.action, &input, now));
    match output {
        Ok(output) => query::success(&SNS, &request.action, &output, request_id),
        Err(error) => failure(&error, request_id),
    }
}

pub(crate) fn failure(error: &AwsError, request_id: &str) -> Answer {
    query::failure(&SNS, error, request_id)
}

/// STS knows one operation here: who am I?
pub(crate) fn handle_sts(account_id: &str, request: &ParsedRequest, request_id: &str) -> Answer {
    if request.action != "GetCallerIdentity" {
        let message = format!("Could not find operation {} for version 2011-06-15", request.action);
        return sts_failure(&AwsError::client("InvalidAction", message), request_id);
    }
    let identity: Value = json!({
        "Arn": format!("arn:aws:iam::{account_id}:user/simulated"),
        "UserId": "AIDASIMULATEDREGION00",
        "Account": account_id,
    });
    query::success(&STS, &request.action, &identity, request_id)
}

pub(crate) fn sts_failure(error: &AwsError, request_id: &str) -> Answer {
    query::failure(&STS, error, request_id)
}
