//! Attribute values and items as JSON: `{"S": "text"}`, `{"N": "1"}`, ….

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use crate::model::dynamodb::number::Decimal;
use crate::model::dynamodb::value::{AttributeValue, Item};
use crate::protocol::error::ApiError;

/// How deep maps and lists may nest.
const DEEPEST: usize = 32;

impl AttributeValue {
    pub(crate) fn to_json(&self) -> Value {
        match self {
            AttributeValue::String(text) => json!({"S": text}),
            AttributeValue::Number(number) => json!({"N": number.to_string()}),
            AttributeValue::Binary(bytes) => json!({"B": BASE64.encode(bytes)}),
            AttributeValue::StringSet(set) => json!({"SS": set}),
            AttributeValue::NumberSet(set) => json!({"NS": set.iter().map(ToString::to_string).collect::<Vec<_>>()}),
            AttributeValue::BinarySet(set) => {
                json!({"BS": set.iter().map(|bytes| BASE64.encode(bytes)).collect::<Vec<_>>()})
            }
            AttributeValue::Bool(value) => json!({"BOOL": value}),
            AttributeValue::Null => json!({"NULL": true}),
            AttributeValue::List(list) => json!({"L": list.iter().map(AttributeValue::to_json).collect::<Vec<_>>()}),
            AttributeValue::Map(map) => json!({"M": item_to_json(map)}),
        }
    }

    pub(crate) fn from_json(value: &Value) -> Result<AttributeValue, ApiError> {
        read(value, 0)
    }
}

pub(crate) fn item_to_json(item: &Item) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), value.to_json())).collect::<Map<_, _>>())
}

pub(crate) fn item_from_json(value: &Value) -> Result<Item, ApiError> {
    read_item(value, 0)
}

fn read_item(value: &Value, depth: usize) -> Result<Item, ApiError> {
    let Value::Object(members) = value else {
        return Err(ApiError::client("SerializationException", "Start of structure or map found where not expected"));
    };
    members.iter().map(|(name, value)| Ok((name.clone(), read(value, depth)?))).collect()
}

fn read(value: &Value, depth: usize) -> Result<AttributeValue, ApiError> {
    if depth > DEEPEST {
        return Err(ApiError::validation("Nesting Levels have exceeded supported limits"));
    }
    let only = value.as_object().filter(|members| members.len() == 1).and_then(|members| members.iter().next());
    let Some((type_name, content)) = only else {
        let many = value.as_object().is_some_and(|members| members.len() > 1);
        return Err(ApiError::validation(if many {
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
        } else {
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        }));
    };
    match type_name.as_str() {
        "S" => Ok(AttributeValue::String(text(content)?.to_owned())),
        "N" => Ok(AttributeValue::Number(number(content)?)),
        "B" => Ok(AttributeValue::Binary(bytes(content)?)),
        "SS" => Ok(AttributeValue::StringSet(set(content, |member| Ok(text(member)?.to_owned()))?)),
        "NS" => Ok(AttributeValue::NumberSet(set(content, number)?)),
        "BS" => Ok(AttributeValue::BinarySet(set(content, bytes)?)),
        "BOOL" => content.as_bool().map(AttributeValue::Bool).ok_or_else(|| wrong_json("BOOL")),
        "NULL" if content.as_bool() == Some(true) => Ok(AttributeValue::Null),
        "NULL" => Err(ApiError::validation(
            "One or more parameter values were invalid: Null attribute value types must have the value of true",
        )),
        "L" => {
            let members = content.as_array().ok_or_else(|| wrong_json("L"))?;
            Ok(AttributeValue::List(members.iter().map(|member| read(member, depth + 1)).collect::<Result<_, _>>()?))
        }
        "M" => Ok(AttributeValue::Map(read_item(content, depth + 1)?)),
        _ => Err(ApiError::validation(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        )),
    }
}

fn set<T: Ord>(content: &Value, read: impl Fn(&Value) -> Result<T, ApiError>) -> Result<BTreeSet<T>, ApiError> {
    let members = content.as_array().ok_or_else(|| wrong_json("a set"))?;
    if members.is_empty() {
        return Err(ApiError::validation("One or more parameter values were invalid: An set may not be empty"));
    }
    let set = members.iter().map(read).collect::<Result<BTreeSet<T>, ApiError>>()?;
    if set.len() < members.len() {
        return Err(ApiError::validation(
            "One or more parameter values were invalid: Input collection contains duplicates.",
        ));
    }
    Ok(set)
}

fn text(content: &Value) -> Result<&str, ApiError> {
    content.as_str().ok_or_else(|| wrong_json("a string"))
}

fn number(content: &Value) -> Result<Decimal, ApiError> {
    let written = text(content)?;
    written.parse::<Decimal>().map_err(|error| ApiError::validation(error.message(written)))
}

fn bytes(content: &Value) -> Result<Vec<u8>, ApiError> {
    BASE64
        .decode(text(content)?)
        .map_err(|_| ApiError::client("SerializationException", "Invalid Base64 in a binary value"))
}

fn wrong_json(expected: &str) -> ApiError {
    ApiError::client(
        "SerializationException",
        format!("An attribute value has JSON of another type where {expected} belongs"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn json_survives_a_round_trip() {
        let wire = json!({
            "s": {"S": "text"}, "n": {"N": "12.5"}, "b": {"B": "AQID"}, "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2"]},
            "bs": {"BS": ["AQ=="]}, "t": {"BOOL": true}, "z": {"NULL": true},
            "l": {"L": [{"S": "x"}, {"M": {"deep": {"N": "1"}}}]},
        });
        assert_eq!(item_to_json(&item_from_json(&wire).unwrap()), wire);
    }

    #[test]
    fn malformed_values_are_refused() {
        for (value, text) in [
            (json!({}), "is empty"),
            (json!({"S": "a", "N": "1"}), "more than one datatypes"),
            (json!({"N": "one"}), "cannot be converted to a numeric value: one"),
            (json!({"SS": []}), "may not be empty"),
            (json!({"SS": ["a", "a"]}), "duplicates"),
            (json!({"NULL": false}), "must have the value of true"),
            (json!({"Q": "a"}), "is empty"),
            (json!({"S": 1}), "JSON of another type"),
        ] {
            let error = AttributeValue::from_json(&value).unwrap_err();
            assert!(error.message.contains(text), "{value}: {}", error.message);
        }
        let mut deep = json!({"S": "x"});
        for _ in 0..40 {
            deep = json!({"L": [deep]});
        }
        assert!(AttributeValue::from_json(&deep).unwrap_err().message.contains("Nesting Levels"));
    }
}
