//! Parameter Store's protocol: AWS JSON 1.1.

use std::time::SystemTime;

use super::{Answer, ParsedRequest, json};
use crate::store::AwsError;
use crate::store::ssm::Parameters;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

pub(crate) fn handle(
    parameters: &mut Parameters,
    request: &ParsedRequest,
    now: SystemTime,
    request_id: &str,
) -> Answer {
    let output = json::input(&request.body).and_then(|input| parameters.call(&request.action, &input, now));
    match output {
        Ok(output) => json::success(CONTENT_TYPE, &output, request_id),
        Err(error) => failure(&error, request_id),
    }
}

pub(crate) fn failure(error: &AwsError, request_id: &str) -> Answer {
    json::failure(CONTENT_TYPE, "", error, request_id)
}
