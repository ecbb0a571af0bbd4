//! All services: which one a subject means, and a tick over everything that is not settled.

use std::collections::BTreeMap;

use failover_aws::Stored;
use failover_core::decide;
use failover_core::ids::{AlarmName, GroupName, ServiceName};
use failover_core::ledger::Ledger;
use failover_core::spec::{Spec, Topology};
use failover_core::verdict::Verdict;
use failover_core::world::{Part, World};
use futures::StreamExt as _;
use jiff::Timestamp;

use crate::error::in_one_line;
use crate::observe::interest;
use crate::{Deadline, Ended, Engine, EngineError, Run};

/// Services driven side by side: each waits for AWS most of its time.
const SIDE_BY_SIDE: usize = 16;

/// What an event says of the service that it is about. Nothing in it decides anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The service itself.
    Service(ServiceName),
    /// A CloudWatch alarm.
    Alarm(AlarmName),
    /// An instance, a volume or a snapshot.
    Resource(String),
    /// An Auto Scaling group.
    Group(GroupName),
    /// None: every service.
    Everything,
}

/// What came of observing every service.
#[derive(Debug, Clone, Default)]
pub struct Tick {
    /// How many services were observed.
    pub services: usize,
    /// Those that something was done for, and what came of it.
    pub driven: BTreeMap<ServiceName, Result<Run, String>>,
    /// Services that could not be driven, and why. They stop no others.
    pub broken: BTreeMap<String, String>,
}

impl Engine {
    /// The services that a subject is about; none if it is about nothing of ours.
    ///
    /// An id is first looked for in the ledgers (a terminated instance loses its tags), then by its tag.
    pub async fn services_of(&self, subject: &Subject) -> Result<Vec<ServiceName>, EngineError> {
        match subject {
            Subject::Service(service) => Ok(vec![service.clone()]),
            Subject::Alarm(alarm) => {
                let specs = self.specs.all().await?;
                let about = specs.into_iter().filter_map(|(service, spec)| {
                    spec.is_ok_and(|spec| spec.detect.alarms.contains(alarm)).then_some(service)
                });
                Ok(about.collect())
            }
            Subject::Group(group) => self.services_of_group(group).await,
            Subject::Resource(id) => self.services_of_resource(id).await,
            Subject::Everything => Ok(self.specs.all().await?.into_keys().collect()),
        }
    }

    async fn services_of_resource(&self, id: &str) -> Result<Vec<ServiceName>, EngineError> {
        let ledgers = self.store.read_all().await?;
        let known = ledgers
            .into_iter()
            .filter_map(|(service, stored)| stored.is_ok_and(|stored| knows(&stored.ledger, id)).then_some(service));
        let known: Vec<ServiceName> = known.collect();
        if !known.is_empty() {
            return Ok(known);
        }
        let tagged = self.aws.service_of(id).await?;
        Ok(tagged.and_then(|name| ServiceName::new(name).ok()).into_iter().collect())
    }

    /// Those whose spec names the group; else the one whose tag the group carries.
    async fn services_of_group(&self, group: &GroupName) -> Result<Vec<ServiceName>, EngineError> {
        let specs = self.specs.all().await?;
        let naming = specs.into_iter().filter_map(|(service, spec)| {
            spec.is_ok_and(|spec| spec.group.name.as_ref() == Some(group)).then_some(service)
        });
        let naming: Vec<ServiceName> = naming.collect();
        if !naming.is_empty() {
            return Ok(naming);
        }
        let tagged = self.aws.service_of_group(group).await?;
        Ok(tagged.and_then(|name| ServiceName::new(name).ok()).into_iter().collect())
    }

    /// Observes every service with few calls, and drives those that something is to be done for.
    pub async fn tick(&self, deadline: Deadline) -> Result<Tick, EngineError> {
        let (specs, ledgers) = futures::join!(self.specs.all(), self.store.read_all());
        let mut tick = Tick::default();
        let (services, firsts) = pair(specs?, ledgers?, &mut tick);
        tick.services = services.len();
        let interests: Vec<_> = services.iter().map(|(spec, stored)| interest(spec, Some(&stored.ledger))).collect();
        let worlds = Box::pin(self.aws.observe_all(&interests)).await;
        let now = self.now();
        let busy = |stored: &Stored| stored.lease.as_ref().is_some_and(|lease| lease.until > now);
        let to_drive: Vec<&Spec> = services
            .iter()
            .filter(|(spec, stored)| {
                // Somebody works on it: the mark that a run would leave makes them observe again.
                busy(stored) || worlds.get(&spec.service).is_some_and(|world| needs_a_run(spec, &stored.ledger, world))
            })
            .map(|(spec, _)| spec)
            .chain(&firsts)
            .collect();
        let runs = futures::stream::iter(to_drive)
            .map(|spec| async move { (spec.service.clone(), self.run_with(spec, deadline).await) })
            .buffer_unordered(SIDE_BY_SIDE);
        let driven: Vec<_> = runs.collect().await;
        for (service, run) in driven {
            tick.driven.insert(service, run.map_err(|error| in_one_line(&error)));
        }
        Ok(tick)
    }
}

fn knows(ledger: &Ledger, id: &str) -> bool {
    ledger.active.as_str() == id
        || ledger.members.keys().any(|member| member.as_str() == id)
        || ledger.current_volumes.values().any(|current| current.volume.as_str() == id)
        || ledger.superseded.keys().any(|volume| volume.as_str() == id)
}

/// Services that have both a spec and a ledger, and groups whose first instance has not been seen; the others are named.
fn pair<S: std::error::Error, L: std::error::Error>(
    specs: BTreeMap<ServiceName, Result<Spec, S>>,
    ledgers: Vec<(ServiceName, Result<Stored, L>)>,
    tick: &mut Tick,
) -> (Vec<(Spec, Stored)>, Vec<Spec>) {
    let mut ledgers: BTreeMap<ServiceName, Result<Stored, L>> = ledgers.into_iter().collect();
    let (mut services, mut firsts) = (Vec::new(), Vec::new());
    for (service, spec) in specs {
        match (spec, ledgers.remove(&service)) {
            (Ok(spec), Some(Ok(stored))) => services.push((spec, stored)),
            (Err(error), _) => drop(tick.broken.insert(service.to_string(), in_one_line(&error))),
            (_, Some(Err(error))) => drop(tick.broken.insert(service.to_string(), in_one_line(&error))),
            (Ok(spec), None) if spec.topology == Topology::AutoScaling => firsts.push(spec),
            (Ok(_), None) => drop(tick.broken.insert(service.to_string(), "it was never adopted".to_owned())),
        }
    }
    for service in ledgers.into_keys() {
        tick.broken.insert(service.to_string(), "it has a ledger and no spec".to_owned());
    }
    (services, firsts)
}

/// Whether anything is to be done, as of the oldest thing seen: observing a thousand services takes a while.
fn needs_a_run(spec: &Spec, ledger: &Ledger, world: &World) -> bool {
    if !ledger.outbox.is_empty() {
        return true;
    }
    let seen: Option<Timestamp> =
        Part::ALL.into_iter().map(|part| world.seen_at(part)).filter(|at| *at > Timestamp::UNIX_EPOCH).min();
    let Some(as_of) = seen else { return true };
    !matches!(decide(spec, ledger, world, as_of), Verdict::Settled { .. } | Verdict::Refuse { .. })
}

impl Run {
    /// Nothing is left to do for now.
    pub fn is_settled(&self) -> bool {
        matches!(self.ended, Ended::Settled { .. })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_was_never_looked_at_needs_a_run() {
        let spec = Spec::parse("service = \"db\"\ntopology = \"standby\"\n").unwrap();
        let at = "2026-01-05T09:00:00Z";
        let ledger: Ledger = serde_json::from_value(serde_json::json!({
            "service": "db", "epoch": 1, "active": "i-00000000000000001", "active_zone": "eu-central-1a",
            "active_since": at, "members": {}, "current_volumes": {}, "addresses": [],
            "paused": { "at": at, "by": "ops" },
        }))
        .unwrap();
        let unseen = World::unseen(Timestamp::UNIX_EPOCH);
        assert!(needs_a_run(&spec, &ledger, &unseen));
        // Paused, it is settled whatever is seen.
        assert!(!needs_a_run(&spec, &ledger, &World::unseen(at.parse().unwrap())));
    }
}
