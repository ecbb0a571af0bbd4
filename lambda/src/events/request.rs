//! An operator's request: `{"service": "billing-db", "to": "standby", "drill": true, "accept_data_loss_seconds": 60, "by": "anna"}`.

use failover_core::ids::ServiceName;
use failover_core::ledger::{BadDestination, Destination};

use super::error::{EventError, shown_keys};
use super::read::At;

/// The keys of a request.
pub(super) const KEYS: [&str; 5] = ["service", "to", "drill", "accept_data_loss_seconds", "by"];
const KEYS_SHOWN: &str = "service, to, drill, accept_data_loss_seconds, by";

/// A name that a person would have: it ends in reports and logs.
const LONGEST_BY_CHARACTERS: usize = 128;

/// What an operator asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualRequest {
    /// Which service is to move.
    pub service: ServiceName,
    /// Where to.
    pub to: Destination,
    /// Only when everything is known and healthy.
    pub drill: bool,
    /// How much data may be lost, in the operator's own words.
    pub accepted_loss_seconds: Option<u64>,
    /// Who asks, as far as the request says.
    pub by: Option<String>,
}

pub(super) fn request(event: &At<'_>) -> Result<ManualRequest, EventError> {
    let fields = event.object()?;
    let mut unknown = fields.keys().filter(|key| !KEYS.contains(&key.as_str())).peekable();
    if unknown.peek().is_some() {
        let path = event.path().to_owned();
        return Err(EventError::UnknownKeys { path, keys: shown_keys(unknown), allowed: KEYS_SHOWN });
    }
    Ok(ManualRequest {
        service: event.need("service", "a service's name")?.name()?,
        to: destination(&event.need("to", Destination::ALLOWED)?)?,
        drill: event.get("drill").map(|drill| drill.flag()).transpose()?.unwrap_or(false),
        accepted_loss_seconds: event.get("accept_data_loss_seconds").map(|at| whole_seconds(&at)).transpose()?,
        by: event.get("by").map(|by| person(&by)).transpose()?,
    })
}

fn destination(at: &At<'_>) -> Result<Destination, EventError> {
    // What is no destination is in the error already, in a form that is safe to log.
    at.text()?.parse().map_err(|_: BadDestination| at.wrong(Destination::ALLOWED))
}

fn whole_seconds(at: &At<'_>) -> Result<u64, EventError> {
    at.value().as_u64().ok_or_else(|| at.wrong("a whole number of seconds, 0 or more"))
}

fn person(at: &At<'_>) -> Result<String, EventError> {
    let text = at.text()?.trim();
    let fits = (1..=LONGEST_BY_CHARACTERS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(at.wrong("1 to 128 printable characters")) }
}
