//! The replacement: whichever instance the group launches beside or after the active one.

use jiff::{SignedDuration, Timestamp};

use super::super::progress::{Progress, next_look};
use super::super::target::{Readiness, another, running};
use super::super::{View, choose as fitness};
use super::{known, lifecycle, relocate};
use crate::group::{Group, Lifecycle};
use crate::ids::InstanceId;
use crate::ledger::{Change, Failover, Target};
use crate::verdict::Halt;
use crate::world::{InstanceState, Part, Sight};

/// A group launches within a minute or two of noticing; one that has not after this needs an operator.
const LAUNCH_PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// What the group lists as launched and EC2 does not show for so long is not waited for.
const UNSEEN_PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// An instance that the group brings in beside the active one while that one is well: it will be replaced.
pub(in super::super) fn newcomer(view: View<'_>) -> Option<Target> {
    let (_, group) = known(view)?;
    candidate(view, group, &|_| false)
}

/// The group's instance that can take over from the old active one.
pub(in super::super) fn choose(view: View<'_>, failover: Option<&Failover>) -> Option<Target> {
    let (_, group) = known(view)?;
    candidate(view, group, &|id| failover.is_some_and(|failover| failover.excluded.contains_key(id)))
}

/// The zone of the data comes first, then one that runs, then the lower id: the same world always leads to the same choice.
fn candidate(view: View<'_>, group: &Group, excluded: &dyn Fn(&InstanceId) -> bool) -> Option<Target> {
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
        (far, !runs, (*id).clone())
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
            if view.now.duration_since(last_sign(failover)) >= UNSEEN_PATIENCE {
                return another(view, failover, "it can't be seen", progress);
            }
            progress.wait(Part::Instances, look, format!("{id} can't be seen yet"));
            Readiness::Coming
        }
    }
}

/// When something was last tried in this failover.
fn last_sign(failover: &Failover) -> Timestamp {
    failover.attempts.values().map(|attempt| attempt.last_at).max().unwrap_or(failover.started_at)
}

fn await_launch(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
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
            Some(_) => "see its scaling activities".to_owned(),
        };
        progress.halt(Halt::NoReplacement { why }, Part::Groups);
    }
}
