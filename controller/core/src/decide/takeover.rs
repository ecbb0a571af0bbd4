//! A failover that runs: fence, start, copy side by side; promote; attach, address side by side; prove.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::agents::{self, AgentStatus};
use super::progress::Progress;
use super::retry::next_observation;
use super::target::{Readiness, another, prepare};
use super::view::View;
use super::{address, attach, copies, data, fence, group, resources};
use crate::group::Lifecycle;
use crate::ids::InstanceId;
use crate::ledger::report::Outcome;
use crate::ledger::{Change, Failover, Target};
use crate::spec::Topology;
use crate::step::StepKey;
use crate::verdict::{Halt, Verdict};
use crate::world::{Checks, InstanceState, Part, Sight};

/// While a failover waits for one part, the others may be this old, but not older: whoever goes on after a crash begins with a
/// whole picture, and a long copy does not hide what happens elsewhere.
const WHOLE_PICTURE: SignedDuration = SignedDuration::from_mins(5);
/// Instances that are gone for good are named in the record up to this many.
const MOST_GONE: usize = 20;
/// How long a planned failover waits for the target's status checks, which come minutes after a start (aws-facts 1.2).
const CHECKS_TIMEOUT: SignedDuration = SignedDuration::from_mins(15);
/// Status checks come minutes after a start; a target that has not passed them after this needs an operator.
const CONFIRM_TIMEOUT: SignedDuration = SignedDuration::from_mins(15);

/// The next step of a failover.
pub(super) fn advance(view: View<'_>, failover: &Failover) -> Verdict {
    // Alarms are evidence for beginning; once it has begun, nothing rests on them.
    let parts = view.relevant_parts().into_iter().filter(|part| *part != Part::Alarms);
    let unseen: Vec<Part> = parts.flat_map(|part| view.older_than(picture_age(view, part), [part])).collect();
    if !unseen.is_empty() {
        return Verdict::Observe(unseen);
    }
    let mut progress = Progress::new(view);
    forget_gone(view, failover, &mut progress);
    if failover.is_promoted() {
        settle_in(view, failover, &mut progress);
    // Before the promotion it can still wait for a person to say what is meant; after it, going on is the only way out.
    } else if let Some(unsure) = resources::ambiguity(view) {
        progress.halt(Halt::Refused(unsure), Part::Volumes);
    } else {
        take_over(view, failover, &mut progress);
    }
    // Hooks run out whatever is waited for; after a turn they are seen to at the next decision, at once.
    if !progress.has_turned() {
        group::tend(view, &mut progress);
    }
    progress.verdict()
}

/// A group may launch one instance after another, each of which dies: they would fill the record (DynamoDB: 400 KB).
fn forget_gone(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let is_gone = |id: &InstanceId| match view.world.instances.sight(id) {
        Sight::Known(instance) => instance.state == InstanceState::Terminated,
        Sight::Absent => true,
        Sight::Unknown(_) => false,
    };
    let named = failover.attempts.keys().filter_map(StepKey::instance).chain(failover.excluded.keys().cloned());
    let stays = |id: &InstanceId| *id == failover.from.instance_id || failover.is_target(id) || !is_gone(id);
    let gone: BTreeSet<InstanceId> = named.filter(|id| !stays(id)).collect();
    if gone.len() >= MOST_GONE {
        progress.change(Change::ForgetGone(gone), [Part::Instances]);
    }
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

/// Until the promotion: everything here can still end with the old instance serving, or at least with its data in place.
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
        && readiness != Readiness::Healthy
    {
        // While it still comes up, its start is waited for; while there is none, the group.
        if let Some(target) = failover.to.as_ref().filter(|_| readiness == Readiness::Runs) {
            await_checks(view, failover, target, progress);
        }
        return;
    }
    if !fence::close(view, failover, progress) {
        return;
    }
    // Whichever zone the replacement is launched in, the longest part has begun (decision 9).
    let Some(target) = &failover.to else { return copies::secure(view, failover, progress) };
    let current_volumes = data::bring(view, failover, target, progress);
    copies::release(view, failover, progress);
    let Some(current_volumes) = current_volumes else { return };
    // Last, since it can't be taken back: a target that does not run yet may never do (decision 2).
    if readiness != Readiness::Coming {
        let reason = format!("{} is promoted to active, epoch {}", target.instance_id, view.ledger.epoch + 1);
        progress.turn(Change::Promote { current_volumes }, [Part::Instances, Part::Volumes, Part::Agents], reason);
    }
}

/// A planned failover stops nothing before the target is healthy: waiting costs nobody anything.
fn await_checks(view: View<'_>, failover: &Failover, target: &Target, progress: &mut Progress<'_>) {
    let id = &target.instance_id;
    if view.has_passed(CHECKS_TIMEOUT, failover.targeted_at()) {
        // Ruled out, it is abandoned, and the group launches another. Past its hook it fills the group: it may still become healthy.
        if group::lifecycle(view, id) == Some(&Lifecycle::PendingWait) {
            another(view, failover, "its status checks did not pass in time", progress);
            return;
        }
        let reason = format!("the status checks of {id} did not pass in time; the service was not interrupted");
        progress.turn(Change::Abort { outcome: Outcome::Refused, reason: reason.clone() }, [Part::Checks], reason);
        return;
    }
    let again = next_observation(failover.targeted_at(), SignedDuration::ZERO, view.now);
    progress.wait(Part::Checks, again, format!("{id} runs; its status checks have not passed yet"));
}

/// Whether the old instance is up: then a planned failover takes its time. What fails on the way is failed over at once.
fn still_serves(view: View<'_>, failover: &Failover) -> bool {
    let from = view.world.instances.get(&failover.from.instance_id);
    from.is_none_or(|instance| instance.state == InstanceState::Running)
}

/// After the promotion: the target, now the active instance, gets its volumes and the address, and is shown to serve.
fn settle_in(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let id = &view.ledger.active;
    let instance = match view.world.instances.sight(id) {
        Sight::Known(instance) => instance,
        // Failed after the promotion: the next failover takes its volumes over, from wherever they are.
        Sight::Absent => return lost(id, "it does not exist any more", progress),
        // It may serve: nothing is taken from it on no evidence.
        Sight::Unknown(_) => {
            let halt = Halt::Unseen { what: id.to_string(), why: "AWS does not answer for it".to_owned() };
            return progress.halt(halt, Part::Instances);
        }
    };
    match instance.state {
        InstanceState::Running => {}
        // A volume can't be attached to it yet, and no address led to it (aws-facts 2.3, 3.1).
        InstanceState::Pending => return progress.wait(Part::Instances, view.soon(), format!("{id} is pending")),
        other => return lost(id, &format!("it is {}", other.as_str()), progress),
    }
    // Its launch hook timed out, say: what is going will never be shown to serve.
    if group::is_going(view, id) {
        return lost(id, "the group terminates it", progress);
    }
    // Side by side: the old instance is fenced, so clients find either nobody or the new side (decision 3).
    let attached = attach::attach(view, instance, progress);
    let reached = address::lead(view, progress);
    if attached && reached {
        prove(view, failover, progress);
    }
}

/// The target failed after it was promoted: that is a failure of the active instance, and handled as one.
fn lost(id: &InstanceId, why: &str, progress: &mut Progress<'_>) {
    let reason = format!("{id} was promoted and failed before it was confirmed to serve: {why}");
    progress.turn(Change::Abort { outcome: Outcome::Halted, reason: reason.clone() }, [Part::Instances], reason);
}

/// Shown to serve: by its agent where there is one, and else by EC2's status checks.
fn prove(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let id = &view.ledger.active;
    let shown = match agents::status(view) {
        AgentStatus::Ready => Ok((Part::Agents, "its agent reports that the service is ready")),
        AgentStatus::NotReady(why) => Err((Part::Agents, why)),
        // They come minutes after a start, and know nothing of the service; there is no other witness (decision 12).
        AgentStatus::NoAgent => match view.world.checks.get(id) {
            Some(checks) if checks.passed() => {
                Ok((Part::Checks, "volumes, address and status checks are as they should be"))
            }
            checks => Err((Part::Checks, unproven(checks))),
        },
    };
    match shown {
        // Otherwise the report would lack the end of its own hook.
        Ok(_) if group::is_completing(view) => {
            progress.wait(Part::Groups, view.soon(), format!("{id} serves; its launch hook is being completed"));
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
    if view.now.duration_since(since) >= CONFIRM_TIMEOUT {
        return progress.halt(Halt::TargetUnhealthy { instance: id.clone(), why: missing }, witness);
    }
    let again = next_observation(since, SignedDuration::ZERO, view.now);
    progress.wait(witness, again, format!("{id} has its data and the address; {missing}"));
}

/// What EC2's status checks lack.
fn unproven(checks: Option<&Checks>) -> String {
    checks.map_or("its status checks can't be observed".to_owned(), |checks| match checks.impaired() {
        names if names.is_empty() => "its status checks have not passed yet".to_owned(),
        names => format!("its {} status check is impaired", names.join(" and ")),
    })
}
