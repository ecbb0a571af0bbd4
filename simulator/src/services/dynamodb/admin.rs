//! Tables that there are: describe, change, delete, list.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::request::table_name;
use crate::model::dynamodb::table::{Capacity, KeyAttribute, Table, TableStatus};
use crate::model::dynamodb::tables::Tables;
use crate::model::settings::Settings;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::timestamp::epoch_json;

/// `DELETING`. Assumed: 2-6 s.
const DELETION_SECONDS: (u64, u64) = (2, 6);
const TABLES_PER_PAGE: usize = 100;

pub(super) fn describe_table(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let table = named(tables, input)?;
    Ok(json!({"Table": description(&tables.settings, table, now)}))
}

/// Only the protection against deletion can be switched, which AWS does at once.
pub(super) fn update_table(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let name = named(tables, input)?.name.clone();
    let protection = input.boolean("DeletionProtectionEnabled")?.ok_or_else(|| {
        ApiError::validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
        )
    })?;
    let settings = tables.settings.clone();
    let table = tables.by_name.get_mut(&name).filter(|table| table.status(now) == TableStatus::Active);
    let table = table.ok_or_else(|| in_use(&name, "Table is not ACTIVE"))?;
    table.deletion_protection = protection;
    Ok(json!({"TableDescription": description(&settings, table, now)}))
}

pub(super) fn delete_table(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let table = named(tables, input)?;
    let name = table.name.clone();
    if table.deletion_protection {
        return Err(ApiError::validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
        ));
    }
    if table.status(now) == TableStatus::Creating {
        return Err(in_use(&name, "Table is being created"));
    }
    let gone_at = now + between(tables, DELETION_SECONDS);
    if let Some(table) = tables.by_name.get_mut(&name) {
        table.gone_at.get_or_insert(gone_at);
    }
    let description = tables.by_name.get(&name).map(|table| description(&tables.settings, table, now));
    Ok(json!({"TableDescription": description}))
}

pub(super) fn list_tables(tables: &mut Tables, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    let limit = match input.integer("Limit")? {
        None => TABLES_PER_PAGE,
        Some(asked) => usize::try_from(asked).ok().filter(|limit| (1..=TABLES_PER_PAGE).contains(limit)).ok_or_else(|| {
            ApiError::validation(format!(
                "1 validation error detected: Value '{asked}' at 'limit' failed to satisfy constraint: Member must have value between 1 and 100"
            ))
        })?,
    };
    let after = input.text("ExclusiveStartTableName")?.unwrap_or_default();
    let mut names: Vec<&String> = tables.by_name.keys().filter(|name| name.as_str() > after).take(limit + 1).collect();
    let more = names.len() > limit;
    names.truncate(limit);
    let mut output = json!({"TableNames": names});
    if let Some(last) = names.last().filter(|_| more) {
        output["LastEvaluatedTableName"] = json!(last);
    }
    Ok(output)
}

fn named<'t>(tables: &'t Tables, input: Input<'_>) -> Result<&'t Table, ApiError> {
    let name = table_name(input)?;
    tables.by_name.get(name).ok_or_else(|| {
        ApiError::client("ResourceNotFoundException", format!("Requested resource not found: Table: {name} not found"))
    })
}

fn in_use(name: &str, why: &str) -> ApiError {
    ApiError::client(
        "ResourceInUseException",
        format!("Attempt to change a resource which is still in use: {why}: {name}"),
    )
}

/// A duration that is drawn, as it passes on the wall's clock.
pub(super) fn between(tables: &mut Tables, (shortest, longest): (u64, u64)) -> Duration {
    let milliseconds = tables.chance.u64(shortest * 1000..=longest * 1000);
    tables.settings.scaled(Duration::from_millis(milliseconds))
}

/// A table as AWS shows it.
pub(super) fn description(settings: &Settings, table: &Table, now: SystemTime) -> Value {
    let keys = [("HASH", Some(&table.partition)), ("RANGE", table.sort.as_ref())];
    let keys: Vec<(&str, &KeyAttribute)> = keys.into_iter().filter_map(|(role, key)| Some((role, key?))).collect();
    let (read_units, write_units) = match table.capacity {
        Capacity::OnDemand => (0, 0),
        Capacity::Provisioned { read_units, write_units } => (read_units, write_units),
    };
    let mut shown = json!({
        "TableName": table.name,
        "TableStatus": table.status(now).name(),
        "TableArn": format!("arn:aws:dynamodb:{}:{}:table/{}", settings.region_name, settings.account_id, table.name),
        "TableId": table.id,
        "CreationDateTime": epoch_json(table.created_at),
        "KeySchema": keys.iter().map(|(role, key)| json!({"AttributeName": key.name, "KeyType": role})).collect::<Vec<_>>(),
        "AttributeDefinitions": keys.iter()
            .map(|(_, key)| json!({"AttributeName": key.name, "AttributeType": key.type_name}))
            .collect::<Vec<_>>(),
        "ProvisionedThroughput": {
            "NumberOfDecreasesToday": 0, "ReadCapacityUnits": read_units, "WriteCapacityUnits": write_units,
        },
        "ItemCount": table.item_count(),
        "TableSizeBytes": table.size_bytes(),
        "DeletionProtectionEnabled": table.deletion_protection,
    });
    // AWS says how a table is paid for only if it is, or was, on demand.
    if table.capacity == Capacity::OnDemand {
        shown["BillingModeSummary"] = json!({"BillingMode": "PAY_PER_REQUEST"});
    }
    shown
}
