//! CloudWatch's three protocols over one set of operations.
//!
//! The Rust SDK and boto3 send Smithy RPC v2 CBOR, older clients AWS JSON 1.0 or the query protocol; each gets its answer in the form in
//! which it asked. CloudWatch was a query service first: the codes of its errors there (`ResourceNotFound`) differ from the names of the
//! shapes in the newer protocols (`InvalidFormatFault` for `InvalidFormat`), so these carry the old code in `x-amzn-query-error`.

mod operations;

use bytes::Bytes;
use serde_json::{Value, json as json_value};

use super::{Answer, ParsedRequest, cbor, json, query};
use crate::state::State;
use crate::store::AwsError;
use crate::time::RegionTime;

const SHAPE: query::Shape = query::Shape { namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/", maps: &[] };
const JSON_CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const NAMESPACE: &str = "com.amazonaws.cloudwatch#";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    RpcV2Cbor,
    Json,
    Query,
}

impl Protocol {
    fn of(request: &ParsedRequest) -> Protocol {
        if request.path.starts_with("/service/") {
            Protocol::RpcV2Cbor
        } else if request.headers.contains_key("x-amz-target") {
            Protocol::Json
        } else {
            Protocol::Query
        }
    }

    fn input(self, body: &[u8]) -> Result<Value, AwsError> {
        match self {
            Protocol::RpcV2Cbor => cbor::to_json(body)
                .filter(Value::is_object)
                .ok_or_else(|| AwsError::client("SerializationException", "The request's body is no CBOR map")),
            Protocol::Json => json::input(body),
            Protocol::Query => query::form_to_json(body),
        }
    }

    fn success(self, action: &str, output: &Value, request_id: &str) -> Answer {
        match self {
            Protocol::RpcV2Cbor => cbor_answer(200, output, request_id, None),
            Protocol::Json => json::success(JSON_CONTENT_TYPE, output, request_id),
            Protocol::Query => query::success(&SHAPE, action, output, request_id),
        }
    }

    fn failure(self, error: &AwsError, request_id: &str) -> Answer {
        let shape = shape_name(&error.code);
        let mut answer = match self {
            Protocol::Query => return query::failure(&SHAPE, error, request_id),
            Protocol::RpcV2Cbor => {
                let body = json_value!({"__type": format!("{NAMESPACE}{shape}"), "message": error.message});
                cbor_answer(error.status, &body, request_id, Some(error.code.to_string()))
            }
            Protocol::Json => {
                let named = AwsError { code: shape.to_owned().into(), ..error.clone() };
                let answer = json::failure(JSON_CONTENT_TYPE, NAMESPACE, &named, request_id);
                Answer { error_code: Some(error.code.to_string()), ..answer }
            }
        };
        let side = if error.status < 500 { "Sender" } else { "Receiver" };
        answer.headers.push(("x-amzn-query-error", format!("{};{side}", error.code)));
        answer
    }
}

/// One call, in whichever form it came.
pub(crate) fn handle(state: &mut State, request: &ParsedRequest, now: RegionTime, request_id: &str) -> Answer {
    let protocol = Protocol::of(request);
    let compressed = request.headers.contains_key("content-encoding");
    let input = if compressed {
        Err(AwsError::client("SerializationException", "The simulated region does not model compressed requests"))
    } else {
        protocol.input(&request.body)
    };
    match input.and_then(|input| operations::call(state, &request.action, &input, now)) {
        Ok(output) => protocol.success(&request.action, &output, request_id),
        Err(error) => protocol.failure(&error, request_id),
    }
}

pub(crate) fn failure(request: &ParsedRequest, error: &AwsError, request_id: &str) -> Answer {
    Protocol::of(request).failure(error, request_id)
}

fn cbor_answer(status: u16, output: &Value, request_id: &str, error_code: Option<String>) -> Answer {
    Answer {
        status,
        content_type: "application/cbor",
        headers: vec![("smithy-protocol", "rpc-v2-cbor".to_owned()), ("x-amzn-requestid", request_id.to_owned())],
        body: Bytes::from(cbor::from_json(output)),
        error_code,
    }
}

/// The shape that a query error code belongs to in the model.
fn shape_name(code: &str) -> &str {
    match code {
        "InvalidFormat" => "InvalidFormatFault",
        "InvalidParameterValue" => "InvalidParameterValueException",
        "MissingParameter" => "MissingRequiredParameterException",
        "InvalidParameterCombination" => "InvalidParameterCombinationException",
        "InternalServiceError" => "InternalServiceFault",
        "LimitExceeded" => "LimitExceededFault",
        other => other,
    }
}
