//! What to observe of a service, and the observation itself: at AWS, and at what the boot agents reported.

use failover_aws::Interest;
use failover_core::ids::ServiceName;
use failover_core::ledger::Ledger;
use failover_core::spec::{Spec, Topology};
use failover_core::world::{Listing, Part, World};
use jiff::Timestamp;

use crate::{Engine, EngineError};

/// A service as it stands: nothing was changed by finding out.
#[derive(Debug, Clone)]
pub struct Survey {
    /// What the operator asks of the controller.
    pub spec: Spec,
    /// What the controller knows.
    pub ledger: Ledger,
    /// What AWS shows.
    pub world: World,
}

impl Engine {
    /// Observes everything of a service, and at what agents report even where nothing rests on it: people want to hear of it.
    pub async fn survey(&self, service: &ServiceName) -> Result<Survey, EngineError> {
        let mut seen = self.see(service).await?;
        if !seen.spec.hears_agents() {
            seen.world.agents = self.store.reports(service).await;
        }
        Ok(seen)
    }

    /// Observes everything that a decision about a service may rest on.
    pub(crate) async fn see(&self, service: &ServiceName) -> Result<Survey, EngineError> {
        let (spec, stored) = futures::join!(self.spec_of(service), self.store.read(service));
        let spec = spec?;
        let ledger = stored?.ok_or_else(|| EngineError::NoLedger { service: service.clone() })?.ledger;
        let mut world = World::unseen(Timestamp::UNIX_EPOCH);
        Box::pin(self.observe(&spec, &interest(&spec, Some(&ledger)), &Part::ALL, &mut world)).await;
        Ok(Survey { spec, ledger, world })
    }

    /// Replaces `parts` of the world by what is seen of them now.
    pub(crate) async fn observe(&self, spec: &Spec, interest: &Interest, parts: &[Part], world: &mut World) {
        let agents = async {
            if !parts.contains(&Part::Agents) {
                return None;
            }
            // Where nobody is to be heard, nobody writes.
            let heard = spec.hears_agents();
            Some(if heard { self.store.reports(&spec.service).await } else { Listing::known([], self.now()) })
        };
        let (agents, ()) = futures::join!(agents, Box::pin(self.aws.observe(interest, parts, world)));
        if let Some(reports) = agents {
            world.agents = reports;
        }
    }
}

/// Everything of a service that AWS should be asked about, beyond what carries its tag. None: before there is a ledger.
pub(crate) fn interest(spec: &Spec, ledger: Option<&Ledger>) -> Interest {
    let mut interest = Interest {
        addresses: spec.address_ids().collect(),
        alarms: spec.detect.alarms.iter().cloned().collect(),
        // Where the service can have no group, none is asked for.
        groups: (spec.topology == Topology::AutoScaling).then(|| spec.group.name.iter().cloned().collect()),
        ..Interest::new(spec.service.clone())
    };
    let Some(ledger) = ledger else {
        // Before a tag says so, the spec alone tells where the data is; afterwards the ledger does.
        interest.volumes.extend(spec.volumes.iter().filter_map(|volume| volume.volume_id.clone()));
        return interest;
    };
    interest.members.extend(ledger.members.keys().cloned());
    interest.members.insert(ledger.active.clone());
    if let Some(failover) = &ledger.failover {
        // Whoever left the service meanwhile is still part of what goes on.
        interest.members.insert(failover.from.instance_id.clone());
        interest.members.extend(failover.to.iter().map(|to| to.instance_id.clone()));
    }
    interest.volumes.extend(ledger.current_volumes.values().map(|current| current.volume.clone()));
    interest.volumes.extend(ledger.superseded.keys().cloned());
    interest.addresses.extend(ledger.addresses.iter().cloned());
    interest
}
