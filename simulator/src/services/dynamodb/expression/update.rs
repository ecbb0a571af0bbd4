//! Updates of an item.

use super::path::Path;
use crate::model::dynamodb::number::Decimal;
use crate::model::dynamodb::value::{AttributeValue, Item};
use crate::protocol::error::ApiError;

/// An update expression: its four clauses, in the order in which their actions were written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Update {
    pub(super) set: Vec<(Path, SetValue)>,
    pub(super) remove: Vec<Path>,
    pub(super) add: Vec<(Path, AttributeValue)>,
    pub(super) delete: Vec<(Path, AttributeValue)>,
}

/// The right side of a `SET` action.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SetValue {
    Operand(SetOperand),
    Plus(SetOperand, SetOperand),
    Minus(SetOperand, SetOperand),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum SetOperand {
    Path(Path),
    Value(AttributeValue),
    IfNotExists(Path, Box<SetOperand>),
    ListAppend(Box<SetOperand>, Box<SetOperand>),
}

impl SetValue {
    fn evaluate(&self, item: &Item) -> Result<AttributeValue, ApiError> {
        match self {
            SetValue::Operand(operand) => operand.evaluate(item),
            SetValue::Plus(left, right) => sum(&left.evaluate(item)?, &right.evaluate(item)?, false),
            SetValue::Minus(left, right) => sum(&left.evaluate(item)?, &right.evaluate(item)?, true),
        }
    }
}

impl SetOperand {
    fn evaluate(&self, item: &Item) -> Result<AttributeValue, ApiError> {
        match self {
            SetOperand::Value(value) => Ok(value.clone()),
            SetOperand::Path(path) => path.read(item).cloned().ok_or_else(|| {
                ApiError::validation("The provided expression refers to an attribute that does not exist in the item")
            }),
            SetOperand::IfNotExists(path, otherwise) => match path.read(item) {
                Some(value) => Ok(value.clone()),
                None => otherwise.evaluate(item),
            },
            SetOperand::ListAppend(front, back) => match (front.evaluate(item)?, back.evaluate(item)?) {
                (AttributeValue::List(mut front), AttributeValue::List(back)) => {
                    front.extend(back);
                    Ok(AttributeValue::List(front))
                }
                _ => Err(wrong_operand()),
            },
        }
    }
}

fn sum(left: &AttributeValue, right: &AttributeValue, negate: bool) -> Result<AttributeValue, ApiError> {
    match (left, right) {
        (AttributeValue::Number(left), AttributeValue::Number(right)) => {
            add(*left, if negate { right.negated() } else { *right }).map(AttributeValue::Number)
        }
        _ => Err(wrong_operand()),
    }
}

fn add(left: Decimal, right: Decimal) -> Result<Decimal, ApiError> {
    left.add(right).map_err(|error| ApiError::validation(error.message("")))
}

fn wrong_operand() -> ApiError {
    ApiError::validation("An operand in the update expression has an incorrect data type")
}

fn invalid_path() -> ApiError {
    ApiError::validation("The document path provided in the update expression is invalid for update")
}

impl Update {
    /// Every path that the update writes.
    pub(crate) fn written(&self) -> impl Iterator<Item = &Path> {
        let set = self.set.iter().map(|(path, _)| path);
        let add = self.add.iter().chain(&self.delete).map(|(path, _)| path);
        set.chain(&self.remove).chain(add)
    }

    /// The item after the update. Every right side is read from the item as it was before.
    pub(crate) fn apply(&self, before: &Item) -> Result<Item, ApiError> {
        let mut after = before.clone();
        for (path, value) in &self.set {
            if !path.write(&mut after, value.evaluate(before)?) {
                return Err(invalid_path());
            }
        }
        for (path, value) in &self.add {
            let sum = match path.read(before) {
                None => added_to_nothing(value)?,
                Some(present) => added(present, value)?,
            };
            if !path.write(&mut after, sum) {
                return Err(invalid_path());
            }
        }
        for (path, value) in &self.delete {
            let Some(present) = path.read(before) else { continue };
            let written = match without(present, value)? {
                Some(rest) => path.write(&mut after, rest),
                // A set without members does not exist.
                None => path.remove(&mut after),
            };
            if !written {
                return Err(invalid_path());
            }
        }
        // From the back, so that an index still means the element that it meant before.
        let mut removals: Vec<&Path> = self.remove.iter().collect();
        removals.sort_by(|left, right| right.cmp(left));
        for path in removals {
            if !path.remove(&mut after) {
                return Err(invalid_path());
            }
        }
        Ok(after)
    }
}

fn added_to_nothing(value: &AttributeValue) -> Result<AttributeValue, ApiError> {
    match value {
        AttributeValue::Number(_)
        | AttributeValue::StringSet(_)
        | AttributeValue::NumberSet(_)
        | AttributeValue::BinarySet(_) => Ok(value.clone()),
        _ => Err(wrong_operand()),
    }
}

fn added(present: &AttributeValue, value: &AttributeValue) -> Result<AttributeValue, ApiError> {
    match (present, value) {
        (AttributeValue::Number(left), AttributeValue::Number(right)) => add(*left, *right).map(AttributeValue::Number),
        (AttributeValue::StringSet(left), AttributeValue::StringSet(right)) => {
            Ok(AttributeValue::StringSet(left | right))
        }
        (AttributeValue::NumberSet(left), AttributeValue::NumberSet(right)) => {
            Ok(AttributeValue::NumberSet(left | right))
        }
        (AttributeValue::BinarySet(left), AttributeValue::BinarySet(right)) => {
            Ok(AttributeValue::BinarySet(left | right))
        }
        _ => Err(wrong_operand()),
    }
}

fn without(present: &AttributeValue, value: &AttributeValue) -> Result<Option<AttributeValue>, ApiError> {
    let rest = match (present, value) {
        (AttributeValue::StringSet(left), AttributeValue::StringSet(right)) => AttributeValue::StringSet(left - right),
        (AttributeValue::NumberSet(left), AttributeValue::NumberSet(right)) => AttributeValue::NumberSet(left - right),
        (AttributeValue::BinarySet(left), AttributeValue::BinarySet(right)) => AttributeValue::BinarySet(left - right),
        _ => return Err(wrong_operand()),
    };
    Ok(rest.function_size().is_some_and(|members| members > 0).then_some(rest))
}
