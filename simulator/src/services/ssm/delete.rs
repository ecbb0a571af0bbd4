//! Parameters that go.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::names::check_names;
use super::read::not_found;
use crate::model::parameter::Parameters;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

pub(super) fn one(parameters: &mut Parameters, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    let name = input.required_text("Name")?;
    parameters.by_name.remove(name).map(|_| json!({})).ok_or_else(not_found)
}

/// AWS deletes those that there are, and names the others.
pub(super) fn several(parameters: &mut Parameters, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    let names = input.texts("Names")?;
    check_names(input, &names)?;
    let (deleted, invalid): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| parameters.by_name.remove(*name).is_some());
    Ok(json!({"DeletedParameters": deleted, "InvalidParameters": invalid}))
}
