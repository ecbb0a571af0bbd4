//! What operators do: apply a spec, ask for a failover, pause, resume, and see how things stand.

use failover_aws::{StoreError, Stored};
use failover_core::decide::{Plan, plan};
use failover_core::ids::{FailoverId, InstanceId, ServiceName, VolumeName, Zone};
use failover_core::ledger::{Change, Ledger, Pause, Request};
use failover_core::report::Report;
use failover_core::spec::Spec;
use failover_core::world::{InstanceState, World};
use jiff::Timestamp;
use serde::Serialize;

use crate::{Engine, EngineError, Survey};

/// What applying a spec did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "applied")]
pub enum Applied {
    /// The service is under control from now on.
    Adopted {
        /// Its first ledger.
        ledger: Box<Ledger>,
    },
    /// It was already; the new spec counts from now on.
    Updated,
    /// Its group has no instance yet; it comes under control with the first one.
    Awaiting,
}

/// How a service stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Which service.
    pub service: ServiceName,
    /// Its epoch.
    pub epoch: u64,
    /// The instance that serves.
    pub active: InstanceId,
    /// Its zone.
    pub zone: Zone,
    /// Since when it is the active one.
    pub active_since: Timestamp,
    /// In one word: settled, suspected, failing over, halted, refused, paused.
    pub state: &'static str,
    /// Why.
    pub reasons: Vec<String>,
    /// Every instance of the service.
    pub instances: Vec<MemberStatus>,
    /// Where the newest data is.
    pub volumes: Vec<VolumeStatus>,
    /// The failover that runs.
    pub failover: Option<Report>,
}

/// One instance in a [`Status`].
#[derive(Debug, Clone, Serialize)]
pub struct MemberStatus {
    /// Which.
    pub instance_id: InstanceId,
    /// Where.
    pub zone: Zone,
    /// `active` or `standby`.
    pub role: &'static str,
    /// AWS's state, or `unknown`.
    pub state: String,
    /// Whether its status checks passed; none if they can't be seen or it does not run.
    pub checks_passed: Option<bool>,
}

/// One volume in a [`Status`].
#[derive(Debug, Clone, Serialize)]
pub struct VolumeStatus {
    /// Which data.
    pub name: VolumeName,
    /// On which volume.
    pub volume_id: failover_core::ids::VolumeId,
    /// Where.
    pub zone: Zone,
    /// How old the newest completed copy is: what a zone that is lost now would cost. None: there is no copy.
    pub recovery_point_age_seconds: Option<i64>,
}

/// Whether a service could fail over now.
#[derive(Debug, Clone, Serialize)]
pub struct ServicePlan {
    /// Which service.
    pub service: ServiceName,
    /// What would be done for a drill, or why it would be refused.
    pub plan: Plan,
}

impl Engine {
    /// Puts a service under control: its set-up is adopted if it is unambiguous, its spec is kept in SSM.
    pub async fn apply(&self, text: &str) -> Result<Applied, EngineError> {
        let spec = Spec::parse(text)?;
        if let Some(stored) = self.store.read(&spec.service).await? {
            same_volumes(&spec, &stored)?;
            self.specs.put(&spec, text).await?;
            return Ok(Applied::Updated);
        }
        match Box::pin(self.adopt(&spec)).await {
            Ok(ledger) => {
                self.specs.put(&spec, text).await?;
                Ok(Applied::Adopted { ledger: Box::new(ledger) })
            }
            Err(error) if Self::awaits_its_first(&spec, &error) => {
                self.specs.put(&spec, text).await?;
                Ok(Applied::Awaiting)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes an operator's request down. The next run handles it.
    pub async fn request(&self, service: &ServiceName, request: Request) -> Result<(), EngineError> {
        self.edit(service, Change::Request(request)).await
    }

    /// Stops every change of the service until it is resumed. A failover that runs goes on.
    pub async fn pause(&self, service: &ServiceName, by: &str) -> Result<(), EngineError> {
        let pause = Pause { at: self.now(), by: by.to_owned() };
        self.edit(service, Change::Pause(Some(pause))).await
    }

    /// Ends a pause.
    pub async fn resume(&self, service: &ServiceName) -> Result<(), EngineError> {
        self.edit(service, Change::Pause(None)).await
    }

    async fn edit(&self, service: &ServiceName, change: Change) -> Result<(), EngineError> {
        let now = self.now();
        self.store.edit(service, now, |ledger| ledger.apply(&change, now)).await.map_err(|error| match error {
            failover_aws::EditError::Refused(illegal) => EngineError::Illegal(illegal),
            failover_aws::EditError::Store(StoreError::NoLedger { .. }) => {
                EngineError::NoLedger { service: service.clone() }
            }
            failover_aws::EditError::Store(error) => EngineError::Store(error),
        })?;
        Ok(())
    }

    pub(crate) async fn spec_of(&self, service: &ServiceName) -> Result<Spec, EngineError> {
        let spec = self.specs.get(service).await;
        let spec = spec.map_err(|source| EngineError::Spec { service: service.clone(), source })?;
        spec.ok_or_else(|| EngineError::NoSpec { service: service.to_string() })
    }

    /// What a failover would do now. Changes nothing.
    pub async fn plan(&self, service: &ServiceName, request: &Request) -> Result<ServicePlan, EngineError> {
        let Survey { spec, ledger, world } = self.see(service).await?;
        let plan = plan(&spec, &ledger, &world, request, self.now());
        Ok(ServicePlan { service: service.clone(), plan })
    }

    /// How a service stands. Changes nothing.
    pub async fn status(&self, service: &ServiceName) -> Result<Status, EngineError> {
        let Survey { spec: _, ledger, world } = self.see(service).await?;
        let (state, reasons) = state(&ledger);
        let now = self.now();
        let instances = ledger.members.iter().map(|(id, member)| member_status(&ledger, &world, id, &member.zone));
        let volumes = ledger.current_volumes.iter().map(|(name, current)| VolumeStatus {
            name: name.clone(),
            volume_id: current.volume.clone(),
            zone: current.zone.clone(),
            recovery_point_age_seconds: failover_core::decide::recovery_point(&world, &ledger, name)
                .map(|taken_at| now.duration_since(taken_at).as_secs()),
        });
        Ok(Status {
            service: service.clone(),
            epoch: ledger.epoch,
            active: ledger.active.clone(),
            zone: ledger.active_zone.clone(),
            active_since: ledger.active_since,
            state,
            reasons,
            instances: instances.collect(),
            volumes: volumes.collect(),
            failover: ledger.failover.as_ref().map(|failover| Report::running(&ledger, failover, now)),
        })
    }

    /// Failovers that ended, newest first.
    pub async fn history(&self, service: &ServiceName, limit: usize) -> Result<Vec<Report>, EngineError> {
        let items = self.store.history(service, limit).await?;
        items.into_iter().map(|(id, json)| parse(service, &id, &json)).collect()
    }

    /// One failover that ended.
    pub async fn history_item(&self, service: &ServiceName, id: &FailoverId) -> Result<Option<Report>, EngineError> {
        let item = self.store.history_item(service, id).await?;
        item.map(|json| parse(service, id, &json)).transpose()
    }
}

fn same_volumes(spec: &Spec, stored: &Stored) -> Result<(), EngineError> {
    let named: std::collections::BTreeSet<&VolumeName> = spec.volumes.iter().map(|volume| &volume.name).collect();
    let known: std::collections::BTreeSet<&VolumeName> =
        stored.ledger.current_volumes.keys().chain(&stored.ledger.uninitialized).collect();
    if named == known {
        return Ok(());
    }
    let text = |names: std::collections::BTreeSet<&VolumeName>| {
        names.into_iter().map(VolumeName::as_str).collect::<Vec<_>>().join(", ")
    };
    Err(EngineError::VolumesDiffer { service: spec.service.clone(), ledger: text(known), spec: text(named) })
}

fn parse(service: &ServiceName, id: &FailoverId, json: &str) -> Result<Report, EngineError> {
    serde_json::from_str(json).map_err(|source| EngineError::History {
        service: service.clone(),
        id: id.clone(),
        source,
    })
}

fn state(ledger: &Ledger) -> (&'static str, Vec<String>) {
    if let Some(failover) = &ledger.failover {
        return match &failover.halted {
            Some(halted) => ("halted", vec![halted.reason.clone()]),
            None => ("failing-over", vec![failover.cause.to_string()]),
        };
    }
    if let Some(pause) = &ledger.paused {
        return ("paused", vec![format!("by {} at {}", pause.by, pause.at)]);
    }
    match (&ledger.refused, &ledger.suspicion) {
        (Some(refused), _) => ("refused", vec![refused.reason.clone()]),
        (None, Some(suspicion)) => ("suspected", suspicion.evidence.clone()),
        (None, None) => ("settled", Vec::new()),
    }
}

fn member_status(ledger: &Ledger, world: &World, id: &InstanceId, zone: &Zone) -> MemberStatus {
    let state = world.instances.get(id).map(|instance| instance.state);
    MemberStatus {
        instance_id: id.clone(),
        zone: zone.clone(),
        role: if *id == ledger.active { "active" } else { "standby" },
        state: state.map_or("unknown", InstanceState::as_str).to_owned(),
        checks_passed: world.checks.get(id).filter(|_| world.runs(id)).map(|checks| checks.passed()),
    }
}
