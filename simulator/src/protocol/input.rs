//! How a handler reads its parameters: by name, each of which its operation's table has to name as modelled.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::error::ApiError;
use super::refusal::InputErrors;
use super::schema::{ELEMENT, ENTRY, Schema};

/// A structure, list or map of a request. A member that is absent or null reads as `None`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    value: &'a Value,
    schema: &'a Schema,
    errors: &'static InputErrors,
}

impl<'a> Input<'a> {
    pub(crate) fn new(value: &'a Value, schema: &'a Schema, errors: &'static InputErrors) -> Self {
        Self { value, schema, errors }
    }

    /// What lies below; to ask for what the table does not name as modelled is the region's own fault.
    fn below(self, name: &str, mark: &str) -> Result<&'a Schema, ApiError> {
        let known = self.schema.below(name).or_else(|| self.schema.below(mark));
        let known = known.filter(|schema| schema.is_modelled()).ok_or_else(|| {
            ApiError::internal(format!(
                "{} is read, but its operation's table does not name it",
                self.schema.path_of(name)
            ))
        })?;
        known.note_read();
        Ok(known)
    }

    fn member(self, name: &str) -> Result<Option<Self>, ApiError> {
        let schema = self.below(name, ENTRY)?;
        let value = self.value.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| Self { value, schema, ..self }))
    }

    fn required_member(self, name: &str) -> Result<Self, ApiError> {
        self.member(name)?.ok_or_else(|| self.missing(name))
    }

    /// The service's words for a parameter that has to be there.
    pub(crate) fn missing(self, name: &str) -> ApiError {
        (self.errors.missing)(&self.schema.path_of(name))
    }

    fn wrong_type(self, expected: &str) -> ApiError {
        (self.errors.wrong_type)(self.schema.path(), expected)
    }

    pub(crate) fn has(self, name: &str) -> Result<bool, ApiError> {
        Ok(self.member(name)?.is_some())
    }

    pub(crate) fn text(self, name: &str) -> Result<Option<&'a str>, ApiError> {
        self.member(name)?.map(Self::as_text).transpose()
    }

    pub(crate) fn required_text(self, name: &str) -> Result<&'a str, ApiError> {
        self.required_member(name)?.as_text()
    }

    /// A text that has to be there and not empty, for the services that take empty for missing.
    pub(crate) fn filled_text(self, name: &str) -> Result<&'a str, ApiError> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| self.missing(name))
    }

    pub(crate) fn boolean(self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(member) = self.member(name)? else { return Ok(None) };
        match member.value {
            Value::Bool(value) => Ok(Some(*value)),
            Value::String(text) if text.eq_ignore_ascii_case("true") || text == "1" => Ok(Some(true)),
            Value::String(text) if text.eq_ignore_ascii_case("false") || text == "0" => Ok(Some(false)),
            _ => Err(member.wrong_type("true or false")),
        }
    }

    /// A boolean that is false unless it is given.
    pub(crate) fn flag(self, name: &str) -> Result<bool, ApiError> {
        Ok(self.boolean(name)?.unwrap_or(false))
    }

    pub(crate) fn integer(self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(member) = self.member(name)? else { return Ok(None) };
        let number = match member.value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.map(Some).ok_or_else(|| member.wrong_type("an integer"))
    }

    pub(crate) fn number(self, name: &str) -> Result<Option<f64>, ApiError> {
        self.member(name)?.map(Self::as_number).transpose()
    }

    /// A moment: seconds since the epoch (JSON, CBOR), or ISO 8601 (forms).
    pub(crate) fn time(self, name: &str) -> Result<Option<SystemTime>, ApiError> {
        let Some(member) = self.member(name)? else { return Ok(None) };
        let since_epoch = |seconds: f64| UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?);
        let time = match member.value {
            Value::Number(seconds) => seconds.as_f64().and_then(since_epoch),
            Value::String(text) => text.parse::<jiff::Timestamp>().ok().map(SystemTime::from),
            _ => None,
        };
        time.map(Some).ok_or_else(|| member.wrong_type("a timestamp"))
    }

    /// The texts of a list; an absent one is empty.
    pub(crate) fn texts(self, name: &str) -> Result<Vec<&'a str>, ApiError> {
        self.list(name)?.into_iter().map(Self::as_text).collect()
    }

    pub(crate) fn numbers(self, name: &str) -> Result<Vec<f64>, ApiError> {
        self.list(name)?.into_iter().map(Self::as_number).collect()
    }

    /// A structure inside this one, or a list or map to go into.
    pub(crate) fn structure(self, name: &str) -> Result<Option<Self>, ApiError> {
        self.member(name)
    }

    /// The elements of a list; an absent one is empty.
    pub(crate) fn list(self, name: &str) -> Result<Vec<Self>, ApiError> {
        match self.member(name)? {
            Some(member) => member.elements(),
            // That the table names the elements has to show in a call without any, too.
            None => Self { schema: self.below(name, ENTRY)?, ..self }.below(ELEMENT, ELEMENT).map(|_| Vec::new()),
        }
    }

    /// The elements, if this is a list.
    pub(crate) fn elements(self) -> Result<Vec<Self>, ApiError> {
        let schema = self.below(ELEMENT, ELEMENT)?;
        match self.value {
            Value::Array(elements) => Ok(elements.iter().map(|value| Self { value, schema, ..self }).collect()),
            // A form writes an empty list as `Name=`.
            Value::String(text) if text.is_empty() => Ok(Vec::new()),
            _ => Err(self.wrong_type("a list")),
        }
    }

    /// The entries of a map; an absent one is empty.
    pub(crate) fn map(self, name: &str) -> Result<Vec<(&'a str, Self)>, ApiError> {
        let Some(member) = self.member(name)? else { return Ok(Vec::new()) };
        let schema = member.below(ENTRY, ENTRY)?;
        match member.value {
            Value::Object(entries) => {
                Ok(entries.iter().map(|(key, value)| (key.as_str(), Self { value, schema, ..self })).collect())
            }
            _ => Err(member.wrong_type("a map")),
        }
    }

    /// A value with all that is below it, for a handler that reads it by itself.
    pub(crate) fn document(self, name: &str) -> Result<Option<&'a Value>, ApiError> {
        self.member(name)?.map(Self::as_document).transpose()
    }

    pub(crate) fn as_document(self) -> Result<&'a Value, ApiError> {
        if self.schema.is_document() {
            return Ok(self.value);
        }
        Err(ApiError::internal(format!("{} is read as a whole, but its table names its parts", self.schema.path())))
    }

    /// The value as it came, to be handed back unread.
    pub(crate) fn echo(self) -> Value {
        self.value.clone()
    }

    pub(crate) fn as_text(self) -> Result<&'a str, ApiError> {
        self.value.as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    fn as_number(self) -> Result<f64, ApiError> {
        let number = match self.value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.wrong_type("a number"))
    }

    /// Whether nothing is given but perhaps these.
    pub(crate) fn is_empty_but_for(self, names: &[&str]) -> bool {
        let members = self.value.as_object();
        members.is_none_or(|members| members.keys().all(|name| names.contains(&name.as_str())))
    }

    /// The whole as text, without some members: two requests with one token must agree on the rest.
    pub(crate) fn fingerprint(self, without: &[&str]) -> String {
        let mut rest = self.value.clone();
        if let Value::Object(members) = &mut rest {
            members.retain(|name, _| !without.contains(&name.as_str()));
        }
        rest.to_string()
    }
}
