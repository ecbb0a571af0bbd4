//! Parameters with their values.

use std::time::SystemTime;

use base64::Engine as _;
use serde_json::{Value, json};

use super::names::check_names;
use super::page;
use crate::model::parameter::Parameters;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::timestamp::epoch_json;

const BY_PATH_PER_PAGE: usize = 10;

/// Everything, readable; secret values stay sealed.
pub(crate) fn overview(parameters: &Parameters) -> Value {
    let shown = parameters.by_name.keys().filter_map(|name| Some((name.clone(), show(parameters, name, None, false)?)));
    Value::Object(shown.collect())
}

pub(super) fn one(parameters: &mut Parameters, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    let selector = input.required_text("Name")?;
    Ok(json!({"Parameter": selected(parameters, selector, input.flag("WithDecryption")?)?}))
}

pub(super) fn several(parameters: &mut Parameters, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    let names = input.texts("Names")?;
    check_names(input, &names)?;
    let decrypt = input.flag("WithDecryption")?;
    let mut found = Vec::new();
    let mut invalid = Vec::new();
    for name in names {
        match selected(parameters, name, decrypt) {
            Ok(parameter) => found.push(parameter),
            Err(_) => invalid.push(name),
        }
    }
    Ok(json!({"Parameters": found, "InvalidParameters": invalid}))
}

pub(super) fn by_path(parameters: &mut Parameters, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    let path = input.required_text("Path")?;
    if !path.starts_with('/') {
        return Err(ApiError::validation(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".",
        ));
    }
    let (decrypt, recursive) = (input.flag("WithDecryption")?, input.flag("Recursive")?);
    let prefix = format!("{}/", path.trim_end_matches('/'));
    let below = parameters.by_name.keys().filter(|name| {
        name.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.is_empty() && (recursive || !rest.contains('/')))
    });
    let (names, next) = page::page(below.map(String::as_str), input, BY_PATH_PER_PAGE)?;
    let shown: Vec<Value> = names.iter().filter_map(|name| show(parameters, name, None, decrypt)).collect();
    Ok(page::answer(&shown, next))
}

/// The parameter that `name`, `name:version` or an ARN selects.
fn selected(parameters: &Parameters, selector: &str, decrypt: bool) -> Result<Value, ApiError> {
    let short = match selector.split_once(":parameter") {
        Some((arn, name)) if arn.starts_with("arn:") => name,
        _ => selector,
    };
    let (name, version) = match short.split_once(':') {
        Some((name, version)) => (name, Some(version)),
        None => (short, None),
    };
    if !parameters.by_name.contains_key(name) {
        return Err(not_found());
    }
    let number = version.map(|version| version.parse().map_err(|_| version_not_found(version, name))).transpose()?;
    show(parameters, name, number, decrypt).ok_or_else(|| version_not_found(version.unwrap_or_default(), name))
}

/// A parameter as AWS shows it, in its newest version or the one asked for.
pub(super) fn show(parameters: &Parameters, name: &str, number: Option<i64>, decrypt: bool) -> Option<Value> {
    let parameter = parameters.by_name.get(name)?;
    let version = match number {
        Some(number) => parameter.versions.iter().find(|version| version.number == number)?,
        None => parameter.versions.back()?,
    };
    let is_sealed = parameter.type_name == "SecureString" && !decrypt;
    let slash = if name.starts_with('/') { "" } else { "/" };
    let (region, account) = (&parameters.region_name, &parameters.account_id);
    Some(json!({
        "Name": name,
        "Type": parameter.type_name,
        "Value": if is_sealed { sealed(&version.value) } else { version.value.clone() },
        "Version": version.number,
        "LastModifiedDate": epoch_json(version.at),
        "ARN": format!("arn:aws:ssm:{region}:{account}:parameter{slash}{name}"),
        "DataType": parameter.data_type,
    }))
}

pub(super) fn not_found() -> ApiError {
    // AWS sends no text with this code.
    ApiError::client("ParameterNotFound", "")
}

fn version_not_found(version: &str, name: &str) -> ApiError {
    ApiError::client(
        "ParameterVersionNotFound",
        format!("Systems Manager could not find version {version} of {name}. Verify the version and try again."),
    )
}

/// Stands for the ciphertext: not secret here, but as useless to a reader as the real one.
fn sealed(value: &str) -> String {
    let engine = base64::engine::general_purpose::STANDARD;
    engine.encode(value.bytes().rev().map(|byte| byte ^ 0xA5).collect::<Vec<u8>>())
}
