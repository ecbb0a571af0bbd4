//! What the judge, and whoever helps it, find wrong in a story.

use serde::Serialize;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// What was found.
    pub found: String,
}

impl Finding {
    /// A finding.
    pub fn new(rule: &'static str, found: impl Into<String>) -> Self {
        Self { rule, found: found.into() }
    }
}
