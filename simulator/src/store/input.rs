//! Typed reading of an operation's input, whichever protocol carried it.
//!
//! The query protocol writes every leaf as text and the others write numbers and booleans; a reader takes both.

use serde_json::Value;

use super::AwsError;

/// An operation's input: a JSON object whose members are read by name.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a>(pub(crate) &'a Value);

impl<'a> Input<'a> {
    /// The member, unless it is absent or null.
    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(self, name: &str) -> Result<Option<&'a str>, AwsError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong_type(name, "a string")),
        }
    }

    pub(crate) fn required_text(self, name: &str) -> Result<&'a str, AwsError> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    pub(crate) fn boolean(self, name: &str) -> Result<Option<bool>, AwsError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(wrong_type(name, "a boolean")),
        }
    }

    pub(crate) fn integer(self, name: &str) -> Result<Option<i64>, AwsError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => number.as_i64().map(Some).ok_or_else(|| wrong_type(name, "an integer")),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| wrong_type(name, "an integer")),
            Some(_) => Err(wrong_type(name, "an integer")),
        }
    }

    /// The members of a list; an absent one is empty.
    pub(crate) fn list(self, name: &str) -> Result<&'a [Value], AwsError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(members)) => Ok(members),
            // The query protocol writes an empty list as `Name=`.
            Some(Value::String(text)) if text.is_empty() => Ok(&[]),
            Some(_) => Err(wrong_type(name, "a list")),
        }
    }

    pub(crate) fn texts(self, name: &str) -> Result<Vec<&'a str>, AwsError> {
        self.list(name)?
            .iter()
            .map(|value| value.as_str().ok_or_else(|| wrong_type(name, "a list of strings")))
            .collect()
    }
}

pub(crate) fn missing(name: &str) -> AwsError {
    let member = lower_camel(name);
    AwsError::validation(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

fn wrong_type(name: &str, expected: &str) -> AwsError {
    AwsError::client("SerializationException", format!("The member {name} has to be {expected}"))
}

/// Model members are named in lower camel case in validation texts.
pub(crate) fn lower_camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
