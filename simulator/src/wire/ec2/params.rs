//! The parameters of a query-protocol request: `InstanceId.1=...&Filter.1.Name=...`.

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::AwsError;

/// Decoded parameters by name.
#[derive(Debug, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    pub(crate) fn parse(body: &[u8], query: &str) -> Self {
        let from_query = form_urlencoded::parse(query.as_bytes());
        let from_body = form_urlencoded::parse(body);
        Self(from_query.chain(from_body).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, AwsError> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| missing(name))
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, AwsError> {
        match self.get(name) {
            None => Ok(None),
            Some("true" | "True" | "1") => Ok(Some(true)),
            Some("false" | "False" | "0") => Ok(Some(false)),
            Some(other) => Err(AwsError::client(
                "InvalidParameterValue",
                format!("Invalid value '{other}' for {name}. Must be true or false."),
            )),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, AwsError> {
        Ok(self.boolean(name)?.unwrap_or(false))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u32>, AwsError> {
        self.get(name)
            .map(|text| text.parse().map_err(|_| invalid_value(name, text, "Expecting a whole number.")))
            .transpose()
    }

    /// A flattened list, `NAME.1`, `NAME.2`, ..., in the order of its numbers.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let mut found: Vec<(u32, &str)> =
            self.below(name).filter_map(|(rest, value)| rest.parse().ok().map(|index| (index, value))).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, value)| value).collect()
    }

    /// The prefixes of a list of structures: `NAME.1.`, `NAME.2.`, ...
    pub(crate) fn structures(&self, name: &str) -> Vec<String> {
        let indices: BTreeSet<u32> =
            self.below(name).filter_map(|(rest, _)| rest.split('.').next()?.parse().ok()).collect();
        indices.into_iter().map(|index| format!("{name}.{index}.")).collect()
    }

    /// What follows `NAME.`, with its value.
    fn below<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a, 'n> {
        self.0.range(name.to_owned()..).take_while(move |(key, _)| key.starts_with(name)).filter_map(
            move |(key, value)| key.strip_prefix(name)?.strip_prefix('.').map(|rest| (rest, value.as_str())),
        )
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All parameters but those that do not belong to what is asked: two requests with one token must agree on the rest.
    pub(crate) fn fingerprint(&self) -> String {
        let mut out = String::new();
        for (name, value) in
            self.0.iter().filter(|(name, _)| !matches!(name.as_str(), "ClientToken" | "DryRun" | "Action" | "Version"))
        {
            out.push_str(name);
            out.push('=');
            out.push_str(value);
            out.push('\n');
        }
        out
    }

    /// `TagSpecification.N` for one type of resource.
    pub(crate) fn tags_for(&self, resource_type: &str) -> Result<BTreeMap<String, String>, AwsError> {
        let mut tags = BTreeMap::new();
        for prefix in self.structures("TagSpecification") {
            if self.get(&format!("{prefix}ResourceType")) == Some(resource_type) {
                tags.extend(self.tags_under(&format!("{prefix}Tag"))?);
            }
        }
        Ok(tags)
    }

    /// `NAME.N.Key` and `NAME.N.Value`.
    pub(crate) fn tags_under(&self, name: &str) -> Result<BTreeMap<String, String>, AwsError> {
        let mut tags = BTreeMap::new();
        for prefix in self.structures(name) {
            let key = self.required(&format!("{prefix}Key"))?;
            let value = self.get(&format!("{prefix}Value")).unwrap_or_default();
            check_tag(key, value)?;
            tags.insert(key.to_owned(), value.to_owned());
        }
        if tags.len() > TAGS_PER_RESOURCE {
            return Err(tag_limit_exceeded());
        }
        Ok(tags)
    }
}

/// AWS: 50 tags a resource, keys of 128 characters, values of 256.
pub(crate) const TAGS_PER_RESOURCE: usize = 50;
const KEY_CHARACTERS: usize = 128;
const VALUE_CHARACTERS: usize = 256;

pub(crate) fn tag_limit_exceeded() -> AwsError {
    AwsError::client("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
}

fn check_tag(key: &str, value: &str) -> Result<(), AwsError> {
    if key.starts_with("aws:") {
        return Err(AwsError::client(
            "InvalidParameterValue",
            "Tag keys starting with 'aws:' are reserved for internal use",
        ));
    }
    if key.chars().count() > KEY_CHARACTERS {
        return Err(AwsError::client(
            "InvalidParameterValue",
            format!("Tag key exceeds the maximum length of {KEY_CHARACTERS} characters"),
        ));
    }
    if value.chars().count() > VALUE_CHARACTERS {
        return Err(AwsError::client(
            "InvalidParameterValue",
            format!("Tag value exceeds the maximum length of {VALUE_CHARACTERS} characters"),
        ));
    }
    Ok(())
}

pub(crate) fn missing(name: &str) -> AwsError {
    AwsError::client("MissingParameter", format!("The request must contain the parameter {name}"))
}

pub(crate) fn invalid_value(name: &str, value: &str, why: &str) -> AwsError {
    AwsError::client("InvalidParameterValue", format!("Value ({value}) for parameter {name} is invalid. {why}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn lists_come_in_the_order_of_their_numbers() {
        let params = Params::parse(b"InstanceId.10=c&InstanceId.2=b&InstanceId.1=a&InstanceIdX.1=no&Force=true", "");
        assert_eq!(params.list("InstanceId"), ["a", "b", "c"]);
        assert!(params.flag("Force").unwrap());
        assert_eq!(Params::parse(b"Force=maybe", "").flag("Force").unwrap_err().code, "InvalidParameterValue");
    }

    #[test]
    fn tags_are_taken_for_their_type_only() {
        let params = Params::parse(
            b"TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=1&TagSpecification.2.ResourceType=instance&TagSpecification.2.Tag.1.Key=b",
            "",
        );
        assert_eq!(
            params.tags_for("volume").unwrap().into_iter().collect::<Vec<_>>(),
            [("a".to_owned(), "1".to_owned())]
        );
        assert_eq!(params.tags_for("snapshot").unwrap().len(), 0);
    }
}
