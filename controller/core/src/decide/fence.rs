//! The fence: until it is shown, nothing of the old instance is copied as final, promoted or attached elsewhere.
//!
//! Clean first (the operating system shuts down), then by force (the instance is cut), then by taking the volumes away.

use jiff::{SignedDuration, Timestamp};

use super::progress::Progress;
use super::proof::{contradicted, proof, writers};
use super::retry::next_observation_of;
use super::view::View;
use super::{address, agents, detach};
use crate::ids::InstanceId;
use crate::ledger::report::Outcome;
use crate::ledger::{Change, Failover, FenceState, Proof};
use crate::spec::{Topology, WhenUnconfirmed};
use crate::step::{Step, StepOutcome, StopMode};
use crate::time::seconds;
use crate::verdict::Halt;
use crate::world::{InstanceState, Part, Sight, Volume};

/// A forced stop that does not end is followed by taking the volumes away after this.
const CUT_RESEND_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// How long the guest of a planned failover has for its shutdown, whatever `fence.stop_grace_seconds` says. EC2 itself cuts one that does not
/// end after some minutes (aws-facts 1.2).
const PLANNED_GRACE: SignedDuration = SignedDuration::from_mins(5);
/// A volume that was unmounted leaves within this; one that does not is taken from an instance that is stopped.
const UNMOUNTED_RESEND_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Brings the fence nearer, and says whether it holds (shown, or waived).
pub(super) fn close(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) -> bool {
    if let Some(proof) = proof(view, failover) {
        let already = matches!(failover.fence, FenceState::Confirmed { proof: known, .. } if known == proof);
        if !already {
            prove_stops(view, failover, progress);
            // What the proof was read off has to be fresh, and nothing else.
            let needs = match proof {
                Proof::InstancesOff => vec![Part::Instances],
                Proof::Quiesced | Proof::LeaseExpired => vec![Part::Volumes, Part::Agents],
                Proof::VolumesDetached => vec![Part::Volumes, Part::Addresses],
            };
            progress.change(Change::Fenced(proof), needs);
            progress.reason("the old instance is fenced");
        }
        return already;
    }
    match &failover.fence {
        FenceState::Confirmed { proof, .. } => {
            // Out of sight is not started again: what was shown holds until something else is seen.
            let reopened = contradicted(view, failover, *proof);
            if reopened {
                let reason = format!("{} can write again; it is fenced again", failover.from.instance_id);
                progress.turn(Change::ReopenFence, [Part::Instances, Part::Volumes], reason);
            }
            !reopened
        }
        FenceState::Open { .. } => {
            fence(view, failover, progress);
            false
        }
        // What comes into sight later can still show it: that is looked for first, above.
        FenceState::Waived { .. } => true,
    }
}

fn fence(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let since = if let FenceState::Open { since: Some(since) } = &failover.fence {
        *since
    } else {
        progress.change(Change::BeginFence, [Part::Instances]);
        view.now
    };
    let open: Vec<InstanceId> = writers(view, failover).into_iter().filter(|id| !view.world.is_off(id)).collect();
    let within = seconds(view.spec.fence.confirm_within_seconds.get());
    if view.has_passed(within, since) {
        unconfirmed(view, failover, &open, progress);
    }
    await_lease(view, failover, progress);
    for writer in &open {
        fence_one(view, failover, writer, since, progress);
    }
}

/// An agent that serves under a lease stops when it can't renew it: that shows what AWS may not be able to show.
fn await_lease(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    if let Some(seen) = agents::note_lease(view, failover) {
        progress.change(seen, [Part::Agents]);
    }
    if let Some(end) = agents::lease_end(view, failover).filter(|end| *end > view.now) {
        progress.wait(Part::Agents, end, format!("{} has to stop when its lease ends", failover.from.instance_id));
    }
}

fn unconfirmed(view: View<'_>, failover: &Failover, open: &[InstanceId], progress: &mut Progress<'_>) {
    let seen = open.iter().map(|id| match view.world.instances.sight(id) {
        Sight::Known(instance) => format!("{id} is {}", instance.state.as_str()),
        Sight::Absent => format!("{id} is not listed by AWS, which confirms nothing"),
        Sight::Unknown(_) => format!("{id} can't be observed"),
    });
    let why = seen.collect::<Vec<_>>().join(", ");
    // Whoever planned it can look, and nothing was broken before.
    let unhurried = open.iter().any(|id| is_unhurried(view, failover, id));
    match view.spec.fence.when_unconfirmed {
        WhenUnconfirmed::Proceed if unhurried => {
            progress.halt(Halt::FenceUnconfirmed { instances: open.to_vec(), why }, Part::Instances);
        }
        // The operator knows that the old instance may be left running: what it writes from now on is lost (operating guide, 8).
        WhenUnconfirmed::Proceed => progress.change(Change::WaiveFence(why), [Part::Instances]),
        // Fencing goes on meanwhile; whatever shows the fence ends the halt.
        WhenUnconfirmed::Halt => {
            progress.halt(Halt::FenceUnconfirmed { instances: open.to_vec(), why }, Part::Instances);
        }
    }
}

fn fence_one(view: View<'_>, failover: &Failover, writer: &InstanceId, since: Timestamp, progress: &mut Progress<'_>) {
    let stop = |mode| Step::StopInstance { instance: writer.clone(), mode };
    let first = |mode| failover.attempt(&stop(mode)).map(|attempt| attempt.first_at);
    let grace = seconds(view.spec.fence.stop_grace_seconds.get());
    let waited = |from: Timestamp, wait| view.has_passed(wait, from);
    let state = match view.world.instances.sight(writer) {
        Sight::Known(instance) => Some(instance.state),
        // Asked to stop all the same: that can be undone, and AWS may hear what it does not show.
        Sight::Unknown(_) => None,
        // It is gone, or a read lags: its volumes show which.
        Sight::Absent => {
            progress.wait(Part::Volumes, view.soon(), format!("{writer} is not listed any more"));
            return;
        }
    };
    let asked = first(StopMode::Graceful);
    if *writer == failover.from.instance_id && quiesces(view, failover, writer, since, progress) {
        return;
    }
    if state == Some(InstanceState::Running)
        && let Some(why) = refuses_to_stop(failover, writer)
    {
        // Nothing was taken down that does not serve again by itself: the active instance stays what it is.
        if is_unhurried(view, failover, writer) && keeps_its_data(view, writer) {
            if view.spec.topology == Topology::Standby {
                return give_up(writer, &why, progress);
            }
            // A group that replaces an instance goes on to, whatever becomes of the failover: it is asked again until people let it stop.
            progress.step(stop(StopMode::Graceful));
            return;
        }
        return take_away(view, failover, writer, progress);
    }
    match state {
        // `IncorrectInstanceState` is all that a stop would earn.
        Some(InstanceState::Pending) => {
            progress.wait(Part::Instances, view.soon(), format!("{writer} is pending and can't be stopped yet"));
        }
        // It goes by itself, and a stop is refused; on a host that is dead it may hang there for hours (aws-facts 1.2).
        Some(InstanceState::ShuttingDown) if !waited(since, grace + CUT_RESEND_AFTER) => {
            progress.wait(Part::Instances, view.soon(), format!("{writer} is shutting down"));
        }
        // Its grace is over, whoever asked it to stop.
        Some(InstanceState::Running | InstanceState::Stopping)
            if asked.is_some_and(|asked| waited(asked, grace))
                || (state == Some(InstanceState::Stopping) && waited(since, grace)) =>
        {
            // Its guest gets the time that it takes to write out everything.
            if is_unhurried(view, failover, writer) && !waited(asked.unwrap_or(since), PLANNED_GRACE) {
                progress.wait(Part::Instances, view.soon(), format!("{writer} is stopping"));
                return;
            }
            progress.step(stop(StopMode::Forced));
            warn(failover, format!("{writer} was stopped by force: {UNWRITTEN}"), progress);
            if first(StopMode::Forced).is_some_and(|cut| waited(cut, CUT_RESEND_AFTER)) {
                take_away(view, failover, writer, progress);
            }
        }
        Some(InstanceState::Stopping) => {
            let again = next_observation_of(view, &stop(StopMode::Graceful), asked.unwrap_or(since));
            progress.wait(Part::Instances, again, format!("{writer} is stopping"));
        }
        Some(InstanceState::ShuttingDown) => take_away(view, failover, writer, progress),
        Some(InstanceState::Running) | None => {
            progress.step(stop(StopMode::Graceful));
        }
        // Nothing is left to do to it; whoever else can write is another turn.
        Some(InstanceState::Stopped | InstanceState::Terminated) => {}
    }
}

/// Clean first: an agent that is at work reads in the ledger that a failover from its instance began, stops the units and unmounts. What
/// it has let go is then taken from the running instance.
fn quiesces(
    view: View<'_>,
    failover: &Failover,
    writer: &InstanceId,
    since: Timestamp,
    progress: &mut Progress<'_>,
) -> bool {
    let grace = seconds(view.spec.fence.stop_grace_seconds.get());
    let Some(report) = view.world.agents.get(writer) else { return false };
    if !view.world.runs(writer) {
        return false;
    }
    if agents::is_quiesced(view, failover, writer) {
        progress.wait(Part::Volumes, view.soon(), format!("{writer} is quiesced; its volumes are detached"));
        for current in view.ledger.current_volumes.values() {
            if view.world.volumes.get(&current.volume).is_some_and(|volume| volume.attachment_to(writer).is_some()) {
                progress.rest_on([Part::Agents]);
                progress.step(detach::step(&current.volume, writer, false));
            }
        }
        // An unmounted volume leaves at once; one that does not is taken the other way.
        return !view.has_passed(grace + UNMOUNTED_RESEND_AFTER, report.at.max(since));
    }
    if agents::is_alive(view, report) && !view.has_passed(grace, since) {
        progress.wait(Part::Agents, view.soon(), format!("waiting for the agent of {writer} to quiesce it"));
        return true;
    }
    false
}

/// What AWS says where an instance can't be stopped at all: spot instances of one request (`UnsupportedOperation`), and those with stop
/// protection (`OperationNotPermitted`). Their volumes are taken away instead.
fn refuses_to_stop(failover: &Failover, writer: &InstanceId) -> Option<String> {
    let stop = Step::StopInstance { instance: writer.clone(), mode: StopMode::Graceful };
    match &failover.attempt(&stop)?.outcome {
        StepOutcome::Failed { code, message, .. }
            if matches!(code.as_str(), "UnsupportedOperation" | "OperationNotPermitted") =>
        {
            Some(format!("{code}: {message}"))
        }
        _ => None,
    }
}

/// What force may cost, for the report: writes that were acknowledged after they reached the disk are on it.
const UNWRITTEN: &str = "what its guest had not written to disk is lost, and its file systems have to be replayed";

fn warn(failover: &Failover, warning: String, progress: &mut Progress<'_>) {
    if !failover.warnings.contains(&warning) {
        progress.change(Change::Warn(warning), []);
    }
}

/// Whether nothing presses: the failover is planned, and its old instance is as well as it was then, as far as can be seen.
fn is_unhurried(view: View<'_>, failover: &Failover, writer: &InstanceId) -> bool {
    let state = view.world.instances.get(writer).map(|instance| instance.state);
    let fails = view.world.checks.get(writer).is_some_and(|checks| !checks.impaired().is_empty());
    failover.planned
        && *writer == failover.from.instance_id
        && matches!(state, Some(InstanceState::Running | InstanceState::Stopping | InstanceState::ShuttingDown))
        && !fails
}

/// Whether it could go on serving: nothing was detached from it.
fn keeps_its_data(view: View<'_>, writer: &InstanceId) -> bool {
    view.ledger.current_volumes.values().all(|current| view.world.is_attached(&current.volume, writer))
}

/// A planned failover takes nothing by force from an instance that serves.
fn give_up(writer: &InstanceId, why: &str, progress: &mut Progress<'_>) {
    let reason = format!("{writer} can't be stopped ({why}), and a planned failover takes nothing from it by force");
    progress.turn(Change::Abort { outcome: Outcome::Refused, reason: reason.clone() }, [Part::Instances], reason);
}

/// The last resort for an instance that does not go down: its volumes, and then its address, are taken from it.
fn take_away(view: View<'_>, failover: &Failover, writer: &InstanceId, progress: &mut Progress<'_>) {
    progress.wait(Part::Instances, view.soon(), format!("{writer} does not stop"));
    let mut held = false;
    for current in view.ledger.current_volumes.values() {
        // What can't be seen may be held by somebody: the address stays where it is.
        let Some(volume) = view.world.volumes.get(&current.volume) else { return };
        // By whomever: the address follows when nobody else can write any more.
        held |= !volume.is_held_only_by(|holder| failover.is_target(holder));
        if volume.attachment_to(writer).is_some() {
            progress.step(detach::step(&current.volume, writer, true));
            let taken = format!("{} was taken from {writer} by force: {UNWRITTEN}", current.volume);
            warn(failover, taken, progress);
        }
    }
    // An instance that is pending takes no address (aws-facts 3.1), and one that is stopped serves nobody.
    let target = failover.to.as_ref().filter(|to| view.world.runs(&to.instance_id));
    let Some(target) = target.filter(|_| !held && !view.ledger.current_volumes.is_empty()) else { return };
    for id in address::meant(view) {
        if view.world.leads_to(&id, writer) {
            address::lead_to(&target.instance_id, id, progress);
        }
    }
}

/// The stops that led to the proof, for the report.
fn prove_stops(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    for instance in writers(view, failover) {
        let stops = [StopMode::Graceful, StopMode::Forced]
            .map(|mode| Step::StopInstance { instance: instance.clone(), mode }.key());
        progress.proved(stops);
    }
    for current in view.ledger.current_volumes.values() {
        if view.world.volumes.get(&current.volume).is_some_and(Volume::is_free) {
            progress.proved([detach::step(&current.volume, &failover.from.instance_id, true).key()]);
        }
    }
}
