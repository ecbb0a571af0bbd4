//! An error as a service means it, before a protocol gives it a shape.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A service's refusal: AWS's own code and text, the HTTP status, and the members that some exceptions carry beside them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) members: Map<String, Value>,
}

impl ApiError {
    /// A client error: HTTP 400, which an SDK does not try again.
    pub(crate) fn client(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }

    /// An error with another status.
    pub(crate) fn with_status(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), members: Map::new() }
    }

    /// The code of the JSON services for input that breaks the operation's model.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::client("ValidationException", message)
    }

    /// What this region does not model. It is refused rather than ignored: a caller must not believe that it had an effect.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::client("UnsupportedOperation", message)
    }

    /// The region's own fault, which no caller can mend.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::with_status(500, "InternalFailure", message)
    }

    /// Adds a member that the exception's model has beside `message`.
    pub(crate) fn member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Whose doing it is, in the words of the query protocol.
    pub(crate) fn side(&self) -> &'static str {
        if self.status < 500 { "Sender" } else { "Receiver" }
    }
}
