//! What query and scan share: parameters, pages, answers.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::expression::condition::Condition;
use super::expression::parser::Kind;
use super::expression::path::{Path, projected};
use super::expression::substitutions::Substitutions;
use super::json::{item_from_json, item_to_json};
use super::request::{add_consumed_capacity, not_in_enum, read_factor, units};
use crate::model::dynamodb::table::{Key, Table};
use crate::model::dynamodb::value::{Item, item_bytes};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// AWS's limit on what one page reads.
const PAGE_BYTES: usize = 1024 * 1024;
const READ_UNIT_BYTES: usize = 4096;

/// What is read, once the parameters are.
pub(super) struct Reading {
    filter: Option<Condition>,
    paths: Option<Vec<Path>>,
    limit: Option<usize>,
    pub(super) start_after: Option<Key>,
    count_only: bool,
    as_of: Option<SystemTime>,
}

/// One page of a reading.
pub(super) struct Page {
    items: Vec<Item>,
    matched: usize,
    scanned: usize,
    bytes: usize,
    last: Option<Key>,
}

impl Reading {
    pub(super) fn new(
        table: &Table,
        input: Input<'_>,
        names: &mut Substitutions,
        as_of: Option<SystemTime>,
    ) -> Result<Reading, ApiError> {
        if let Some(index) = input.text("IndexName")? {
            return Err(ApiError::validation(format!("The table does not have the specified index: {index}")));
        }
        let filter = input.text("FilterExpression")?.map(|text| names.condition(Kind::Filter, text)).transpose()?;
        let paths = input.text("ProjectionExpression")?.map(|text| names.projection(text)).transpose()?;
        names.check_all_used()?;
        let limit = match input.integer("Limit")? {
            None => None,
            Some(limit) => Some(usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or_else(|| {
                ApiError::validation(format!(
                    "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
                ))
            })?),
        };
        let start_after = match input.document("ExclusiveStartKey")? {
            None => None,
            Some(start) => Some(table.key_of_request(&item_from_json(start)?).map_err(|_| {
                ApiError::validation(
                    "The provided starting key is invalid: The provided key element does not match the schema",
                )
            })?),
        };
        let count_only = counts_only(input, paths.is_some())?;
        Ok(Reading { filter, paths, limit, start_after, count_only, as_of })
    }

    /// Reads rows until the limit or the page's size is reached. The filter comes after both.
    pub(super) fn page<'a>(&self, table: &Table, rows: impl Iterator<Item = (&'a Key, &'a Item)>) -> Page {
        let mut page = Page { items: Vec::new(), matched: 0, scanned: 0, bytes: 0, last: None };
        let mut last_read: Option<&Key> = None;
        for (key, newest) in rows {
            let full = self.limit.is_some_and(|limit| page.scanned >= limit) || page.bytes >= PAGE_BYTES;
            if full {
                page.last = last_read.cloned();
                return page;
            }
            last_read = Some(key);
            page.scanned += 1;
            // A replica that lags may still hold an older item, or none.
            let item = if self.as_of.is_some() { table.read(key, self.as_of) } else { Some(newest) };
            let Some(item) = item else { continue };
            page.bytes += item_bytes(item);
            if self.filter.as_ref().is_none_or(|filter| filter.holds(item)) {
                page.matched += 1;
                if !self.count_only {
                    page.items.push(projected(item, self.paths.as_deref()));
                }
            }
        }
        // DynamoDB hands out a last key when the limit was reached, even if nothing follows.
        if self.limit.is_some_and(|limit| page.scanned >= limit) {
            page.last = last_read.cloned();
        }
        page
    }
}

/// Whether items are only counted. AWS: what is selected and what is projected must agree.
fn counts_only(input: Input<'_>, is_projected: bool) -> Result<bool, ApiError> {
    match (input.text("Select")?, is_projected) {
        (None, _) | (Some("ALL_ATTRIBUTES"), false) | (Some("SPECIFIC_ATTRIBUTES"), true) => Ok(false),
        (Some("COUNT"), false) => Ok(true),
        (Some("SPECIFIC_ATTRIBUTES"), false) => Err(ApiError::validation(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        )),
        (Some("ALL_PROJECTED_ATTRIBUTES"), _) => {
            Err(ApiError::validation("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"))
        }
        (Some(select @ ("ALL_ATTRIBUTES" | "COUNT")), true) => Err(ApiError::validation(format!(
            "Cannot specify the AttributesToGet or ProjectionExpression when choosing to get {select}"
        ))),
        (Some(other), _) => {
            Err(not_in_enum(other, "select", "[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"))
        }
    }
}

pub(super) fn answer(table: &Table, input: Input<'_>, reading: &Reading, page: &Page) -> Result<Value, ApiError> {
    let mut output = json!({"Count": page.matched, "ScannedCount": page.scanned});
    if !reading.count_only {
        output["Items"] = page.items.iter().map(item_to_json).collect();
    }
    if let Some(last) = &page.last {
        output["LastEvaluatedKey"] = item_to_json(&table.key_attributes(last));
    }
    let consumed = units(page.bytes, READ_UNIT_BYTES, read_factor(input)?);
    add_consumed_capacity(&mut output, input, &table.name, consumed)?;
    Ok(output)
}
