//! Several items in one call, each by itself.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::expression::path::projected;
use super::json::{item_from_json, item_to_json};
use super::request::{active, check_length, has_duplicates, projection, read_as_of, resource_not_found};
use super::write::Write;
use crate::model::dynamodb::table::{Key, Table};
use crate::model::dynamodb::tables::Tables;
use crate::model::dynamodb::value::item_bytes;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// AWS's limits: keys of a read, writes of a batch, bytes of an answer.
const KEYS: usize = 100;
const WRITES: usize = 25;
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// What one answer holds, and what it has no room for.
#[derive(Default)]
struct Answer {
    responses: Map<String, Value>,
    unprocessed: Map<String, Value>,
    bytes: usize,
}

pub(super) fn get(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let asked = request_items(input)?;
    let mut keys = 0;
    for (_, request) in &asked {
        keys += request.list("Keys")?.len();
    }
    if keys > KEYS {
        return Err(ApiError::validation("Too many items requested for the BatchGetItem call"));
    }
    let mut answer = Answer::default();
    for (name, request) in asked {
        read_table(tables, name, request, now, &mut answer)?;
    }
    Ok(json!({"Responses": answer.responses, "UnprocessedKeys": answer.unprocessed}))
}

fn read_table(
    tables: &mut Tables,
    name: &str,
    request: Input<'_>,
    now: SystemTime,
    answer: &mut Answer,
) -> Result<(), ApiError> {
    let as_of = read_as_of(tables, request, now)?;
    let table = active(tables, name, now)?;
    let paths = projection(request)?;
    let wanted = request.list("Keys")?;
    check_length("requestItems.member.keys", wanted.len(), KEYS)?;
    let keys = wanted.iter().map(|key| read_key(table, *key)).collect::<Result<Vec<Key>, ApiError>>()?;
    if has_duplicates(&keys) {
        return Err(ApiError::validation("Provided list of item keys contains duplicates"));
    }
    let mut found = Vec::new();
    let mut left = Vec::new();
    for (key, wire) in keys.iter().zip(wanted) {
        // What the answer has no room for is handed back, to be asked for again.
        if answer.bytes >= ANSWER_BYTES {
            left.push(wire.as_document()?.clone());
        } else if let Some(item) = table.read(key, as_of) {
            answer.bytes += item_bytes(item);
            found.push(item_to_json(&projected(item, paths.as_deref())));
        }
    }
    answer.responses.insert(name.to_owned(), Value::Array(found));
    if !left.is_empty() {
        let mut again = request.echo();
        again["Keys"] = Value::Array(left);
        answer.unprocessed.insert(name.to_owned(), again);
    }
    Ok(())
}

fn read_key(table: &Table, key: Input<'_>) -> Result<Key, ApiError> {
    table.key_of_request(&item_from_json(key.as_document()?)?)
}

/// Everything is read and checked before anything is written.
pub(super) fn write(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let mut writes = Vec::new();
    for (name, elements) in request_items(input)? {
        let table = active(tables, name, now)?;
        for element in elements.elements()? {
            writes.push(read_write(table, element)?);
        }
    }
    check_length("requestItems", writes.len(), WRITES)?;
    if has_duplicates(writes.iter().map(|write| (&write.table, &write.key))) {
        return Err(ApiError::validation("Provided list of item keys contains duplicates"));
    }
    for write in writes {
        let judged = write.judge(tables.by_name.get(&write.table).ok_or_else(resource_not_found)?)?;
        write.store(judged, tables, now)?;
    }
    Ok(json!({"UnprocessedItems": {}}))
}

fn read_write(table: &Table, element: Input<'_>) -> Result<Write, ApiError> {
    match (element.structure("PutRequest")?, element.structure("DeleteRequest")?) {
        (Some(put), None) => Write::plain_put(table, put),
        (None, Some(delete)) => Write::plain_delete(table, delete),
        _ => Err(ApiError::validation(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        )),
    }
}

fn request_items(input: Input<'_>) -> Result<Vec<(&str, Input<'_>)>, ApiError> {
    let items = input.map("RequestItems")?;
    check_length("requestItems", items.len(), usize::MAX)?;
    Ok(items)
}
