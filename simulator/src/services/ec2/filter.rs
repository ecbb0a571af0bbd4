//! Filters of the describes.

use std::collections::BTreeMap;

use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// Gives a resource's values under a filter's name to a visitor.
pub(super) type ValuesOf<'f> = dyn Fn(&str, &mut dyn FnMut(&str)) + 'f;

/// One filter: the resource matches if one of its values matches one of these.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    name: &'a str,
    values: Vec<&'a str>,
}

/// The name in a list of known filters that stands for `tag:KEY`, whatever the key.
pub(super) const ANY_TAG: &str = "tag:";

/// Reads `Filter.N.Name` and `Filter.N.Value.M`. A name that is not known is refused: nothing would be filtered by it.
pub(super) fn filters<'a>(input: Input<'a>, known: &[&str]) -> Result<Vec<Filter<'a>>, ApiError> {
    let read = |filter: Input<'a>| {
        let name = filter.filled_text("Name")?;
        let values = filter.texts("Value")?;
        let of_tag = name.starts_with(ANY_TAG) && known.contains(&ANY_TAG);
        if !of_tag && !known.contains(&name) {
            return Err(ApiError::unsupported(format!(
                "The filter '{name}' is unknown or not modelled by this simulated region."
            )));
        }
        if values.is_empty() {
            return Err(ApiError::client("InvalidParameterValue", format!("The filter '{name}' has no values")));
        }
        Ok(Filter { name, values })
    };
    input.list("Filter")?.into_iter().map(read).collect()
}

impl Filter<'_> {
    fn accepts(&self, value: &str) -> bool {
        self.values.iter().any(|pattern| matches_pattern(pattern, value))
    }

    /// Whether a resource passes: `values_of` gives the resource's values for a name.
    fn passes(&self, tags: &BTreeMap<String, String>, values_of: &ValuesOf<'_>) -> bool {
        if let Some(key) = self.name.strip_prefix(ANY_TAG) {
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
pub(super) fn all_pass(filters: &[Filter<'_>], tags: &BTreeMap<String, String>, values_of: &ValuesOf<'_>) -> bool {
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
}
