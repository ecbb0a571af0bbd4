//! Bringing the service up. Every step may be repeated: after a crash it begins again at the first.

use std::time::Duration;

use failover_core::agent::{AgentReport, AgentState};
use failover_core::ids::InstanceId;
use failover_core::ledger::{FenceState, Ledger};
use failover_core::spec::Spec;
use failover_core::world::Listing;
use tokio::time::Instant;

use crate::agent::{Agent, Stop};
use crate::disk::Volume;
use crate::machine::{Context, Machine, Trouble};

/// The controller attaches a volume within seconds of the promotion; a slow attach, or one that is tried again, takes minutes.
const ATTACH_WITHIN: Duration = Duration::from_secs(180);
/// Pause between two probes of readiness.
const PROBE_EVERY: Duration = Duration::from_millis(500);
/// One probe.
const PROBE_WITHIN: Duration = Duration::from_secs(5);

/// Why the service is not up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotUp {
    /// It is not to be brought up any more.
    Revoked,
    /// Something failed.
    Failed(Trouble),
}

impl From<Trouble> for NotUp {
    fn from(trouble: Trouble) -> Self {
        Self::Failed(trouble)
    }
}

/// Waits until the bringing up is revoked, or does something until then.
async fn unless<T>(revoked: &Stop, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, NotUp> {
    let mut revoked = revoked.clone();
    tokio::select! {
        biased;
        Ok(_) = revoked.wait_for(|it| *it) => Err(NotUp::Revoked),
        done = work => Ok(done?),
    }
}

fn check(revoked: &Stop) -> Result<(), NotUp> {
    if *revoked.borrow() { Err(NotUp::Revoked) } else { Ok(()) }
}

impl<M: Machine> Agent<M> {
    /// Mounts the volumes, starts the units, waits for readiness.
    ///
    /// `revoked` ends it: between two volumes, for what was begun on a disk is not left in the middle; at once for everything else.
    pub(crate) async fn bring_up(
        &self,
        ledger: &Ledger,
        reports: &Listing<InstanceId, AgentReport>,
        revoked: &Stop,
    ) -> Result<(), NotUp> {
        for volume in self.volumes(ledger, reports)? {
            check(revoked)?;
            let volume_id = volume.volume_id.as_str();
            tracing::info!(step = "mounting", volume = %volume.name, volume_id, "bringing up {volume_id}");
            for warning in self.machine.mount(&volume, ATTACH_WITHIN).await? {
                tracing::warn!(volume = %volume.name, volume_id, "{warning}");
            }
        }
        check(revoked)?;
        start_service(&self.machine, &self.spec, &self.context(Some(ledger.epoch)), revoked).await
    }

    /// The volumes to mount, as spec and ledger have them.
    fn volumes(&self, ledger: &Ledger, reports: &Listing<InstanceId, AgentReport>) -> Result<Vec<Volume>, Trouble> {
        let oldest_epoch = oldest_epoch(ledger, reports);
        let volume = |(name, mount)| {
            let head = ledger.heads.get(&name);
            let head = head.ok_or_else(|| Trouble::new(format!("volume {name}"), "the ledger has no volume for it"))?;
            let spec = self.spec.volume(&name);
            Ok(Volume {
                service: ledger.service.clone(),
                volume_id: head.volume.clone(),
                mount,
                filesystem: spec.and_then(|spec| spec.filesystem),
                blank_allowed: ledger.blank.contains(&head.volume),
                epoch: ledger.epoch,
                oldest_epoch,
                options: spec.map(|spec| spec.options.clone()).unwrap_or_default(),
                name,
            })
        };
        self.mounts().into_iter().map(volume).collect()
    }
}

/// Below which epoch a copy of the data is older than what was served already.
///
/// Only while the failover that named this instance runs: it knows whether its operator, or the spec, accepted older data. Only reports
/// of those who served to the end count: who was quiet may never have mounted anything in its epoch.
fn oldest_epoch(ledger: &Ledger, reports: &Listing<InstanceId, AgentReport>) -> u64 {
    let Some(failover) = ledger.failover.as_ref().filter(|failover| failover.is_promoted()) else { return 0 };
    let takes_older = failover.data_loss_seconds > 0
        || !failover.older_copies.is_empty()
        || failover.accepted_loss_seconds.is_some()
        || matches!(failover.fence, FenceState::Waived { .. });
    if takes_older {
        return 0;
    }
    let served = reports.iter_known().filter(|(_, report)| report.state == AgentState::Ready);
    served.map(|(_, report)| report.epoch).filter(|epoch| *epoch < ledger.epoch).max().unwrap_or(0)
}

/// The units, the commands, readiness: within the time that the spec gives for all of them.
pub(crate) async fn start_service(
    machine: &impl Machine,
    spec: &Spec,
    context: &Context,
    revoked: &Stop,
) -> Result<(), NotUp> {
    let within = spec.agent.ready_within_seconds.duration();
    let deadline = Instant::now() + within;
    let left = || deadline.saturating_duration_since(Instant::now());
    for unit in &spec.agent.units {
        tracing::info!(step = "starting", unit, "starting {unit}");
        unless(revoked, machine.start_unit(unit, left())).await?;
    }
    for command in &spec.agent.on_active {
        tracing::info!(step = "on_active", command, "running a command");
        unless(revoked, machine.run(command, context, left())).await?;
    }
    let Some(ready) = &spec.agent.ready else { return Ok(()) };
    tracing::info!(step = "readiness", "waiting until the service is ready");
    loop {
        let probed = unless(revoked, machine.probe(ready, left().min(PROBE_WITHIN))).await;
        match probed {
            Ok(()) => return Ok(()),
            Err(NotUp::Failed(error)) if left().is_zero() => {
                let what = format!("not ready within {} s (agent.ready_within_seconds)", within.as_secs());
                return Err(NotUp::Failed(Trouble::new(what, error.why)));
            }
            Err(NotUp::Failed(error)) => tracing::debug!(%error, "not ready yet"),
            Err(NotUp::Revoked) => return Err(NotUp::Revoked),
        }
        unless(revoked, async {
            tokio::time::sleep(PROBE_EVERY.min(left())).await;
            Ok(())
        })
        .await?;
    }
}
