//! Looking at a service: from an [`Interest`] to a [`World`].
//!
//! Each [`Part`] is one kind of call, and the parts are looked at side by side. What belongs to a service is found by its tag;
//! what the ledger knows of, and the tag did not show, is asked for by id. A call that failed makes its part unknown:
//! nothing is ever absent because of a failure.
//!
//! While a zone is down, a describe call that names no ids fails as a whole; one that names only ids of healthy zones works
//! (aws-facts 1.4). So, when the call by tag fails or hangs, each known thing is asked for by a call of its own.

mod addresses;
mod alarms;
mod all;
mod answer;
mod checks;
mod groups;
mod instances;
mod pages;
mod singly;
mod snapshots;
#[cfg(test)]
mod tests;
mod volumes;

use std::collections::BTreeSet;
use std::future::Future;

use aws_sdk_ec2::types::Filter;
use failover_core::ids::{AddressId, AlarmName, GroupName, InstanceId, ServiceName, VolumeId};
use failover_core::world::{Checks, Listing, Observed, Part, World, tag};

use crate::clients::Aws;
use crate::convert::filter;

/// What is to be looked at for one service, besides everything that carries its tag.
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
enum Scope<'a> {
    Service(&'a ServiceName),
    All,
}

impl Scope<'_> {
    fn filter(self) -> Filter {
        let (name, value) = self.tag();
        filter(name, value)
    }

    /// EC2 and Auto Scaling name their filters alike.
    fn tag(self) -> (String, String) {
        match self {
            Self::Service(service) => (format!("tag:{}", tag::SERVICE), service.to_string()),
            Self::All => ("tag-key".to_owned(), tag::SERVICE.to_owned()),
        }
    }
}

/// The most that one page of a describe call holds.
const PAGE: i32 = 1_000;

impl Aws {
    /// Looks at `parts` of one service and replaces them in `world`, each by what was seen of it. It never fails as a whole.
    ///
    /// Each part is one call (and its pages), unless ids that the ledger knows were not among the answer. Two parts need more: a
    /// group's hooks are a call, and the zones of its subnets are one, once; and instances of a group that don't carry the tag (yet) are asked for by id.
    /// [`Part::Agents`] is not AWS's: see [`Store::reports`](crate::Store::reports).
    pub async fn look(&self, interest: &Interest, parts: &[Part], world: &mut World) {
        let scope = Scope::Service(&interest.service);
        let asked = |part| parts.contains(&part);
        let mut known: BTreeSet<InstanceId> = interest.members.clone();
        known.extend(world.instances.items.keys().cloned());
        known.extend(groups::members(world).map(|(id, _)| id.clone()));
        // Status checks can't be asked for by tag. Where no instance is known yet, they wait for the instances' answer.
        let wait = known.is_empty() && asked(Part::Instances);

        let (instances, checks, volumes, snapshots, addresses, alarms, groups) = futures::join!(
            when(asked(Part::Instances), self.instances(scope, &interest.members)),
            when(asked(Part::Checks) && !wait, self.checks(&known)),
            when(asked(Part::Volumes), self.volumes(scope, &interest.volumes)),
            when(asked(Part::Snapshots), self.snapshots(scope)),
            when(asked(Part::Addresses), self.addresses(scope, &interest.addresses)),
            when(asked(Part::Alarms), self.alarms(&interest.alarms)),
            when(asked(Part::Groups), Box::pin(self.groups_of(scope, interest, &world.groups))),
        );
        if let Some(listing) = groups {
            world.groups = listing;
        }
        if let Some((listing, _)) = instances {
            world.instances = listing;
            self.add_untagged_members(world).await;
        }
        if let Some(listing) = checks {
            world.checks = listing;
            checks::mark_unasked(world, &known);
        } else if asked(Part::Checks) {
            world.checks = self.checks_after(world).await;
        }
        if let Some((listing, _)) = volumes {
            world.volumes = listing;
        }
        if let Some((listing, _)) = snapshots {
            world.snapshots = listing;
        }
        if let Some((listing, _)) = addresses {
            world.addresses = listing;
        }
        if let Some(listing) = alarms {
            world.alarms = listing;
        }
    }

    /// Status checks of instances that were only just found. An unknown list of instances has unknown checks.
    async fn checks_after(&self, world: &World) -> Listing<InstanceId, Checks> {
        if let Observed::Unknown { why, at } = &world.instances.complete
            && world.instances.items.is_empty()
        {
            return Listing::unknown(why.clone(), *at);
        }
        self.checks(&world.instances.items.keys().cloned().collect()).await
    }
}

async fn when<T>(asked: bool, look: impl Future<Output = T>) -> Option<T> {
    if asked { Some(look.await) } else { None }
}
