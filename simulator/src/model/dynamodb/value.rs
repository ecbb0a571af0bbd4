//! Attribute values and items.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::number::Decimal;

/// An item: attributes by name.
pub(crate) type Item = BTreeMap<String, AttributeValue>;

/// One attribute's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AttributeValue {
    String(String),
    Number(Decimal),
    Binary(Vec<u8>),
    StringSet(BTreeSet<String>),
    NumberSet(BTreeSet<Decimal>),
    BinarySet(BTreeSet<Vec<u8>>),
    Bool(bool),
    Null,
    List(Vec<AttributeValue>),
    Map(Item),
}

impl AttributeValue {
    /// The type's one- or two-letter name.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            AttributeValue::String(_) => "S",
            AttributeValue::Number(_) => "N",
            AttributeValue::Binary(_) => "B",
            AttributeValue::StringSet(_) => "SS",
            AttributeValue::NumberSet(_) => "NS",
            AttributeValue::BinarySet(_) => "BS",
            AttributeValue::Bool(_) => "BOOL",
            AttributeValue::Null => "NULL",
            AttributeValue::List(_) => "L",
            AttributeValue::Map(_) => "M",
        }
    }

    /// The order of two values, which only strings, numbers and binaries of one type have.
    pub(crate) fn compare(&self, other: &AttributeValue) -> Option<Ordering> {
        match (self, other) {
            (AttributeValue::String(left), AttributeValue::String(right)) => {
                Some(left.as_bytes().cmp(right.as_bytes()))
            }
            (AttributeValue::Number(left), AttributeValue::Number(right)) => Some(left.cmp(right)),
            (AttributeValue::Binary(left), AttributeValue::Binary(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }

    /// What `size()` gives; numbers, booleans and null have none.
    pub(crate) fn function_size(&self) -> Option<usize> {
        match self {
            AttributeValue::String(text) => Some(text.len()),
            AttributeValue::Binary(bytes) => Some(bytes.len()),
            AttributeValue::StringSet(set) => Some(set.len()),
            AttributeValue::NumberSet(set) => Some(set.len()),
            AttributeValue::BinarySet(set) => Some(set.len()),
            AttributeValue::List(list) => Some(list.len()),
            AttributeValue::Map(map) => Some(map.len()),
            AttributeValue::Number(_) | AttributeValue::Bool(_) | AttributeValue::Null => None,
        }
    }

    /// Bytes that count towards the item's size limit.
    pub(crate) fn stored_bytes(&self) -> usize {
        match self {
            AttributeValue::String(text) => text.len(),
            AttributeValue::Number(number) => number.to_string().len() / 2 + 2,
            AttributeValue::Binary(bytes) => bytes.len(),
            AttributeValue::StringSet(set) => set.iter().map(String::len).sum(),
            AttributeValue::NumberSet(set) => set.iter().map(|number| number.to_string().len() / 2 + 2).sum(),
            AttributeValue::BinarySet(set) => set.iter().map(Vec::len).sum(),
            AttributeValue::Bool(_) | AttributeValue::Null => 1,
            AttributeValue::List(list) => 3 + list.iter().map(|value| 1 + value.stored_bytes()).sum::<usize>(),
            AttributeValue::Map(map) => 3 + map.len() + item_bytes(map),
        }
    }
}

/// Bytes of an item: its attributes' names and values.
pub(crate) fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.stored_bytes()).sum()
}
