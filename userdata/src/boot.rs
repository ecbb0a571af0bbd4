//! Bringing the service up. Every step may be repeated: after a crash it begins again at the first.

use std::time::Duration;

use failover_core::agent::{AgentReport, AgentState};
use failover_core::ids::InstanceId;
use failover_core::ledger::{FenceState, Ledger};
use failover_core::spec::Spec;
use failover_core::world::Listing;
use tokio::time::Instant;

use crate::agent::{Agent, Stop};
use crate::disk::DataVolume;
use crate::machine::{Context, Machine, Trouble};

/// The controller attaches a volume within seconds of the promotion; a slow attach, or one that is tried again, takes minutes.
const ATTACH_WITHIN: Duration = Duration::from_mins(3);
/// One piece of the wait for it.
const ATTACH_PIECE: Duration = Duration::from_secs(5);
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

async fn pause(pause: Duration) -> Result<(), Trouble> {
    tokio::time::sleep(pause).await;
    Ok(())
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
            tracing::info!(step = "mounting", volume = %volume.name, volume_id, "setting up {volume_id}");
            for warning in self.mount(&volume, revoked).await? {
                tracing::warn!(volume = %volume.name, volume_id, "{warning}");
            }
        }
        check(revoked)?;
        start_service(&self.machine, &self.spec, &self.context(Some(ledger.epoch)), revoked).await
    }

    /// Mounts a volume once it is attached. The wait for it is made in short pieces, so that it ends when it is revoked.
    async fn mount(&self, volume: &DataVolume, revoked: &Stop) -> Result<Vec<String>, NotUp> {
        let deadline = Instant::now() + ATTACH_WITHIN;
        loop {
            match self.machine.mount(volume, ATTACH_PIECE).await {
                Err(trouble) if trouble.may_pass && Instant::now() < deadline => {
                    tracing::debug!(%trouble, "it is tried again");
                    check(revoked)?;
                    unless(revoked, pause(PROBE_EVERY)).await?;
                }
                other => return Ok(other?),
            }
        }
    }

    /// The volumes to mount, as spec and ledger have them.
    fn volumes(&self, ledger: &Ledger, reports: &Listing<InstanceId, AgentReport>) -> Result<Vec<DataVolume>, Trouble> {
        let missing = self.mounts().into_iter().find(|(name, _)| !ledger.current_volumes.contains_key(name));
        if let Some((name, _)) = missing {
            return Err(Trouble::new(format!("volume {name}"), "the ledger has no volume for it"));
        }
        let oldest_epoch = oldest_epoch(ledger, reports);
        Ok(self.volumes_of(ledger).map(|volume| DataVolume { oldest_epoch, ..volume }).collect())
    }

    /// The volumes to mount that the ledger knows, whatever the age of what is on them.
    pub(crate) fn volumes_of<'a>(&'a self, ledger: &'a Ledger) -> impl Iterator<Item = DataVolume> + 'a {
        self.mounts().into_iter().filter_map(|(name, mount)| {
            let current = ledger.current_volumes.get(&name)?;
            let spec = self.spec.volume(&name);
            Some(DataVolume {
                service: ledger.service.clone(),
                volume_id: current.volume.clone(),
                mount,
                filesystem: spec.and_then(|spec| spec.filesystem),
                blank_allowed: ledger.blank.contains(&current.volume),
                epoch: ledger.epoch,
                oldest_epoch: 0,
                options: spec.map(|spec| spec.options.clone()).unwrap_or_default(),
                name,
            })
        })
    }
}

/// Below which epoch a copy of the data is older than what was served already.
///
/// Only while the failover that named this instance runs: it knows whether its operator, or the spec, accepted older data. Only reports
/// of those who served to the end count: who was quiet may never have mounted anything in its epoch.
fn oldest_epoch(ledger: &Ledger, reports: &Listing<InstanceId, AgentReport>) -> u64 {
    let Some(failover) = ledger.failover.as_ref().filter(|failover| failover.is_promoted()) else { return 0 };
    let takes_older = failover.data_loss_seconds > 0
        || failover.older_copies.is_some()
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
        unless(revoked, pause(PROBE_EVERY.min(left()))).await?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn ledger(failover: &Value) -> Ledger {
        let at = Timestamp::UNIX_EPOCH.to_string();
        serde_json::from_value(json!({
            "service": "db", "epoch": 5, "active": "i-00000000000000001", "active_zone": "eu-central-1a", "active_since": at,
            "members": {}, "current_volumes": {}, "addresses": [], "failover": failover,
        }))
        .unwrap()
    }

    fn failover(changes: &Value) -> Value {
        let at = Timestamp::UNIX_EPOCH.to_string();
        let mut failover = json!({
            "id": "test-1", "cause": { "operator": "a test" }, "drill": false, "planned": true, "destination": "standby",
            "from": { "instance_id": "i-00000000000000002", "zone": "eu-central-1b" },
            "to": { "instance_id": "i-00000000000000001", "zone": "eu-central-1a" },
            "accepted_loss_seconds": null, "excluded": {}, "down_since": null, "started_at": at,
            "fence": { "confirmed": { "at": at, "proof": "instances_off" } }, "older_copies": null, "data_loss_seconds": 0,
            "promoted_at": at, "attempts": {}, "steps": [], "warnings": [], "halted": null,
        });
        for (key, value) in changes.as_object().unwrap() {
            failover[key] = value.clone();
        }
        failover
    }

    fn reports() -> Listing<InstanceId, AgentReport> {
        let report = |number: u32, epoch, state| {
            let at = Timestamp::UNIX_EPOCH;
            (
                InstanceId::new(format!("i-{number:017x}")).unwrap(),
                AgentReport { epoch, state, at, lease_seconds: None },
            )
        };
        let all = [
            report(1, 5, AgentState::Starting),
            report(2, 5, AgentState::Quiesced),
            report(3, 3, AgentState::Ready),
            report(4, 2, AgentState::Ready),
            report(6, 4, AgentState::Failed("a test".to_owned())),
        ];
        Listing::known(all, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn data_is_too_old_only_where_nobody_accepted_a_loss() {
        let of = |failover: &Value| oldest_epoch(&ledger(failover), &reports());
        assert_eq!(of(&failover(&json!({}))), 3, "what was last ready below this epoch");
        assert_eq!(of(&Value::Null), 0, "no failover tells what was accepted");
        for accepted in [
            json!({ "promoted_at": null }),
            json!({ "accepted_loss_seconds": 60 }),
            json!({ "data_loss_seconds": 1 }),
            json!({ "older_copies": { "at": "2026-01-05T09:00:00Z", "snapshots": { "data": "snap-00000001" } } }),
            json!({ "fence": { "waived": { "at": Timestamp::UNIX_EPOCH.to_string(), "why": "a test" } } }),
        ] {
            assert_eq!(of(&failover(&accepted)), 0, "{accepted}");
        }
    }
}
