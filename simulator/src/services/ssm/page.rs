//! Pages of sorted names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// One page, and the token of the next one: the last name given. A page has `most` names unless fewer are asked for.
pub(super) fn page<'a>(
    names: impl Iterator<Item = &'a str>,
    input: Input<'_>,
    most: usize,
) -> Result<(Vec<&'a str>, Option<String>), ApiError> {
    let size = page_size(input, most)?;
    let after = input.text("NextToken")?.map(read_token).transpose()?;
    let mut page: Vec<&str> =
        names.filter(|name| after.as_deref().is_none_or(|after| *name > after)).take(size + 1).collect();
    let more = page.len() > size;
    page.truncate(size);
    let next = page.last().filter(|_| more).map(|last| STANDARD.encode(last));
    Ok((page, next))
}

fn page_size(input: Input<'_>, most: usize) -> Result<usize, ApiError> {
    let Some(asked) = input.integer("MaxResults")? else { return Ok(most) };
    usize::try_from(asked).ok().filter(|size| (1..=most).contains(size)).ok_or_else(|| {
        let constraint =
            if asked < 1 { "greater than or equal to 1".to_owned() } else { format!("less than or equal to {most}") };
        ApiError::validation(format!(
            "1 validation error detected: Value '{asked}' at 'maxResults' failed to satisfy constraint: Member must have value {constraint}"
        ))
    })
}

fn read_token(token: &str) -> Result<String, ApiError> {
    let name = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| ApiError::client("InvalidNextToken", "The specified token is not valid."))
}

/// An answer with parameters, and the token if there are more.
pub(super) fn answer(shown: &[Value], next: Option<String>) -> Value {
    let mut output = json!({"Parameters": shown});
    if let Some(token) = next {
        output["NextToken"] = json!(token);
    }
    output
}
