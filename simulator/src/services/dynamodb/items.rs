//! Single items: get, put, update, delete.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::expression::path::{project, projected};
use super::json::item_to_json;
use super::request::{
    active_named, add_consumed_capacity, not_in_enum, projection, read_as_of, read_factor, requested_key,
    resource_not_found, units,
};
use super::write::{Judged, Write};
use crate::model::dynamodb::tables::Tables;
use crate::model::dynamodb::value::{Item, item_bytes};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

const READ_UNIT_BYTES: usize = 4096;
const WRITE_UNIT_BYTES: usize = 1024;

pub(super) fn get(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let as_of = read_as_of(tables, input, now)?;
    let table = active_named(tables, input, now)?;
    let key = requested_key(table, input)?;
    let paths = projection(input)?;
    let item = table.read(&key, as_of);
    let mut output = match item {
        Some(item) => json!({"Item": item_to_json(&projected(item, paths.as_deref()))}),
        None => json!({}),
    };
    let consumed = units(item.map_or(0, item_bytes), READ_UNIT_BYTES, read_factor(input)?);
    add_consumed_capacity(&mut output, input, &table.name, consumed)?;
    Ok(output)
}

pub(super) fn put(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let write = Write::put(active_named(tables, input, now)?, input)?;
    carry_out(tables, write, return_values(input, &["NONE", "ALL_OLD"])?, input, now)
}

pub(super) fn update(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let write = Write::update(active_named(tables, input, now)?, input)?;
    carry_out(tables, write, return_values(input, &RETURN_VALUES)?, input, now)
}

pub(super) fn delete(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let write = Write::delete(active_named(tables, input, now)?, input)?;
    carry_out(tables, write, return_values(input, &["NONE", "ALL_OLD"])?, input, now)
}

fn carry_out(
    tables: &mut Tables,
    write: Write,
    returned: &str,
    input: Input<'_>,
    now: SystemTime,
) -> Result<Value, ApiError> {
    let table = tables.by_name.get_mut(&write.table).ok_or_else(resource_not_found)?;
    let judged = write.judge(table)?;
    table.write(write.key, judged.after.clone(), now);
    let mut output = match returned_attributes(&judged, returned).filter(|attributes| !attributes.is_empty()) {
        Some(attributes) => json!({"Attributes": item_to_json(&attributes)}),
        None => json!({}),
    };
    let bytes = [&judged.before, &judged.after].into_iter().flatten().map(item_bytes).max().unwrap_or(0);
    add_consumed_capacity(&mut output, input, &write.table, units(bytes, WRITE_UNIT_BYTES, 1.0))?;
    Ok(output)
}

fn returned_attributes(judged: &Judged, returned: &str) -> Option<Item> {
    match returned {
        "ALL_OLD" => judged.before.clone(),
        "ALL_NEW" => judged.after.clone(),
        "UPDATED_OLD" => judged.before.as_ref().map(|item| project(item, &judged.written)),
        "UPDATED_NEW" => judged.after.as_ref().map(|item| project(item, &judged.written)),
        _ => None,
    }
}

const RETURN_VALUES: [&str; 5] = ["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"];

fn return_values<'a>(input: Input<'a>, allowed: &[&str]) -> Result<&'a str, ApiError> {
    match input.text("ReturnValues")? {
        None => Ok("NONE"),
        Some(value) if allowed.contains(&value) => Ok(value),
        Some(value) if RETURN_VALUES.contains(&value) => {
            Err(ApiError::validation("Return values set to invalid value"))
        }
        Some(value) => Err(not_in_enum(value, "returnValues", "[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]")),
    }
}
