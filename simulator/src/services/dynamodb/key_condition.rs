//! What a query asks of the key.

use super::expression::condition::{Comparison, Condition, Operand};
use crate::model::dynamodb::table::{KeyAttribute, KeyValue, Table};
use crate::protocol::error::ApiError;

/// A key condition is `partition = :value`, perhaps with one condition on the sort key.
pub(super) fn split_key_condition(
    table: &Table,
    condition: Condition,
) -> Result<(KeyValue, Option<Condition>), ApiError> {
    let not_supported = || ApiError::validation("Query key condition not supported");
    let mut parts = Vec::new();
    let mut open = vec![condition];
    while let Some(part) = open.pop() {
        match part {
            Condition::And(left, right) => open.extend([*right, *left]),
            other => parts.push(other),
        }
    }
    if parts.len() > 2 {
        return Err(ApiError::validation("Conditions can be of length 1 or 2 only"));
    }
    let (partition, rest): (Vec<Condition>, Vec<Condition>) =
        parts.into_iter().partition(|part| key_name(part) == Some(table.partition.name.as_str()));
    let missed =
        || ApiError::validation(format!("Query condition missed key schema element: {}", table.partition.name));
    let mut partition = partition.into_iter();
    let (Some(equality), None) = (partition.next(), partition.next()) else { return Err(missed()) };
    let Condition::Compare(Comparison::Equal, Operand::Path(_), Operand::Value(value)) = equality else {
        return Err(not_supported());
    };
    check_type(&table.partition, value.type_name())?;
    let partition = KeyValue::of(&value).ok_or_else(not_supported)?;
    let Some(on_sort) = rest.into_iter().next() else { return Ok((partition, None)) };
    let Some(sort) = table.sort.as_ref().filter(|sort| key_name(&on_sort) == Some(sort.name.as_str())) else {
        let schema = table.sort.as_ref().map_or(&table.partition.name, |sort| &sort.name);
        return Err(ApiError::validation(format!("Query condition missed key schema element: {schema}")));
    };
    match &on_sort {
        Condition::Compare(Comparison::NotEqual, ..) | Condition::In(..) | Condition::Contains(..) => {
            return Err(ApiError::validation(
                "Invalid operator used in KeyConditionExpression: only =, <, <=, >, >=, BETWEEN and begins_with are allowed on the sort key",
            ));
        }
        Condition::Compare(_, _, Operand::Value(value)) | Condition::Between(_, Operand::Value(value), _) => {
            check_type(sort, value.type_name())?;
        }
        Condition::BeginsWith(_, Operand::Value(_)) => {}
        _ => return Err(not_supported()),
    }
    Ok((partition, Some(on_sort)))
}

fn check_type(key: &KeyAttribute, actual: &str) -> Result<(), ApiError> {
    if key.type_name == actual {
        Ok(())
    } else {
        Err(ApiError::validation(
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ))
    }
}

/// The attribute that a key condition is about.
fn key_name(condition: &Condition) -> Option<&str> {
    let (Condition::Compare(_, Operand::Path(path), _)
    | Condition::Between(Operand::Path(path), ..)
    | Condition::BeginsWith(Operand::Path(path), _)
    | Condition::In(Operand::Path(path), _)
    | Condition::Contains(Operand::Path(path), _)) = condition
    else {
        return None;
    };
    path.steps.is_empty().then_some(path.root.as_str())
}
