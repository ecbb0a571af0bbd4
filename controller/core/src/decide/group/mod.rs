//! An Auto Scaling group of one: the group launches and terminates, the controller sees to it that the data and the address follow.
//!
//! ```text
//! the active goes ─► fence ─► copy, let the volumes go ─► complete its terminate hook
//!                      the group launches another ─► volumes, address ─► complete its launch hook
//! ```
//! The two rows run side by side, in whichever order the group chooses (aws-facts 4.3: it does not wait for one to do the other).

mod first;
mod hooks;
mod relocate;
mod replacement;

use super::View;
use crate::group::{Group, Lifecycle};
use crate::ids::{GroupName, InstanceId};
use crate::spec::Topology;
use crate::verdict::Refusal;

pub(super) use first::bring_up;
pub(super) use hooks::{is_completing, release_holds, tend, tend_beside};
pub(super) use relocate::{destination, put_back};
pub(super) use replacement::{choose, newcomer, prepare};

/// The service's group, if it can be seen and there is no doubt which one it is. Where no name is given, another that can't be seen
/// may carry the tag as well.
pub(super) fn known(view: View<'_>) -> Option<(&GroupName, &Group)> {
    let groups = &view.world.groups;
    let unseen = !groups.is_complete() || groups.items.len() != groups.iter_known().count();
    if view.spec.group.name.is_none() && unseen {
        return None;
    }
    let mut groups = candidates(view);
    match (groups.next(), groups.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}

/// What speaks against acting for the group that is seen; that it can't be seen speaks against nothing.
pub(super) fn doubt(view: View<'_>) -> Option<Refusal> {
    if view.spec.topology != Topology::AutoScaling || !view.world.groups.is_complete() {
        return None;
    }
    let names: Vec<GroupName> = candidates(view).map(|(name, _)| name.clone()).collect();
    if names.is_empty() {
        return Some(Refusal::NoGroup(view.spec.group.name.as_ref().map(ToString::to_string)));
    }
    if names.len() > 1 {
        return Some(Refusal::AmbiguousGroup(names));
    }
    let (name, group) = known(view)?;
    (group.desired > 1).then(|| Refusal::GroupTooLarge { group: name.clone(), desired: group.desired })
}

fn candidates(view: View<'_>) -> impl Iterator<Item = (&GroupName, &Group)> {
    let named = view.spec.group.name.as_ref();
    view.world.groups.iter_known().filter(move |(name, _)| named.is_none_or(|named| named == *name))
}

/// How far an instance is in the group; none if the group does not list it or can't be seen.
pub(super) fn lifecycle<'a>(view: View<'a>, id: &InstanceId) -> Option<&'a Lifecycle> {
    let (_, group) = known(view)?;
    Some(&group.members.get(id)?.lifecycle)
}

/// Whether the group or EC2 is doing away with an instance: nothing brings it back.
pub(super) fn is_going(view: View<'_>, id: &InstanceId) -> bool {
    use crate::world::InstanceState::{ShuttingDown, Terminated};
    lifecycle(view, id).is_some_and(Lifecycle::is_going)
        || view.world.instances.get(id).is_some_and(|instance| matches!(instance.state, ShuttingDown | Terminated))
}
