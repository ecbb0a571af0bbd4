//! Names of things, each a type of its own, so that a volume is never passed where an instance is meant.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A name that is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{value:?} is not a {what}: allowed is {allowed}")]
pub struct BadName {
    /// What was expected, in the field's own term.
    pub what: &'static str,
    /// What was given, cut to a readable length.
    pub value: String,
    /// The form that would be accepted, in words.
    pub allowed: &'static str,
}

/// Longest part of a bad value that an error repeats: enough to recognise it, too little to flood a log.
const SHOWN_CHARACTERS: usize = 80;

fn bad(what: &'static str, value: &str, allowed: &'static str) -> BadName {
    BadName { what, value: shown(value), allowed }
}

/// As much of a bad value as an error repeats.
pub(crate) fn shown(value: &str) -> String {
    value.chars().take(SHOWN_CHARACTERS).collect()
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the name if it has the right form.
            pub fn new(value: impl Into<String>) -> Result<Self, BadName> {
                let value = value.into();
                let check: fn(&str) -> bool = $check;
                if check(&value) { Ok(Self(value)) } else { Err(bad($what, &value, $allowed)) }
            }

            /// The name as text, as AWS has it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(value: String) -> Result<Self, BadName> {
                Self::new(value)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadName;
            fn from_str(value: &str) -> Result<Self, BadName> {
                Self::new(value)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

/// AWS ids: a prefix and 8 or 17 hexadecimal digits (older and newer resources).
fn is_aws_id(value: &str, prefix: &str) -> bool {
    value.strip_prefix(prefix).is_some_and(|rest| {
        (8..=17).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// Lower-case words joined by hyphens: safe as a tag value, an SSM path segment and a DynamoDB key alike.
fn is_label(value: &str) -> bool {
    (1..=63).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !value.starts_with('-')
        && !value.ends_with('-')
}

name!(
    /// A protected service, as `failover.toml` names it.
    ServiceName, "service name",
    "1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'", is_label);
name!(
    /// A data volume's name within its service; it outlives the EBS volumes that carry it.
    VolumeName, "volume name",
    "1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'", is_label);
name!(
    /// An EC2 instance, by its id.
    InstanceId, "instance id", "i- and 8 to 17 hexadecimal digits", |value| is_aws_id(value, "i-"));
name!(
    /// An EBS volume, by its id.
    VolumeId, "volume id", "vol- and 8 to 17 hexadecimal digits", |value| is_aws_id(value, "vol-"));
name!(
    /// An EBS snapshot, by its id.
    SnapshotId, "snapshot id", "snap- and 8 to 17 hexadecimal digits", |value| is_aws_id(value, "snap-"));
name!(
    /// An Elastic IP's allocation.
    AllocationId, "allocation id", "eipalloc- and 8 to 17 hexadecimal digits", |value| is_aws_id(value, "eipalloc-"));
name!(
    /// An Availability Zone, such as `eu-central-1a`.
    Zone, "Availability Zone", "a zone's name such as eu-central-1a",
    |value| (2..=40).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
name!(
    /// A CloudWatch alarm, metric or composite, by its name.
    AlarmName, "alarm name", "1 to 255 characters", |value| !value.is_empty() && value.chars().count() <= 255);
name!(
    /// An Auto Scaling group, by its name.
    GroupName, "group name", "1 to 255 characters without ':'",
    |value| (1..=255).contains(&value.chars().count()) && !value.contains(':'));
name!(
    /// A lifecycle hook of a group.
    HookName, "hook name", "1 to 255 of a-z, A-Z, 0-9, '-', '_' and '/'",
    |value| (1..=255).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte)));
name!(
    /// A subnet, by its id.
    SubnetId, "subnet id", "subnet- and 8 to 17 hexadecimal digits", |value| is_aws_id(value, "subnet-"));
name!(
    /// One failover of one service: starts with its time, so that names sort by age.
    FailoverId, "failover id", "1 to 64 of a-z, 0-9 and '-'",
    |value| (1..=64).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));

impl FailoverId {
    /// The id of the failover that leads a service to `epoch`, begun at `at`.
    ///
    /// It needs no randomness: an epoch is reached once, and a failover that is aborted leaves the epoch but not the second.
    pub fn of(epoch: u64, at: jiff::Timestamp) -> Self {
        Self(format!("f{:012}-e{epoch}", at.as_millisecond().unsigned_abs()))
    }
}

/// Which address it is that moves with a service, by its kind.
///
/// Each kind is observed, moved and proven by calls of its own: whoever does one of these matches on it, and a new kind does not
/// compile before it is dealt with. Written as AWS's id, whose form tells the kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AddressId {
    /// An Elastic IP, by its allocation.
    ElasticIp(AllocationId),
}

impl AddressId {
    /// The name as text, as AWS has it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ElasticIp(allocation) => allocation.as_str(),
        }
    }
}

impl fmt::Display for AddressId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl TryFrom<String> for AddressId {
    type Error = BadName;
    fn try_from(value: String) -> Result<Self, BadName> {
        AllocationId::new(value).map(Self::ElasticIp)
    }
}

impl std::str::FromStr for AddressId {
    type Err = BadName;
    fn from_str(value: &str) -> Result<Self, BadName> {
        Self::try_from(value.to_owned())
    }
}

impl From<AddressId> for String {
    fn from(id: AddressId) -> String {
        match id {
            AddressId::ElasticIp(allocation) => allocation.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn accepts_aws_forms_and_names_what_is_allowed() {
        assert_eq!(InstanceId::new("i-0123456789abcdef0").unwrap().as_str(), "i-0123456789abcdef0");
        assert!(InstanceId::new("i-1a2b3c4d").is_ok());
        for wrong in ["", "i-", "i-xyz", "vol-0123456789abcdef0", "i-0123456789ABCDEF0", "i-0123456789abcdef01"] {
            let error = InstanceId::new(wrong).unwrap_err().to_string();
            assert!(error.contains("instance id") && error.contains("hexadecimal"), "{error}");
        }
        assert!(ServiceName::new("billing-db").is_ok());
        assert!(ServiceName::new("Billing db").is_err());
    }

    #[test]
    fn a_long_bad_name_does_not_flood_the_log() {
        let error = ServiceName::new("x".repeat(1_000_000)).unwrap_err().to_string();
        assert!(error.len() < 300 && error.contains(&"x".repeat(80)), "{error}");
    }
}
