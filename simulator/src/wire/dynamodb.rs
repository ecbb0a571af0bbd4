//! DynamoDB's protocol: AWS JSON 1.0.

use std::time::SystemTime;

use super::{Answer, ParsedRequest, json};
use crate::store::AwsError;
use crate::store::dynamodb::Tables;

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810#";

pub(crate) fn handle(tables: &mut Tables, request: &ParsedRequest, now: SystemTime, request_id: &str) -> Answer {
    let output = json::input(&request.body).and_then(|input| tables.call(&request.action, &input, now));
    match output {
        Ok(output) => json::success(CONTENT_TYPE, &output, request_id),
        Err(error) => failure(&error, request_id),
    }
}

pub(crate) fn failure(error: &AwsError, request_id: &str) -> Answer {
    json::failure(CONTENT_TYPE, NAMESPACE, error, request_id)
}
