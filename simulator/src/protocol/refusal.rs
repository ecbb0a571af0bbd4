//! How each service words that a parameter is missing, or of the wrong type.

use super::error::ApiError;

/// A service's words for input that breaks the operation's model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InputErrors {
    /// The parameter (its path) is required.
    pub(crate) missing: fn(&str) -> ApiError,
    /// The parameter has to be something else, such as `an integer`.
    pub(crate) wrong_type: fn(&str, &str) -> ApiError,
}

pub(crate) const EC2: InputErrors = InputErrors {
    missing: |path| ApiError::client("MissingParameter", format!("The request must contain the parameter {path}")),
    wrong_type: |path, expected| {
        ApiError::client("InvalidParameterValue", format!("Invalid value for {path}: it has to be {expected}."))
    },
};

/// DynamoDB, SSM.
pub(crate) const VALIDATION_EXCEPTION: InputErrors = InputErrors {
    missing: |path| ApiError::validation(must_not_be_null(path)),
    wrong_type: |path, expected| ApiError::client("SerializationException", has_to_be(path, expected)),
};

/// Auto Scaling, STS.
pub(crate) const VALIDATION_ERROR: InputErrors = InputErrors {
    missing: |path| ApiError::client("ValidationError", must_not_be_null(path)),
    wrong_type: |path, expected| ApiError::client("ValidationError", has_to_be(path, expected)),
};

pub(crate) const CLOUDWATCH: InputErrors = InputErrors {
    missing: |path| ApiError::client("MissingParameter", format!("The parameter {path} is required.")),
    wrong_type: |path, expected| ApiError::client("InvalidParameterValue", has_to_be(path, expected)),
};

pub(crate) const SNS: InputErrors = InputErrors {
    missing: |path| ApiError::client("InvalidParameter", format!("Invalid parameter: {path}")),
    wrong_type: |path, expected| {
        ApiError::client("InvalidParameter", format!("Invalid parameter: {}", has_to_be(path, expected)))
    },
};

fn must_not_be_null(path: &str) -> String {
    let member = lower_camel(path);
    format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    )
}

fn has_to_be(path: &str, expected: &str) -> String {
    format!("The member {path} has to be {expected}")
}

/// Members of a model are named in lower camel case in the texts of its validation.
pub(crate) fn lower_camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
