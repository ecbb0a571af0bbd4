//! One thorough, read-only look at a service: its spec, its ledger and its world.

use failover_aws::Interest;
use failover_core::ids::ServiceName;
use failover_core::ledger::Ledger;
use failover_core::spec::{Spec, Topology};
use failover_core::world::{Part, World};
use failover_engine::EngineError;
use jiff::Timestamp;

use crate::error::CliError;
use crate::session::Session;

/// What was seen.
pub struct Survey {
    /// What the operator asks of the controller.
    pub spec: Spec,
    /// What the controller knows.
    pub ledger: Ledger,
    /// What AWS shows.
    pub world: World,
}

/// Looks at everything of a service.
pub async fn survey(session: &Session, service: &ServiceName) -> Result<Survey, CliError> {
    let (spec, stored) = futures::join!(session.engine.specs().get(service), session.engine.store().read(service));
    let spec = spec.map_err(|source| EngineError::Spec { service: service.clone(), source })?;
    let spec = spec.ok_or_else(|| EngineError::NoSpec { service: service.to_string() })?;
    let stored = stored.map_err(EngineError::from)?;
    let ledger = stored.ok_or_else(|| EngineError::NoLedger { service: service.clone() })?.ledger;
    let mut world = World::unseen(Timestamp::UNIX_EPOCH);
    let interest = interest(&spec, &ledger);
    let look = Box::pin(session.aws.look(&interest, &Part::ALL, &mut world));
    let (reports, ()) = futures::join!(session.engine.store().reports(service), look);
    world.agents = reports;
    Ok(Survey { spec, ledger, world })
}

fn interest(spec: &Spec, ledger: &Ledger) -> Interest {
    let named = spec.addresses.iter().map(|address| address.allocation_id.clone());
    Interest {
        members: ledger.members.keys().cloned().collect(),
        volumes: ledger.heads.values().map(|head| head.volume.clone()).collect(),
        addresses: named.chain(ledger.addresses.iter().cloned()).collect(),
        alarms: spec.detect.alarms.iter().cloned().collect(),
        groups: (spec.topology == Topology::AutoScaling).then(|| spec.group.name.iter().cloned().collect()),
        ..Interest::new(spec.service.clone())
    }
}
