//! The target until it is promoted: chosen again if it can't be one, started if it is stopped.

use jiff::SignedDuration;

use super::choose;
use super::progress::Progress;
use super::retry::next_observation_of;
use super::view::View;
use crate::ids::InstanceId;
use crate::ledger::report::Outcome;
use crate::ledger::{Change, Failover, Target};
use crate::spec::Topology;
use crate::step::Step;
use crate::verdict::Halt;
use crate::world::{InstanceState, Part, Sight};

/// A target that can't be seen for so long is not waited for.
const UNSEEN_TIMEOUT: SignedDuration = SignedDuration::from_secs(60);

/// EC2 cuts a guest that does not end within some minutes (aws-facts 1.2), and a start takes less: what lasts longer is counted.
const SLOW_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// And after so much more another target is thought of.
const STUCK_TIMEOUT: SignedDuration = SignedDuration::from_mins(5);

/// How far the target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It runs, and its status checks passed.
    Healthy,
    /// It runs, and nothing speaks against it.
    Runs,
    /// It does not run yet, or there is none.
    Coming,
}

/// Brings the target nearer to running.
pub(super) fn prepare(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) -> Readiness {
    let Some(target) = &failover.to else { return Readiness::Coming };
    let id = &target.instance_id;
    if !is_slow(view, failover, id) {
        in_sight(view, failover, id, progress);
    }
    match view.world.instances.sight(id) {
        Sight::Known(instance) => match instance.state {
            InstanceState::Running => running(view, failover, target, progress),
            InstanceState::Stopped => start(view, failover, id, progress),
            // On its way up, or down, from where it can be started: another target would cost more than waiting.
            InstanceState::Pending | InstanceState::Stopping => {
                if is_slow(view, failover, id) {
                    let why = format!("it has been {} for too long", instance.state.as_str());
                    return unseen(view, failover, STUCK_TIMEOUT, &why, progress);
                }
                let again = next_observation_of(view, &start_step(id), began(failover, id));
                progress.wait(Part::Instances, again, format!("{id} is {}", instance.state.as_str()));
                Readiness::Coming
            }
            // It never comes back.
            InstanceState::ShuttingDown | InstanceState::Terminated => {
                another(view, failover, &format!("it is {}", instance.state.as_str()), progress)
            }
        },
        // It was seen when it was chosen, and a complete answer no longer lists it.
        Sight::Absent => another(view, failover, "it does not exist any more", progress),
        Sight::Unknown(why) => {
            unseen(view, failover, UNSEEN_TIMEOUT, &format!("it can't be observed: {why}"), progress)
        }
    }
}

/// On its way for longer than a start or a shutdown takes.
fn is_slow(view: View<'_>, failover: &Failover, id: &InstanceId) -> bool {
    let state = view.world.instances.get(id).map(|instance| instance.state);
    matches!(state, Some(InstanceState::Pending | InstanceState::Stopping))
        && view.has_passed(SLOW_AFTER, began(failover, id))
}

fn began(failover: &Failover, id: &InstanceId) -> jiff::Timestamp {
    failover.attempt(&start_step(id)).map_or(failover.started_at, |at| at.last_at)
}

/// A target that is back in sight is given its whole patience again.
pub(super) fn in_sight(view: View<'_>, failover: &Failover, id: &InstanceId, progress: &mut Progress<'_>) {
    if failover.target_unseen_since.is_some() && view.world.instances.get(id).is_some() {
        progress.change(Change::TargetSeen(true), [Part::Instances]);
    }
}

/// A target out of sight, or stuck: waited for a while. One answer that did not come says nothing against it.
pub(super) fn unseen(
    view: View<'_>,
    failover: &Failover,
    resend_after: SignedDuration,
    why: &str,
    progress: &mut Progress<'_>,
) -> Readiness {
    match failover.target_unseen_since {
        // The count begins in the ledger, so that it goes on after a crash.
        None => {
            progress.change(Change::TargetSeen(false), [Part::Instances]);
            progress.reason(why);
        }
        Some(since) if view.has_passed(resend_after, since) => {
            return another(view, failover, why, progress);
        }
        Some(_) => progress.wait(Part::Instances, view.soon(), why),
    }
    Readiness::Coming
}

pub(super) fn running(view: View<'_>, failover: &Failover, target: &Target, progress: &mut Progress<'_>) -> Readiness {
    let id = &target.instance_id;
    progress.proved([start_step(id).key()]);
    if let Some(why) = choose::unhealthy(view, id) {
        return another(view, failover, &why, progress);
    }
    if view.world.checks.get(id).is_some_and(|checks| checks.passed()) { Readiness::Healthy } else { Readiness::Runs }
}

fn start_step(id: &InstanceId) -> Step {
    Step::StartInstance { instance: id.clone() }
}

fn start(view: View<'_>, failover: &Failover, id: &InstanceId, progress: &mut Progress<'_>) -> Readiness {
    match progress.step(start_step(id)) {
        // A stopped standby has no capacity of its own (aws-facts 7): another zone may have some.
        Some(no_room) => another(view, failover, &format!("it can't be started: {no_room}"), progress),
        None => Readiness::Coming,
    }
}

/// Takes the next best target, or halts; a planned failover that has taken nothing down ends instead.
pub(super) fn another(view: View<'_>, failover: &Failover, why: &str, progress: &mut Progress<'_>) -> Readiness {
    let Some(Target { instance_id: id, .. }) = &failover.to else { return Readiness::Coming };
    // Nothing is chosen here: the group fills its one place again.
    if view.spec.topology == Topology::AutoScaling {
        let reason = format!("{id} can't be the target ({why}); the group has to launch another");
        let excluded = Some((id.clone(), why.to_owned()));
        progress.turn(Change::Retarget { to: None, excluded }, [Part::Instances, Part::Checks], reason);
        return Readiness::Coming;
    }
    let mut excluded = failover.excluded.clone();
    excluded.insert(id.clone(), why.to_owned());
    match choose::target(view, &failover.destination, &excluded) {
        Ok(to) => {
            let reason = format!("{id} can't be the target ({why}); {} takes over", to.instance_id);
            let excluded = Some((id.clone(), why.to_owned()));
            progress.turn(Change::Retarget { to: Some(to), excluded }, [Part::Instances, Part::Checks], reason);
        }
        // Nobody was harmed yet, and nobody will be (decision 4).
        Err(candidates) if failover.planned && !failover.has_begun_to_fence() => {
            let reason = format!("{}; the service was not interrupted", Halt::NoTarget { candidates });
            let change = Change::Abort { outcome: Outcome::Refused, reason: reason.clone() };
            progress.turn(change, [Part::Instances, Part::Checks], reason);
        }
        // The service is down: whoever starts or adds a standby ends it.
        Err(candidates) => progress.halt(Halt::NoTarget { candidates }, Part::Instances),
    }
    Readiness::Coming
}
