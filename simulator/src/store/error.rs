//! An error as a service means it, before a protocol gives it a shape.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A service's refusal: AWS's own code and text, and the members that some exceptions carry beside them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AwsError {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) status: u16,
    pub(crate) members: Map<String, Value>,
}

impl AwsError {
    /// A refusal that is the client's doing (HTTP 400).
    pub(crate) fn client(code: &'static str, message: impl Into<String>) -> AwsError {
        AwsError { code: Cow::Borrowed(code), message: message.into(), status: 400, members: Map::new() }
    }

    /// A refusal with another HTTP status.
    pub(crate) fn with_status(code: &'static str, message: impl Into<String>, status: u16) -> AwsError {
        AwsError { status, ..AwsError::client(code, message) }
    }

    /// The code that every service uses for input that breaks the operation's model.
    pub(crate) fn validation(message: impl Into<String>) -> AwsError {
        AwsError::client("ValidationException", message)
    }

    /// Adds a member that the exception's model has beside `message`.
    pub(crate) fn member(mut self, name: &str, value: Value) -> AwsError {
        self.members.insert(name.to_owned(), value);
        self
    }
}
