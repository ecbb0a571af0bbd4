//! Alarms that are deleted, set, switched.

use serde_json::{Value, json};

use super::words::{alarm_names, alarm_state};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::state::State;
use crate::time::RegionTime;

/// The alarms that there are go, even if others of the names are wrong.
pub(super) fn delete_alarms(state: &mut State, input: Input<'_>, _now: RegionTime) -> Result<Value, ApiError> {
    let names = alarm_names(input)?;
    let unknown: Vec<&str> = names.into_iter().filter(|name| state.alarms.by_name.remove(*name).is_none()).collect();
    if unknown.is_empty() {
        return Ok(json!({}));
    }
    let message = format!("The following alarms do not exist: {}", unknown.join(", "));
    Err(ApiError::with_status(404, "ResourceNotFound", message))
}

pub(super) fn set_alarm_state(state: &mut State, input: Input<'_>, now: RegionTime) -> Result<Value, ApiError> {
    let name = input.filled_text("AlarmName")?;
    let value = alarm_state(input.filled_text("StateValue")?)?;
    let reason = input.filled_text("StateReason")?.to_owned();
    let reason_data = input.text("StateReasonData")?.unwrap_or_default().to_owned();
    if !state.alarms.by_name.contains_key(name) {
        return Err(ApiError::with_status(404, "ResourceNotFound", ""));
    }
    if !reason_data.is_empty() && serde_json::from_str::<Value>(&reason_data).is_err() {
        return Err(ApiError::client("InvalidFormat", "StateReasonData was not syntactically valid JSON"));
    }
    state.set_alarm_state(name, value, reason, reason_data, now);
    Ok(json!({}))
}

pub(super) fn enable_actions(state: &mut State, input: Input<'_>, _now: RegionTime) -> Result<Value, ApiError> {
    switch_actions(state, input, true)
}

pub(super) fn disable_actions(state: &mut State, input: Input<'_>, _now: RegionTime) -> Result<Value, ApiError> {
    switch_actions(state, input, false)
}

fn switch_actions(state: &mut State, input: Input<'_>, enabled: bool) -> Result<Value, ApiError> {
    for name in alarm_names(input)? {
        if let Some(alarm) = state.alarms.by_name.get_mut(name) {
            alarm.actions_enabled = enabled;
        }
    }
    Ok(json!({}))
}
