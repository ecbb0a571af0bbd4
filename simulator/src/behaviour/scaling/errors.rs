//! What Auto Scaling answers to what breaks its rules.

use crate::protocol::error::ApiError;

/// AWS's message for anything that breaks a rule of a group.
pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("ValidationError", message)
}

/// AWS words the unknown group differently from operation to operation.
pub(crate) fn unknown_group(name: &str) -> ApiError {
    invalid(format!("AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"))
}

pub(crate) fn unknown_instance(id: &str) -> ApiError {
    invalid(format!("Instance Id not found - No managed instance found for instance ID: {id}"))
}

pub(crate) fn not_in_group(name: &str, instance: &str) -> ApiError {
    invalid(format!("The instance {instance} is not part of Auto Scaling group {name}."))
}
