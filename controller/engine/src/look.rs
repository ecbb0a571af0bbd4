//! What to look at for a service, and the look itself: at AWS, and at what the boot agents reported.

use std::collections::BTreeSet;

use failover_aws::Interest;
use failover_core::ids::GroupName;
use failover_core::ledger::Ledger;
use failover_core::spec::{Spec, Topology};
use failover_core::world::{Listing, Part, World};

use crate::Engine;

impl Engine {
    /// Replaces `parts` of the world by what is seen of them now.
    pub(crate) async fn look(&self, spec: &Spec, interest: &Interest, parts: &[Part], world: &mut World) {
        let agents = async {
            if !parts.contains(&Part::Agents) {
                return None;
            }
            // Without one, nobody writes reports.
            let reports =
                if has_agent(spec) { self.store.reports(&spec.service).await } else { Listing::known([], self.now()) };
            Some(reports)
        };
        let (agents, ()) = futures::join!(agents, Box::pin(self.aws.look(interest, parts, world)));
        if let Some(reports) = agents {
            world.agents = reports;
        }
    }
}

/// Whether the service's instances run the boot agent.
fn has_agent(spec: &Spec) -> bool {
    spec.topology == Topology::AutoScaling || !spec.agent.units.is_empty()
}

/// The groups that the spec names; none where the service can have no group.
fn groups(spec: &Spec) -> Option<BTreeSet<GroupName>> {
    (spec.topology == Topology::AutoScaling).then(|| spec.group.name.iter().cloned().collect())
}

/// Everything of a service that AWS should be asked about, beyond what carries its tag.
pub(crate) fn interest(spec: &Spec, ledger: &Ledger) -> Interest {
    let mut members: BTreeSet<_> = ledger.members.keys().cloned().collect();
    members.insert(ledger.active.clone());
    if let Some(failover) = &ledger.failover {
        members.insert(failover.from.instance_id.clone());
        members.extend(failover.to.iter().map(|to| to.instance_id.clone()));
    }
    let heads = ledger.heads.values().map(|head| head.volume.clone());
    let named = spec.addresses.iter().map(|address| address.allocation_id.clone());
    Interest {
        service: spec.service.clone(),
        members,
        volumes: heads.chain(ledger.superseded.keys().cloned()).collect(),
        addresses: named.chain(ledger.addresses.iter().cloned()).collect(),
        alarms: spec.detect.alarms.iter().cloned().collect(),
        groups: groups(spec),
    }
}

/// The same, before there is a ledger.
pub(crate) fn first_interest(spec: &Spec) -> Interest {
    Interest {
        service: spec.service.clone(),
        members: BTreeSet::new(),
        // Before a tag says so, the spec alone tells where the data is.
        volumes: spec.volumes.iter().filter_map(|volume| volume.volume_id.clone()).collect(),
        addresses: spec.addresses.iter().map(|address| address.allocation_id.clone()).collect(),
        alarms: spec.detect.alarms.iter().cloned().collect(),
        groups: groups(spec),
    }
}
