//! Many items of one table: query and scan, in pages.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::expression::{Comparison, Condition, Kind, Operand, Path};
use super::items::projected;
use super::table::{Key, KeyAttribute, KeyValue, Table};
use super::value::{Item, item_bytes, item_from_json, item_to_json};
use super::{Tables, add_consumed_capacity, refuse_members, substitutions, units};
use crate::store::AwsError;
use crate::store::input::Input;

/// AWS's limit on what one page reads.
const PAGE_BYTES: usize = 1024 * 1024;
/// What an agreed reading of one item by several names counts.
const READ_UNIT_BYTES: usize = 4096;

/// What both operations share once their parameters are read.
struct Reading {
    filter: Option<Condition>,
    paths: Option<Vec<Path>>,
    limit: Option<usize>,
    start_after: Option<Key>,
    count_only: bool,
    as_of: Option<SystemTime>,
}

/// One page of a reading.
struct Page {
    items: Vec<Item>,
    matched: usize,
    scanned: usize,
    bytes: usize,
    last: Option<Key>,
}

impl Tables {
    pub(super) fn query(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        refuse_members(request, &["KeyConditions", "QueryFilter", "AttributesToGet", "ConditionalOperator"])?;
        let as_of = self.read_as_of(request, now)?;
        let table = self.active(request, now)?;
        let mut names = substitutions(request)?;
        let key_condition = request.text("KeyConditionExpression")?.ok_or_else(|| {
            AwsError::validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
            )
        })?;
        let key_condition = names.condition(Kind::KeyCondition, key_condition)?;
        let reading = Reading::new(table, request, &mut names, as_of)?;
        let (partition, sort_condition) = split_key_condition(table, key_condition)?;
        let forward = request.boolean("ScanIndexForward")?.unwrap_or(true);
        let mut rows: Vec<(&Key, &Item)> = table.partition_items(&partition).collect();
        if !forward {
            rows.reverse();
        }
        let rows = rows.into_iter().skip_while(|(key, _)| match &reading.start_after {
            None => false,
            Some(start) if forward => *key <= start,
            Some(start) => *key >= start,
        });
        let wanted = rows.filter(|(key, _)| {
            sort_condition.as_ref().is_none_or(|condition| condition.holds(&table.key_attributes(key)))
        });
        let page = reading.page(table, wanted);
        Ok(answer(table, request, &reading, &page))
    }

    pub(super) fn scan(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        refuse_members(request, &["ScanFilter", "AttributesToGet", "ConditionalOperator"])?;
        let as_of = self.read_as_of(request, now)?;
        let table = self.active(request, now)?;
        let mut names = substitutions(request)?;
        let reading = Reading::new(table, request, &mut names, as_of)?;
        let segment = segment(request)?;
        let rows = table.items().filter(|(key, _)| reading.start_after.as_ref().is_none_or(|start| *key > start));
        let rows = rows.filter(|(key, _)| segment.is_none_or(|(segment, total)| bucket(key, total) == segment));
        let page = reading.page(table, rows);
        Ok(answer(table, request, &reading, &page))
    }
}

impl Reading {
    fn new(
        table: &Table,
        request: Input<'_>,
        names: &mut super::Substitutions,
        as_of: Option<SystemTime>,
    ) -> Result<Reading, AwsError> {
        if let Some(index) = request.text("IndexName")? {
            return Err(AwsError::validation(format!("The table does not have the specified index: {index}")));
        }
        let filter = request.text("FilterExpression")?.map(|text| names.condition(Kind::Filter, text)).transpose()?;
        let paths = request.text("ProjectionExpression")?.map(|text| names.projection(text)).transpose()?;
        names.check_all_used()?;
        let limit = match request.integer("Limit")? {
            None => None,
            Some(limit) => Some(usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or_else(|| {
                AwsError::validation(format!(
                    "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
                ))
            })?),
        };
        let start_after = match request.get("ExclusiveStartKey") {
            None => None,
            Some(start) => Some(table.key_of_request(&item_from_json(start)?).map_err(|_| {
                AwsError::validation(
                    "The provided starting key is invalid: The provided key element does not match the schema",
                )
            })?),
        };
        let count_only = match request.text("Select")? {
            None | Some("ALL_ATTRIBUTES" | "SPECIFIC_ATTRIBUTES") => false,
            Some("COUNT") => true,
            Some(other) => {
                return Err(AwsError::validation(format!("The simulated region does not model Select={other}")));
            }
        };
        Ok(Reading { filter, paths, limit, start_after, count_only, as_of })
    }

    /// Reads rows until the limit or the page's size is reached. The filter comes after both.
    fn page<'a>(&self, table: &Table, rows: impl Iterator<Item = (&'a Key, &'a Item)>) -> Page {
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

fn answer(table: &Table, request: Input<'_>, reading: &Reading, page: &Page) -> Value {
    let mut output = json!({"Count": page.matched, "ScannedCount": page.scanned});
    if let Some(members) = output.as_object_mut() {
        if !reading.count_only {
            members.insert("Items".to_owned(), page.items.iter().map(item_to_json).collect());
        }
        if let Some(last) = &page.last {
            members.insert("LastEvaluatedKey".to_owned(), item_to_json(&table.key_attributes(last)));
        }
    }
    let factor = if request.boolean("ConsistentRead") == Ok(Some(true)) { 1.0 } else { 0.5 };
    add_consumed_capacity(&mut output, request, &table.name, units(page.bytes, READ_UNIT_BYTES, factor));
    output
}

/// A key condition is `partition = :value`, perhaps with one condition on the sort key.
fn split_key_condition(table: &Table, condition: Condition) -> Result<(KeyValue, Option<Condition>), AwsError> {
    let not_supported = || AwsError::validation("Query key condition not supported");
    let mut parts = Vec::new();
    let mut open = vec![condition];
    while let Some(part) = open.pop() {
        match part {
            Condition::And(left, right) => open.extend([*right, *left]),
            other => parts.push(other),
        }
    }
    if parts.len() > 2 {
        return Err(AwsError::validation("Conditions can be of length 1 or 2 only"));
    }
    let (partition, rest): (Vec<Condition>, Vec<Condition>) =
        parts.into_iter().partition(|part| key_name(part) == Some(table.partition.name.as_str()));
    let missed =
        || AwsError::validation(format!("Query condition missed key schema element: {}", table.partition.name));
    let mut partition = partition.into_iter();
    let (Some(equality), None) = (partition.next(), partition.next()) else { return Err(missed()) };
    let Condition::Compare(Comparison::Equal, Operand::Path(_), Operand::Value(value)) = equality else {
        return Err(not_supported());
    };
    check_type(&table.partition, value.type_name())?;
    let partition = KeyValue::of(&value).ok_or_else(not_supported)?;
    let Some(on_sort) = rest.into_iter().next() else { return Ok((partition, None)) };
    let Some(sort) = table.sort.as_ref().filter(|sort| key_name(&on_sort) == Some(sort.name.as_str())) else {
        let schema = table.sort.as_ref().map_or(&table.partition.name, |sort| &sort.name);
        return Err(AwsError::validation(format!("Query condition missed key schema element: {schema}")));
    };
    match &on_sort {
        Condition::Compare(Comparison::NotEqual, ..) | Condition::In(..) | Condition::Contains(..) => {
            return Err(AwsError::validation(
                "Invalid operator used in KeyConditionExpression: only =, <, <=, >, >=, BETWEEN and begins_with are allowed on the sort key",
            ));
        }
        Condition::Compare(_, _, Operand::Value(value)) | Condition::Between(_, Operand::Value(value), _) => {
            check_type(sort, value.type_name())?;
        }
        Condition::BeginsWith(_, Operand::Value(_)) => {}
        _ => return Err(not_supported()),
    }
    Ok((partition, Some(on_sort)))
}

fn check_type(key: &KeyAttribute, actual: &str) -> Result<(), AwsError> {
    if key.type_name == actual {
        Ok(())
    } else {
        Err(AwsError::validation(
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ))
    }
}

/// The attribute that a key condition is about.
fn key_name(condition: &Condition) -> Option<&str> {
    let (Condition::Compare(_, Operand::Path(path), _)
    | Condition::Between(Operand::Path(path), ..)
    | Condition::BeginsWith(Operand::Path(path), _)
    | Condition::In(Operand::Path(path), _)
    | Condition::Contains(Operand::Path(path), _)) = condition
    else {
        return None;
    };
    path.steps.is_empty().then_some(path.root.as_str())
}

/// `Segment` and `TotalSegments` of a parallel scan.
fn segment(request: Input<'_>) -> Result<Option<(u64, u64)>, AwsError> {
    let number = |name| Ok::<_, AwsError>(request.integer(name)?.and_then(|number| u64::try_from(number).ok()));
    match (number("Segment")?, number("TotalSegments")?) {
        (None, None) => Ok(None),
        (Some(segment), Some(total)) if segment < total => Ok(Some((segment, total))),
        _ => Err(AwsError::validation(
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
