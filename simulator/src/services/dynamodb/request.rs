//! What requests of several operations have in common.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::expression::path::Path;
use super::expression::substitutions::Substitutions;
use super::json::item_from_json;
use crate::model::dynamodb::table::{Key, Table, TableStatus};
use crate::model::dynamodb::tables::Tables;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// Reads that are not strongly consistent lag by up to this. AWS: "usually within a second".
const REPLICA_LAG: Duration = Duration::from_secs(1);

/// The table's name; an ARN names it too.
pub(super) fn table_name(input: Input<'_>) -> Result<&str, ApiError> {
    short_name(input.required_text("TableName")?)
}

/// A table's name out of a name or an ARN.
pub(super) fn short_name(named: &str) -> Result<&str, ApiError> {
    let name = named.rsplit_once("table/").filter(|_| named.starts_with("arn:")).map_or(named, |(_, short)| short);
    let allowed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if (3..=255).contains(&name.len()) && allowed {
        Ok(name)
    } else {
        Err(ApiError::validation(format!(
            "1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )))
    }
}

/// A table that items can be read from and written to.
pub(super) fn active<'t>(tables: &'t Tables, name: &str, now: SystemTime) -> Result<&'t Table, ApiError> {
    let table = tables.by_name.get(short_name(name)?);
    table.filter(|table| table.status(now) == TableStatus::Active).ok_or_else(resource_not_found)
}

/// The table that a request names, to read from or to write to.
pub(super) fn active_named<'t>(tables: &'t Tables, input: Input<'_>, now: SystemTime) -> Result<&'t Table, ApiError> {
    active(tables, input.required_text("TableName")?, now)
}

pub(super) fn resource_not_found() -> ApiError {
    ApiError::client("ResourceNotFoundException", "Requested resource not found")
}

/// The moment whose state a read shows: `None` is now.
pub(super) fn read_as_of(
    tables: &mut Tables,
    input: Input<'_>,
    now: SystemTime,
) -> Result<Option<SystemTime>, ApiError> {
    if input.flag("ConsistentRead")? || tables.chance.f64() >= tables.settings.stale_read_probability {
        return Ok(None);
    }
    Ok(now.checked_sub(tables.settings.scaled(REPLICA_LAG.mul_f64(tables.chance.f64()))))
}

/// The item's key, as the request names it.
pub(super) fn requested_key(table: &Table, input: Input<'_>) -> Result<Key, ApiError> {
    let named = input.document("Key")?.ok_or_else(|| input.missing("Key"))?;
    table.key_of_request(&item_from_json(named)?)
}

/// The names and values that a request's expressions refer to.
pub(super) fn substitutions(input: Input<'_>) -> Result<Substitutions, ApiError> {
    Substitutions::from_json(input.document("ExpressionAttributeNames")?, input.document("ExpressionAttributeValues")?)
}

/// The paths of `ProjectionExpression`, if there is one, for operations whose expressions have no values.
pub(super) fn projection(input: Input<'_>) -> Result<Option<Vec<Path>>, ApiError> {
    let mut names = Substitutions::from_json(input.document("ExpressionAttributeNames")?, None)?;
    let paths = input.text("ProjectionExpression")?.map(|text| names.projection(text)).transpose()?;
    names.check_all_used()?;
    Ok(paths)
}

/// `ConsumedCapacity`, if it was asked for.
pub(super) fn add_consumed_capacity(
    output: &mut Value,
    input: Input<'_>,
    table: &str,
    units: f64,
) -> Result<(), ApiError> {
    if input.text("ReturnConsumedCapacity")? == Some("TOTAL") {
        output["ConsumedCapacity"] = json!({"TableName": table, "CapacityUnits": units});
    }
    Ok(())
}

/// Capacity units of reading (4 KiB, half if eventually consistent) or writing (1 KiB).
pub(super) fn units(bytes: usize, unit_bytes: usize, factor: f64) -> f64 {
    let whole = u32::try_from(bytes.div_ceil(unit_bytes).max(1)).unwrap_or(u32::MAX);
    f64::from(whole) * factor
}

/// What a unit of reading counts: half as much if the read need not be fresh.
pub(super) fn read_factor(input: Input<'_>) -> Result<f64, ApiError> {
    Ok(if input.flag("ConsistentRead")? { 1.0 } else { 0.5 })
}

pub(super) fn has_duplicates<T: Ord>(members: impl IntoIterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    members.into_iter().any(|member| !seen.insert(member))
}

pub(super) fn check_length(member: &str, length: usize, most: usize) -> Result<(), ApiError> {
    if (1..=most).contains(&length) {
        return Ok(());
    }
    let constraint =
        if length == 0 { "greater than or equal to 1".to_owned() } else { format!("less than or equal to {most}") };
    Err(ApiError::validation(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have length {constraint}"
    )))
}

pub(super) fn not_in_enum(value: &str, member: &str, allowed: &str) -> ApiError {
    ApiError::validation(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum value set: {allowed}"
    ))
}
