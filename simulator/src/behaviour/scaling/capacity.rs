//! The group's own loop: as many instances as desired, no more, no fewer.

use crate::model::scaling::group::{Group, Planned};
use crate::model::scaling::member::RemovalCause;
use crate::model::scaling::process::Process;
use crate::state::State;
use crate::time::RegionTime;

/// What the loop finds that the group needs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Need {
    Nothing,
    /// One more instance; later, if launches have failed lately.
    Launch,
    /// This member's replacement is in service.
    Retire(String, RemovalCause),
    /// One too many: this one goes.
    Shrink(String),
    /// A planned replacement's turn has come.
    BeginPlanned(Planned),
}

/// A loop must end: no group here has more members.
const MOST_STEPS: usize = 200;

impl State {
    /// Brings the group one step after another to what it should be.
    pub(crate) fn reconcile(&mut self, name: &str, at: RegionTime) {
        match self.scaling.groups.get_mut(name) {
            Some(group) if group.reconcile_at == Some(at) => group.reconcile_at = None,
            // An earlier look has made this one needless.
            _ => return,
        }
        for _ in 0..MOST_STEPS {
            let Some(group) = self.scaling.groups.get(name) else { return };
            match need_of(group) {
                Need::Nothing => return,
                Need::Launch if group.attempts.not_before > at => {
                    let later = group.attempts.not_before;
                    return self.wake_group(name, later);
                }
                Need::Launch => {
                    if self.try_launch(name, None, at).is_err() {
                        return;
                    }
                }
                Need::Retire(instance, cause) => self.begin_termination(name, &instance, cause, at),
                Need::Shrink(instance) => self.begin_termination(name, &instance, RemovalCause::ScaleIn, at),
                Need::BeginPlanned(planned) => self.begin_replacement(name, &planned.instance_id, planned.cause, at),
            }
        }
    }

    /// Replaces a member in the order that its group's policy and the cause ask for.
    pub(crate) fn begin_replacement(&mut self, name: &str, instance: &str, cause: RemovalCause, at: RegionTime) {
        let Some(group) = self.scaling.groups.get_mut(name) else { return };
        group.planned.retain(|planned| planned.instance_id != instance);
        let launches_first = group.launches_first(cause);
        let Some(member) = group.members.get_mut(instance).filter(|member| member.state.counts()) else { return };
        if launches_first {
            member.leaving = Some(cause);
            self.wake_group_soon(name, at);
        } else {
            self.begin_termination(name, instance, cause, at);
        }
    }

    /// Puts a replacement in the queue; it begins when all members that count are in service.
    pub(crate) fn plan_replacement(&mut self, name: &str, instance: &str, cause: RemovalCause, at: RegionTime) {
        let Some(group) = self.scaling.groups.get_mut(name) else { return };
        let already = group.planned.iter().any(|planned| planned.instance_id == instance)
            || group.members.get(instance).is_none_or(|member| member.leaving.is_some() || !member.state.counts());
        if !already {
            group.planned.push_back(Planned { instance_id: instance.to_owned(), cause });
            self.wake_group_soon(name, at);
        }
    }
}

/// What the group needs first. One thing at a time: each changes the answer.
fn need_of(group: &Group) -> Need {
    let (counted, leaving) = (group.counted().count(), group.leaving().count());
    let desired = group.spec.size.desired;
    let may_terminate = !group.is_suspended(Process::Terminate);
    if group.deleting {
        return Need::Nothing;
    }
    if counted < desired + leaving.min(growth(group)) {
        return if group.is_suspended(Process::Launch) { Need::Nothing } else { Need::Launch };
    }
    let stayers_in_service = group.in_service().filter(|member| member.leaving.is_none()).count();
    if leaving > 0 && may_terminate && stayers_in_service + leaving > desired {
        let next = group.leaving().find_map(|member| Some((member.instance_id.clone(), member.leaving?)));
        if let Some((instance, cause)) = next {
            return Need::Retire(instance, cause);
        }
    }
    if counted > desired + leaving && may_terminate {
        return surplus(group).map_or(Need::Nothing, Need::Shrink);
    }
    let settled = counted == desired && leaving == 0 && group.in_service().count() == counted;
    match group.planned.front() {
        Some(planned) if settled && may_terminate => Need::BeginPlanned(planned.clone()),
        _ => Need::Nothing,
    }
}

/// By how many instances the group may grow for replacements that come first. AWS: the policy's upper percentage; without a policy, a tenth or
/// one instance. Shares of an instance count as one.
fn growth(group: &Group) -> usize {
    let desired = group.spec.size.desired;
    match group.spec.maintenance {
        Some(policy) if policy.max_healthy > 100 => ((desired * policy.max_healthy).div_ceil(100) - desired).max(1),
        _ => desired.div_ceil(10).max(1),
    }
}

/// AWS's default policy, as far as it matters here: the zone with the most instances, there the oldest; none that is protected.
fn surplus(group: &Group) -> Option<String> {
    let in_zone = |zone: &str| group.counted().filter(|member| member.zone == zone).count();
    let candidates = group
        .by_age()
        .into_iter()
        .filter(|member| member.state.counts() && !member.protected_from_scale_in && member.leaving.is_none());
    // `max_by_key` takes the last of equals: reversed, that is the oldest.
    let candidates: Vec<_> = candidates.collect();
    let chosen = candidates.into_iter().rev().max_by_key(|member| in_zone(&member.zone));
    chosen.map(|member| member.instance_id.clone())
}
