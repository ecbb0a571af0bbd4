//! Reading a JSON value step by step, so that an error can say where it went wrong.

use std::str::FromStr;

use failover_core::ids::BadName;
use serde_json::{Map, Value};

use super::error::{EventError, shown, shown_text};

/// A value, and where it is in the event.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> At<'a> {
    /// The event itself; `path` says where it was found, for one that came inside another.
    pub(super) fn root(path: impl Into<String>, value: &'a Value) -> Self {
        Self { path: path.into(), value }
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// Where it is, for people.
    pub(super) fn path(&self) -> &str {
        if self.path.is_empty() { "the event" } else { &self.path }
    }

    /// The value under `key`; none if it is not there, null, or this is no object.
    pub(super) fn get(&self, key: &str) -> Option<At<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(At { path: self.path_of(key), value })
    }

    /// The value under `key`, which has to be there.
    pub(super) fn need(&self, key: &str, allowed: &str) -> Result<At<'a>, EventError> {
        self.object()?;
        self.get(key).ok_or_else(|| EventError::Missing { path: self.path_of(key), allowed: allowed.to_owned() })
    }

    pub(super) fn object(&self) -> Result<&'a Map<String, Value>, EventError> {
        self.value.as_object().ok_or_else(|| self.wrong("an object"))
    }

    pub(super) fn text(&self) -> Result<&'a str, EventError> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    pub(super) fn flag(&self) -> Result<bool, EventError> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// The items of an array.
    pub(super) fn items(&self) -> Result<impl Iterator<Item = At<'a>> + use<'a>, EventError> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("an array"))?;
        let path = self.path.clone();
        Ok(items.iter().enumerate().map(move |(index, value)| At { path: format!("{path}[{index}]"), value }))
    }

    /// A name of ours or of AWS's, checked.
    pub(super) fn name<N: FromStr<Err = BadName>>(&self) -> Result<N, EventError> {
        self.text()?.parse().map_err(|error: BadName| self.wrong(error.allowed))
    }

    pub(super) fn wrong(&self, allowed: impl Into<String>) -> EventError {
        EventError::Wrong { path: self.path().to_owned(), found: shown(self.value), allowed: allowed.into() }
    }

    /// A word of a list, for the log: cut and quoted if it is not a plain one.
    pub(super) fn word(&self) -> Result<String, EventError> {
        let text = self.text()?.trim();
        let plain = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b' '));
        Ok(if plain { text.to_owned() } else { shown_text(text) })
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
