//! A look at one service: its parts side by side.

use std::collections::BTreeSet;
use std::future::Future;

use failover_core::ids::InstanceId;
use failover_core::world::{Checks, Listing, Observed, Part, World};

use super::interest::{Interest, Scope};
use super::{checks, groups};
use crate::clients::Aws;

impl Aws {
    /// Observes `parts` of one service and replaces them in `world`, each by what was seen of it. It never fails as a whole.
    ///
    /// Each part is one call (and its pages), unless ids that the ledger knows were not among the answer. Two parts need more: a
    /// group's hooks are a call, and the zones of its subnets are one, once; and instances of a group that don't carry the tag (yet) are asked for by id.
    /// [`Part::Agents`] is not AWS's: see [`Store::reports`](crate::Store::reports).
    pub async fn observe(&self, interest: &Interest, parts: &[Part], world: &mut World) {
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

async fn when<T>(asked: bool, observe: impl Future<Output = T>) -> Option<T> {
    if asked { Some(observe.await) } else { None }
}
