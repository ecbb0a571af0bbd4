//! What a check finds: faults and warnings.

use failover_core::world::Tags;
use serde::Serialize;

/// Something about the set-up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CheckFinding {
    /// How bad.
    pub severity: Severity,
    /// What, and what to do.
    pub text: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A failover will not work, or not be noticed to be needed.
    Fault,
    /// A failover will work, but something should be better.
    Warning,
}

/// What has been found so far.
#[derive(Default)]
pub(super) struct Found(pub(super) Vec<CheckFinding>);

impl Found {
    pub(super) fn fault(&mut self, text: String) {
        self.0.push(CheckFinding { severity: Severity::Fault, text });
    }

    pub(super) fn warning(&mut self, text: String) {
        self.0.push(CheckFinding { severity: Severity::Warning, text });
    }

    /// A tag is how the resource is found when ids change: it is needed, though not for the next failover.
    pub(super) fn tag(&mut self, resource: &str, tags: &Tags, key: &str, value: &str) {
        if tags.get(key).map(String::as_str) != Some(value) {
            self.warning(format!(
                "{resource} does not carry the tag {key}={value}: `aws ec2 create-tags --resources {resource} --tags Key={key},Value={value}`"
            ));
        }
    }
}
