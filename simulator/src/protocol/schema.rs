//! An operation's parameters as a tree, against which requests are checked and through which handlers read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::parameter::{Kind, Parameter};
use super::refusal::InputErrors;

/// How a list's elements and a map's values are called in a path.
pub(crate) const ELEMENT: &str = "[]";
pub(crate) const ENTRY: &str = "{}";

/// One place in the tree: a parameter, or what leads to some.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    path: String,
    kind: Option<Kind>,
    below: BTreeMap<&'static str, Schema>,
    /// Whether a handler has ever asked for it.
    read: AtomicBool,
}

impl Schema {
    pub(crate) fn of(parameters: impl Iterator<Item = Parameter>) -> Self {
        let mut root = Self::default();
        for parameter in parameters {
            let node = parts(parameter.path).fold(&mut root, Self::deeper);
            node.kind = Some(parameter.kind);
        }
        root
    }

    fn deeper(&mut self, part: &'static str) -> &mut Self {
        let path = self.path_of(part);
        self.below.entry(part).or_insert_with(|| Self { path, ..Self::default() })
    }

    /// The path of something below; empty is the request itself.
    pub(crate) fn path_of(&self, part: &str) -> String {
        if self.path.is_empty() || matches!(part, ELEMENT | ENTRY) {
            return format!("{}{part}", self.path);
        }
        format!("{}.{part}", self.path)
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn below(&self, part: &str) -> Option<&Self> {
        self.below.get(part)
    }

    pub(crate) fn is_document(&self) -> bool {
        self.kind == Some(Kind::Document)
    }

    /// Whether a handler may read it: it leads to what is modelled, or is.
    pub(crate) fn is_modelled(&self) -> bool {
        !matches!(self.kind, Some(Kind::Irrelevant(_) | Kind::Default(_)))
    }

    pub(crate) fn note_read(&self) {
        self.read.store(true, Ordering::Relaxed);
    }

    /// Refuses whatever a request carries that this tree does not name.
    pub(crate) fn check(&self, operation: &str, value: &Value, errors: &InputErrors) -> Result<(), ApiError> {
        match self.kind {
            Some(Kind::Document | Kind::Irrelevant(_)) => return Ok(()),
            Some(Kind::OneOf(known) | Kind::Default(known)) => return self.check_value(operation, value, known),
            Some(Kind::Modelled) | None => {}
        }
        match value {
            Value::Object(members) => self.check_members(operation, members, errors),
            Value::Array(elements) => match self.below(ELEMENT) {
                Some(element) => elements.iter().try_for_each(|value| element.check(operation, value, errors)),
                None => Err((errors.wrong_type)(&self.path, "no list")),
            },
            // A form writes an empty list as `Name=`.
            Value::String(text) if text.is_empty() && self.below.contains_key(ELEMENT) => Ok(()),
            Value::Null => Ok(()),
            _ if self.kind.is_none() => Err((errors.wrong_type)(&self.path, self.expected())),
            _ => Ok(()),
        }
    }

    fn check_members(
        &self,
        operation: &str,
        members: &Map<String, Value>,
        errors: &InputErrors,
    ) -> Result<(), ApiError> {
        if !self.path.is_empty() && self.below.is_empty() {
            return Err((errors.wrong_type)(&self.path, "no structure"));
        }
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            let known = self.below(name).or_else(|| self.below(ENTRY));
            let known = known.ok_or_else(|| {
                ApiError::unsupported(format!(
                    "The parameter {} of {operation} is unknown or not modelled by this simulated region.",
                    self.path_of(name)
                ))
            })?;
            known.check(operation, value, errors)?;
        }
        Ok(())
    }

    fn check_value(&self, operation: &str, value: &Value, known: &[&str]) -> Result<(), ApiError> {
        let given = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if known.contains(&given.as_str()) {
            return Ok(());
        }
        Err(ApiError::unsupported(format!(
            "The value {given} for the parameter {} of {operation} is unknown or not modelled by this simulated region; it knows {}.",
            self.path,
            known.join(", ")
        )))
    }

    fn expected(&self) -> &'static str {
        if self.below.contains_key(ELEMENT) { "a list" } else { "a structure" }
    }

    /// Every parameter with its kind, by its path without the marks of lists and maps.
    pub(crate) fn describe(&self, into: &mut Map<String, Value>) {
        if let Some(kind) = self.kind {
            let path = self.path.replace(ELEMENT, "").replace(ENTRY, "");
            into.insert(path, self.described(kind));
        }
        for below in self.below.values() {
            below.describe(into);
        }
    }

    fn described(&self, kind: Kind) -> Value {
        match kind {
            Kind::Modelled => json!({"kind": "modelled", "read": self.was_read()}),
            Kind::Document => json!({"kind": "modelled", "with_all_below": true, "read": self.was_read()}),
            Kind::OneOf(values) => json!({"kind": "modelled", "values": values, "read": self.was_read()}),
            Kind::Default(values) => json!({"kind": "irrelevant", "values": values}),
            Kind::Irrelevant(why) => json!({"kind": "irrelevant", "with_all_below": true, "why": why}),
        }
    }

    fn was_read(&self) -> bool {
        self.read.load(Ordering::Relaxed)
    }
}

/// `A[].B{}` is `A`, `[]`, `B`, `{}`.
pub(super) fn parts(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('.').flat_map(|segment| {
        let name_ends = segment.find(['[', '{']).unwrap_or(segment.len());
        let (name, marks) = segment.split_at(name_ends);
        let mark = |at: usize| marks.get(at..at + 2);
        std::iter::once(name).chain((0..marks.len()).step_by(2).filter_map(mark))
    })
}
