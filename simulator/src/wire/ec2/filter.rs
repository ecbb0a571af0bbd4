//! Filters, ids and pages of the describes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::wire::AwsError;
use crate::wire::ec2::params::{Params, invalid_value};

/// Gives a resource's values under a filter's name to a visitor.
pub(crate) type ValuesOf<'f> = dyn Fn(&str, &mut dyn FnMut(&str)) + 'f;

/// One filter: the resource matches if one of its values matches one of these.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    name: &'a str,
    values: Vec<&'a str>,
}

/// Reads `Filter.N.Name` and `Filter.N.Value.M`; a name that the action does not know is refused, as AWS does.
pub(crate) fn filters<'a>(params: &'a Params, known: &[&str]) -> Result<Vec<Filter<'a>>, AwsError> {
    let read = |prefix: String| {
        let name = params.required(&format!("{prefix}Name"))?;
        let values = params.list(&format!("{prefix}Value"));
        if !known.contains(&name) && !name.starts_with("tag:") {
            return Err(AwsError::client("InvalidParameterValue", format!("The filter '{name}' is invalid")));
        }
        if values.is_empty() {
            return Err(AwsError::client("InvalidParameterValue", format!("The filter '{name}' has no values")));
        }
        Ok(Filter { name, values })
    };
    params.structures("Filter").into_iter().map(read).collect()
}

impl Filter<'_> {
    fn accepts(&self, value: &str) -> bool {
        self.values.iter().any(|pattern| matches_pattern(pattern, value))
    }

    /// Whether a resource passes: `values_of` gives the resource's values for a name.
    fn passes(&self, tags: &BTreeMap<String, String>, values_of: &ValuesOf<'_>) -> bool {
        if let Some(key) = self.name.strip_prefix("tag:") {
            return tags.get(key).is_some_and(|value| self.accepts(value));
        }
        match self.name {
            "tag-key" => tags.keys().any(|key| self.accepts(key)),
            "tag-value" => tags.values().any(|value| self.accepts(value)),
            name => {
                let mut passed = false;
                values_of(name, &mut |value| passed = passed || self.accepts(value));
                passed
            }
        }
    }
}

/// Whether a resource passes all filters.
pub(crate) fn all_pass(filters: &[Filter<'_>], tags: &BTreeMap<String, String>, values_of: &ValuesOf<'_>) -> bool {
    filters.iter().all(|filter| filter.passes(tags, values_of))
}

/// AWS's wildcards: `*` is any text, `?` is one character. Case counts.
fn matches_pattern(pattern: &str, value: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == value;
    }
    let (pattern, value): (Vec<char>, Vec<char>) = (pattern.chars().collect(), value.chars().collect());
    // One row of the usual table: whether the pattern so far matches each prefix of the value.
    let mut row = vec![false; value.len() + 1];
    if let Some(first) = row.first_mut() {
        *first = true;
    }
    for symbol in pattern {
        let mut next = vec![false; row.len()];
        for (index, slot) in next.clone().iter().enumerate() {
            let here = row.get(index).copied().unwrap_or(*slot);
            let before = index.checked_sub(1).and_then(|earlier| row.get(earlier)).copied().unwrap_or(false);
            let earlier_next = index.checked_sub(1).and_then(|earlier| next.get(earlier)).copied().unwrap_or(false);
            let character = index.checked_sub(1).and_then(|earlier| value.get(earlier));
            let matched = match symbol {
                '*' => here || earlier_next,
                '?' => before,
                literal => before && character == Some(&literal),
            };
            if let Some(slot) = next.get_mut(index) {
                *slot = matched;
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or(false)
}

/// Which part of a list is asked for.
#[derive(Debug)]
pub(crate) struct Page {
    limit: usize,
    after: Option<String>,
}

impl Page {
    /// Reads `MaxResults` and `NextToken`. Explicit ids and pages exclude each other.
    pub(crate) fn read(params: &Params, has_ids: bool) -> Result<Self, AwsError> {
        let max_results = params.number("MaxResults")?;
        if let Some(asked) = max_results {
            if has_ids {
                return Err(AwsError::client(
                    "InvalidParameterCombination",
                    "The parameter maxResults cannot be used with explicit ids in the request",
                ));
            }
            if !(LEAST_PAGE..=LARGEST_PAGE).contains(&asked) {
                return Err(invalid_value("maxResults", &asked.to_string(), "Expecting a value between 5 and 1000."));
            }
        }
        let after = params.get("NextToken").map(read_token).transpose()?;
        let limit = max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(usize::MAX);
        Ok(Self { limit, after })
    }

    /// Cuts the page out of items sorted by id; the second part is the token of the next one.
    pub(crate) fn cut<T>(&self, items: Vec<T>, id_of: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
        let is_new = |item: &T| self.after.as_deref().is_none_or(|after| id_of(item) > after);
        let mut page: Vec<T> = items.into_iter().filter(is_new).collect();
        if page.len() <= self.limit {
            return (page, None);
        }
        page.truncate(self.limit);
        let token = page.last().map(|item| URL_SAFE_NO_PAD.encode(id_of(item)));
        (page, token)
    }
}

const LEAST_PAGE: u32 = 5;
const LARGEST_PAGE: u32 = 1000;

fn read_token(token: &str) -> Result<String, AwsError> {
    let invalid = || AwsError::client("InvalidNextToken", format!("The token '{token}' is invalid."));
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    String::from_utf8(bytes).map_err(|_| invalid())
}

/// A kind of resource by its ids: prefix, and what AWS calls the errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdKind {
    pub(crate) prefix: &'static str,
    pub(crate) malformed: &'static str,
    pub(crate) not_found: &'static str,
    /// `instance ID`, as in "The instance ID 'i-...' does not exist".
    pub(crate) noun: &'static str,
    /// AWS ends some of these messages with a full stop and some without.
    pub(crate) end: &'static str,
}

pub(crate) const INSTANCE: IdKind = IdKind {
    prefix: "i-",
    malformed: "InvalidInstanceID.Malformed",
    not_found: "InvalidInstanceID.NotFound",
    noun: "instance ID",
    end: "",
};
pub(crate) const VOLUME: IdKind = IdKind {
    prefix: "vol-",
    malformed: "InvalidVolumeID.Malformed",
    not_found: "InvalidVolume.NotFound",
    noun: "volume",
    end: ".",
};
pub(crate) const SNAPSHOT: IdKind = IdKind {
    prefix: "snap-",
    malformed: "InvalidSnapshotID.Malformed",
    not_found: "InvalidSnapshot.NotFound",
    noun: "snapshot",
    end: ".",
};
pub(crate) const ALLOCATION: IdKind = IdKind {
    prefix: "eipalloc-",
    malformed: "InvalidAllocationID.Malformed",
    not_found: "InvalidAllocationID.NotFound",
    noun: "allocation ID",
    end: "",
};
pub(crate) const ASSOCIATION: IdKind = IdKind {
    prefix: "eipassoc-",
    malformed: "InvalidAssociationID.Malformed",
    not_found: "InvalidAssociationID.NotFound",
    noun: "association ID",
    end: "",
};
pub(crate) const NETWORK_INTERFACE: IdKind = IdKind {
    prefix: "eni-",
    malformed: "InvalidNetworkInterfaceId.Malformed",
    not_found: "InvalidNetworkInterfaceID.NotFound",
    noun: "networkInterface ID",
    end: "",
};

impl IdKind {
    /// Ids have 8 or 17 hexadecimal digits.
    pub(crate) fn check(&self, id: &str) -> Result<(), AwsError> {
        let digits = id.strip_prefix(self.prefix).unwrap_or_default();
        let well_formed =
            matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if well_formed { Ok(()) } else { Err(AwsError::client(self.malformed, format!("Invalid id: \"{id}\""))) }
    }

    pub(crate) fn missing(&self, ids: &[&str]) -> AwsError {
        let plural = if ids.len() > 1 { "s" } else { "" };
        let verb = if ids.len() > 1 { "do" } else { "does" };
        AwsError::client(
            self.not_found,
            format!("The {}{plural} '{}' {verb} not exist{}", self.noun, ids.join(", "), self.end),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn wildcards_match_as_on_aws() {
        for (pattern, value, expected) in [
            ("prod", "prod", true),
            ("prod", "Prod", false),
            ("pro*", "prod", true),
            ("*o*", "prod", true),
            ("p?od", "prod", true),
            ("p?od", "pood!", false),
            ("*", "", true),
            ("?", "", false),
        ] {
            assert_eq!(matches_pattern(pattern, value), expected, "{pattern} on {value}");
        }
    }

    #[test]
    fn pages_go_on_where_the_last_one_ended() {
        let items: Vec<String> = (0..12).map(|number| format!("vol-{number:02}")).collect();
        let first = Page::read(&Params::parse(b"MaxResults=5", ""), false).unwrap();
        let (page, token) = first.cut(items.clone(), |id| id);
        assert_eq!(page.len(), 5);
        let body = format!("MaxResults=10&NextToken={}", token.unwrap());
        let (rest, end) = Page::read(&Params::parse(body.as_bytes(), ""), false).unwrap().cut(items, |id| id);
        assert_eq!((rest.len(), rest[0].as_str(), end), (7, "vol-05", None));
        assert_eq!(Page::read(&Params::parse(b"NextToken=%21", ""), false).unwrap_err().code, "InvalidNextToken");
    }
}
