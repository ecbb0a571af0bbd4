//! A call being answered: how its parameters are read, and how its answer is cut into pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::behaviour::scaling::errors::invalid;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::refusal::lower_camel;
use crate::state::State;
use crate::time::RegionTime;

/// A call being answered.
pub(crate) struct Call<'a> {
    pub(super) state: &'a mut State,
    pub(super) input: Input<'a>,
    pub(super) now: RegionTime,
    /// The moment whose state this call's reads show.
    pub(super) as_of: RegionTime,
}

pub(super) type Done = Result<Value, ApiError>;

pub(super) type Handler = fn(&mut Call<'_>) -> Done;

/// How many items a page has at most, and unless the call says.
#[derive(Clone, Copy)]
pub(super) struct PageSize {
    usual: usize,
    most: usize,
}

impl PageSize {
    pub(super) const GROUPS: Self = Self { usual: 50, most: 100 };
    pub(super) const INSTANCES: Self = Self { usual: 50, most: 50 };
    pub(super) const TAGS: Self = Self { usual: 50, most: 100 };
    pub(super) const ACTIVITIES: Self = Self { usual: 100, most: 100 };
}

impl<'a> Call<'a> {
    /// A required text; empty ones count as absent.
    pub(super) fn required(&self, name: &str) -> Result<&'a str, ApiError> {
        self.input.required_text(name).and_then(|text| {
            if text.is_empty() {
                let member = lower_camel(name);
                return Err(invalid(format!("1 validation error detected: Value '' at '{member}' failed to satisfy constraint: Member must have length greater than or equal to 1")));
            }
            Ok(text)
        })
    }

    /// The group that the call names; it must exist.
    pub(super) fn group_name(&self) -> Result<String, ApiError> {
        let name = self.required("AutoScalingGroupName")?;
        self.state.require_group(name)?;
        Ok(name.to_owned())
    }

    pub(super) fn whole(&self, name: &str) -> Result<Option<usize>, ApiError> {
        let Some(number) = self.input.integer(name)? else { return Ok(None) };
        let negative = |_| {
            let member = lower_camel(name);
            invalid(format!(
                "1 validation error detected: Value '{number}' at '{member}' failed to satisfy constraint: Member must have value greater than or equal to 0"
            ))
        };
        usize::try_from(number).map(Some).map_err(negative)
    }

    /// One page of items that are sorted by key: `MaxRecords` and `NextToken`. A token names the last item that was shown, and the next page
    /// goes on after it whether it still exists or not.
    pub(super) fn page<T>(
        &self,
        items: Vec<T>,
        size: PageSize,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), ApiError> {
        let limit = self.whole("MaxRecords")?.unwrap_or(size.usual).clamp(1, size.most);
        let bad_token = || ApiError::client("InvalidNextToken", "The token provided is not valid");
        let read = |token: &str| URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let after = match self.input.text("NextToken")? {
            Some(token) => Some(read(token).ok_or_else(bad_token)?),
            None => None,
        };
        let mut rest = items;
        rest.retain(|item| after.as_ref().is_none_or(|after| key(item) > *after));
        let token =
            (rest.len() > limit).then(|| rest.get(limit - 1).map(|last| URL_SAFE_NO_PAD.encode(key(last)))).flatten();
        rest.truncate(limit);
        Ok((rest, token))
    }
}
