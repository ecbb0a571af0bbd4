//! Which names a parameter may have.

use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

const DEEPEST_HIERARCHY: usize = 15;
const NAMES_PER_CALL: usize = 10;
const LONGEST_NAME: usize = 2048;

/// The names of a call for several.
pub(super) fn check_names(input: Input<'_>, names: &[&str]) -> Result<(), ApiError> {
    if names.is_empty() {
        return Err(input.missing("Names"));
    }
    if names.len() > NAMES_PER_CALL {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value '[{}]' at 'names' failed to satisfy constraint: Member must have length less than or equal to 10",
            names.join(", ")
        )));
    }
    Ok(())
}

/// The name of a parameter to be.
pub(super) fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/'));
    if name.is_empty() || name.len() > LONGEST_NAME || !allowed || name.ends_with('/') || name.contains("//") {
        return Err(ApiError::validation(format!(
            "Parameter name: can't be empty and may hold only a mix of letters, numbers and the following 4 symbols .-_/ : {name}"
        )));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(ApiError::validation("Parameter name must be a fully qualified name."));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err(ApiError::validation(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).",
        ));
    }
    if name.matches('/').count() > DEEPEST_HIERARCHY {
        return Err(ApiError::client(
            "HierarchyLevelLimitExceededException",
            "A hierarchy can have a maximum of 15 levels.",
        ));
    }
    Ok(())
}
