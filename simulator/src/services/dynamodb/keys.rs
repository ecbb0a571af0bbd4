//! Primary keys out of items and requests.

use crate::model::dynamodb::table::{Key, KeyAttribute, KeyValue, Table};
use crate::model::dynamodb::value::{AttributeValue, Item};
use crate::protocol::error::ApiError;

/// AWS's limits on the two parts of a key.
const LONGEST_PARTITION_KEY_BYTES: usize = 2048;
const LONGEST_SORT_KEY_BYTES: usize = 1024;

impl Table {
    /// The key of a whole item that is to be stored.
    pub(crate) fn key_of_item(&self, item: &Item) -> Result<Key, ApiError> {
        let attribute = |attribute: &KeyAttribute| {
            let value = item.get(&attribute.name).ok_or_else(|| {
                ApiError::validation(format!(
                    "One or more parameter values were invalid: Missing the key {} in the item",
                    attribute.name
                ))
            })?;
            if value.type_name() != attribute.type_name {
                return Err(ApiError::validation(format!(
                    "One or more parameter values were invalid: Type mismatch for key {} expected: {} actual: {}",
                    attribute.name,
                    attribute.type_name,
                    value.type_name()
                )));
            }
            key_value(attribute, value)
        };
        checked(Key { partition: attribute(&self.partition)?, sort: self.sort.as_ref().map(attribute).transpose()? })
    }

    /// The key that a request names: exactly the key attributes, of the right types.
    pub(crate) fn key_of_request(&self, named: &Item) -> Result<Key, ApiError> {
        let expected = 1 + usize::from(self.sort.is_some());
        let mismatch = || ApiError::validation("The provided key element does not match the schema");
        if named.len() != expected {
            return Err(ApiError::validation("The number of conditions on the keys is invalid"));
        }
        let attribute = |attribute: &KeyAttribute| {
            let value = named
                .get(&attribute.name)
                .filter(|value| value.type_name() == attribute.type_name)
                .ok_or_else(mismatch)?;
            key_value(attribute, value)
        };
        checked(Key { partition: attribute(&self.partition)?, sort: self.sort.as_ref().map(attribute).transpose()? })
    }
}

fn key_value(attribute: &KeyAttribute, value: &AttributeValue) -> Result<KeyValue, ApiError> {
    match KeyValue::of(value) {
        Some(KeyValue::String(bytes) | KeyValue::Binary(bytes)) if bytes.is_empty() => {
            Err(ApiError::validation(format!(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: {}",
                attribute.name
            )))
        }
        Some(value) => Ok(value),
        None => Err(ApiError::validation("The provided key element does not match the schema")),
    }
}

fn checked(key: Key) -> Result<Key, ApiError> {
    // The texts are AWS's own, the missing space too.
    if bytes(&key.partition) > LONGEST_PARTITION_KEY_BYTES {
        return Err(ApiError::validation(
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ));
    }
    if key.sort.as_ref().is_some_and(|sort| bytes(sort) > LONGEST_SORT_KEY_BYTES) {
        return Err(ApiError::validation(
            "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        ));
    }
    Ok(key)
}

fn bytes(value: &KeyValue) -> usize {
    match value {
        KeyValue::String(bytes) | KeyValue::Binary(bytes) => bytes.len(),
        // A number has 38 digits at most.
        KeyValue::Number(_) => 0,
    }
}
