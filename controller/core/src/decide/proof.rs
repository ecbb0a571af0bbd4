//! What shows that nothing of the old instance can write any more, and what takes that back.

use std::collections::BTreeSet;

use super::view::View;
use super::{address, agents};
use crate::ids::InstanceId;
use crate::ledger::{Failover, Proof};
use crate::world::{InstanceState, Volume};

/// Whether something is seen that the proof rules out: somebody started the old instance again.
pub(super) fn contradicted(view: View<'_>, failover: &Failover, proof: Proof) -> bool {
    let writers = writers(view, failover);
    match proof {
        Proof::InstancesOff => writers.iter().any(|id| {
            view.world.instances.get(id).is_some_and(|instance| match instance.state {
                // What was stopped and is now terminated, by its group say, passes through here: nothing boots in it any more.
                InstanceState::ShuttingDown => may_hold_data(view, id),
                InstanceState::Stopped | InstanceState::Terminated => false,
                // Somebody started it; or it never was off, and what was seen before lagged.
                InstanceState::Pending | InstanceState::Running | InstanceState::Stopping => true,
            })
        }),
        // The report alone may be lost; a volume that is held again says more, and so does an agent that serves again.
        Proof::Quiesced => held_again(view, failover) || agents::serves_again(view, &failover.from.instance_id),
        // Without a volume there is nothing to write to, whatever runs.
        Proof::VolumesDetached => held_again(view, failover),
        // The promise was its agent's: a report that renews it takes it back. It binds nobody else who has a volume.
        Proof::LeaseExpired => agents::renewed(view, failover) || held_by_others(view, failover),
    }
}

/// By whom no lease binds.
fn held_by_others(view: View<'_>, failover: &Failover) -> bool {
    writers(view, failover).iter().any(|id| *id != failover.from.instance_id && !view.world.is_off(id))
}

/// Whether an instance has a volume of the service, as far as can be seen.
fn may_hold_data(view: View<'_>, id: &InstanceId) -> bool {
    let holds = |volume: &Volume| volume.attachment_to(id).is_some();
    view.ledger.current_volumes.values().any(|current| view.world.volumes.get(&current.volume).is_none_or(holds))
}

fn held_again(view: View<'_>, failover: &Failover) -> bool {
    let elsewhere = |volume: &Volume| !volume.is_held_only_by(|holder| failover.is_target(holder));
    view.ledger.current_volumes.values().any(|current| view.world.volumes.get(&current.volume).is_some_and(elsewhere))
}

/// Who could write to the service's data, besides the target: the old active, and whoever holds a volume of it.
pub(super) fn writers(view: View<'_>, failover: &Failover) -> BTreeSet<InstanceId> {
    let mut writers = BTreeSet::from([failover.from.instance_id.clone()]);
    for current in view.ledger.current_volumes.values() {
        if let Some(volume) = view.world.volumes.get(&current.volume) {
            writers.extend(volume.attachments.iter().map(|attachment| attachment.instance.clone()));
        }
    }
    writers.retain(|writer| !failover.is_target(writer));
    writers
}

/// Whether an instance can't write: it is off; or it is the old active, and its agent stopped the units and unmounted, or had to when its
/// lease ran out.
pub(super) fn is_quiet(view: View<'_>, failover: &Failover, id: &InstanceId) -> bool {
    view.world.is_off(id)
        || (*id == failover.from.instance_id
            && (agents::is_quiesced(view, failover, id) || agents::lease_has_expired(view, failover)))
}

/// What shows that none of them can.
pub(super) fn proof(view: View<'_>, failover: &Failover) -> Option<Proof> {
    // Whoever holds a volume is only known if every volume is.
    let volumes: Vec<Option<&Volume>> =
        view.ledger.current_volumes.values().map(|current| view.world.volumes.get(&current.volume)).collect();
    let writers = writers(view, failover);
    if writers.iter().all(|id| view.world.is_off(id)) {
        // The old active is off; an unseen volume could only be held by someone whom nobody made active.
        return Some(Proof::InstancesOff);
    }
    let detached = |volume: &Volume| volume.is_held_only_by(|holder| failover.is_target(holder));
    let all_detached = volumes.iter().all(|volume| volume.is_some_and(detached));
    if all_detached && agents::is_quiesced(view, failover, &failover.from.instance_id) {
        return Some(Proof::Quiesced);
    }
    // Of a service without volumes that would show nothing: its instance works on what it has itself.
    let all_detached = all_detached && !volumes.is_empty();
    let addresses_away = address::meant(view).iter().all(|id| {
        let leads_to = view.world.addresses.get(id).map(|address| address.instance.as_ref());
        leads_to.is_some_and(|leads_to| leads_to.is_none_or(|holder| !writers.contains(holder)))
    });
    if all_detached && addresses_away {
        return Some(Proof::VolumesDetached);
    }
    // A lease binds only those that are known to hold a volume.
    let all_holders_seen = volumes.iter().all(|volume| volume.is_some_and(|volume| volume.is_held_only_by(|_| true)));
    (all_holders_seen && !held_by_others(view, failover) && agents::lease_has_expired(view, failover))
        .then_some(Proof::LeaseExpired)
}
