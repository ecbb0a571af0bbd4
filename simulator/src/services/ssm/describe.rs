//! Parameters without their values, by filter.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::page;
use super::read::show;
use crate::model::parameter::{Parameter, Parameters};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

const DESCRIBED_PER_PAGE: usize = 50;

pub(super) fn describe(parameters: &mut Parameters, input: Input<'_>, _now: SystemTime) -> Result<Value, ApiError> {
    let filters = input.list("ParameterFilters")?.into_iter().map(Filter::read).collect::<Result<Vec<_>, _>>()?;
    let wanted = parameters
        .by_name
        .iter()
        .filter(|(name, parameter)| filters.iter().all(|filter| filter.matches(name, parameter)));
    let (names, next) = page::page(wanted.map(|(name, _)| name.as_str()), input, DESCRIBED_PER_PAGE)?;
    let shown: Vec<Value> = names.iter().filter_map(|name| metadata(parameters, name)).collect();
    Ok(page::answer(&shown, next))
}

fn metadata(parameters: &Parameters, name: &str) -> Option<Value> {
    let parameter = parameters.by_name.get(name)?;
    let mut shown = show(parameters, name, None, false)?;
    let members = shown.as_object_mut()?;
    members.remove("Value");
    members.insert("Tier".to_owned(), json!(parameter.tier));
    if let Some(description) = &parameter.description {
        members.insert("Description".to_owned(), json!(description));
    }
    Some(shown)
}

/// One of `ParameterFilters`.
struct Filter<'a> {
    key: &'a str,
    option: &'a str,
    values: Vec<&'a str>,
}

impl<'a> Filter<'a> {
    fn read(filter: Input<'a>) -> Result<Filter<'a>, ApiError> {
        let key = filter.required_text("Key")?;
        let options: &[&str] = match key {
            "Name" => &["Equals", "BeginsWith", "Contains"],
            "Type" => &["Equals", "BeginsWith"],
            "Path" => &["OneLevel", "Recursive"],
            _ => {
                return Err(ApiError::unsupported(format!(
                    "The filter {key} of DescribeParameters is unknown or not modelled by this simulated region; it knows Name, Type and Path."
                )));
            }
        };
        let option = filter.text("Option")?.or(options.first().copied()).unwrap_or_default();
        if !options.contains(&option) {
            return Err(ApiError::client(
                "InvalidFilterOption",
                format!(
                    "The following filter option is not valid: {option}. Valid options include: {}",
                    options.join(", ")
                ),
            ));
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
