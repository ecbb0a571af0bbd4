//! Tables to be.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::admin::{between, description};
use super::request::{not_in_enum, table_name};
use crate::model::dynamodb::table::{Capacity, KeyAttribute, Table, TableParameters};
use crate::model::dynamodb::tables::Tables;
use crate::model::ids::uuid;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// `CREATING`. Assumed: 4-12 s.
const CREATION_SECONDS: (u64, u64) = (4, 12);

pub(super) fn create_table(tables: &mut Tables, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let name = table_name(input)?;
    if tables.by_name.contains_key(name) {
        return Err(ApiError::client("ResourceInUseException", format!("Table already exists: {name}")));
    }
    let (partition, sort) = key_schema(input)?;
    let parameters = TableParameters {
        name: name.to_owned(),
        id: uuid(&mut tables.chance),
        partition,
        sort,
        capacity: capacity(input)?,
        deletion_protection: input.flag("DeletionProtectionEnabled")?,
    };
    let table = Table::new(parameters, now, between(tables, CREATION_SECONDS));
    let description = description(&tables.settings, &table, now);
    tables.by_name.insert(name.to_owned(), table);
    Ok(json!({"TableDescription": description}))
}

fn invalid(why: &str) -> ApiError {
    ApiError::validation(format!("One or more parameter values were invalid: {why}"))
}

/// Names and types of the attributes that the request defines.
fn definitions<'a>(input: Input<'a>) -> Result<Vec<(&'a str, &'a str)>, ApiError> {
    let read = |definition: Input<'a>| {
        let name = definition.required_text("AttributeName")?;
        match definition.required_text("AttributeType")? {
            type_name @ ("S" | "N" | "B") => Ok((name, type_name)),
            other => Err(not_in_enum(other, "attributeDefinitions.1.member.attributeType", "[B, N, S]")),
        }
    };
    input.list("AttributeDefinitions")?.into_iter().map(read).collect()
}

fn key_schema(input: Input<'_>) -> Result<(KeyAttribute, Option<KeyAttribute>), ApiError> {
    let definitions = definitions(input)?;
    let mut keys = Vec::new();
    for (position, element) in input.list("KeySchema")?.into_iter().enumerate() {
        let name = element.required_text("AttributeName")?;
        if element.required_text("KeyType")? != if position == 0 { "HASH" } else { "RANGE" } {
            return Err(invalid(
                "Invalid KeySchema: The first KeySchemaElement is not a HASH key type, or the second is not a RANGE key type",
            ));
        }
        let definition = definitions.iter().find(|(defined, _)| *defined == name);
        let (_, type_name) =
            definition.ok_or_else(|| invalid("Some index key attributes are not defined in AttributeDefinitions"))?;
        keys.push(KeyAttribute { name: name.to_owned(), type_name: (*type_name).to_owned() });
    }
    if definitions.len() != keys.len() {
        return Err(invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        ));
    }
    let mut keys = keys.into_iter();
    match (keys.next(), keys.next(), keys.next()) {
        (Some(partition), sort, None) => Ok((partition, sort)),
        _ => Err(ApiError::validation(
            "1 validation error detected: Value at 'keySchema' failed to satisfy constraint: Member must have length between 1 and 2",
        )),
    }
}

fn capacity(input: Input<'_>) -> Result<Capacity, ApiError> {
    let throughput = input.structure("ProvisionedThroughput")?;
    match (input.text("BillingMode")?, throughput) {
        (Some("PAY_PER_REQUEST"), None) => Ok(Capacity::OnDemand),
        (None | Some("PROVISIONED"), Some(throughput)) => {
            let units = |name| {
                let units = throughput.integer(name)?.ok_or_else(|| throughput.missing(name))?;
                if units < 1 {
                    return Err(ApiError::validation(format!(
                        "1 validation error detected: Value '{units}' at 'provisionedThroughput.{name}' failed to satisfy constraint: Member must have value greater than or equal to 1"
                    )));
                }
                Ok(units)
            };
            Ok(Capacity::Provisioned {
                read_units: units("ReadCapacityUnits")?,
                write_units: units("WriteCapacityUnits")?,
            })
        }
        (Some("PAY_PER_REQUEST"), Some(_)) => Err(invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (None | Some("PROVISIONED"), None) => Err(invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (Some(other), _) => Err(not_in_enum(other, "billingMode", "[PROVISIONED, PAY_PER_REQUEST]")),
    }
}
