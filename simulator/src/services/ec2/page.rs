//! Pages of the describes.

use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

use super::words::{count, invalid_combination, invalid_value};

/// Which part of a list is asked for.
#[derive(Debug)]
pub(super) struct Page {
    limit: usize,
    after: Option<String>,
}

impl Page {
    /// Reads `MaxResults`, 5 to 1000 as most describes have it, and `NextToken`. Explicit ids and pages exclude each other.
    pub(super) fn read(input: Input<'_>, has_ids: bool) -> Result<Self, ApiError> {
        Self::read_sized(input, has_ids, 5..=1000)
    }

    /// The same, where AWS allows other sizes of a page.
    pub(super) fn read_sized(input: Input<'_>, has_ids: bool, sizes: RangeInclusive<u32>) -> Result<Self, ApiError> {
        let max_results = count(input, "MaxResults")?;
        if let Some(asked) = max_results {
            if has_ids {
                return Err(invalid_combination(
                    "The parameter maxResults cannot be used with explicit ids in the request",
                ));
            }
            if !sizes.contains(&asked) {
                let why = format!("Expecting a value between {} and {}.", sizes.start(), sizes.end());
                return Err(invalid_value("maxResults", &asked.to_string(), &why));
            }
        }
        let after = input.text("NextToken")?.map(read_token).transpose()?;
        let limit = max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(usize::MAX);
        Ok(Self { limit, after })
    }

    /// Cuts the page out of items sorted by id; the second part is the token of the next one.
    pub(super) fn cut<T>(&self, items: Vec<T>, id_of: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
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

fn read_token(token: &str) -> Result<String, ApiError> {
    let invalid = || ApiError::client("InvalidNextToken", format!("The token '{token}' is invalid."));
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    String::from_utf8(bytes).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::super::OPERATIONS;
    use super::*;

    fn page(parameters: serde_json::Value) -> Result<Page, ApiError> {
        let admitted = OPERATIONS.admit_tree("DescribeVolumes", parameters)?;
        Page::read(admitted.input(), false)
    }

    #[test]
    fn pages_go_on_where_the_last_one_ended() {
        let items: Vec<String> = (0..12).map(|number| format!("vol-{number:02}")).collect();
        let (first, token) = page(json!({"MaxResults": "5"})).unwrap().cut(items.clone(), |id| id);
        assert_eq!(first.len(), 5);
        let (rest, end) = page(json!({"MaxResults": "10", "NextToken": token})).unwrap().cut(items, |id| id);
        assert_eq!((rest.len(), rest[0].as_str(), end), (7, "vol-05", None));
        assert_eq!(page(json!({"NextToken": "!"})).unwrap_err().code, "InvalidNextToken");
        assert_eq!(page(json!({"MaxResults": "4"})).unwrap_err().code, "InvalidParameterValue");
    }
}
