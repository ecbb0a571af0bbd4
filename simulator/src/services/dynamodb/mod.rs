//! DynamoDB: tables, conditional writes, transactions.
//!
//! A write is applied in one piece and at once; a strongly consistent read sees it. An eventually consistent read may show an item as it
//! was up to the replica lag ago. Not modelled: secondary indexes, streams, TTL, encryption keys, table classes, tags, limits on capacity
//! (nothing is ever throttled here by itself), `PartiQL`, and the parameters from before there were expressions.

mod admin;
mod batches;
mod create;
mod expression;
mod items;
mod json;
mod key_condition;
mod keys;
mod overview;
mod query;
mod reading;
mod request;
mod scan;
#[cfg(test)]
mod tests;
mod transactions;
mod write;

use std::time::SystemTime;

use serde_json::Value;

pub(crate) use self::overview::{add_active, overview};
use crate::model::dynamodb::tables::Tables;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::operations::{Operation, Operations, operation};
use crate::protocol::parameter::{Parameter, default_only, document, irrelevant, one_of};
use crate::protocol::service::Service;

type Handler = fn(&mut Tables, Input<'_>, SystemTime) -> Result<Value, ApiError>;

pub(crate) static OPERATIONS: Operations<Handler> = Operations::new(Service::DynamoDb, TABLE);

const NAMES: Parameter = document("ExpressionAttributeNames");
const VALUES: Parameter = document("ExpressionAttributeValues");
/// Consumed capacity by index is that of the table here, but has another form.
const CAPACITY: Parameter = one_of("ReturnConsumedCapacity", &["NONE", "TOTAL"]);
const NO_CAPACITY: Parameter = default_only("ReturnConsumedCapacity", &["NONE"]);
const COLLECTIONS: Parameter = irrelevant("ReturnItemCollectionMetrics", "only local indexes have item collections");

const TABLE: &[Operation<Handler>] = &[
    operation(
        "BatchGetItem",
        batches::get,
        &["RequestItems{}.ConsistentRead", "RequestItems{}.ProjectionExpression"],
        &[document("RequestItems{}.Keys[]"), document("RequestItems{}.ExpressionAttributeNames"), NO_CAPACITY],
    ),
    operation(
        "BatchWriteItem",
        batches::write,
        &[],
        &[
            document("RequestItems{}[].PutRequest.Item"),
            document("RequestItems{}[].DeleteRequest.Key"),
            NO_CAPACITY,
            COLLECTIONS,
        ],
    ),
    operation(
        "CreateTable",
        create::create_table,
        &[
            "TableName",
            "AttributeDefinitions[].AttributeName",
            "AttributeDefinitions[].AttributeType",
            "KeySchema[].AttributeName",
            "KeySchema[].KeyType",
            "BillingMode",
            "ProvisionedThroughput.ReadCapacityUnits",
            "ProvisionedThroughput.WriteCapacityUnits",
            "DeletionProtectionEnabled",
        ],
        &[
            default_only("StreamSpecification.StreamEnabled", &["false"]),
            // AWS's own key, which encrypts every table.
            default_only("SSESpecification.Enabled", &["false"]),
            default_only("TableClass", &["STANDARD"]),
        ],
    ),
    operation(
        "DeleteItem",
        items::delete,
        &["TableName", "ConditionExpression", "ReturnValues", "ReturnValuesOnConditionCheckFailure"],
        &[document("Key"), NAMES, VALUES, CAPACITY, COLLECTIONS],
    ),
    operation("DeleteTable", admin::delete_table, &["TableName"], &[]),
    operation("DescribeTable", admin::describe_table, &["TableName"], &[]),
    operation(
        "GetItem",
        items::get,
        &["TableName", "ConsistentRead", "ProjectionExpression"],
        &[document("Key"), NAMES, CAPACITY],
    ),
    operation("ListTables", admin::list_tables, &["ExclusiveStartTableName", "Limit"], &[]),
    operation(
        "PutItem",
        items::put,
        &["TableName", "ConditionExpression", "ReturnValues", "ReturnValuesOnConditionCheckFailure"],
        &[document("Item"), NAMES, VALUES, CAPACITY, COLLECTIONS],
    ),
    operation(
        "Query",
        query::query,
        &[
            "TableName",
            "IndexName",
            "Select",
            "Limit",
            "ConsistentRead",
            "ScanIndexForward",
            "KeyConditionExpression",
            "FilterExpression",
            "ProjectionExpression",
        ],
        &[document("ExclusiveStartKey"), NAMES, VALUES, CAPACITY],
    ),
    operation(
        "Scan",
        scan::scan,
        &[
            "TableName",
            "IndexName",
            "Select",
            "Limit",
            "ConsistentRead",
            "Segment",
            "TotalSegments",
            "FilterExpression",
            "ProjectionExpression",
        ],
        &[document("ExclusiveStartKey"), NAMES, VALUES, CAPACITY],
    ),
    operation(
        "TransactGetItems",
        transactions::get,
        &["TransactItems[].Get.TableName", "TransactItems[].Get.ProjectionExpression"],
        &[document("TransactItems[].Get.Key"), document("TransactItems[].Get.ExpressionAttributeNames"), NO_CAPACITY],
    ),
    operation(
        "TransactWriteItems",
        transactions::write,
        &[
            "ClientRequestToken",
            "TransactItems[].Put.TableName",
            "TransactItems[].Put.ConditionExpression",
            "TransactItems[].Put.ReturnValuesOnConditionCheckFailure",
            "TransactItems[].Update.TableName",
            "TransactItems[].Update.UpdateExpression",
            "TransactItems[].Update.ConditionExpression",
            "TransactItems[].Update.ReturnValuesOnConditionCheckFailure",
            "TransactItems[].Delete.TableName",
            "TransactItems[].Delete.ConditionExpression",
            "TransactItems[].Delete.ReturnValuesOnConditionCheckFailure",
            "TransactItems[].ConditionCheck.TableName",
            "TransactItems[].ConditionCheck.ConditionExpression",
            "TransactItems[].ConditionCheck.ReturnValuesOnConditionCheckFailure",
        ],
        &[
            document("TransactItems[].Put.Item"),
            document("TransactItems[].Put.ExpressionAttributeNames"),
            document("TransactItems[].Put.ExpressionAttributeValues"),
            document("TransactItems[].Update.Key"),
            document("TransactItems[].Update.ExpressionAttributeNames"),
            document("TransactItems[].Update.ExpressionAttributeValues"),
            document("TransactItems[].Delete.Key"),
            document("TransactItems[].Delete.ExpressionAttributeNames"),
            document("TransactItems[].Delete.ExpressionAttributeValues"),
            document("TransactItems[].ConditionCheck.Key"),
            document("TransactItems[].ConditionCheck.ExpressionAttributeNames"),
            document("TransactItems[].ConditionCheck.ExpressionAttributeValues"),
            NO_CAPACITY,
            COLLECTIONS,
        ],
    ),
    operation(
        "UpdateItem",
        items::update,
        &[
            "TableName",
            "UpdateExpression",
            "ConditionExpression",
            "ReturnValues",
            "ReturnValuesOnConditionCheckFailure",
        ],
        &[document("Key"), NAMES, VALUES, CAPACITY, COLLECTIONS],
    ),
    operation("UpdateTable", admin::update_table, &["TableName", "DeletionProtectionEnabled"], &[]),
];
