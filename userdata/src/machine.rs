//! The machine below the agent, as it uses it: disks, units, commands, readiness. Tests put another in its place.

use std::path::Path;
use std::time::Duration;

use failover_core::spec::Ready;
use thiserror::Error;

use crate::disk::{DataVolume, DiskError, Disks};
use crate::host::{self, HostError};

/// The machine did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}: {why}")]
pub struct Trouble {
    /// What was asked.
    pub what: String,
    /// What came of it.
    pub why: String,
    /// The same may go well in a moment, without anybody's help.
    pub may_pass: bool,
}

impl Trouble {
    /// An operation that failed.
    pub fn new(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self { what: what.into(), why: why.to_string(), may_pass: false }
    }
}

/// What commands learn about the service in their environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// `FAILOVER_SERVICE`.
    pub service: String,
    /// `FAILOVER_INSTANCE_ID`.
    pub instance: String,
    /// `FAILOVER_EPOCH`; none when the agent has no ledger.
    pub epoch: Option<u64>,
}

/// What the agent asks of the machine. Each is bounded in time, and may be repeated.
pub trait Machine {
    /// Waits for a volume's device, checks it, mounts it. Says what a person should know although it went well.
    fn mount(&self, volume: &DataVolume, within: Duration) -> impl Future<Output = Result<Vec<String>, Trouble>>;
    /// Syncs and unmounts. What is not mounted is done already.
    fn unmount(&self, mount: &Path, within: Duration) -> impl Future<Output = Result<(), Trouble>>;
    /// Whether nobody on this machine can write to the volume any more, wherever it may be mounted. What is not attached is released.
    fn released(&self, volume: &DataVolume) -> impl Future<Output = Result<(), Trouble>>;
    /// Starts a unit.
    fn start_unit(&self, unit: &str, within: Duration) -> impl Future<Output = Result<(), Trouble>>;
    /// Stops a unit: by force once `within` is over. What does not run is done already.
    fn stop_unit(&self, unit: &str, within: Duration) -> impl Future<Output = Result<(), Trouble>>;
    /// Runs a command of the spec.
    fn run(&self, command: &str, context: &Context, within: Duration) -> impl Future<Output = Result<(), Trouble>>;
    /// Asks once whether the service is ready.
    fn probe(&self, ready: &Ready, within: Duration) -> impl Future<Output = Result<(), Trouble>>;
    /// Starts the machine anew, at once: nothing is stopped, nothing more is written.
    fn reset(&self) -> impl Future<Output = Result<(), Trouble>>;
}

/// This machine.
#[derive(Debug, Default)]
pub struct ThisMachine {
    /// Its disks.
    pub disks: Disks,
}

impl Machine for ThisMachine {
    async fn mount(&self, volume: &DataVolume, within: Duration) -> Result<Vec<String>, Trouble> {
        let what = || format!("setting up volume {} ({})", volume.name, volume.volume_id);
        let trouble = |error: DiskError| Trouble { may_pass: error.may_pass(), ..Trouble::new(what(), error) };
        let up = self.disks.bring_up(volume, within).await.map_err(trouble)?;
        tracing::info!(step = "mounted", volume = %volume.name, device = %up.device.display(), "{} is mounted on {}",
            volume.volume_id, volume.mount.display());
        Ok(up.warnings)
    }

    async fn unmount(&self, mount: &Path, within: Duration) -> Result<(), Trouble> {
        let what = || format!("unmounting {}", mount.display());
        self.disks.take_down(mount, within).await.map_err(|error| Trouble::new(what(), error))
    }

    async fn released(&self, volume: &DataVolume) -> Result<(), Trouble> {
        let what = || format!("releasing volume {} ({})", volume.name, volume.volume_id);
        self.disks.released(volume).await.map_err(|error| Trouble::new(what(), error))
    }

    async fn start_unit(&self, unit: &str, within: Duration) -> Result<(), Trouble> {
        trouble(format!("starting {unit}"), host::systemd::start(unit, within).await)
    }

    async fn stop_unit(&self, unit: &str, within: Duration) -> Result<(), Trouble> {
        trouble(format!("stopping {unit}"), host::systemd::stop(unit, within).await)
    }

    async fn run(&self, command: &str, context: &Context, within: Duration) -> Result<(), Trouble> {
        trouble(format!("running {command:?}"), host::command::shell(command, &environment(context), within).await)
    }

    async fn probe(&self, ready: &Ready, within: Duration) -> Result<(), Trouble> {
        trouble("readiness", host::ready::probe(ready, within).await)
    }

    async fn reset(&self) -> Result<(), Trouble> {
        trouble("resetting the machine", host::systemd::reset().await)
    }
}

fn environment(context: &Context) -> Vec<(&'static str, String)> {
    let mut all =
        vec![("FAILOVER_SERVICE", context.service.clone()), ("FAILOVER_INSTANCE_ID", context.instance.clone())];
    all.extend(context.epoch.map(|epoch| ("FAILOVER_EPOCH", epoch.to_string())));
    all
}

fn trouble(what: impl Into<String>, result: Result<(), HostError>) -> Result<(), Trouble> {
    result.map_err(|error| Trouble::new(what, error))
}
