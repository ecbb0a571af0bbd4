//! Systems Manager's Parameter Store.
//!
//! Not modelled: labels, policies, allowed patterns, KMS keys (a `SecureString` is shown sealed unless decryption is asked for).

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use base64::Engine as _;
use serde_json::{Value, json};

use super::input::{Input, missing};
use super::time::epoch_json;
use super::{AwsError, Settings};

/// AWS keeps this many versions of a parameter.
const VERSIONS_KEPT: usize = 100;
const STANDARD_VALUE_BYTES: usize = 4096;
const ADVANCED_VALUE_BYTES: usize = 8192;
const DEEPEST_HIERARCHY: usize = 15;
const NAMES_PER_CALL: usize = 10;
const LONGEST_NAME: usize = 2048;

/// All parameters of the region.
#[derive(Debug)]
pub(crate) struct Parameters {
    settings: Settings,
    by_name: BTreeMap<String, Parameter>,
}

#[derive(Debug)]
struct Parameter {
    type_name: String,
    data_type: String,
    description: Option<String>,
    tier: &'static str,
    /// Oldest first; never empty.
    versions: VecDeque<Version>,
}

#[derive(Debug, Clone)]
struct Version {
    number: i64,
    value: String,
    at: SystemTime,
}

impl Parameters {
    pub(crate) fn new(settings: Settings) -> Parameters {
        Parameters { settings, by_name: BTreeMap::new() }
    }

    /// One call: the operation by its name in the model.
    pub(crate) fn call(&mut self, operation: &str, input: &Value, now: SystemTime) -> Result<Value, AwsError> {
        let request = Input(input);
        match operation {
            "GetParameter" => self.get_parameter(request),
            "GetParameters" => self.get_parameters(request),
            "GetParametersByPath" => self.get_parameters_by_path(request),
            "PutParameter" => self.put_parameter(request, now),
            "DeleteParameter" => self.delete_parameter(request),
            "DeleteParameters" => self.delete_parameters(request),
            "DescribeParameters" => self.describe_parameters(request),
            _ => Err(AwsError::client("UnknownOperationException", "")),
        }
    }

    /// Everything, readable; secret values stay sealed.
    pub(crate) fn overview(&self) -> Value {
        Value::Object(
            self.by_name.keys().filter_map(|name| Some((name.clone(), self.shown(name, None, false)?))).collect(),
        )
    }

    fn get_parameter(&self, request: Input<'_>) -> Result<Value, AwsError> {
        let selector = request.required_text("Name")?;
        let decrypt = request.boolean("WithDecryption")?.unwrap_or(false);
        Ok(json!({"Parameter": self.selected(selector, decrypt)?}))
    }

    fn get_parameters(&self, request: Input<'_>) -> Result<Value, AwsError> {
        let names = request.texts("Names")?;
        check_names(&names)?;
        let decrypt = request.boolean("WithDecryption")?.unwrap_or(false);
        let mut found = Vec::new();
        let mut invalid = Vec::new();
        for name in names {
            match self.selected(name, decrypt) {
                Ok(parameter) => found.push(parameter),
                Err(_) => invalid.push(name),
            }
        }
        Ok(json!({"Parameters": found, "InvalidParameters": invalid}))
    }

    fn get_parameters_by_path(&self, request: Input<'_>) -> Result<Value, AwsError> {
        let path = request.required_text("Path")?;
        if !path.starts_with('/') {
            return Err(AwsError::validation(
                "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".",
            ));
        }
        if request.get("ParameterFilters").is_some() {
            return Err(AwsError::validation(
                "The simulated region does not model ParameterFilters of GetParametersByPath",
            ));
        }
        let decrypt = request.boolean("WithDecryption")?.unwrap_or(false);
        let recursive = request.boolean("Recursive")?.unwrap_or(false);
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let below = self.by_name.keys().filter(|name| {
            name.strip_prefix(prefix.as_str())
                .is_some_and(|rest| !rest.is_empty() && (recursive || !rest.contains('/')))
        });
        let (page, next) = page(below.map(String::as_str), request, 10, 10)?;
        let shown: Vec<Value> = page.iter().filter_map(|name| self.shown(name, None, decrypt)).collect();
        Ok(with_next_token(json!({"Parameters": shown}), next))
    }

    fn put_parameter(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        let name = request.required_text("Name")?;
        let value = request.required_text("Value")?;
        check_name(name)?;
        if request.get("AllowedPattern").is_some() || request.get("Policies").is_some() {
            return Err(AwsError::validation("The simulated region does not model AllowedPattern and Policies"));
        }
        let tier = tier(request, value)?;
        let overwrite = request.boolean("Overwrite")?.unwrap_or(false);
        let type_name = match request.text("Type")? {
            Some(type_name @ ("String" | "StringList" | "SecureString")) => Some(type_name),
            Some(other) => {
                return Err(AwsError::validation(format!(
                    "1 validation error detected: Value '{other}' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]"
                )));
            }
            None => None,
        };
        let known = self.by_name.get_mut(name);
        if known.is_some() && !overwrite {
            return Err(AwsError::client(
                "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
            ));
        }
        let number = if let Some(parameter) = known {
            parameter.replace(type_name, tier, value, now)?
        } else {
            let type_name = type_name
                .ok_or_else(|| AwsError::validation("A parameter type is required when you create a parameter."))?;
            let parameter = Parameter {
                type_name: type_name.to_owned(),
                data_type: request.text("DataType")?.unwrap_or("text").to_owned(),
                description: None,
                tier,
                versions: VecDeque::from([Version { number: 1, value: value.to_owned(), at: now }]),
            };
            self.by_name.insert(name.to_owned(), parameter);
            1
        };
        if let (Some(parameter), Some(description)) = (self.by_name.get_mut(name), request.text("Description")?) {
            parameter.description = Some(description.to_owned());
        }
        Ok(json!({"Version": number, "Tier": tier}))
    }

    fn delete_parameter(&mut self, request: Input<'_>) -> Result<Value, AwsError> {
        let name = request.required_text("Name")?;
        self.by_name.remove(name).map(|_| json!({})).ok_or_else(not_found)
    }

    fn delete_parameters(&mut self, request: Input<'_>) -> Result<Value, AwsError> {
        let names = request.texts("Names")?;
        check_names(&names)?;
        let (deleted, invalid): (Vec<&str>, Vec<&str>) =
            names.into_iter().partition(|name| self.by_name.remove(*name).is_some());
        Ok(json!({"DeletedParameters": deleted, "InvalidParameters": invalid}))
    }

    fn describe_parameters(&self, request: Input<'_>) -> Result<Value, AwsError> {
        let filters = request
            .list("ParameterFilters")?
            .iter()
            .map(|filter| Filter::read(Input(filter)))
            .collect::<Result<Vec<_>, _>>()?;
        let wanted = self
            .by_name
            .iter()
            .filter(|(name, parameter)| filters.iter().all(|filter| filter.matches(name, parameter)));
        let (page, next) = page(wanted.map(|(name, _)| name.as_str()), request, 50, 50)?;
        let shown = page.iter().filter_map(|name| {
            let mut shown = self.shown(name, None, false)?;
            let parameter = self.by_name.get(*name)?;
            let members = shown.as_object_mut()?;
            members.remove("Value");
            members.insert("Tier".to_owned(), json!(parameter.tier));
            if let Some(description) = &parameter.description {
                members.insert("Description".to_owned(), json!(description));
            }
            Some(shown)
        });
        Ok(with_next_token(json!({"Parameters": shown.collect::<Vec<_>>()}), next))
    }

    /// The parameter that `name`, `name:version` or an ARN selects.
    fn selected(&self, selector: &str, decrypt: bool) -> Result<Value, AwsError> {
        let short = match selector.split_once(":parameter") {
            Some((arn, name)) if arn.starts_with("arn:") => name,
            _ => selector,
        };
        let (name, version) = match short.split_once(':') {
            Some((name, version)) => (name, Some(version)),
            None => (short, None),
        };
        if !self.by_name.contains_key(name) {
            return Err(not_found());
        }
        let number =
            version.map(|version| version.parse().map_err(|_| version_not_found(version, name))).transpose()?;
        self.shown(name, number, decrypt).ok_or_else(|| version_not_found(version.unwrap_or_default(), name))
    }

    fn shown(&self, name: &str, number: Option<i64>, decrypt: bool) -> Option<Value> {
        let parameter = self.by_name.get(name)?;
        let version = match number {
            Some(number) => parameter.versions.iter().find(|version| version.number == number)?,
            None => parameter.versions.back()?,
        };
        let value = if parameter.type_name == "SecureString" && !decrypt {
            sealed(&version.value)
        } else {
            version.value.clone()
        };
        let slash = if name.starts_with('/') { "" } else { "/" };
        let (region, account) = (&self.settings.region_name, &self.settings.account_id);
        Some(json!({
            "Name": name,
            "Type": parameter.type_name,
            "Value": value,
            "Version": version.number,
            "LastModifiedDate": epoch_json(version.at),
            "ARN": format!("arn:aws:ssm:{region}:{account}:parameter{slash}{name}"),
            "DataType": parameter.data_type,
        }))
    }
}

impl Parameter {
    /// A new version; returns its number.
    fn replace(
        &mut self,
        type_name: Option<&str>,
        tier: &'static str,
        value: &str,
        now: SystemTime,
    ) -> Result<i64, AwsError> {
        if tier == "Standard" && self.tier == "Advanced" {
            return Err(AwsError::validation(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.",
            ));
        }
        if let Some(type_name) = type_name {
            type_name.clone_into(&mut self.type_name);
        }
        self.tier = tier;
        let number = self.versions.back().map_or(1, |version| version.number + 1);
        self.versions.push_back(Version { number, value: value.to_owned(), at: now });
        if self.versions.len() > VERSIONS_KEPT {
            self.versions.pop_front();
        }
        Ok(number)
    }
}

/// One of `ParameterFilters`.
struct Filter<'a> {
    key: &'a str,
    option: &'a str,
    values: Vec<&'a str>,
}

impl<'a> Filter<'a> {
    fn read(filter: Input<'a>) -> Result<Filter<'a>, AwsError> {
        let key = filter.required_text("Key")?;
        if !matches!(key, "Name" | "Type" | "Path") {
            return Err(AwsError::client(
                "InvalidFilterKey",
                format!("The simulated region does not model the filter key {key}; it knows Name, Type and Path"),
            ));
        }
        let option = filter.text("Option")?.unwrap_or(if key == "Path" { "OneLevel" } else { "Equals" });
        if !matches!(option, "Equals" | "BeginsWith" | "Contains" | "OneLevel" | "Recursive") {
            return Err(AwsError::client("InvalidFilterOption", format!("Filter option {option} is not valid")));
        }
        Ok(Filter { key, option, values: filter.texts("Values")? })
    }

    fn matches(&self, name: &str, parameter: &Parameter) -> bool {
        let subject = if self.key == "Type" { parameter.type_name.as_str() } else { name };
        self.values.iter().any(|value| match self.option {
            "BeginsWith" => subject.starts_with(value),
            "Contains" => subject.contains(value),
            "Equals" => subject == *value,
            recursive => {
                let below = subject.strip_prefix(value.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
                below.is_some_and(|rest| recursive == "Recursive" || !rest.contains('/'))
            }
        })
    }
}

/// One page of sorted names, and the token of the next one: the last name given.
fn page<'a>(
    names: impl Iterator<Item = &'a str>,
    request: Input<'_>,
    default: i64,
    most: i64,
) -> Result<(Vec<&'a str>, Option<String>), AwsError> {
    let size = request.integer("MaxResults")?.unwrap_or(default);
    if !(1..=most).contains(&size) {
        let constraint =
            if size < 1 { "greater than or equal to 1".to_owned() } else { format!("less than or equal to {most}") };
        return Err(AwsError::validation(format!(
            "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value {constraint}"
        )));
    }
    let engine = base64::engine::general_purpose::STANDARD;
    let after = match request.text("NextToken")? {
        None => None,
        Some(token) => {
            let name = engine.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Some(name.ok_or_else(|| AwsError::client("InvalidNextToken", "The specified token is not valid."))?)
        }
    };
    let size = usize::try_from(size).unwrap_or(1);
    let mut page: Vec<&str> =
        names.filter(|name| after.as_deref().is_none_or(|after| *name > after)).take(size + 1).collect();
    let more = page.len() > size;
    page.truncate(size);
    let next = page.last().filter(|_| more).map(|last| engine.encode(last));
    Ok((page, next))
}

fn with_next_token(mut output: Value, next: Option<String>) -> Value {
    if let (Some(members), Some(token)) = (output.as_object_mut(), next) {
        members.insert("NextToken".to_owned(), Value::String(token));
    }
    output
}

fn check_names(names: &[&str]) -> Result<(), AwsError> {
    if names.is_empty() {
        return Err(missing("Names"));
    }
    if names.len() > NAMES_PER_CALL {
        return Err(AwsError::validation(format!(
            "1 validation error detected: Value '[{}]' at 'names' failed to satisfy constraint: Member must have length less than or equal to 10",
            names.join(", ")
        )));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), AwsError> {
    let allowed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/'));
    if name.is_empty() || name.len() > LONGEST_NAME || !allowed || name.ends_with('/') || name.contains("//") {
        return Err(AwsError::validation(format!(
            "Parameter name: can't be empty and may hold only a mix of letters, numbers and the following 4 symbols .-_/ : {name}"
        )));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(AwsError::validation("Parameter name must be a fully qualified name."));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err(AwsError::validation(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).",
        ));
    }
    if name.matches('/').count() > DEEPEST_HIERARCHY {
        return Err(AwsError::client(
            "HierarchyLevelLimitExceededException",
            "A hierarchy can have a maximum of 15 levels.",
        ));
    }
    Ok(())
}

/// The tier that the request leads to, if the value fits it.
fn tier(request: Input<'_>, value: &str) -> Result<&'static str, AwsError> {
    if value.is_empty() {
        return Err(AwsError::validation(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ));
    }
    let (tier, most) = match request.text("Tier")? {
        None | Some("Standard") => ("Standard", STANDARD_VALUE_BYTES),
        Some("Intelligent-Tiering") if value.len() <= STANDARD_VALUE_BYTES => ("Standard", STANDARD_VALUE_BYTES),
        Some("Advanced" | "Intelligent-Tiering") => ("Advanced", ADVANCED_VALUE_BYTES),
        Some(other) => {
            return Err(AwsError::validation(format!(
                "1 validation error detected: Value '{other}' at 'tier' failed to satisfy constraint: Member must satisfy enum value set: [Standard, Advanced, Intelligent-Tiering]"
            )));
        }
    };
    if value.len() <= most {
        return Ok(tier);
    }
    Err(AwsError::validation(if tier == "Standard" {
        "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
    } else {
        "Advanced tier parameters support a maximum parameter value of 8192 characters."
    }))
}

fn not_found() -> AwsError {
    // AWS sends no text with this code.
    AwsError::client("ParameterNotFound", "")
}

fn version_not_found(version: &str, name: &str) -> AwsError {
    AwsError::client(
        "ParameterVersionNotFound",
        format!("Systems Manager could not find version {version} of {name}. Verify the version and try again."),
    )
}

/// Stands for the ciphertext: not secret here, but as useless to a reader as the real one.
fn sealed(value: &str) -> String {
    let engine = base64::engine::general_purpose::STANDARD;
    engine.encode(value.bytes().rev().map(|byte| byte ^ 0xA5).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn call(parameters: &mut Parameters, operation: &str, input: &Value) -> Result<Value, AwsError> {
        parameters.call(operation, input, UNIX_EPOCH + Duration::from_hours(490_001))
    }

    fn store() -> Parameters {
        Parameters::new(Settings::for_tests())
    }

    fn put(parameters: &mut Parameters, name: &str, value: &str) {
        let input = json!({"Name": name, "Value": value, "Type": "String"});
        call(parameters, "PutParameter", &input).unwrap();
    }

    #[test]
    fn versions_count_up_and_stay_readable() {
        let mut store = store();
        put(&mut store, "/failover/services/a", "one");
        let again = json!({"Name": "/failover/services/a", "Value": "two", "Type": "String"});
        assert_eq!(call(&mut store, "PutParameter", &again).unwrap_err().code, "ParameterAlreadyExists");
        let overwrite = json!({"Name": "/failover/services/a", "Value": "two", "Overwrite": true});
        assert_eq!(call(&mut store, "PutParameter", &overwrite).unwrap(), json!({"Version": 2, "Tier": "Standard"}));
        let newest = call(&mut store, "GetParameter", &json!({"Name": "/failover/services/a"})).unwrap();
        assert_eq!(newest["Parameter"]["Value"], "two");
        assert_eq!(newest["Parameter"]["ARN"], "arn:aws:ssm:eu-central-1:123456789012:parameter/failover/services/a");
        let first = call(&mut store, "GetParameter", &json!({"Name": "/failover/services/a:1"})).unwrap();
        assert_eq!(first["Parameter"]["Value"], "one");
        let none = call(&mut store, "GetParameter", &json!({"Name": "/failover/services/a:7"})).unwrap_err();
        assert_eq!(none.code, "ParameterVersionNotFound");
    }

    #[test]
    fn a_path_is_read_in_pages() {
        let mut store = store();
        for index in 0..25 {
            put(&mut store, &format!("/failover/services/s{index:02}"), "x");
        }
        put(&mut store, "/failover/services/deep/er", "x");
        put(&mut store, "/failover/servicesnot", "x");
        for (recursive, expected) in [(false, 25), (true, 26)] {
            let (mut names, mut token, mut pages) = (Vec::new(), None::<String>, 0);
            loop {
                let mut input = json!({"Path": "/failover/services/", "Recursive": recursive});
                if let Some(token) = &token {
                    input["NextToken"] = json!(token);
                }
                let page = call(&mut store, "GetParametersByPath", &input).unwrap();
                names.extend(page["Parameters"].as_array().unwrap().iter().map(|shown| shown["Name"].to_string()));
                pages += 1;
                token = page.get("NextToken").and_then(Value::as_str).map(str::to_owned);
                if token.is_none() {
                    break;
                }
            }
            names.dedup();
            assert_eq!((names.len(), pages), (expected, 3));
        }
        let too_many = json!({"Path": "/", "MaxResults": 11});
        assert_eq!(call(&mut store, "GetParametersByPath", &too_many).unwrap_err().code, "ValidationException");
    }

    #[test]
    fn limits_of_size_name_and_tier_hold() {
        let mut store = store();
        let big = "x".repeat(5000);
        for (input, text) in [
            (json!({"Name": "/a/b", "Value": big, "Type": "String"}), "maximum parameter value of 4096"),
            (json!({"Name": "/a/b", "Value": "x".repeat(9000), "Type": "String", "Tier": "Advanced"}), "8192"),
            (json!({"Name": "a/b", "Value": "x", "Type": "String"}), "fully qualified"),
            (json!({"Name": "/aws/b", "Value": "x", "Type": "String"}), "prefixed"),
            (json!({"Name": "/a/b", "Value": "x"}), "type is required"),
            (json!({"Name": "/a/b", "Value": "", "Type": "String"}), "length greater than"),
            (json!({"Name": "/a/b", "Type": "String"}), "Value null at 'value'"),
            (json!({"Name": "/a/b", "Value": "x", "Type": "Text"}), "enum value set"),
        ] {
            let error = call(&mut store, "PutParameter", &input).unwrap_err();
            assert!(error.message.contains(text), "{}", error.message);
        }
        let advanced = json!({"Name": "/a/b", "Value": big, "Type": "String", "Tier": "Intelligent-Tiering"});
        assert_eq!(call(&mut store, "PutParameter", &advanced).unwrap()["Tier"], "Advanced");
        assert_eq!(call(&mut store, "GetParameter", &json!({"Name": "/none"})).unwrap_err().code, "ParameterNotFound");
    }

    #[test]
    fn a_secret_is_sealed_until_decryption_is_asked_for() {
        let mut store = store();
        call(&mut store, "PutParameter", &json!({"Name": "/s", "Value": "hush", "Type": "SecureString"})).unwrap();
        let sealed = call(&mut store, "GetParameter", &json!({"Name": "/s"})).unwrap();
        assert_ne!(sealed["Parameter"]["Value"], "hush");
        let open = call(&mut store, "GetParameter", &json!({"Name": "/s", "WithDecryption": true})).unwrap();
        assert_eq!(open["Parameter"]["Value"], "hush");
        assert!(!store.overview().to_string().contains("hush"));
    }

    #[test]
    fn several_names_tell_the_unknown_ones_apart() {
        let mut store = store();
        put(&mut store, "/a", "1");
        let both = call(&mut store, "GetParameters", &json!({"Names": ["/a", "/b"]})).unwrap();
        assert_eq!(
            (both["Parameters"][0]["Value"].clone(), both["InvalidParameters"].clone()),
            (json!("1"), json!(["/b"]))
        );
        let named = json!({"ParameterFilters": [{"Key": "Name", "Option": "BeginsWith", "Values": ["/a"]}]});
        let described = call(&mut store, "DescribeParameters", &named).unwrap();
        assert_eq!(described["Parameters"].as_array().unwrap().len(), 1);
        assert!(described["Parameters"][0].get("Value").is_none());
        let deleted = call(&mut store, "DeleteParameters", &json!({"Names": ["/a", "/b"]})).unwrap();
        assert_eq!(deleted, json!({"DeletedParameters": ["/a"], "InvalidParameters": ["/b"]}));
        assert_eq!(call(&mut store, "DeleteParameter", &json!({"Name": "/a"})).unwrap_err().code, "ParameterNotFound");
    }
}
