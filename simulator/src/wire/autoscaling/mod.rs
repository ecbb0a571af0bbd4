//! Auto Scaling's query protocol, API version 2011-01-01.

mod describe;
mod groups;
mod hooks;
mod members;
mod operations;
mod tags;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::ParsedRequest;
use crate::state::State;
use crate::store::AwsError;
use crate::store::input::Input;
use crate::time::RegionTime;

/// A call being answered.
struct Call<'a> {
    state: &'a mut State,
    input: Input<'a>,
    now: RegionTime,
    /// The moment whose state this call's reads show.
    as_of: RegionTime,
}

type Done = Result<Value, AwsError>;

pub(crate) fn run(state: &mut State, request: &ParsedRequest, now: RegionTime) -> Done {
    let Some(operation) = operations::find(&request.action) else {
        return Err(AwsError::unsupported(format!("The operation {} of autoscaling is not modelled.", request.action)));
    };
    let probability = state.faults.throttle_probability(&request.action, now);
    if probability > 0.0 && state.chance.faults.f64() < probability {
        return Err(AwsError::client("Throttling", "Rate exceeded"));
    }
    let input = request.parameters()?;
    let unknown = |name: &&String| !operation.parameters.contains(&name.as_str());
    if let Some(name) = input.as_object().into_iter().flat_map(serde_json::Map::keys).find(unknown) {
        // What is not modelled is refused rather than ignored: a caller must not believe that it had an effect.
        let message =
            format!("The parameter {name} of {} is unknown or not modelled by this simulated region.", request.action);
        return Err(AwsError::client("UnsupportedOperation", message));
    }
    let as_of = state.read_as_of(now);
    (operation.handler)(&mut Call { state, input: Input(&input), now, as_of }).map_err(renamed)
}

/// The reader of input serves several services; here wrong input has another name.
fn renamed(error: AwsError) -> AwsError {
    match error.code.as_ref() {
        "ValidationException" | "SerializationException" => AwsError { code: "ValidationError".into(), ..error },
        _ => error,
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::client("ValidationError", message)
}

impl<'a> Call<'a> {
    /// A required text; empty ones count as absent.
    fn required(&self, name: &str) -> Result<&'a str, AwsError> {
        self.input.required_text(name).and_then(|text| {
            if text.is_empty() {
                let member = crate::store::input::lower_camel(name);
                return Err(invalid(format!("1 validation error detected: Value '' at '{member}' failed to satisfy constraint: Member must have length greater than or equal to 1")));
            }
            Ok(text)
        })
    }

    /// The group that the call names; it must exist.
    fn group_name(&self) -> Result<String, AwsError> {
        let name = self.required("AutoScalingGroupName")?;
        self.state.require_group(name)?;
        Ok(name.to_owned())
    }

    fn whole(&self, name: &str) -> Result<Option<usize>, AwsError> {
        let Some(number) = self.input.integer(name)? else { return Ok(None) };
        let negative = |_| {
            let member = crate::store::input::lower_camel(name);
            invalid(format!(
                "1 validation error detected: Value '{number}' at '{member}' failed to satisfy constraint: Member must have value greater than or equal to 0"
            ))
        };
        usize::try_from(number).map(Some).map_err(negative)
    }

    /// One page of items that are sorted by key: `MaxRecords` and `NextToken`.
    fn page<T>(
        &self,
        items: Vec<T>,
        most: usize,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), AwsError> {
        let limit = self.whole("MaxRecords")?.unwrap_or(most.min(50)).clamp(1, most);
        let bad_token = || AwsError::client("InvalidNextToken", "The token provided is not valid");
        let read = |token: &str| URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let after = match self.input.text("NextToken")? {
            Some(token) => Some(read(token).ok_or_else(bad_token)?),
            None => None,
        };
        let mut rest = items;
        if let Some(after) = after {
            let seen = rest.iter().position(|item| key(item) == after).map_or(0, |position| position + 1);
            rest.drain(..seen);
        }
        let token =
            (rest.len() > limit).then(|| rest.get(limit - 1).map(|last| URL_SAFE_NO_PAD.encode(key(last)))).flatten();
        rest.truncate(limit);
        Ok((rest, token))
    }
}
