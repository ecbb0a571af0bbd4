//! A planned move: the group is narrowed to the subnets of the wanted zone, and replaces its instance. Afterwards it launches where it did.

use jiff::SignedDuration;

use super::super::View;
use super::super::progress::Progress;
use super::{is_going, known};
use crate::group::Group;
use crate::ids::{SubnetId, Zone};
use crate::ledger::{Cause, Change, Destination, Failover};
use crate::step::Step;
use crate::verdict::{Halt, Refusal};
use crate::world::Part;

const PATIENCE: SignedDuration = SignedDuration::from_secs(60);
const PACE: SignedDuration = SignedDuration::from_secs(2);
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
        Destination::Instance(instance) => Err(Refusal::GroupLaunches(instance.clone())),
        Destination::Zone(zone) if *zone == view.ledger.active_zone => Err(Refusal::AlreadyThere(zone.clone())),
        Destination::Zone(zone) if subnets_in(view, group, zone).is_empty() => {
            Err(Refusal::NoSubnet { zone: zone.clone(), allowed: group.zones.iter().cloned().collect() })
        }
        Destination::Standby | Destination::Zone(_) => Ok(()),
    }
}

fn subnets_in(view: View<'_>, group: &Group, zone: &Zone) -> Vec<SubnetId> {
    let all = view.ledger.subnets_before.as_ref().unwrap_or(&group.subnets);
    all.iter().filter(|subnet| group.subnet_zones.get(subnet) == Some(zone)).cloned().collect()
}

/// Lets the group launch where the operator wants the service, and replace what serves now. Nobody but an operator asks for that.
pub(super) fn ask(view: View<'_>, failover: &Failover, progress: &mut Progress<'_>) {
    let from = &failover.from.instance_id;
    let moves = matches!(failover.cause, Cause::Operator(_)) && failover.planned && !failover.has_begun_to_fence();
    let Some((name, group)) = known(view).filter(|_| moves) else { return };
    let replace = Step::ReplaceMember { group: name.clone(), instance: from.clone() };
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
            if view.ledger.subnets_before.is_none() {
                progress.change(Change::Narrow(Some(group.subnets.clone())), [Part::Groups]);
            }
            progress.step(narrow, PATIENCE, PACE);
            return;
        }
        progress.proved([narrow.key()]);
    }
    progress.step(replace, PATIENCE, PACE);
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
