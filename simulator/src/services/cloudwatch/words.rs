//! How CloudWatch refuses.

use crate::model::alarm::AlarmState;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// AWS's limit on the names of a call.
const NAMES_PER_CALL: usize = 100;

/// CloudWatch's code for input that breaks the model.
pub(super) fn validation(why: &str) -> ApiError {
    ApiError::client("ValidationError", format!("1 validation error detected: {why}"))
}

pub(super) fn not_in_enum(value: &str, member: &str, allowed: &[&str]) -> ApiError {
    validation(&format!(
        "Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
        allowed.join(", ")
    ))
}

pub(super) fn one_of<'a>(value: &'a str, member: &str, allowed: &[&str]) -> Result<&'a str, ApiError> {
    if allowed.contains(&value) { Ok(value) } else { Err(not_in_enum(value, member, allowed)) }
}

pub(super) fn alarm_state(name: &str) -> Result<AlarmState, ApiError> {
    AlarmState::from_name(name).ok_or_else(|| not_in_enum(name, "stateValue", &["INSUFFICIENT_DATA", "ALARM", "OK"]))
}

pub(super) fn alarm_names(input: Input<'_>) -> Result<Vec<&str>, ApiError> {
    let names = input.texts("AlarmNames")?;
    if names.len() > NAMES_PER_CALL {
        return Err(validation(
            "Value at 'alarmNames' failed to satisfy constraint: Member must have length less than or equal to 100",
        ));
    }
    Ok(names)
}

/// Names and values, in the order given.
pub(super) fn dimensions(input: Input<'_>) -> Result<Vec<(String, String)>, ApiError> {
    let read = |dimension: Input<'_>| {
        Ok((dimension.filled_text("Name")?.to_owned(), dimension.filled_text("Value")?.to_owned()))
    };
    input.list("Dimensions")?.into_iter().map(read).collect()
}
