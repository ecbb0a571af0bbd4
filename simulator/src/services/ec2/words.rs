//! How EC2 words the refusals that many of its operations share.

use std::collections::BTreeMap;

use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::xml::Xml;

pub(super) fn missing(name: &str) -> ApiError {
    ApiError::client("MissingParameter", format!("The request must contain the parameter {name}"))
}

pub(super) fn invalid_value(name: &str, value: &str, why: &str) -> ApiError {
    ApiError::client("InvalidParameterValue", format!("Value ({value}) for parameter {name} is invalid. {why}"))
}

pub(super) fn invalid_combination(message: impl Into<String>) -> ApiError {
    ApiError::client("InvalidParameterCombination", message)
}

pub(super) fn internal_error() -> ApiError {
    ApiError::with_status(500, "InternalError", "An internal error has occurred")
}

/// A whole number that is not negative.
pub(super) fn count(input: Input<'_>, name: &str) -> Result<Option<u32>, ApiError> {
    let Some(given) = input.integer(name)? else { return Ok(None) };
    u32::try_from(given)
        .map(Some)
        .map_err(|_| invalid_value(name, &given.to_string(), "Expecting a whole number that is not negative."))
}

pub(super) const fn truth_value(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// `<tagSet>`, absent if there are no tags, as AWS leaves it.
pub(super) fn write_tags(xml: &mut Xml, tags: &BTreeMap<String, String>) {
    if tags.is_empty() {
        return;
    }
    xml.element("tagSet", |xml| {
        for (key, value) in tags {
            xml.element("item", |xml| {
                xml.text("key", key);
                xml.text("value", value);
            });
        }
    });
}
