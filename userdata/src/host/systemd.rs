//! systemd's units, through `systemctl`.

use std::time::Duration;

use super::command::{HostError, answer, run};

/// `systemctl`'s exit code for a unit that is not loaded: then it does not run either.
const NOT_LOADED: i32 = 5;
/// How long units may take to be gone once their processes are killed.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts a unit and waits until systemd calls it started.
pub async fn start(unit: &str, within: Duration) -> Result<(), HostError> {
    systemctl(&["start", unit], within).await
}

/// Stops a unit. If it does not stop in time, its processes are killed; its stop job stands, so that it is not started again.
pub async fn stop(unit: &str, within: Duration) -> Result<(), HostError> {
    match systemctl(&["stop", unit], within).await {
        Ok(()) | Err(HostError::Failed { code: Some(NOT_LOADED), .. }) => return Ok(()),
        Err(error) => tracing::warn!(step = "killing", unit, %error, "{unit} does not stop; its processes are killed"),
    }
    if let Err(error) = systemctl(&["kill", "--signal=KILL", unit], KILL_TIMEOUT).await {
        // Perhaps it has just ended: the next call tells.
        tracing::warn!(unit, %error, "{unit} could not be killed");
    }
    systemctl(&["stop", unit], KILL_TIMEOUT).await
}

/// Whether a unit would be started at boot, by systemd itself. None: `systemctl` does not say.
pub async fn is_enabled(unit: &str) -> Option<bool> {
    match answer("systemctl", ["is-enabled", unit], &[], KILL_TIMEOUT).await {
        // It calls `static`, `indirect` and others no failure, either.
        Ok(state) => Some(state.starts_with("enabled")),
        Err(HostError::Failed { code: Some(1), .. }) => Some(false),
        Err(_) => None,
    }
}

/// Whether systemd knows a unit.
pub async fn is_known(unit: &str) -> Result<bool, HostError> {
    match systemctl(&["cat", unit], KILL_TIMEOUT).await {
        Ok(()) => Ok(true),
        Err(HostError::Failed { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Starts the machine anew without stopping, unmounting or even syncing anything: reboot(2), called by systemd's `reboot` itself. In a
/// container it ends the container.
pub async fn reset() -> Result<(), HostError> {
    run("reboot", ["--force", "--force", "--no-sync"], &[], KILL_TIMEOUT).await
}

async fn systemctl(arguments: &[&str], within: Duration) -> Result<(), HostError> {
    run("systemctl", arguments, &[], within).await
}
