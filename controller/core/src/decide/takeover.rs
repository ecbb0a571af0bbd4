//! A failover that runs: fence, start, copy side by side; promote; attach, address side by side; prove.

use jiff::{SignedDuration, Timestamp};

use super::agents::{self, Word};
use super::progress::{Progress, next_look};
use super::target::{Readiness, await_checks, prepare};
use super::{View, WHOLE_PICTURE, data, fence, group, resources};
use crate::ids::{AllocationId, InstanceId};
use crate::ledger::{Change, Failover, Head};
use crate::report::Outcome;
use crate::spec::Topology;
use crate::step::{FailureClass, Step, StepOutcome};
use crate::verdict::{Halt, Verdict};
use crate::world::{AttachmentState, Checks, Instance, InstanceState, Part, Sight};

const ATTACH_PACE: SignedDuration = SignedDuration::from_secs(2);
const ATTACH_PATIENCE: SignedDuration = SignedDuration::from_secs(60);
const ADDRESS_PATIENCE: SignedDuration = SignedDuration::from_secs(20);
/// Status checks come minutes after a start; a target that has not passed them after this needs an operator.
const PROOF_PATIENCE: SignedDuration = SignedDuration::from_mins(15);
/// EC2's recommended device names for data volumes.
pub(super) const DEVICES: [&str; 11] = [
    "/dev/sdf", "/dev/sdg", "/dev/sdh", "/dev/sdi", "/dev/sdj", "/dev/sdk", "/dev/sdl", "/dev/sdm", "/dev/sdn",
    "/dev/sdo", "/dev/sdp",
];

/// The next step of a failover.
pub(super) fn advance(view: View<'_>, failover: &Failover) -> Verdict {
    let parts = view.relevant_parts().into_iter().filter(|part| *part != Part::Alarms);
    let unseen: Vec<Part> = parts.flat_map(|part| view.older_than(picture_age(view, part), [part])).collect();
    if !unseen.is_empty() {
        return Verdict::Look(unseen);
    }
    let mut progress = Progress::new(view);
    if failover.is_promoted() {
        settle_in(view, failover, &mut progress);
    } else if let Some(unsure) = resources::doubt(view) {
        progress.halt(Halt::Refused(unsure), Part::Volumes);
    } else {
        take_over(view, failover, &mut progress);
    }
    if !progress.has_turned() {
        group::tend(view, &mut progress);
    }
    progress.verdict()
}

/// A group launches, terminates and holds instances on its own, whatever the failover waits for; a hook may run out after 30 seconds
/// (aws-facts 4.2).
fn picture_age(view: View<'_>, part: Part) -> SignedDuration {
    match (view.spec.topology, part) {
        (Topology::AutoScaling, Part::Groups) => SignedDuration::from_secs(15),
        (Topology::AutoScaling, Part::Instances) => SignedDuration::from_secs(30),
        _ => WHOLE_PICTURE,
    }
}

/// Until the promotion: everything here can still end with the old side serving, or at least with its data in place.
fn take_over(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let readiness = match view.spec.topology {
        Topology::Standby => prepare(view, failover, progress),
        Topology::AutoScaling => group::prepare(view, failover, progress),
    };
    if progress.has_turned() {
        return;
    }
    if failover.planned
        && !failover.has_begun_to_fence()
        && still_serves(view, failover)
        && readiness != Readiness::Well
    {
        if let Some(target) = failover.to.as_ref().filter(|_| readiness == Readiness::Runs) {
            await_checks(view, failover, target, progress);
        }
        return;
    }
    if !fence::close(view, failover, progress) {
        return;
    }
    let Some(target) = &failover.to else { return data::secure(view, failover, progress) };
    let heads = data::bring(view, failover, target, progress);
    data::release(view, failover, progress);
    let Some(heads) = heads else { return };
    if readiness != Readiness::Coming {
        let reason = format!("{} is made the active instance, epoch {}", target.instance_id, view.ledger.epoch + 1);
        progress.turn(Change::Promote { heads }, [Part::Instances, Part::Volumes, Part::Agents], reason);
    }
}

/// Whether the old side is up: then a planned failover takes its time. What fails on the way is failed over at once.
fn still_serves(view: View<'_>, failover: &Failover) -> bool {
    let from = view.world.instances.get(&failover.from.instance_id);
    from.is_none_or(|instance| instance.state == InstanceState::Running)
}

/// After the promotion: the target, now the active instance, gets its volumes and the address, and is shown to serve.
fn settle_in(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let id = &view.ledger.active;
    let instance = match view.world.instances.sight(id) {
        Sight::Known(instance) => instance,
        Sight::Absent => return lost(id, "it does not exist any more", progress),
        Sight::Unknown(_) => {
            let halt = Halt::Unseen { what: id.to_string(), why: "AWS does not answer for it".to_owned() };
            return progress.halt(halt, Part::Instances);
        }
    };
    match instance.state {
        InstanceState::Running => {}
        InstanceState::Pending => return progress.wait(Part::Instances, soon(view), format!("{id} is pending")),
        other => return lost(id, &format!("it is {}", other.as_str()), progress),
    }
    // Its launch hook timed out, say: what is going will never be shown to serve.
    if group::is_going(view, id) {
        return lost(id, "the group terminates it", progress);
    }
    let attached = attach(view, instance, progress);
    let reached = address(view, progress);
    if attached && reached {
        prove(view, failover, progress);
    }
}

/// The target failed after it was promoted: that is a failure of the active instance, and handled as one.
fn lost(id: &InstanceId, why: &str, progress: &mut Progress<'_>) {
    let reason = format!("{id} was made active and failed before it was shown to serve: {why}");
    progress.turn(Change::GiveUp { outcome: Outcome::Halted, reason: reason.clone() }, [Part::Instances], reason);
}

/// Brings the newest data to the active instance; all of it there?
pub(super) fn attach(view: View<'_>, instance: &Instance, progress: &mut Progress<'_>) -> bool {
    let id = &view.ledger.active;
    let mut all = true;
    for (index, head) in view.ledger.heads.values().enumerate() {
        let volume = match view.world.volumes.sight(&head.volume) {
            Sight::Known(volume) => volume,
            Sight::Absent | Sight::Unknown(_) => {
                all = false;
                progress.wait(Part::Volumes, soon(view), format!("{} can't be seen", head.volume));
                continue;
            }
        };
        let step = || attach_step(view, instance, head, index);
        match volume.attachment_to(id) {
            Some(attachment) if attachment.state == AttachmentState::Attached => progress.proved([step().key()]),
            Some(attachment) => {
                all = false;
                let since = view.attempt(&step()).map_or(view.now, |attempt| attempt.last_at);
                let look = next_look(since, ATTACH_PACE, view.now);
                progress.wait(Part::Volumes, look, format!("{} is {:?}", head.volume, attachment.state).to_lowercase());
            }
            None => {
                all = false;
                match volume.attachments.first() {
                    Some(other) => progress.halt(
                        Halt::VolumeTaken { volume: head.volume.clone(), instance: other.instance.clone() },
                        Part::Volumes,
                    ),
                    None => drop(progress.step(step(), ATTACH_PATIENCE, ATTACH_PACE)),
                }
            }
        }
    }
    all
}

fn attach_step(view: View<'_>, instance: &Instance, head: &Head, index: usize) -> Step {
    let step = |device: String| Step::AttachVolume {
        volume: head.volume.clone(),
        instance: view.ledger.active.clone(),
        device,
    };
    let first = step(head.device.clone());
    step(device(view, instance, head, index, &first))
}

/// The device name that the data had before, if the target has it free; after a refusal, the next one.
fn device(view: View<'_>, instance: &Instance, head: &Head, index: usize, first: &Step) -> String {
    let taken = |device: &str| instance.devices.iter().any(|(name, id)| name == device && *id != head.volume);
    let refused = view.attempt(first).map_or(0, |attempt| match &attempt.outcome {
        StepOutcome::Failed { class: FailureClass::Invalid | FailureClass::Conflict, .. } => attempt.tries as usize,
        _ => 0,
    });
    if refused == 0 && !taken(&head.device) {
        return head.device.clone();
    }
    let free: Vec<&str> = DEVICES.into_iter().filter(|device| !taken(device)).collect();
    let next = free.get((index + refused) % free.len().max(1)).copied();
    next.map_or_else(|| head.device.clone(), str::to_owned)
}

/// Leads every address to the active instance; all of them there?
pub(super) fn address(view: View<'_>, progress: &mut Progress<'_>) -> bool {
    let active = &view.ledger.active;
    let mut all = true;
    for id in resources::addresses(view) {
        match view.world.addresses.sight(&id) {
            Sight::Known(address) if address.instance.as_ref() == Some(active) => {
                progress.proved([address_step(active, id).key()]);
            }
            Sight::Known(_) => {
                all = false;
                move_address(active, id, progress);
            }
            Sight::Absent => {
                all = false;
                progress.halt(Halt::AddressGone(id), Part::Addresses);
            }
            Sight::Unknown(why) => {
                all = false;
                progress.wait(Part::Addresses, soon(view), format!("{id} can't be seen: {why}"));
            }
        }
    }
    all
}

fn address_step(to: &InstanceId, allocation: AllocationId) -> Step {
    Step::MoveAddress { allocation, instance: to.clone() }
}

/// Leads an address to an instance.
pub(super) fn move_address(to: &InstanceId, allocation: AllocationId, progress: &mut Progress<'_>) {
    progress.step(address_step(to, allocation), ADDRESS_PATIENCE, SignedDuration::from_secs(1));
}

/// Shown to serve: by its agent where there is one, and else by EC2's status checks.
fn prove(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let id = &view.ledger.active;
    let shown = match agents::word(view) {
        Word::Ready => Ok((Part::Agents, "its agent has shown that the service is ready")),
        Word::NotYet(why) => Err((Part::Agents, why)),
        Word::NoAgent => match view.world.checks.get(id) {
            Some(checks) if checks.passed() => {
                Ok((Part::Checks, "volumes, address and status checks are as they should be"))
            }
            checks => Err((Part::Checks, unproven(checks))),
        },
    };
    match shown {
        Ok(_) if group::is_completing(view) => {
            progress.wait(Part::Groups, soon(view), format!("{id} serves; its launch hook is being completed"));
        }
        Ok((witness, how)) => {
            group::release_holds(view, progress);
            let parts = [Part::Instances, Part::Volumes, Part::Addresses, witness];
            progress.turn(Change::Finish, parts, format!("{id} serves: {how}"));
        }
        Err((witness, missing)) => await_proof(view, failover, witness, missing, progress),
    }
}

fn await_proof(view: View<'_>, failover: &Failover, witness: Part, missing: String, progress: &mut Progress<'_>) {
    let id = &view.ledger.active;
    let since = failover.promoted_at.unwrap_or(view.now);
    if view.now.duration_since(since) >= PROOF_PATIENCE {
        return progress.halt(Halt::TargetUnwell { instance: id.clone(), why: missing }, witness);
    }
    let look = next_look(since, SignedDuration::ZERO, view.now);
    progress.wait(witness, look, format!("{id} has its data and the address; {missing}"));
}

/// What EC2's status checks lack.
fn unproven(checks: Option<&Checks>) -> String {
    checks.map_or("its status checks can't be seen".to_owned(), |checks| match checks.impaired() {
        names if names.is_empty() => "its status checks have not passed yet".to_owned(),
        names => format!("its {} status check is impaired", names.join(" and ")),
    })
}

fn soon(view: View<'_>) -> Timestamp {
    view.now.saturating_add(SignedDuration::from_secs(2)).unwrap_or(view.now)
}
