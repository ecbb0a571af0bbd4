//! Conditions over an item.

use std::cmp::Ordering;

use super::path::Path;
use crate::model::dynamodb::value::{AttributeValue, Item};

/// A condition or filter expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Comparison, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    /// `attribute_type(path, :name)`
    Type(Path, String),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a condition compares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Path(Path),
    Value(AttributeValue),
    /// `size(path)`
    Size(Path),
}

impl Operand {
    fn value(&self, item: &Item) -> Option<AttributeValue> {
        match self {
            Operand::Path(path) => path.read(item).cloned(),
            Operand::Value(value) => Some(value.clone()),
            Operand::Size(path) => {
                let size = path.read(item)?.function_size()?;
                size.to_string().parse().ok().map(AttributeValue::Number)
            }
        }
    }
}

impl Comparison {
    fn holds(self, left: &AttributeValue, right: &AttributeValue) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left.compare(right).is_some_and(Ordering::is_lt),
            Comparison::LessOrEqual => left.compare(right).is_some_and(Ordering::is_le),
            Comparison::Greater => left.compare(right).is_some_and(Ordering::is_gt),
            Comparison::GreaterOrEqual => left.compare(right).is_some_and(Ordering::is_ge),
        }
    }
}

impl Condition {
    /// Whether the item meets it. An absent item is an item without attributes.
    pub(crate) fn holds(&self, item: &Item) -> bool {
        match self {
            Condition::And(left, right) => left.holds(item) && right.holds(item),
            Condition::Or(left, right) => left.holds(item) || right.holds(item),
            Condition::Not(inner) => !inner.holds(item),
            Condition::Compare(comparison, left, right) => match (left.value(item), right.value(item)) {
                (Some(left), Some(right)) => comparison.holds(&left, &right),
                // `<>` is the one comparison that an absent attribute meets.
                (None, Some(_)) | (Some(_), None) => *comparison == Comparison::NotEqual,
                (None, None) => false,
            },
            Condition::Between(value, low, high) => match (value.value(item), low.value(item), high.value(item)) {
                (Some(value), Some(low), Some(high)) => {
                    Comparison::GreaterOrEqual.holds(&value, &low) && Comparison::LessOrEqual.holds(&value, &high)
                }
                _ => false,
            },
            Condition::In(value, candidates) => value.value(item).is_some_and(|value| {
                candidates.iter().any(|candidate| candidate.value(item).is_some_and(|other| other == value))
            }),
            Condition::Exists(path) => path.read(item).is_some(),
            Condition::NotExists(path) => path.read(item).is_none(),
            Condition::Type(path, type_name) => path.read(item).is_some_and(|value| value.type_name() == type_name),
            Condition::BeginsWith(value, prefix) => match (value.value(item), prefix.value(item)) {
                (Some(AttributeValue::String(text)), Some(AttributeValue::String(prefix))) => text.starts_with(&prefix),
                (Some(AttributeValue::Binary(bytes)), Some(AttributeValue::Binary(prefix))) => {
                    bytes.starts_with(&prefix)
                }
                _ => false,
            },
            Condition::Contains(whole, part) => match (whole.value(item), part.value(item)) {
                (Some(whole), Some(part)) => contains(&whole, &part),
                _ => false,
            },
        }
    }
}

fn contains(whole: &AttributeValue, part: &AttributeValue) -> bool {
    match (whole, part) {
        (AttributeValue::String(text), AttributeValue::String(part)) => text.contains(part.as_str()),
        (AttributeValue::Binary(bytes), AttributeValue::Binary(part)) => {
            part.is_empty() || bytes.windows(part.len()).any(|window| window == part.as_slice())
        }
        (AttributeValue::StringSet(set), AttributeValue::String(member)) => set.contains(member),
        (AttributeValue::NumberSet(set), AttributeValue::Number(member)) => set.contains(member),
        (AttributeValue::BinarySet(set), AttributeValue::Binary(member)) => set.contains(member),
        (AttributeValue::List(list), member) => list.contains(member),
        _ => false,
    }
}
