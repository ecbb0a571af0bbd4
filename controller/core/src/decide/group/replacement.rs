//! The replacement: whichever instance the group launches beside or after the active one.

use jiff::SignedDuration;

use super::super::progress::{Progress, next_look};
use super::super::target::{Readiness, another, in_sight, running, unseen};
use super::super::{View, choose as fitness};
use super::{known, lifecycle, relocate};
use crate::group::{Group, Lifecycle};
use crate::ids::InstanceId;
use crate::ledger::{Cause, Change, Destination, Failover, Target};
use crate::report::Outcome;
use crate::verdict::Halt;
use crate::world::{InstanceState, Part, Sight};

/// A group launches within a minute or two of noticing; one that has not after this needs an operator.
const LAUNCH_PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// What the group lists as launched and EC2 does not show for so long is not waited for.
const UNSEEN_PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// An instance that the group brings in beside the active one while that one is well: it will be replaced.
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
        let served = **id == view.ledger.active || view.ledger.retired.contains(*id);
        let runs = match view.world.instances.sight(id) {
            Sight::Known(it) => matches!(it.state, InstanceState::Pending | InstanceState::Running),
            // Launched a moment ago: EC2's lists lag.
            Sight::Absent | Sight::Unknown(_) => member.lifecycle != Lifecycle::InService,
        };
        comes && runs && !served && !excluded(id) && fitness::unwell(view, id).is_none()
    });
    let best = fit.min_by_key(|(id, member)| {
        let far = view.ledger.heads.values().any(|head| head.zone != member.zone);
        let runs = view.world.instances.get(id).is_some_and(|it| it.state == InstanceState::Running);
        let elsewhere = wanted.is_some_and(|zone| *zone != member.zone);
        (elsewhere, far, !runs, (*id).clone())
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
            None => await_launch(view, failover, progress),
        }
        return Readiness::Coming;
    };
    let id = &target.instance_id;
    in_sight(view, failover, id, progress);
    if lifecycle(view, id).is_some_and(Lifecycle::is_going) {
        return another(view, failover, "the group terminates it", progress);
    }
    let look = next_look(failover.started_at, SignedDuration::ZERO, view.now);
    match view.world.instances.sight(id) {
        Sight::Known(instance) => match instance.state {
            InstanceState::Running => running(view, failover, target, progress),
            InstanceState::Pending => {
                progress.wait(Part::Instances, look, format!("{id} is pending"));
                Readiness::Coming
            }
            state => another(view, failover, &format!("it is {}", state.as_str()), progress),
        },
        Sight::Absent | Sight::Unknown(_) => {
            unseen(view, failover, UNSEEN_PATIENCE, &format!("{id} can't be seen yet"), progress)
        }
    }
}

/// The group took back what it had launched to replace the active instance, which is well, and launches nothing else.
fn is_taken_back(view: View<'_>, failover: &Failover) -> bool {
    let from = &failover.from.instance_id;
    let follows = matches!(failover.cause, Cause::Replacement(_)) && !failover.has_begun_to_fence();
    let serves = view.world.instances.get(from).is_some_and(|instance| instance.state == InstanceState::Running)
        && lifecycle(view, from) == Some(&Lifecycle::InService);
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
        let reason = format!("{}, and took it back; nothing was taken down", failover.cause);
        let change = Change::GiveUp { outcome: Outcome::Refused, reason: reason.clone() };
        return progress.turn(change, [Part::Groups, Part::Instances], reason);
    }
    relocate::ask(view, failover, progress);
    let look = next_look(failover.started_at, SignedDuration::ZERO, view.now);
    progress.wait(Part::Groups, look, "the group has not launched a replacement yet");
    progress.wait(Part::Instances, look, "the group has not launched a replacement yet");
    let since = failover.down_since.unwrap_or(failover.started_at).max(failover.started_at);
    if view.now.duration_since(since) >= LAUNCH_PATIENCE {
        let why = match known(view) {
            None => "it can't be seen".to_owned(),
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
