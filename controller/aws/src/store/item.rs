//! Between DynamoDB's items and ours.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use jiff::Timestamp;

use super::error::BadRecord;
use super::record::{Lease, Stored};

/// An item as the SDK has it. Nothing depends on its order.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The partition of the ledgers.
pub(super) const LEDGER: &str = "ledger";

/// The key of an item.
pub(super) fn key(partition: &str, sort: &str) -> Item {
    HashMap::from([("pk".to_owned(), string(partition)), ("sk".to_owned(), string(sort))])
}

pub(super) fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn integer(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn milliseconds(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.as_millisecond().to_string())
}

pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A number that a record must have.
pub(super) fn number(item: &Item, name: &str) -> Result<u64, String> {
    let value = item.get(name).ok_or_else(|| format!("it has no {name}"))?;
    let digits = value.as_n().map_err(|_| format!("{name} is no number"))?;
    digits.parse().map_err(|_| format!("{name} = {digits} is no whole number"))
}

/// The lease of a record, if it has one.
pub(super) fn lease(item: &Item) -> Result<Option<Lease>, String> {
    let Some(holder) = text(item, "lease_holder") else { return Ok(None) };
    let until = number(item, "lease_until")?;
    let until = i64::try_from(until).ok().and_then(|until| Timestamp::from_millisecond(until).ok());
    let until = until.ok_or("lease_until is no time")?;
    Ok(Some(Lease { holder: holder.to_owned(), until }))
}

impl Stored {
    /// Reads the record of a service.
    pub(super) fn of(service: &str, item: &Item) -> Result<Self, BadRecord> {
        read(service, item).map_err(|why| BadRecord { service: service.to_owned(), why })
    }
}

fn read(service: &str, item: &Item) -> Result<Stored, String> {
    let body = text(item, "body").ok_or("it has no body")?;
    let ledger: failover_core::ledger::Ledger = serde_json::from_str(body).map_err(|error| error.to_string())?;
    if ledger.service.as_str() != service {
        return Err(format!("it is the ledger of {}", ledger.service));
    }
    Ok(Stored { ledger, version: number(item, "version")?, wake: number(item, "wake")?, lease: lease(item)? })
}

/// The item that an update's condition refused; empty where there is none. Nothing for any other failure.
pub(super) fn refused_update(error: &SdkError<UpdateItemError, HttpResponse>) -> Option<Item> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
            Some(refused.item.clone().unwrap_or_default())
        }
        _ => None,
    }
}

/// The same for a put.
pub(super) fn refused_put(error: &SdkError<PutItemError, HttpResponse>) -> Option<Item> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(refused)) => Some(refused.item.clone().unwrap_or_default()),
        _ => None,
    }
}
