//! Where an operator wants a service: as it is recorded, shown and typed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{BadName, InstanceId, Zone};

/// Where an operator wants the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// Wherever the choice falls: the zone of the data first.
    Standby,
    /// On this instance and no other.
    Instance(InstanceId),
    /// On the best standby in this zone.
    Zone(Zone),
}

/// A text that is no destination.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadDestination {
    /// It begins as an instance's id does.
    #[error(transparent)]
    Instance(BadName),
    /// It is nothing that a service can go to.
    #[error("{value:?} is no destination: allowed is {}", Destination::ALLOWED)]
    Unknown {
        /// What was given, cut to a readable length.
        value: String,
    },
}

impl Destination {
    /// What is accepted, for people.
    pub const ALLOWED: &str =
        "standby, an instance id (i- and 8 to 17 hexadecimal digits) or an Availability Zone such as eu-central-1a";
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standby => formatter.write_str("standby"),
            Self::Instance(instance) => instance.fmt(formatter),
            Self::Zone(zone) => zone.fmt(formatter),
        }
    }
}

impl FromStr for Destination {
    type Err = BadDestination;

    fn from_str(text: &str) -> Result<Self, BadDestination> {
        if text == "standby" {
            return Ok(Self::Standby);
        }
        if text.starts_with("i-") {
            return InstanceId::new(text).map(Self::Instance).map_err(BadDestination::Instance);
        }
        match Zone::new(text) {
            Ok(zone) if is_zone_name(text) => Ok(Self::Zone(zone)),
            Ok(_) | Err(_) => Err(BadDestination::Unknown { value: crate::ids::shown(text) }),
        }
    }
}

/// Zones, local ones included, end in a number and a letter, and have hyphens. A region or a mistyped word has not: taken for a zone, it
/// would become a failover that is refused for want of a standby there.
fn is_zone_name(text: &str) -> bool {
    let mut ends = text.bytes().rev();
    let letter = ends.next().is_some_and(|byte| byte.is_ascii_lowercase());
    let digit = ends.next().is_some_and(|byte| byte.is_ascii_digit());
    letter && digit && text.contains('-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn destinations_are_told_apart_and_shown_as_they_are_typed() {
        let instance = Destination::Instance(InstanceId::new("i-0123456789abcdef0").unwrap());
        let zone = |name: &str| Destination::Zone(Zone::new(name).unwrap());
        for (text, expected) in [
            ("standby", Destination::Standby),
            ("i-0123456789abcdef0", instance),
            ("eu-central-1a", zone("eu-central-1a")),
            ("us-west-2-lax-1a", zone("us-west-2-lax-1a")),
        ] {
            let read: Destination = text.parse().unwrap();
            assert_eq!(read, expected, "{text}");
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn what_is_none_is_told_what_is_allowed() {
        for wrong in
            ["Standby", "stanby", "eu-central-1", "eu-central", "", "vol-0123456789abcdef0", "i-xyz", "1a", "standby "]
        {
            let error = wrong.parse::<Destination>().unwrap_err().to_string();
            assert!(error.contains("allowed is") && error.contains("hexadecimal"), "{wrong}: {error}");
        }
        let long = "x".repeat(100_000).parse::<Destination>().unwrap_err().to_string();
        assert!(long.len() < 300, "{}", long.len());
    }
}
