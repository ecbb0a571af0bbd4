//! Systems Manager's Parameter Store.
//!
//! Not modelled: labels, policies, allowed patterns, tags, KMS keys (a `SecureString` is shown sealed unless decryption is asked for).

mod delete;
mod describe;
mod names;
mod page;
mod put;
mod read;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use serde_json::Value;

pub(crate) use self::put::put_text;
pub(crate) use self::read::overview;
use crate::model::parameter::Parameters;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::operations::{Operation, Operations, operation};
use crate::protocol::parameter::default_only;
use crate::protocol::service::Service;

type Handler = fn(&mut Parameters, Input<'_>, SystemTime) -> Result<Value, ApiError>;

pub(crate) static OPERATIONS: Operations<Handler> = Operations::new(Service::Ssm, TABLE);

const TABLE: &[Operation<Handler>] = &[
    operation("DeleteParameter", delete::one, &["Name"], &[]),
    operation("DeleteParameters", delete::several, &["Names[]"], &[]),
    operation(
        "DescribeParameters",
        describe::describe,
        &[
            "ParameterFilters[].Key",
            "ParameterFilters[].Option",
            "ParameterFilters[].Values[]",
            "MaxResults",
            "NextToken",
        ],
        // No other account shares anything with this one.
        &[default_only("Shared", &["false"])],
    ),
    operation("GetParameter", read::one, &["Name", "WithDecryption"], &[]),
    operation("GetParameters", read::several, &["Names[]", "WithDecryption"], &[]),
    operation(
        "GetParametersByPath",
        read::by_path,
        &["Path", "Recursive", "WithDecryption", "MaxResults", "NextToken"],
        &[],
    ),
    operation(
        "PutParameter",
        put::put,
        &["Name", "Description", "Value", "Type", "Overwrite", "Tier", "DataType"],
        // The key that AWS takes for a SecureString unless another is named.
        &[default_only("KeyId", &["alias/aws/ssm"])],
    ),
];
