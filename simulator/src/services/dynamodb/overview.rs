//! What the region itself makes and shows of its tables.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::json::item_to_json;
use crate::model::dynamodb::table::{Capacity, KeyAttribute, Table, TableParameters};
use crate::model::dynamodb::tables::Tables;
use crate::model::ids::uuid;

/// Makes a table that is active at once.
pub(crate) fn add_active(
    tables: &mut Tables,
    name: String,
    partition: KeyAttribute,
    sort: Option<KeyAttribute>,
    now: SystemTime,
) {
    let parameters = TableParameters {
        name: name.clone(),
        id: uuid(&mut tables.chance),
        partition,
        sort,
        capacity: Capacity::OnDemand,
        deletion_protection: false,
    };
    tables.by_name.insert(name, Table::new(parameters, now, Duration::ZERO));
}

/// Everything, readable.
pub(crate) fn overview(tables: &Tables, now: SystemTime) -> Value {
    let tables = tables.by_name.values().map(|table| {
        let items: Vec<Value> = table.items().map(|(_, item)| item_to_json(item)).collect();
        (table.name.clone(), json!({"status": table.status(now).name(), "items": items}))
    });
    Value::Object(tables.collect())
}
