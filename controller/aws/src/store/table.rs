//! The store, and its table itself: making it, and reading a partition of it page by page.

use std::time::Duration;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
};
use failover_core::step::FailureClass;

use super::error::StoreError;
use super::item::{Item, string};
use crate::clients::Aws;
use crate::error::{AwsError, code, failed};

/// A new table is usable after some seconds.
const CREATION_POLL: Duration = Duration::from_secs(1);
const CREATION_POLLS: usize = 60;

/// A bound for the loop over pages of 1 MB each.
const MOST_PAGES: usize = 10_000;

/// The ledgers of one table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) aws: Aws,
    table: String,
}

impl Store {
    /// The ledgers in `table`.
    pub fn new(aws: &Aws, table: impl Into<String>) -> Self {
        Self { aws: aws.clone(), table: table.into() }
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Makes the table, if it does not exist, and waits until it is usable.
    pub async fn create_table(&self) -> Result<(), StoreError> {
        const OPERATION: &str = "CreateTable";
        let call = self.aws.dynamodb().create_table().table_name(self.table()).billing_mode(BillingMode::PayPerRequest);
        let call = call
            .attribute_definitions(attribute("pk").map_err(|error| not_built(OPERATION, &error))?)
            .attribute_definitions(attribute("sk").map_err(|error| not_built(OPERATION, &error))?)
            .key_schema(key_element("pk", KeyType::Hash).map_err(|error| not_built(OPERATION, &error))?)
            .key_schema(key_element("sk", KeyType::Range).map_err(|error| not_built(OPERATION, &error))?);
        match call.send().await.map_err(failed(OPERATION)) {
            Err(error) if error.code != "ResourceInUseException" => return Err(error.into()),
            _ => {}
        }
        for _ in 0..CREATION_POLLS {
            if self.is_usable().await? {
                return Ok(());
            }
            tokio::time::sleep(CREATION_POLL).await;
        }
        let waited = CREATION_POLL.saturating_mul(u32::try_from(CREATION_POLLS).unwrap_or(u32::MAX));
        Err(AwsError::timeout(OPERATION, waited).into())
    }

    async fn is_usable(&self) -> Result<bool, StoreError> {
        const OPERATION: &str = "DescribeTable";
        match self.aws.dynamodb().describe_table().table_name(self.table()).send().await.map_err(failed(OPERATION)) {
            Ok(answer) => Ok(answer.table().and_then(|table| table.table_status()) == Some(&TableStatus::Active)),
            // Just made, and not seen everywhere yet.
            Err(error) if error.class == FailureClass::Gone => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Up to `limit` items of a partition, in the order of their sort keys or against it.
    pub(super) async fn query(&self, partition: &str, ascending: bool, limit: usize) -> Result<Vec<Item>, StoreError> {
        let call = self.aws.dynamodb().query().table_name(self.table()).consistent_read(true);
        let call = call
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", string(partition))
            .scan_index_forward(ascending);
        let mut items: Vec<Item> = Vec::new();
        let mut start = None;
        for _ in 0..MOST_PAGES {
            let wanted = limit.saturating_sub(items.len());
            if wanted == 0 {
                return Ok(items);
            }
            // A limit that does not fit is none.
            let call = call.clone().set_exclusive_start_key(start).set_limit(i32::try_from(wanted).ok());
            let page = call.send().await.map_err(|error| self.error(failed("Query")(error)))?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(items);
            }
        }
        let message = format!("partition {partition} has more than {MOST_PAGES} pages");
        let code = code::UNREADABLE.to_owned();
        Err(AwsError { operation: "Query", class: FailureClass::Invalid, code, message }.into())
    }

    /// A failed call; a missing table has an error of its own.
    pub(super) fn error(&self, error: AwsError) -> StoreError {
        if error.code == "ResourceNotFoundException" {
            return StoreError::NoTable { table: self.table().to_owned() };
        }
        StoreError::Aws(error)
    }
}

fn attribute(name: &str) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
}

fn key_element(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}

fn not_built(operation: &'static str, error: &BuildError) -> AwsError {
    AwsError { operation, class: FailureClass::Invalid, code: code::NOT_SENT.to_owned(), message: error.to_string() }
}
