//! DynamoDB: tables, conditional writes, transactions.
//!
//! A write is applied in one piece and at once; a strongly consistent read sees it. An eventually consistent read may show an item as it
//! was up to the replica lag ago. Not modelled: secondary indexes, streams, TTL, provisioned capacity (nothing is ever throttled here by
//! itself), `PartiQL`.

mod admin;
mod batch;
mod expression;
mod items;
mod number;
mod query;
mod table;
mod value;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use self::expression::Substitutions;
pub(crate) use self::table::KeyAttribute;
use self::table::{Table, TableParameters, TableStatus};
use super::input::Input;
use super::{AwsError, Settings};

/// Reads that are not strongly consistent lag by up to this. AWS: "usually within a second".
const REPLICA_LAG: Duration = Duration::from_secs(1);
/// AWS keeps a transaction's client token for ten minutes.
const TRANSACTION_TOKEN_KEPT: Duration = Duration::from_mins(10);

/// All tables of the region.
#[derive(Debug)]
pub(crate) struct Tables {
    settings: Settings,
    chance: fastrand::Rng,
    by_name: BTreeMap<String, Table>,
    transaction_tokens: VecDeque<TransactionToken>,
}

#[derive(Debug)]
struct TransactionToken {
    token: String,
    request: Value,
    at: SystemTime,
}

impl Tables {
    pub(crate) fn new(settings: Settings) -> Tables {
        let chance = fastrand::Rng::with_seed(settings.seed ^ 0xD1_7A_B1_E5);
        Tables { settings, chance, by_name: BTreeMap::new(), transaction_tokens: VecDeque::new() }
    }

    /// One call: the operation by its name in the model.
    pub(crate) fn call(&mut self, operation: &str, input: &Value, now: SystemTime) -> Result<Value, AwsError> {
        self.by_name.retain(|_, table| table.gone_at.is_none_or(|gone_at| now < gone_at));
        let request = Input(input);
        match operation {
            "CreateTable" => self.create_table(request, now),
            "DescribeTable" => self.describe_table(request, now),
            "DeleteTable" => self.delete_table(request, now),
            "ListTables" => self.list_tables(request),
            "GetItem" => self.get_item(request, now),
            "PutItem" => self.put_item(request, now),
            "UpdateItem" => self.update_item(request, now),
            "DeleteItem" => self.delete_item(request, now),
            "Query" => self.query(request, now),
            "Scan" => self.scan(request, now),
            "TransactWriteItems" => self.transact_write_items(request, now),
            "TransactGetItems" => self.transact_get_items(request, now),
            "BatchGetItem" => self.batch_get_item(request, now),
            "BatchWriteItem" => self.batch_write_item(request, now),
            _ => Err(unknown_operation()),
        }
    }

    /// Makes a table that is active at once.
    pub(crate) fn add_active(
        &mut self,
        name: String,
        partition: KeyAttribute,
        sort: Option<KeyAttribute>,
        now: SystemTime,
    ) {
        let billing_mode = "PAY_PER_REQUEST".to_owned();
        let parameters = TableParameters { name: name.clone(), id: self.table_id(), partition, sort, billing_mode };
        self.by_name.insert(name, Table::new(parameters, now, Duration::ZERO));
    }

    /// Everything, readable: what the region shows of itself.
    pub(crate) fn overview(&self, now: SystemTime) -> Value {
        let tables = self.by_name.values().map(|table| {
            let items: Vec<Value> = table.items().map(|(_, item)| value::item_to_json(item)).collect();
            (table.name.clone(), json!({"status": table.status(now).name(), "items": items}))
        });
        Value::Object(tables.collect())
    }

    /// A table that items can be read from and written to.
    fn active(&self, request: Input<'_>, now: SystemTime) -> Result<&Table, AwsError> {
        let name = table_name(request)?;
        self.by_name.get(name).filter(|table| table.status(now) == TableStatus::Active).ok_or_else(resource_not_found)
    }

    fn active_mut(&mut self, name: &str, now: SystemTime) -> Result<&mut Table, AwsError> {
        self.by_name
            .get_mut(name)
            .filter(|table| table.status(now) == TableStatus::Active)
            .ok_or_else(resource_not_found)
    }

    /// The moment whose state a read shows: `None` is now.
    fn read_as_of(&mut self, request: Input<'_>, now: SystemTime) -> Result<Option<SystemTime>, AwsError> {
        let consistent = request.boolean("ConsistentRead")?.unwrap_or(false);
        if consistent || self.chance.f64() >= self.settings.stale_read_probability {
            return Ok(None);
        }
        Ok(now.checked_sub(self.settings.scaled(REPLICA_LAG.mul_f64(self.chance.f64()))))
    }
}

fn unknown_operation() -> AwsError {
    AwsError::client("UnknownOperationException", "")
}

fn resource_not_found() -> AwsError {
    AwsError::client("ResourceNotFoundException", "Requested resource not found")
}

/// The table's name; an ARN names it too.
fn table_name(request: Input<'_>) -> Result<&str, AwsError> {
    let name = request.required_text("TableName")?;
    let name = name.rsplit_once("table/").filter(|_| name.starts_with("arn:")).map_or(name, |(_, short)| short);
    let allowed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if (3..=255).contains(&name.len()) && allowed {
        Ok(name)
    } else {
        Err(AwsError::validation(format!(
            "1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )))
    }
}

/// The names and values that a request's expressions refer to.
fn substitutions(request: Input<'_>) -> Result<Substitutions, AwsError> {
    Substitutions::from_json(request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues"))
}

/// The parameters from before expressions are refused rather than ignored: to ignore a condition would be to write.
fn refuse_members(request: Input<'_>, members: &[&str]) -> Result<(), AwsError> {
    match members.iter().find(|name| request.get(name).is_some()) {
        Some(name) => Err(AwsError::validation(format!("The simulated region does not model the parameter {name}"))),
        None => Ok(()),
    }
}

/// `ConsumedCapacity`, if it was asked for.
fn add_consumed_capacity(output: &mut Value, request: Input<'_>, table: &str, units: f64) {
    let wanted = request.get("ReturnConsumedCapacity").and_then(Value::as_str).is_some_and(|mode| mode != "NONE");
    if wanted && let Some(members) = output.as_object_mut() {
        members.insert("ConsumedCapacity".to_owned(), json!({"TableName": table, "CapacityUnits": units}));
    }
}

/// Capacity units of reading (4 KiB, half if eventually consistent) or writing (1 KiB).
fn units(bytes: usize, unit_bytes: usize, factor: f64) -> f64 {
    let whole = u32::try_from(bytes.div_ceil(unit_bytes).max(1)).unwrap_or(u32::MAX);
    f64::from(whole) * factor
}

/// Names that appear more than once.
fn has_duplicates<T: Ord>(members: impl IntoIterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    members.into_iter().any(|member| !seen.insert(member))
}

#[cfg(test)]
mod tests;
