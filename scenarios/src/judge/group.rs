//! What holds in every story of an Auto Scaling group.

use super::case::Case;
use crate::finding::Finding;
use crate::layout::GROUP;
use crate::scenario::Expect;

/// A hook that began a moment ago is nobody's neglect.
const HOOK_SECONDS: f64 = 120.0;

/// No lifecycle hook ran out of time; none waits at the end, unless the failover stands still.
pub(super) fn hooks_are_ended(case: &Case<'_>) -> Vec<Finding> {
    let timed_out = case.truth.timed_out_hooks().iter().map(|it| {
        Finding::new("no hook times out", format!("{} of {} ended with {}", it.hook, it.instance, it.result))
    });
    let now = case.truth.now().seconds();
    let forgotten = case.truth.waiting_hooks().iter().filter(|it| {
        !case.stands_still() && now - it.since.seconds() > HOOK_SECONDS && !is_held_for_a_volume(case, &it.instance)
    });
    let forgotten = forgotten.map(|it| {
        let seconds = now - it.since.seconds();
        Finding::new("no hook is forgotten", format!("{} holds {} for {seconds:.0} s", it.hook, it.instance))
    });
    timed_out.chain(forgotten).collect()
}

/// In a zone that is down nobody can take a volume from an instance: its hook is held rather than let it go with the instance.
fn is_held_for_a_volume(case: &Case<'_>, instance: &str) -> bool {
    matches!(case.scenario.expect, Expect::DoneWithLoss { .. } | Expect::Anything)
        && case.truth.resources().iter().any(|it| it.data.is_some() && it.attached_to.as_deref() == Some(instance))
}

/// The active instance is the only one that the group has in service.
pub(super) fn is_in_service(case: &Case<'_>) -> Option<Finding> {
    if case.is_unfinished() {
        return None;
    }
    let members = case.truth.groups().get(GROUP).map_or(&[][..], Vec::as_slice);
    let active = members.iter().find(|member| member.instance == case.ledger.active.as_str());
    let others = members.iter().filter(|it| it.lifecycle_state == "InService" && Some(*it) != active).count();
    let state = active.map_or("not in the group", |member| member.lifecycle_state);
    (state != "InService" || others > 0).then(|| {
        let found = format!("{} is {state}, {others} others are in service", case.ledger.active);
        Finding::new("the active instance is the group's", found)
    })
}
