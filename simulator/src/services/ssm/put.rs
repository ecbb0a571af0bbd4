//! Parameters that come, and new versions of old ones.

use std::collections::VecDeque;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::names::check_name;
use crate::model::parameter::{Parameter, Parameters};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

const STANDARD_VALUE_BYTES: usize = 4096;
const ADVANCED_VALUE_BYTES: usize = 8192;

/// What `PutParameter` asks for.
struct Request<'a> {
    name: &'a str,
    value: &'a str,
    type_name: Option<&'a str>,
    tier: &'static str,
    data_type: Option<&'a str>,
    description: Option<&'a str>,
    overwrite: bool,
}

pub(super) fn put(parameters: &mut Parameters, input: Input<'_>, now: SystemTime) -> Result<Value, ApiError> {
    let value = input.required_text("Value")?;
    let request = Request {
        name: input.required_text("Name")?,
        value,
        type_name: type_name(input)?,
        tier: tier(input.text("Tier")?, value)?,
        data_type: data_type(input)?,
        description: input.text("Description")?,
        overwrite: input.flag("Overwrite")?,
    };
    let number = store(parameters, &request, now)?;
    Ok(json!({"Version": number, "Tier": request.tier}))
}

/// A `String`, or its next version, for a region's setup.
pub(crate) fn put_text(parameters: &mut Parameters, name: &str, value: &str, now: SystemTime) -> Result<(), ApiError> {
    let tier = tier(Some("Intelligent-Tiering"), value)?;
    let type_name = Some("String");
    let request = Request { name, value, type_name, tier, data_type: None, description: None, overwrite: true };
    store(parameters, &request, now).map(|_| ())
}

/// Keeps the version that is asked for; returns its number.
fn store(parameters: &mut Parameters, request: &Request<'_>, now: SystemTime) -> Result<i64, ApiError> {
    check_name(request.name)?;
    if let Some(known) = parameters.by_name.get_mut(request.name) {
        check_overwrite(known, request)?;
        change(known, request);
        return Ok(known.push(request.value.to_owned(), now));
    }
    let type_name = request
        .type_name
        .ok_or_else(|| ApiError::validation("A parameter type is required when you create a parameter."))?;
    let mut parameter = Parameter {
        type_name: type_name.to_owned(),
        data_type: "text".to_owned(),
        description: None,
        tier: request.tier,
        versions: VecDeque::new(),
    };
    change(&mut parameter, request);
    let number = parameter.push(request.value.to_owned(), now);
    parameters.by_name.insert(request.name.to_owned(), parameter);
    Ok(number)
}

fn check_overwrite(known: &Parameter, request: &Request<'_>) -> Result<(), ApiError> {
    if !request.overwrite {
        return Err(ApiError::client(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    if request.type_name.is_some_and(|type_name| type_name != known.type_name) {
        return Err(ApiError::client(
            "HierarchyTypeMismatchException",
            "Parameter Store does not support changing a parameter type in a hierarchy. For example, you can't change a parameter from a String type to a SecureString type. You must create a new, unique parameter.",
        ));
    }
    if request.tier == "Standard" && known.tier == "Advanced" {
        return Err(ApiError::validation(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.",
        ));
    }
    Ok(())
}

/// What a new version may change beside the value.
fn change(parameter: &mut Parameter, request: &Request<'_>) {
    parameter.tier = request.tier;
    if let Some(data_type) = request.data_type {
        data_type.clone_into(&mut parameter.data_type);
    }
    if let Some(description) = request.description {
        parameter.description = Some(description.to_owned());
    }
}

fn type_name(input: Input<'_>) -> Result<Option<&str>, ApiError> {
    match input.text("Type")? {
        None => Ok(None),
        Some(known @ ("String" | "StringList" | "SecureString")) => Ok(Some(known)),
        Some(other) => Err(ApiError::validation(format!(
            "1 validation error detected: Value '{other}' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]"
        ))),
    }
}

/// AWS checks whether an `aws:ec2:image` is an image only after it has answered; here nobody checks.
fn data_type(input: Input<'_>) -> Result<Option<&str>, ApiError> {
    match input.text("DataType")? {
        None => Ok(None),
        Some(known @ ("text" | "aws:ec2:image" | "aws:ssm:integration")) => Ok(Some(known)),
        Some(other) => Err(ApiError::validation(format!(
            "The following data type is not supported: {other} (Data type names are all lowercase.)"
        ))),
    }
}

/// The tier that the request leads to, if the value fits it.
fn tier(asked: Option<&str>, value: &str) -> Result<&'static str, ApiError> {
    if value.is_empty() {
        return Err(ApiError::validation(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ));
    }
    let (tier, most) = match asked {
        None | Some("Standard") => ("Standard", STANDARD_VALUE_BYTES),
        Some("Intelligent-Tiering") if value.len() <= STANDARD_VALUE_BYTES => ("Standard", STANDARD_VALUE_BYTES),
        Some("Advanced" | "Intelligent-Tiering") => ("Advanced", ADVANCED_VALUE_BYTES),
        Some(other) => {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value '{other}' at 'tier' failed to satisfy constraint: Member must satisfy enum value set: [Standard, Advanced, Intelligent-Tiering]"
            )));
        }
    };
    if value.len() <= most {
        return Ok(tier);
    }
    Err(ApiError::validation(if tier == "Standard" {
        "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
    } else {
        "Advanced tier parameters support a maximum parameter value of 8192 characters."
    }))
}
