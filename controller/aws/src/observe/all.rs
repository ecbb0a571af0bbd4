//! The idle tick: every service at once, in calls that grow with pages and not with services.

use std::collections::{BTreeMap, BTreeSet};

use failover_core::ids::{InstanceId, ServiceName};
use failover_core::world::{Checks, Listing, Observed, World};
use futures::future::join_all;

use super::by_id::limited;
use super::described::Owners;
use super::interest::{Interest, Scope};
use crate::clients::Aws;

impl Aws {
    /// Observes every part of every service in `interests`.
    ///
    /// Two parts are thinner than when one service is observed. Lifecycle hooks are read only for groups in which one holds an instance,
    /// and zones of subnets not at all: nothing rests on them before. The agents' reports are left out.
    ///
    /// Caveat: while a zone is down, the calls by tag fail (aws-facts 1.4), and every known instance and volume costs a call of its own.
    pub async fn observe_all(&self, interests: &[Interest]) -> BTreeMap<ServiceName, World> {
        let members = union(interests, |interest| &interest.members);
        let volumes = union(interests, |interest| &interest.volumes);
        let addresses = union(interests, |interest| &interest.addresses);
        let alarms = union(interests, |interest| &interest.alarms);
        let (instances, checks, volumes, snapshots, addresses, alarms, groups) = futures::join!(
            self.instances(Scope::All, &members),
            self.checks_of_everything(&members),
            self.volumes(Scope::All, &volumes),
            self.snapshots(Scope::All),
            self.addresses(Scope::All, &addresses),
            self.alarms(&alarms),
            Box::pin(self.groups_of_all(interests)),
        );

        let nothing = BTreeSet::new();
        let no_groups = BTreeSet::new();
        let mut instances = split(instances, interests, |interest| &interest.members);
        let mut volumes = split(volumes, interests, |interest| &interest.volumes);
        let mut snapshots = split(snapshots, interests, |_| &nothing);
        let mut addresses = split(addresses, interests, |interest| &interest.addresses);
        let mut alarms = split((alarms, Owners::new()), interests, |interest| &interest.alarms);
        let mut groups = split(groups, interests, |interest| interest.groups.as_ref().unwrap_or(&no_groups));
        let now = self.clock().now();
        let mut worlds = BTreeMap::new();
        for interest in interests {
            let service = &interest.service;
            let mut world = World::unseen(now);
            put(&mut world.instances, instances.remove(service));
            put(&mut world.volumes, volumes.remove(service));
            put(&mut world.snapshots, snapshots.remove(service));
            put(&mut world.addresses, addresses.remove(service));
            put(&mut world.alarms, alarms.remove(service));
            put(&mut world.groups, groups.remove(service));
            worlds.insert(service.clone(), world);
        }
        join_all(worlds.values_mut().map(|world| self.add_untagged_members(world))).await;
        for interest in interests {
            let Some(world) = worlds.get_mut(&interest.service) else { continue };
            let ids = interest.members.iter().chain(world.instances.items.keys());
            world.checks = subset(&checks, ids);
        }
        worlds
    }

    /// The checks of every running instance; where that fails, of the known ones.
    async fn checks_of_everything(&self, known: &BTreeSet<InstanceId>) -> Listing<InstanceId, Checks> {
        match limited("DescribeInstanceStatus", Box::pin(self.checks_of_region())).await {
            Ok(answer) => answer.into_listing().0,
            Err(error) => {
                let items = self.checks(known).await.items;
                Listing { complete: Observed::Unknown { why: error.to_string(), at: self.clock().now() }, items }
            }
        }
    }
}

fn union<'a, K: Ord + Clone + 'a>(
    interests: &'a [Interest],
    of: impl Fn(&'a Interest) -> &'a BTreeSet<K>,
) -> BTreeSet<K> {
    interests.iter().flat_map(of).cloned().collect()
}

fn put<K: Ord, V>(place: &mut Listing<K, V>, listing: Option<Listing<K, V>>) {
    if let Some(listing) = listing {
        *place = listing;
    }
}

/// To each service what carries its tag, and what it knows by id.
fn split<'a, K: Ord + Clone + 'a, V: Clone>(
    (listing, owners): (Listing<K, V>, Owners<K>),
    interests: &'a [Interest],
    known: impl Fn(&'a Interest) -> &'a BTreeSet<K>,
) -> BTreeMap<ServiceName, Listing<K, V>> {
    let mut parts: BTreeMap<&str, Listing<K, V>> = BTreeMap::new();
    for interest in interests {
        let part = subset(&listing, known(interest).iter());
        parts.insert(interest.service.as_str(), part);
    }
    for (id, observed) in listing.items {
        let owner = owners.get(&id).and_then(|service| parts.get_mut(service.as_str()));
        if let Some(part) = owner {
            part.items.insert(id, observed);
        }
    }
    interests.iter().filter_map(|it| Some((it.service.clone(), parts.remove(it.service.as_str())?))).collect()
}

fn subset<'a, K: Ord + Clone + 'a, V: Clone>(whole: &Listing<K, V>, ids: impl Iterator<Item = &'a K>) -> Listing<K, V> {
    let items = ids.filter_map(|id| Some((id.clone(), whole.items.get(id)?.clone()))).collect();
    Listing { complete: whole.complete.clone(), items }
}
