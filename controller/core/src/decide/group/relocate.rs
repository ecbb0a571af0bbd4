//! A planned move: the group is narrowed to the subnets of the wanted zone, and replaces its instance. Afterwards it launches where it did.

use super::super::progress::Progress;
use super::super::view::View;
use super::known::{is_going, known};
use crate::group::Group;
use crate::ids::{SubnetId, Zone};
use crate::ledger::{Cause, Change, Destination, Failover};
use crate::step::Step;
use crate::verdict::{Halt, Refusal};
use crate::world::Part;

/// Processes without which a group replaces nothing.
const NEEDED: [&str; 2] = ["Launch", "Terminate"];

/// Whether a group can go where an operator wants it.
pub(in super::super) fn destination(view: View<'_>, to: &Destination) -> Result<(), Refusal> {
    let Some((name, group)) = known(view) else {
        return Err(Refusal::Unseen("the Auto Scaling group".to_owned()));
    };
    if let Some(process) = NEEDED.iter().find(|process| group.suspended.contains(**process)) {
        return Err(Refusal::GroupSuspended { group: name.clone(), process: (*process).to_owned() });
    }
    match to {
        // What it launches has no id yet.
        Destination::Instance(instance) => Err(Refusal::GroupLaunches(instance.clone())),
        // Narrowed to its own zone it would replace the instance, and move nothing.
        Destination::Zone(zone) if *zone == view.ledger.active_zone => Err(Refusal::AlreadyThere(zone.clone())),
        Destination::Zone(zone) if subnets_in(view, group, zone).is_empty() => {
            Err(Refusal::NoSubnet { zone: zone.clone(), allowed: group.zones.iter().cloned().collect() })
        }
        // A group has no standby: it means a new instance, wherever the group launches it.
        Destination::Standby | Destination::Zone(_) => Ok(()),
    }
}

fn subnets_in(view: View<'_>, group: &Group, zone: &Zone) -> Vec<SubnetId> {
    let all = view.ledger.subnets_before.as_ref().unwrap_or(&group.subnets);
    all.iter().filter(|subnet| group.subnet_zones.get(subnet) == Some(zone)).cloned().collect()
}

/// Lets the group launch where the operator wants the service, and replace what serves now. Nobody but an operator asks for that.
pub(super) fn request(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let from = &failover.from.instance_id;
    let moves = matches!(failover.cause, Cause::Operator(_)) && failover.planned && !failover.has_begun_to_fence();
    let Some((name, group)) = known(view).filter(|_| moves) else { return };
    let replace = Step::ReplaceMember { group: name.clone(), instance: from.clone() };
    // The group replaces it already; to ask again would terminate what it launches next.
    if is_going(view, from) {
        progress.proved([replace.key()]);
        return;
    }
    if let Destination::Zone(zone) = &failover.destination {
        let subnets = subnets_in(view, group, zone);
        if subnets.is_empty() {
            let refusal = Refusal::NoSubnet { zone: zone.clone(), allowed: group.zones.iter().cloned().collect() };
            progress.halt(Halt::Refused(refusal), Part::Groups);
            return;
        }
        let narrow = Step::SetSubnets { group: name.clone(), subnets: subnets.clone() };
        if group.subnets != subnets {
            // Written before the group is changed: whoever comes after a crash puts it back.
            if view.ledger.subnets_before.is_none() {
                progress.change(Change::Narrow(Some(group.subnets.clone())), [Part::Groups]);
            }
            progress.step(narrow);
            return;
        }
        progress.proved([narrow.key()]);
    }
    progress.step(replace);
}

/// The step that lets the group launch where it did before a move; or that it does.
pub(in super::super) fn put_back(view: View<'_>) -> Option<Result<Step, Change>> {
    let before = view.ledger.subnets_before.as_ref()?;
    let (name, group) = known(view)?;
    Some(if group.subnets == *before {
        Err(Change::Narrow(None))
    } else {
        Ok(Step::SetSubnets { group: name.clone(), subnets: before.clone() })
    })
}
