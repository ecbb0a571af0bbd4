//! The fence: until it is shown, nothing of the old side is copied as final, promoted or attached elsewhere.
//!
//! Clean first (the operating system shuts down), then by force (the instance is cut), then by taking the volumes away.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::progress::Progress;
use super::{View, agents};
use crate::ids::InstanceId;
use crate::ledger::{Change, Failover, FenceState, Proof};
use crate::spec::WhenUnconfirmed;
use crate::step::{Step, StepOutcome, StopMode};
use crate::verdict::Halt;
use crate::world::{InstanceState, Part, Sight, Volume};

/// An accepted stop that shows no effect at all is sent again after this.
const STOP_PATIENCE: SignedDuration = SignedDuration::from_secs(120);
/// A forced stop that does not end is followed by taking the volumes away after this.
const FORCE_PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// A forced detach "may need several tries over minutes" (EBS guide).
const FORCED_DETACH_PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// No instance stops in less.
const STOP_PACE: SignedDuration = SignedDuration::from_secs(4);

/// Brings the fence nearer, and says whether it holds (shown, or waived).
pub(super) fn close(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) -> bool {
    if let Some(proof) = proof(view, failover) {
        let already = matches!(failover.fence, FenceState::Proven { proof: known, .. } if known == proof);
        if !already {
            prove_stops(view, failover, progress);
            let needs = match proof {
                Proof::InstancesOff => vec![Part::Instances],
                Proof::Quiesced => vec![Part::Volumes, Part::Agents],
                Proof::VolumesDetached => vec![Part::Volumes, Part::Addresses],
                Proof::LeaseOver => vec![Part::Volumes, Part::Agents],
            };
            progress.change(Change::Fenced(proof), needs);
            progress.reason("the old side is fenced");
        }
        return already;
    }
    match &failover.fence {
        FenceState::Proven { proof, .. } => {
            // Out of sight is not started again: what was shown holds until something else is seen.
            let reopened = contradicted(view, failover, *proof);
            if reopened {
                let reason = format!("{} can write again; it is fenced anew", failover.from.instance_id);
                progress.turn(Change::ReopenFence, [Part::Instances, Part::Volumes], reason);
            }
            !reopened
        }
        FenceState::Open { .. } => {
            fence(view, failover, progress);
            false
        }
        FenceState::Waived { .. } => true,
    }
}

/// Whether something is seen that the proof rules out: somebody started the old side again.
fn contradicted(view: View<'_>, failover: &Failover, proof: Proof) -> bool {
    let writers = writers(view, failover);
    match proof {
        Proof::InstancesOff => {
            writers.iter().any(|id| view.world.instances.get(id).is_some_and(|instance| !instance.state.is_off()))
        }
        // The report alone may be lost; a volume that is held again says more, and so does an agent that serves again.
        Proof::Quiesced => held_again(view, failover) || agents::serves_again(view, &failover.from.instance_id),
        Proof::VolumesDetached => held_again(view, failover),
        Proof::LeaseOver => agents::renewed(view, failover) || held_by_others(view, failover),
    }
}

/// By whom no lease binds.
fn held_by_others(view: View<'_>, failover: &Failover) -> bool {
    writers(view, failover).iter().any(|id| {
        *id != failover.from.instance_id
            && !view.world.instances.get(id).is_some_and(|instance| instance.state.is_off())
    })
}

fn held_again(view: View<'_>, failover: &Failover) -> bool {
    let elsewhere = |volume: &Volume| volume.attachments.iter().any(|it| !failover.is_target(&it.instance));
    view.ledger.heads.values().any(|head| view.world.volumes.get(&head.volume).is_some_and(elsewhere))
}

/// Who could write to the service's data, besides the target: the old active, and whoever holds a volume of it.
pub(super) fn writers(view: View<'_>, failover: &Failover) -> BTreeSet<InstanceId> {
    let mut writers = BTreeSet::from([failover.from.instance_id.clone()]);
    for head in view.ledger.heads.values() {
        if let Some(volume) = view.world.volumes.get(&head.volume) {
            writers.extend(volume.attachments.iter().map(|attachment| attachment.instance.clone()));
        }
    }
    writers.retain(|writer| !failover.is_target(writer));
    writers
}

/// Whether an instance can't write: it is off; or it is the old active, and its agent stopped the units and unmounted, or had to when its
/// lease ran out.
pub(super) fn is_quiet(view: View<'_>, failover: &Failover, id: &InstanceId) -> bool {
    view.world.instances.get(id).is_some_and(|instance| instance.state.is_off())
        || (*id == failover.from.instance_id
            && (agents::is_quiesced(view, id) || agents::lease_is_over(view, failover)))
}

/// What shows that none of them can.
fn proof(view: View<'_>, failover: &Failover) -> Option<Proof> {
    // Whoever holds a volume is only known if every volume is.
    let volumes: Vec<Option<&Volume>> =
        view.ledger.heads.values().map(|head| view.world.volumes.get(&head.volume)).collect();
    let writers = writers(view, failover);
    let off = |id: &InstanceId| view.world.instances.get(id).is_some_and(|instance| instance.state.is_off());
    if writers.iter().all(off) {
        // The old active is off; an unseen volume could only be held by someone whom nobody made active.
        return Some(Proof::InstancesOff);
    }
    let detached = |volume: &Volume| {
        volume.is_free() || volume.attachments.iter().all(|attachment| failover.is_target(&attachment.instance))
    };
    let all_detached = volumes.iter().all(|volume| volume.is_some_and(detached));
    if all_detached && agents::is_quiesced(view, &failover.from.instance_id) {
        return Some(Proof::Quiesced);
    }
    let all_detached = all_detached && !volumes.is_empty();
    let addresses_away = super::resources::addresses(view).iter().all(|id| {
        view.world
            .addresses
            .get(id)
            .is_some_and(|address| address.instance.as_ref().is_none_or(|holder| !writers.contains(holder)))
    });
    if all_detached && addresses_away {
        return Some(Proof::VolumesDetached);
    }
    let all_seen = volumes.iter().all(Option::is_some);
    (all_seen && !held_by_others(view, failover) && agents::lease_is_over(view, failover)).then_some(Proof::LeaseOver)
}

fn fence(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let since = if let FenceState::Open { since: Some(since) } = &failover.fence {
        *since
    } else {
        progress.change(Change::BeginFence, [Part::Instances]);
        view.now
    };
    let open: Vec<InstanceId> = writers(view, failover)
        .into_iter()
        .filter(|id| !view.world.instances.get(id).is_some_and(|instance| instance.state.is_off()))
        .collect();
    let within = seconds(view.spec.fence.confirm_within_seconds.get());
    if view.now.duration_since(since) >= within {
        unconfirmed(view, &open, progress);
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

fn unconfirmed(view: View<'_>, open: &[InstanceId], progress: &mut Progress<'_>) {
    let seen = open.iter().map(|id| match view.world.instances.sight(id) {
        Sight::Known(instance) => format!("{id} is {}", instance.state.as_str()),
        Sight::Absent => format!("{id} is not listed, which proves nothing"),
        Sight::Unknown(_) => format!("{id} can't be seen"),
    });
    let why = seen.collect::<Vec<_>>().join(", ");
    match view.spec.fence.when_unconfirmed {
        WhenUnconfirmed::Proceed => progress.change(Change::WaiveFence(why), [Part::Instances]),
        WhenUnconfirmed::Halt => {
            progress.halt(Halt::FenceUnconfirmed { instances: open.to_vec(), why }, Part::Instances);
        }
    }
}

fn fence_one(view: View<'_>, failover: &Failover, writer: &InstanceId, since: Timestamp, progress: &mut Progress<'_>) {
    let stop = |mode| Step::StopInstance { instance: writer.clone(), mode };
    let first = |mode| failover.attempt(&stop(mode)).map(|attempt| attempt.first_at);
    let grace = seconds(view.spec.fence.stop_grace_seconds.get());
    let waited = |from: Timestamp, wait| view.now.duration_since(from) >= wait;
    let state = match view.world.instances.sight(writer) {
        Sight::Known(instance) => Some(instance.state),
        // Asked to stop all the same: that can be undone, and AWS may hear what it does not show.
        Sight::Unknown(_) => None,
        Sight::Absent => {
            progress.wait(Part::Volumes, soon(view), format!("{writer} is not listed any more"));
            return;
        }
    };
    let asked = first(StopMode::Graceful);
    if *writer == failover.from.instance_id && quiesces(view, writer, since, grace, progress) {
        return;
    }
    if refuses_to_stop(failover, writer) && state == Some(InstanceState::Running) {
        return take_away(view, failover, writer, progress);
    }
    match state {
        Some(InstanceState::Pending) => {
            progress.wait(Part::Instances, soon(view), format!("{writer} is pending and can't be stopped yet"));
        }
        Some(InstanceState::ShuttingDown) if !waited(since, grace + FORCE_PATIENCE) => {
            progress.wait(Part::Instances, soon(view), format!("{writer} is shutting down"));
        }
        Some(InstanceState::Running | InstanceState::Stopping)
            if asked.is_some_and(|asked| waited(asked, grace))
                || (state == Some(InstanceState::Stopping) && waited(since, grace)) =>
        {
            progress.step(stop(StopMode::Forced), STOP_PATIENCE, STOP_PACE);
            if first(StopMode::Forced).is_some_and(|cut| waited(cut, FORCE_PATIENCE)) {
                take_away(view, failover, writer, progress);
            }
        }
        Some(InstanceState::Stopping) => {
            let look = super::progress::next_look(asked.unwrap_or(since), STOP_PACE, view.now);
            progress.wait(Part::Instances, look, format!("{writer} is stopping"));
        }
        Some(InstanceState::ShuttingDown) => take_away(view, failover, writer, progress),
        Some(InstanceState::Running) | None => {
            progress.step(stop(StopMode::Graceful), STOP_PATIENCE.min(grace + STOP_PACE), STOP_PACE);
        }
        Some(InstanceState::Stopped | InstanceState::Terminated) => {}
    }
}

/// Clean first: an agent that is at work reads in the ledger that a failover from its instance began, stops the units and unmounts. What
/// it has let go is then taken from the running instance.
fn quiesces(
    view: View<'_>,
    writer: &InstanceId,
    since: Timestamp,
    grace: SignedDuration,
    progress: &mut Progress<'_>,
) -> bool {
    let Some(report) = view.world.agents.get(writer) else { return false };
    let runs = view.world.instances.get(writer).is_some_and(|instance| instance.state == InstanceState::Running);
    if !runs {
        return false;
    }
    if agents::is_quiesced(view, writer) {
        progress.wait(Part::Volumes, soon(view), format!("{writer} is quiet; its volumes are to leave it"));
        for head in view.ledger.heads.values() {
            if view.world.volumes.get(&head.volume).is_some_and(|volume| volume.attachment_to(writer).is_some()) {
                let step = Step::DetachVolume { volume: head.volume.clone(), instance: writer.clone(), force: false };
                progress.rest_on([Part::Agents]);
                progress.step(step, FORCED_DETACH_PATIENCE, SignedDuration::from_secs(2));
            }
        }
        // An unmounted volume leaves at once; one that does not is taken the other way.
        return view.now.duration_since(report.at.max(since)) < grace + FORCED_DETACH_PATIENCE;
    }
    if agents::is_alive(view, report) && view.now.duration_since(since) < grace {
        progress.wait(Part::Agents, soon(view), format!("the agent of {writer} is to quiesce it"));
        return true;
    }
    false
}

/// Spot instances of one request can't be stopped (`UnsupportedOperation`): their volumes are taken away instead.
fn refuses_to_stop(failover: &Failover, writer: &InstanceId) -> bool {
    let stop = Step::StopInstance { instance: writer.clone(), mode: StopMode::Graceful };
    failover.attempt(&stop).is_some_and(
        |attempt| matches!(&attempt.outcome, StepOutcome::Failed { code, .. } if code == "UnsupportedOperation"),
    )
}

/// The last resort for an instance that does not go down: its volumes, and then its address, are taken from it.
fn take_away(view: View<'_>, failover: &Failover, writer: &InstanceId, progress: &mut Progress<'_>) {
    progress.wait(Part::Instances, soon(view), format!("{writer} does not go down"));
    let mut held = false;
    for head in view.ledger.heads.values() {
        let Some(volume) = view.world.volumes.get(&head.volume) else { return };
        // By whomever: the address follows when nobody else can write any more.
        held |= volume.attachments.iter().any(|attachment| !failover.is_target(&attachment.instance));
        if volume.attachment_to(writer).is_some() {
            let step = Step::DetachVolume { volume: head.volume.clone(), instance: writer.clone(), force: true };
            progress.step(step, FORCED_DETACH_PATIENCE, SignedDuration::from_secs(2));
        }
    }
    let target = failover.to.as_ref().filter(|to| {
        let target = view.world.instances.get(&to.instance_id);
        target.is_some_and(|instance| instance.state == InstanceState::Running)
    });
    let Some(target) = target.filter(|_| !held && !view.ledger.heads.is_empty()) else { return };
    for id in super::resources::addresses(view) {
        if view.world.addresses.get(&id).and_then(|address| address.instance.as_ref()) == Some(writer) {
            super::takeover::move_address(&target.instance_id, id, progress);
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
    for head in view.ledger.heads.values() {
        let instance = failover.from.instance_id.clone();
        let step = Step::DetachVolume { volume: head.volume.clone(), instance, force: true };
        if view.world.volumes.get(&head.volume).is_some_and(Volume::is_free) {
            progress.proved([step.key()]);
        }
    }
}

pub(super) fn seconds(value: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(value).unwrap_or(i64::MAX))
}

pub(super) fn soon(view: View<'_>) -> Timestamp {
    view.now.saturating_add(SignedDuration::from_secs(2)).unwrap_or(view.now)
}
