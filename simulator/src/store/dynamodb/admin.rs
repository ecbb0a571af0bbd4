//! Tables themselves: create, describe, delete, list.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::table::{KeyAttribute, Table, TableParameters, TableStatus};
use super::{Tables, refuse_members, table_name};
use crate::protocol::timestamp::epoch_json;
use crate::store::AwsError;
use crate::store::input::Input;

/// `CREATING`. Assumed: 4-12 s.
const CREATION_SECONDS: (u64, u64) = (4, 12);
/// `DELETING`. Assumed: 2-6 s.
const DELETION_SECONDS: (u64, u64) = (2, 6);
const TABLES_PER_PAGE: usize = 100;

impl Tables {
    pub(super) fn create_table(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        refuse_members(request, &["GlobalSecondaryIndexes", "LocalSecondaryIndexes"])?;
        if request
            .get("StreamSpecification")
            .is_some_and(|stream| Input(stream).boolean("StreamEnabled") == Ok(Some(true)))
        {
            return Err(AwsError::validation("The simulated region does not model streams"));
        }
        let name = table_name(request)?;
        if self.by_name.contains_key(name) {
            return Err(AwsError::client("ResourceInUseException", format!("Table already exists: {name}")));
        }
        let (partition, sort) = key_schema(request)?;
        let billing_mode = request.text("BillingMode")?.unwrap_or("PROVISIONED").to_owned();
        check_capacity(request, &billing_mode)?;
        let parameters = TableParameters { name: name.to_owned(), id: self.table_id(), partition, sort, billing_mode };
        let creation_takes = self.between(CREATION_SECONDS);
        let table = Table::new(parameters, now, creation_takes);
        let description = self.description(&table, now);
        self.by_name.insert(name.to_owned(), table);
        Ok(json!({"TableDescription": description}))
    }

    pub(super) fn describe_table(&self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        let table = self.named(request)?;
        Ok(json!({"Table": self.description(table, now)}))
    }

    pub(super) fn delete_table(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        let table = self.named(request)?;
        let name = table.name.clone();
        if table.status(now) == TableStatus::Creating {
            return Err(AwsError::client(
                "ResourceInUseException",
                format!("Attempt to change a resource which is still in use: Table is being created: {name}"),
            ));
        }
        let deletion_takes = self.between(DELETION_SECONDS);
        if let Some(table) = self.by_name.get_mut(&name)
            && table.gone_at.is_none()
        {
            table.gone_at = Some(now + deletion_takes);
        }
        let description = self.by_name.get(&name).map(|table| self.description(table, now));
        Ok(json!({"TableDescription": description}))
    }

    pub(super) fn list_tables(&self, request: Input<'_>) -> Result<Value, AwsError> {
        let limit = request.integer("Limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(TABLES_PER_PAGE);
        if !(1..=TABLES_PER_PAGE).contains(&limit) {
            return Err(AwsError::validation(format!(
                "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100"
            )));
        }
        let after = request.text("ExclusiveStartTableName")?.unwrap_or_default();
        let mut names: Vec<&String> =
            self.by_name.keys().filter(|name| name.as_str() > after).take(limit + 1).collect();
        let more = names.len() > limit;
        names.truncate(limit);
        let mut output = json!({"TableNames": names});
        if more && let (Some(members), Some(last)) = (output.as_object_mut(), names.last()) {
            members.insert("LastEvaluatedTableName".to_owned(), json!(last));
        }
        Ok(output)
    }

    fn named(&self, request: Input<'_>) -> Result<&Table, AwsError> {
        let name = table_name(request)?;
        self.by_name.get(name).ok_or_else(|| {
            AwsError::client(
                "ResourceNotFoundException",
                format!("Requested resource not found: Table: {name} not found"),
            )
        })
    }

    fn between(&mut self, (low, high): (u64, u64)) -> Duration {
        let milliseconds = self.chance.u64(low * 1000..=high * 1000);
        self.settings.scaled(Duration::from_millis(milliseconds))
    }

    pub(super) fn table_id(&mut self) -> String {
        let random = self.chance.u128(..);
        let hex = format!("{random:032x}");
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    }

    fn description(&self, table: &Table, now: SystemTime) -> Value {
        let keys = [("HASH", Some(&table.partition)), ("RANGE", table.sort.as_ref())];
        let keys: Vec<(&str, &KeyAttribute)> = keys.into_iter().filter_map(|(role, key)| Some((role, key?))).collect();
        json!({
            "TableName": table.name,
            "TableStatus": table.status(now).name(),
            "TableArn": format!("arn:aws:dynamodb:{}:{}:table/{}", self.settings.region_name, self.settings.account_id, table.name),
            "TableId": table.id,
            "CreationDateTime": epoch_json(table.created_at),
            "KeySchema": keys.iter().map(|(role, key)| json!({"AttributeName": key.name, "KeyType": role})).collect::<Vec<_>>(),
            "AttributeDefinitions": keys.iter()
                .map(|(_, key)| json!({"AttributeName": key.name, "AttributeType": key.type_name}))
                .collect::<Vec<_>>(),
            "BillingModeSummary": {"BillingMode": table.billing_mode},
            "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
            "ItemCount": table.item_count(),
            "TableSizeBytes": table.size_bytes(),
            "DeletionProtectionEnabled": false,
        })
    }
}

fn key_schema(request: Input<'_>) -> Result<(KeyAttribute, Option<KeyAttribute>), AwsError> {
    let definitions = request.list("AttributeDefinitions")?;
    let schema = request.list("KeySchema")?;
    let invalid = |why: &str| AwsError::validation(format!("One or more parameter values were invalid: {why}"));
    let mut keys = Vec::new();
    for (position, element) in schema.iter().enumerate() {
        let element = Input(element);
        let name = element.required_text("AttributeName")?;
        let role = element.required_text("KeyType")?;
        if role != if position == 0 { "HASH" } else { "RANGE" } {
            return Err(invalid(
                "Invalid KeySchema: The first KeySchemaElement is not a HASH key type, or the second is not a RANGE key type",
            ));
        }
        let definition =
            definitions.iter().find(|definition| Input(definition).text("AttributeName") == Ok(Some(name)));
        let Some(definition) = definition else {
            return Err(invalid("Some index key attributes are not defined in AttributeDefinitions"));
        };
        let type_name = Input(definition).required_text("AttributeType")?;
        if !matches!(type_name, "S" | "N" | "B") {
            return Err(AwsError::validation(format!(
                "1 validation error detected: Value '{type_name}' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]"
            )));
        }
        keys.push(KeyAttribute { name: name.to_owned(), type_name: type_name.to_owned() });
    }
    if definitions.len() != keys.len() {
        return Err(invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        ));
    }
    let mut keys = keys.into_iter();
    match (keys.next(), keys.next(), keys.next()) {
        (Some(partition), sort, None) => Ok((partition, sort)),
        _ => Err(AwsError::validation(
            "1 validation error detected: Value at 'keySchema' failed to satisfy constraint: Member must have length between 1 and 2",
        )),
    }
}

fn check_capacity(request: Input<'_>, billing_mode: &str) -> Result<(), AwsError> {
    let throughput = request.get("ProvisionedThroughput");
    match (billing_mode, throughput) {
        ("PAY_PER_REQUEST", None) | ("PROVISIONED", Some(_)) => Ok(()),
        ("PAY_PER_REQUEST", Some(_)) => Err(AwsError::validation(
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        ("PROVISIONED", None) => Err(AwsError::validation(
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        _ => Err(AwsError::validation(format!(
            "1 validation error detected: Value '{billing_mode}' at 'billingMode' failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]"
        ))),
    }
}
