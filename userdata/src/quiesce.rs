//! Taking the service down: the spec's commands, the units in reverse, then the volumes. Nothing counts as down that was not seen down.

use std::path::PathBuf;
use std::time::Duration;

use failover_core::ids::VolumeName;
use failover_core::spec::Spec;
use tokio::time::Instant;

use crate::machine::{Context, Machine, Trouble};

/// Even when the time is over, each unit and each volume gets this much: the controller stops the instance by then, but until it does, a
/// clean end is the better one.
const LEAST: Duration = Duration::from_secs(2);

/// Takes everything down that the spec names. Each step is tried whatever became of the ones before it.
///
/// # Guarantees
/// `Ok`: the units are stopped and the volumes unmounted. `serves`: the service may be up, so that `on_quiesce` has a meaning.
pub(crate) async fn take_down(
    machine: &impl Machine,
    spec: &Spec,
    mounts: &[(VolumeName, PathBuf)],
    context: &Context,
    serves: bool,
    within: Duration,
) -> Result<(), Trouble> {
    let began = Instant::now();
    let until = |share: u32| {
        let end = began + within * share / 10;
        end.saturating_duration_since(Instant::now()).max(LEAST)
    };
    if serves {
        for command in &spec.agent.on_quiesce {
            tracing::info!(step = "on_quiesce", command, "running a command before the units stop");
            if let Err(error) = machine.run(command, context, until(3)).await {
                tracing::warn!(%error, "the units are stopped all the same");
            }
        }
    }
    let mut troubles = Vec::new();
    for unit in spec.agent.units.iter().rev() {
        tracing::info!(step = "stopping", unit, "stopping {unit}");
        troubles.extend(machine.stop_unit(unit, until(7)).await.err());
    }
    for (_, mount) in mounts.iter().rev() {
        tracing::info!(step = "unmounting", mount = %mount.display(), "unmounting {}", mount.display());
        troubles.extend(machine.unmount(mount, until(10)).await.err());
    }
    match troubles.as_slice() {
        [] => Ok(()),
        [only] => Err(only.clone()),
        several => {
            let all: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Trouble::new("stopping the service", all.join("; ")))
        }
    }
}
