//! STS knows one operation here: who am I?

use serde_json::{Value, json};

use crate::protocol::error::ApiError;
use crate::protocol::operations::{Operation, Operations, operation};
use crate::protocol::service::Service;

type Handler = fn(&str) -> Result<Value, ApiError>;

pub(crate) static OPERATIONS: Operations<Handler> = Operations::new(Service::Sts, TABLE);

const TABLE: &[Operation<Handler>] = &[operation("GetCallerIdentity", get_caller_identity, &[], &[])];

#[expect(clippy::unnecessary_wraps, reason = "every handler may refuse")]
fn get_caller_identity(account_id: &str) -> Result<Value, ApiError> {
    Ok(json!({
        "Arn": format!("arn:aws:iam::{account_id}:user/simulated"),
        "UserId": "AIDASIMULATEDREGION00",
        "Account": account_id,
    }))
}
