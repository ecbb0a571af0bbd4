//! All items of a table, in pages.

use std::time::SystemTime;

use serde_json::Value;

use super::reading::{Reading, answer};
use super::request::{active_named, read_as_of, substitutions};
use crate::model::dynamodb::table::{Key, KeyValue};
use crate::model::dynamodb::tables::Tables;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

pub(super) fn scan(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let as_of = read_as_of(tables, input, now)?;
    let table = active_named(tables, input, now)?;
    let reading = Reading::new(table, input, &mut substitutions(input)?, as_of)?;
    let segment = segment(input)?;
    let rows = table.items().filter(|(key, _)| reading.start_after.as_ref().is_none_or(|start| *key > start));
    let rows = rows.filter(|(key, _)| segment.is_none_or(|(segment, total)| bucket(key, total) == segment));
    answer(table, input, &reading, &reading.page(table, rows))
}

/// `Segment` and `TotalSegments` of a parallel scan.
fn segment(input: Input<'_>) -> Result<Option<(u64, u64)>, ApiError> {
    let number = |name| Ok::<_, ApiError>(input.integer(name)?.and_then(|number| u64::try_from(number).ok()));
    match (number("Segment")?, number("TotalSegments")?) {
        (None, None) => Ok(None),
        (Some(segment), Some(total)) if segment < total => Ok(Some((segment, total))),
        _ => Err(ApiError::validation(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments; both are required together",
        )),
    }
}

/// Which segment a key's partition falls into (FNV-1a; AWS's own hash is not public).
fn bucket(key: &Key, total: u64) -> u64 {
    let bytes = match &key.partition {
        KeyValue::String(bytes) | KeyValue::Binary(bytes) => bytes.clone(),
        KeyValue::Number(number) => number.to_string().into_bytes(),
    };
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    hash % total
}
