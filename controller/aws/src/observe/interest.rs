//! What is to be observed: of one service, or of all.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::Filter;
use failover_core::ids::{AddressId, AlarmName, GroupName, InstanceId, ServiceName, VolumeId};
use failover_core::world::tag;

use crate::convert::filter;

/// What is to be observed for one service, besides everything that carries its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// The service.
    pub service: ServiceName,
    /// Instances that the ledger knows.
    pub members: BTreeSet<InstanceId>,
    /// Volumes that the ledger knows.
    pub volumes: BTreeSet<VolumeId>,
    /// Addresses that the spec or the ledger names.
    pub addresses: BTreeSet<AddressId>,
    /// Alarms that the spec names.
    pub alarms: BTreeSet<AlarmName>,
    /// Auto Scaling groups that the spec names. None: the service has no group, and nothing is asked.
    pub groups: Option<BTreeSet<GroupName>>,
}

impl Interest {
    /// Only what carries the service's tag.
    pub fn new(service: ServiceName) -> Self {
        Self {
            service,
            members: BTreeSet::new(),
            volumes: BTreeSet::new(),
            addresses: BTreeSet::new(),
            alarms: BTreeSet::new(),
            groups: None,
        }
    }
}

/// Things of one service, or of all.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope<'a> {
    Service(&'a ServiceName),
    All,
}

impl Scope<'_> {
    pub(super) fn filter(self) -> Filter {
        let (name, value) = self.tag();
        filter(name, value)
    }

    /// EC2 and Auto Scaling name their filters alike.
    pub(super) fn tag(self) -> (String, String) {
        match self {
            Self::Service(service) => (format!("tag:{}", tag::SERVICE), service.to_string()),
            Self::All => ("tag-key".to_owned(), tag::SERVICE.to_owned()),
        }
    }
}
