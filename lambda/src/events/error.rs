//! Events that can't be understood. Each error names where, what was found and what is allowed, and is short: it ends in a log
//! and in a dead-letter queue.

use serde_json::Value;
use thiserror::Error;

/// Longest piece of an event that an error or a log line repeats.
const SHOWN_CHARACTERS: usize = 60;
/// Most keys that an error names.
const SHOWN_KEYS: usize = 3;

/// Why an event can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// It is larger than anything Lambda passes on.
    #[error("the event is larger than {allowed_bytes} bytes; allowed is at most that")]
    TooLarge {
        /// The most that is read.
        allowed_bytes: usize,
    },
    /// It has none of the forms that are understood.
    #[error("the event is {found}; allowed are {FORMS}")]
    Unrecognised {
        /// What it is instead.
        found: String,
    },
    /// A value is not there.
    #[error("{path} is missing; allowed is {allowed}")]
    Missing {
        /// Where it should be.
        path: String,
        /// What would be accepted.
        allowed: String,
    },
    /// A value is not what it must be.
    #[error("{path} is {found}; allowed is {allowed}")]
    Wrong {
        /// Where.
        path: String,
        /// What was found, cut to a readable length.
        found: String,
        /// What would be accepted.
        allowed: String,
    },
    /// A request has keys that mean nothing: they may be misspelt.
    #[error("{path} has the unknown keys {keys}; allowed are {allowed}")]
    UnknownKeys {
        /// Of what.
        path: String,
        /// Which, cut to a readable length.
        keys: String,
        /// Which are known.
        allowed: &'static str,
    },
}

/// The forms of events, for people.
const FORMS: &str = "an EventBridge event (with detail-type), a CloudWatch alarm action (with alarmData), a lifecycle hook's message \
                     (with LifecycleTransition), an SNS or SQS event (with Records) or a request for a failover (with service and to)";

/// A value in few words.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => shown_text(text),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(fields) if fields.is_empty() => "an object without keys".to_owned(),
        Value::Object(fields) => format!("an object with the keys {}", shown_keys(fields.keys())),
    }
}

/// Text in quotes, cut to a readable length, without what could confuse a terminal or forge a line of a log.
pub(super) fn shown_text(text: &str) -> String {
    let plain = |character: char| match character {
        '"' => '\'',
        '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    let mut characters = text.chars();
    let cut: String = characters.by_ref().take(SHOWN_CHARACTERS).map(plain).collect();
    let rest = if characters.next().is_some() { "…" } else { "" };
    format!("\"{cut}\"{rest}")
}

/// The first keys.
pub(super) fn shown_keys<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    let mut keys = keys;
    let first: Vec<String> = keys.by_ref().take(SHOWN_KEYS).map(|key| shown_text(key)).collect();
    match keys.count() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
