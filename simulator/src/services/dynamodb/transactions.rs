//! Several items in one call, all or nothing.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::expression::path::projected;
use super::json::item_to_json;
use super::request::{active_named, check_length, has_duplicates, projection, requested_key, resource_not_found};
use super::write::{Judged, Write};
use crate::model::dynamodb::tables::{Tables, TransactionToken};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// AWS's limit on the actions of a transaction.
const ACTIONS: usize = 100;
/// AWS keeps a transaction's client token for ten minutes.
const TOKEN_KEPT: Duration = Duration::from_mins(10);

/// Every condition is judged before anything is written.
pub(super) fn write(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let elements = input.list("TransactItems")?;
    check_length("transactItems", elements.len(), ACTIONS)?;
    let token = input.text("ClientRequestToken")?;
    let request = input.fingerprint(&["ClientRequestToken", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics"]);
    if was_carried_out(tables, token, &request, now)? {
        return Ok(json!({}));
    }
    let writes = elements.into_iter().map(|element| read_write(tables, element, now)).collect::<Result<Vec<_>, _>>()?;
    if has_duplicates(writes.iter().map(|write| (&write.table, &write.key))) {
        return Err(ApiError::validation("Transaction request cannot include multiple operations on one item"));
    }
    let judge = |write: &Write| {
        tables.by_name.get(&write.table).ok_or_else(resource_not_found).and_then(|table| write.judge(table))
    };
    let judged: Vec<Result<Judged, ApiError>> = writes.iter().map(judge).collect();
    if judged.iter().any(Result::is_err) {
        return Err(cancelled(&judged));
    }
    for (write, judged) in writes.into_iter().zip(judged) {
        write.store(judged?, tables, now)?;
    }
    if let Some(token) = token {
        tables.transaction_tokens.push_back(TransactionToken { token: token.to_owned(), request, at: now });
    }
    Ok(json!({}))
}

/// Whether the same transaction was carried out a short while ago.
fn was_carried_out(tables: &mut Tables, token: Option<&str>, request: &str, now: SystemTime) -> Result<bool, ApiError> {
    let kept = tables.settings.scaled(TOKEN_KEPT);
    tables.transaction_tokens.retain(|used| now < used.at + kept);
    let used = token.and_then(|token| tables.transaction_tokens.iter().find(|used| used.token == token));
    match used {
        None => Ok(false),
        Some(used) if used.request == request => Ok(true),
        Some(_) => Err(ApiError::client(
            "IdempotentParameterMismatchException",
            "The client token has been used for a request with different parameters",
        )),
    }
}

fn read_write(tables: &Tables, element: Input<'_>, now: SystemTime) -> Result<Write, ApiError> {
    let actions = [
        element.structure("Put")?,
        element.structure("Update")?,
        element.structure("Delete")?,
        element.structure("ConditionCheck")?,
    ];
    let table = |content| active_named(tables, content, now);
    match actions {
        [Some(put), None, None, None] => Write::put(table(put)?, put),
        [None, Some(update), None, None] => {
            update.required_text("UpdateExpression")?;
            Write::update(table(update)?, update)
        }
        [None, None, Some(delete), None] => Write::delete(table(delete)?, delete),
        [None, None, None, Some(check)] => Write::check(table(check)?, check),
        _ => Err(ApiError::validation("TransactItems can only contain one of Check, Put, Update or Delete")),
    }
}

pub(super) fn get(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let elements = input.list("TransactItems")?;
    check_length("transactItems", elements.len(), ACTIONS)?;
    let read = |element: Input<'_>| {
        let get = element.structure("Get")?.ok_or_else(|| element.missing("Get"))?;
        let table = active_named(tables, get, now)?;
        let key = requested_key(table, get)?;
        let paths = projection(get)?;
        Ok(match table.read(&key, None) {
            Some(item) => json!({"Item": item_to_json(&projected(item, paths.as_deref()))}),
            None => json!({}),
        })
    };
    let responses = elements.into_iter().map(read).collect::<Result<Vec<Value>, ApiError>>()?;
    Ok(json!({"Responses": responses}))
}

/// The exception that tells, for each action, whether it was the reason.
fn cancelled(judged: &[Result<Judged, ApiError>]) -> ApiError {
    let codes: Vec<&str> = judged
        .iter()
        .map(|outcome| match outcome {
            Ok(_) => "None",
            Err(error) if error.code == "ConditionalCheckFailedException" => "ConditionalCheckFailed",
            Err(error) if error.code == "ValidationException" => "ValidationError",
            Err(error) => error.code.as_ref(),
        })
        .collect();
    let reasons: Vec<Value> = judged
        .iter()
        .zip(&codes)
        .map(|(outcome, code)| match outcome {
            Ok(_) => json!({"Code": code}),
            Err(error) => {
                let mut reason = json!({"Code": code, "Message": error.message});
                if let Some(item) = error.members.get("Item") {
                    reason["Item"] = item.clone();
                }
                reason
            }
        })
        .collect();
    let message =
        format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
    ApiError::client("TransactionCanceledException", message).member("CancellationReasons", Value::Array(reasons))
}
