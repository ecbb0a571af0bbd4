//! Addresses that can be led to another instance.

use serde::{Deserialize, Serialize};

use super::tag::Tags;
use crate::ids::InstanceId;

/// An address, of whatever kind; which one it is, and of what kind, its [`AddressId`](crate::ids::AddressId) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// What clients connect to, in dotted decimals.
    pub public_ip: String,
    /// The instance that it leads to. None: to nothing, or to a network interface without an instance.
    pub instance: Option<InstanceId>,
    /// What tells whose it is, where the spec names none.
    pub tags: Tags,
}

impl Address {
    /// Whether what clients send to it reaches `instance`. AWS reassociates in one call (aws-facts 3.1): it leads to one or to nothing.
    pub fn leads_to(&self, instance: &InstanceId) -> bool {
        self.instance.as_ref() == Some(instance)
    }
}
