//! Which group is the service's, and how far an instance is in it.

use super::super::view::View;
use crate::group::{Group, Lifecycle};
use crate::ids::{GroupName, InstanceId};
use crate::spec::Topology;
use crate::verdict::Refusal;

/// The service's group, if it can be seen and there is no doubt which one it is. Where no name is given, another that can't be seen
/// may carry the tag as well.
pub(in super::super) fn known(view: View<'_>) -> Option<(&GroupName, &Group)> {
    let groups = &view.world.groups;
    let unseen = !groups.is_complete() || groups.items.len() != groups.iter_known().count();
    if view.spec.group.name.is_none() && unseen {
        return None;
    }
    let mut groups = candidates(view);
    match (groups.next(), groups.next()) {
        (Some(one), None) => Some(one),
        // Which of several is meant is for a person to say: acting for the wrong one would end somebody else's instance.
        (None | Some(_), _) => None,
    }
}

/// What speaks against acting for the group that is seen; that it can't be seen speaks against nothing.
pub(in super::super) fn ambiguity(view: View<'_>) -> Option<Refusal> {
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
    // 0 is no doubt: the group launches nothing, and a failover says so.
    (group.desired > 1).then(|| Refusal::GroupTooLarge { group: name.clone(), desired: group.desired })
}

fn candidates(view: View<'_>) -> impl Iterator<Item = (&GroupName, &Group)> {
    let named = view.spec.group.name.as_ref();
    view.world.groups.iter_known().filter(move |(name, _)| named.is_none_or(|named| named == *name))
}

/// How far an instance is in the group; none if the group does not list it or can't be seen.
pub(in super::super) fn lifecycle<'a>(view: View<'a>, id: &InstanceId) -> Option<&'a Lifecycle> {
    let (_, group) = known(view)?;
    Some(&group.members.get(id)?.lifecycle)
}

/// Whether the group or EC2 is doing away with an instance: nothing brings it back.
pub(in super::super) fn is_going(view: View<'_>, id: &InstanceId) -> bool {
    lifecycle(view, id).is_some_and(Lifecycle::is_going)
        || view.world.instances.get(id).is_some_and(|instance| instance.state.is_gone_or_going())
}
