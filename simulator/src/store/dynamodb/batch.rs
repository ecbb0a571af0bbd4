//! Several items in one call: transactions and batches.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::items::{Judged, Write, element_table, projected, projection, requested_key};
use super::table::Key;
use super::value::{item_bytes, item_to_json};
use super::{TRANSACTION_TOKEN_KEPT, Tables, TransactionToken, has_duplicates};
use crate::store::AwsError;
use crate::store::input::{Input, missing};

/// AWS's limits: actions of a transaction, keys of a batch read, writes of a batch, bytes of a batch's answer.
const TRANSACTION_ACTIONS: usize = 100;
const BATCH_GET_KEYS: usize = 100;
const BATCH_WRITES: usize = 25;
const BATCH_ANSWER_BYTES: usize = 16 * 1024 * 1024;

impl Tables {
    /// All or nothing: every condition is judged before anything is written.
    pub(super) fn transact_write_items(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        let elements = request.list("TransactItems")?;
        check_length("transactItems", elements.len(), TRANSACTION_ACTIONS)?;
        if self.repeats_token(request, elements, now)? {
            return Ok(json!({}));
        }
        let writes =
            elements.iter().map(|element| self.transaction_write(element, now)).collect::<Result<Vec<_>, _>>()?;
        if has_duplicates(writes.iter().map(|write| (&write.table, &write.key))) {
            return Err(AwsError::validation("Transaction request cannot include multiple operations on one item"));
        }
        let judged: Vec<Result<Judged, AwsError>> = writes
            .iter()
            .map(|write| match self.by_name.get(&write.table) {
                Some(table) => write.judge(table),
                None => Err(super::resource_not_found()),
            })
            .collect();
        if judged.iter().any(Result::is_err) {
            return Err(cancelled(&judged));
        }
        for (write, judged) in writes.into_iter().zip(judged) {
            if !write.is_check() {
                self.store(write, judged?, now)?;
            }
        }
        if let Some(token) = request.text("ClientRequestToken")? {
            let request = Value::Array(elements.to_vec());
            self.transaction_tokens.push_back(TransactionToken { token: token.to_owned(), request, at: now });
        }
        Ok(json!({}))
    }

    /// Whether the same transaction was carried out a short while ago.
    fn repeats_token(&mut self, request: Input<'_>, elements: &[Value], now: SystemTime) -> Result<bool, AwsError> {
        let kept = self.settings.scaled(TRANSACTION_TOKEN_KEPT);
        self.transaction_tokens.retain(|used| now < used.at + kept);
        let Some(token) = request.text("ClientRequestToken")? else { return Ok(false) };
        match self.transaction_tokens.iter().find(|used| used.token == token) {
            None => Ok(false),
            Some(used) if used.request.as_array().map(Vec::as_slice) == Some(elements) => Ok(true),
            Some(_) => Err(AwsError::client(
                "IdempotentParameterMismatchException",
                "The client token has been used for a request with different parameters",
            )),
        }
    }

    fn transaction_write(&self, element: &Value, now: SystemTime) -> Result<Write, AwsError> {
        let only = element.as_object().filter(|members| members.len() == 1).and_then(|members| members.iter().next());
        let Some((action, content)) = only else {
            return Err(AwsError::validation("TransactItems can only contain one of Check, Put, Update or Delete"));
        };
        let content = Input(content);
        let table = element_table(self, content, now)?;
        match action.as_str() {
            "Put" => Write::put(table, content),
            "Update" => {
                content.required_text("UpdateExpression")?;
                Write::update(table, content)
            }
            "Delete" => Write::delete(table, content),
            "ConditionCheck" => Write::check(table, content),
            _ => Err(AwsError::validation("TransactItems can only contain one of Check, Put, Update or Delete")),
        }
    }

    pub(super) fn transact_get_items(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        let elements = request.list("TransactItems")?;
        check_length("transactItems", elements.len(), TRANSACTION_ACTIONS)?;
        let responses = elements
            .iter()
            .map(|element| {
                let get = Input(element).get("Get").map(Input).ok_or_else(|| missing("Get"))?;
                let table = element_table(self, get, now)?;
                let key = requested_key(table, get)?;
                let paths = projection(get)?;
                Ok(match table.read(&key, None) {
                    Some(item) => json!({"Item": item_to_json(&projected(item, paths.as_deref()))}),
                    None => json!({}),
                })
            })
            .collect::<Result<Vec<Value>, AwsError>>()?;
        Ok(json!({"Responses": responses}))
    }

    pub(super) fn batch_get_item(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        let tables = request_items(request)?;
        let keys: usize = tables.values().map(|table| Input(table).list("Keys").map_or(0, <[Value]>::len)).sum();
        if keys > BATCH_GET_KEYS {
            return Err(AwsError::validation("Too many items requested for the BatchGetItem call"));
        }
        let mut responses = Map::new();
        let mut unprocessed: BTreeMap<String, Value> = BTreeMap::new();
        let mut bytes = 0;
        for (name, asked) in tables {
            let asked_input = Input(asked);
            let as_of = self.read_as_of(asked_input, now)?;
            let named = json!({"TableName": name});
            let table = element_table(self, Input(&named), now)?;
            let paths = projection(asked_input)?;
            let wanted = asked_input.list("Keys")?;
            check_length("requestItems.member.keys", wanted.len(), BATCH_GET_KEYS)?;
            let keys = wanted
                .iter()
                .map(|key| requested_key(table, Input(&json!({"Key": key}))))
                .collect::<Result<Vec<Key>, AwsError>>()?;
            if has_duplicates(&keys) {
                return Err(AwsError::validation("Provided list of item keys contains duplicates"));
            }
            let mut found = Vec::new();
            let mut left = Vec::new();
            for (key, wire) in keys.iter().zip(wanted) {
                // What the answer has no room for is handed back, to be asked for again.
                if bytes >= BATCH_ANSWER_BYTES {
                    left.push(wire.clone());
                } else if let Some(item) = table.read(key, as_of) {
                    bytes += item_bytes(item);
                    found.push(item_to_json(&projected(item, paths.as_deref())));
                }
            }
            responses.insert(name.clone(), Value::Array(found));
            if !left.is_empty() {
                let mut again = asked.clone();
                again["Keys"] = Value::Array(left);
                unprocessed.insert(name.clone(), again);
            }
        }
        Ok(json!({"Responses": responses, "UnprocessedKeys": unprocessed}))
    }

    pub(super) fn batch_write_item(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        let mut writes = Vec::new();
        for (name, asked) in request_items(request)? {
            let named = json!({"TableName": name});
            let table = element_table(self, Input(&named), now)?;
            for element in asked.as_array().map(Vec::as_slice).unwrap_or_default() {
                let element = Input(element);
                writes.push(match (element.get("PutRequest"), element.get("DeleteRequest")) {
                    (Some(put), None) => Write::put(table, Input(put))?,
                    (None, Some(delete)) => Write::delete(table, Input(delete))?,
                    _ => {
                        return Err(AwsError::validation(
                            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
                        ));
                    }
                });
            }
        }
        check_length("requestItems", writes.len(), BATCH_WRITES)?;
        if has_duplicates(writes.iter().map(|write| (&write.table, &write.key))) {
            return Err(AwsError::validation("Provided list of item keys contains duplicates"));
        }
        for write in writes {
            let judged = match self.by_name.get(&write.table) {
                Some(table) => write.judge(table)?,
                None => return Err(super::resource_not_found()),
            };
            self.store(write, judged, now)?;
        }
        Ok(json!({"UnprocessedItems": {}}))
    }
}

fn request_items(request: Input<'_>) -> Result<&Map<String, Value>, AwsError> {
    let items = request.get("RequestItems").and_then(Value::as_object).ok_or_else(|| missing("RequestItems"))?;
    check_length("requestItems", items.len(), usize::MAX)?;
    Ok(items)
}

fn check_length(member: &str, length: usize, most: usize) -> Result<(), AwsError> {
    if (1..=most).contains(&length) {
        return Ok(());
    }
    let constraint =
        if length == 0 { "greater than or equal to 1".to_owned() } else { format!("less than or equal to {most}") };
    Err(AwsError::validation(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have length {constraint}"
    )))
}

/// The exception that tells, for each action, whether it was the reason.
fn cancelled(judged: &[Result<Judged, AwsError>]) -> AwsError {
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
    AwsError::client("TransactionCanceledException", message).member("CancellationReasons", Value::Array(reasons))
}
