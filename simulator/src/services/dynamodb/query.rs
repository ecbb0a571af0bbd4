//! One partition's items in the order of the sort key, in pages.

use std::time::SystemTime;

use serde_json::Value;

use super::expression::parser::Kind;
use super::key_condition::split_key_condition;
use super::reading::{Reading, answer};
use super::request::{active_named, read_as_of, substitutions};
use crate::model::dynamodb::table::Key;
use crate::model::dynamodb::tables::Tables;
use crate::model::dynamodb::value::Item;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

pub(super) fn query(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let as_of = read_as_of(tables, input, now)?;
    let table = active_named(tables, input, now)?;
    let mut names = substitutions(input)?;
    let key_condition = input.text("KeyConditionExpression")?.ok_or_else(|| {
        ApiError::validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        )
    })?;
    let key_condition = names.condition(Kind::KeyCondition, key_condition)?;
    let reading = Reading::new(table, input, &mut names, as_of)?;
    let (partition, sort_condition) = split_key_condition(table, key_condition)?;
    let forward = input.boolean("ScanIndexForward")?.unwrap_or(true);
    let mut rows: Vec<(&Key, &Item)> = table.partition_items(&partition).collect();
    if !forward {
        rows.reverse();
    }
    let rows = rows.into_iter().skip_while(|(key, _)| match &reading.start_after {
        None => false,
        Some(start) if forward => *key <= start,
        Some(start) => *key >= start,
    });
    let wanted = rows
        .filter(|(key, _)| sort_condition.as_ref().is_none_or(|condition| condition.holds(&table.key_attributes(key))));
    answer(table, input, &reading, &reading.page(table, wanted))
}
