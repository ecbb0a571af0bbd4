//! The replacement: whichever instance the group launches beside or after the active one.

use jiff::SignedDuration;

use super::super::choose::unhealthy;
use super::super::progress::Progress;
use super::super::retry::next_observation;
use super::super::target::{Readiness, another, in_sight, running, unseen};
use super::super::view::View;
use super::known::{known, lifecycle};
use super::relocate;
use crate::group::{Group, Lifecycle};
use crate::ids::InstanceId;
use crate::ledger::report::Outcome;
use crate::ledger::{Cause, Change, Destination, Failover, Target};
use crate::verdict::Halt;
use crate::world::{InstanceState, Part, Sight};

/// A group launches within a minute or two of noticing; one that has not after this needs an operator.
const LAUNCH_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);
/// What the group lists as launched and EC2 does not show for so long is not waited for.
const UNSEEN_TIMEOUT: SignedDuration = SignedDuration::from_mins(2);

/// An instance that the group brings in beside the active one while that one is healthy: it will be replaced.
pub(in super::super) fn newcomer(view: View<'_>) -> Option<Target> {
    let (_, group) = known(view)?;
    candidate(view, group, None)
}

/// The group's instance that can take over from the old active one.
pub(in super::super) fn choose(view: View<'_>, failover: Option<&Failover>) -> Option<Target> {
    let (_, group) = known(view)?;
    candidate(view, group, failover)
}

/// The zone that an operator asked for comes first, then that of the data, then one that runs, then the lower id: the same world always leads to the same choice.
fn candidate(view: View<'_>, group: &Group, failover: Option<&Failover>) -> Option<Target> {
    let excluded = |id: &InstanceId| failover.is_some_and(|failover| failover.excluded.contains_key(id));
    let wanted = failover.and_then(|failover| match &failover.destination {
        Destination::Zone(zone) => Some(zone),
        Destination::Standby | Destination::Instance(_) => None,
    });
    let fit = group.members.iter().filter(|(id, member)| {
        let comes = member.lifecycle.is_coming_or_in();
        // What served before would bring its old data back, or be followed back and forth (decision 9).
        let served = **id == view.ledger.active || view.ledger.former_actives.contains(*id);
        let runs = match view.world.instances.sight(id) {
            Sight::Known(it) => it.state.is_coming_or_running(),
            // Launched a moment ago: EC2's lists lag.
            Sight::Absent | Sight::Unknown(_) => member.lifecycle != Lifecycle::InService,
        };
        comes && runs && !served && !excluded(id) && unhealthy(view, id).is_none()
    });
    let best = fit.min_by_key(|(id, member)| {
        let elsewhere = wanted.is_some_and(|zone| *zone != member.zone);
        (elsewhere, view.is_far(&member.zone), !view.world.runs(id), (*id).clone())
    });
    best.map(|(id, member)| Target { instance_id: id.clone(), zone: member.zone.clone() })
}

/// Brings the target nearer to running; without one, waits for the group to launch it.
pub(in super::super) fn prepare(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) -> Readiness {
    let Some(target) = &failover.to else {
        match choose(view, Some(failover)) {
            Some(to) => {
                let reason = format!("{} in {} takes over", to.instance_id, to.zone);
                progress.turn(Change::Retarget { to: Some(to), excluded: None }, [Part::Groups], reason);
            }
            // Its launch is the group's business; a failover that waits has fenced and copied meanwhile.
            None => await_launch(view, failover, progress),
        }
        return Readiness::Coming;
    };
    let id = &target.instance_id;
    in_sight(view, failover, id, progress);
    if lifecycle(view, id).is_some_and(Lifecycle::is_going) {
        return another(view, failover, "the group terminates it", progress);
    }
    let again = next_observation(failover.started_at, SignedDuration::ZERO, view.now);
    match view.world.instances.sight(id) {
        Sight::Known(instance) => match instance.state {
            InstanceState::Running => running(view, failover, target, progress),
            // It boots while its launch hook holds it (aws-facts 4.2).
            InstanceState::Pending => {
                progress.wait(Part::Instances, again, format!("{id} is pending"));
                Readiness::Coming
            }
            // A group starts nothing again: what does not run will be replaced.
            InstanceState::Stopping
            | InstanceState::Stopped
            | InstanceState::ShuttingDown
            | InstanceState::Terminated => {
                another(view, failover, &format!("it is {}", instance.state.as_str()), progress)
            }
        },
        // EC2's lists lag behind the group's: a moment ago it did not exist.
        Sight::Absent | Sight::Unknown(_) => {
            unseen(view, failover, UNSEEN_TIMEOUT, &format!("{id} can't be observed yet"), progress)
        }
    }
}

/// The group took back what it had launched to replace the active instance, which is healthy, and launches nothing else.
fn is_taken_back(view: View<'_>, failover: &Failover) -> bool {
    let from = &failover.from.instance_id;
    let follows = matches!(failover.cause, Cause::Replacement(_)) && !failover.has_begun_to_fence();
    let serves = view.world.runs(from) && lifecycle(view, from) == Some(&Lifecycle::InService);
    let alone = known(view).is_some_and(|(_, group)| {
        group.members.iter().all(|(id, member)| id == from || !member.lifecycle.is_coming_or_in())
    });
    follows && serves && alone
}

/// An instance that can't be the target, but fills the group, so that it launches no other.
fn in_the_way(group: &Group, failover: &Failover) -> Option<String> {
    let serves = |id: &InstanceId| group.members.get(id).is_some_and(|it| it.lifecycle == Lifecycle::InService);
    let (id, why) = failover.excluded.iter().find(|(id, _)| serves(id))?;
    Some(format!("{id} is in service in it and can't take over ({why}): let the group replace it"))
}

fn await_launch(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    if is_taken_back(view, failover) {
        let reason = format!("{}, and terminated it again; the service was not interrupted", failover.cause);
        let change = Change::Abort { outcome: Outcome::Refused, reason: reason.clone() };
        return progress.turn(change, [Part::Groups, Part::Instances], reason);
    }
    relocate::request(view, failover, progress);
    let again = next_observation(failover.started_at, SignedDuration::ZERO, view.now);
    progress.wait(Part::Groups, again, "the group has not launched a replacement yet");
    progress.wait(Part::Instances, again, "the group has not launched a replacement yet");
    let since = failover.down_since.unwrap_or(failover.started_at).max(failover.started_at);
    if view.has_passed(LAUNCH_TIMEOUT, since) {
        let why = match known(view) {
            // The order is that of what an operator can do about it.
            None => "it can't be observed".to_owned(),
            Some((_, group)) if group.desired == 0 => "its desired capacity is 0".to_owned(),
            Some((_, group)) if !group.suspended.is_empty() => {
                let processes: Vec<&str> = group.suspended.iter().map(String::as_str).collect();
                format!("these of its processes are suspended: {}", processes.join(", "))
            }
            Some((_, group)) => in_the_way(group, failover).unwrap_or_else(|| "see its scaling activities".to_owned()),
        };
        progress.halt(Halt::NoReplacement { why }, Part::Groups);
    }
}
