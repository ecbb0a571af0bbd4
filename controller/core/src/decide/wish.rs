//! An operator's wish: granted, or declined with every reason.

use jiff::SignedDuration;

use super::detect::{Evidence, Wanted, begin, evidence};
use super::progress::record;
use super::{View, group, resources};
use crate::ledger::{Change, Destination, Request};
use crate::spec::Topology;
use crate::verdict::{Refusal, Verdict};
use crate::world::{AttachmentState, InstanceState, Sight};

/// A wish that nobody looked at for so long would surprise the one who made it.
const HOLDS: SignedDuration = SignedDuration::from_mins(15);

/// Begins what was asked for, or declines it.
pub(super) fn judge(view: View<'_>, request: &Request) -> Verdict {
    match grant(view, request) {
        Ok(verdict) => verdict,
        Err(refusal) => record(Change::Decline(refusal.to_string()), format!("declined: {refusal}")),
    }
}

/// The beginning of what was asked for, or why there is none.
pub(super) fn grant(view: View<'_>, request: &Request) -> Result<Verdict, Refusal> {
    if view.now.duration_since(request.at) > HOLDS {
        return Err(Refusal::Expired { at: request.at, seconds: HOLDS.as_secs() });
    }
    if request.to == Destination::Instance(view.ledger.active.clone()) {
        return Err(Refusal::AlreadyActive(view.ledger.active.clone()));
    }
    if view.spec.topology == Topology::AutoScaling {
        group::destination(view, &request.to)?;
    }
    let planned = evidence(view) == Evidence::Well;
    if let Some(refusal) = resources::doubt(view) {
        return Err(refusal);
    }
    if request.drill {
        let faults = not_well(view);
        if !faults.is_empty() {
            return Err(Refusal::NotWell(faults));
        }
    }
    begin(view, &Wanted::of(request, planned), view.now)
}

/// What speaks against a drill.
fn not_well(view: View<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for part in view.relevant_parts() {
        let complete = match part {
            crate::world::Part::Instances => view.world.instances.complete.known(),
            crate::world::Part::Checks => view.world.checks.complete.known(),
            crate::world::Part::Volumes => view.world.volumes.complete.known(),
            crate::world::Part::Snapshots => view.world.snapshots.complete.known(),
            crate::world::Part::Addresses => view.world.addresses.complete.known(),
            crate::world::Part::Groups => view.world.groups.complete.known(),
            // Alarms are evidence against, never for, and agents only make it faster: without them a drill knows enough.
            crate::world::Part::Alarms | crate::world::Part::Agents => Some(&()),
        };
        if complete.is_none() {
            faults.push(format!("{part:?} can't be seen").to_lowercase());
        }
    }
    match evidence(view) {
        Evidence::Well => {}
        Evidence::Down(signs) | Evidence::Suspected(signs) => faults.extend(signs),
        Evidence::Unseen(why) => faults.push(why),
    }
    let active = &view.ledger.active;
    let runs = view.world.instances.get(active).is_some_and(|instance| instance.state == InstanceState::Running);
    if !runs || !view.world.checks.get(active).is_some_and(|checks| checks.passed()) {
        faults.push(format!("{active} is not running with its status checks passed"));
    }
    for (name, head) in &view.ledger.heads {
        let attached = match view.world.volumes.sight(&head.volume) {
            Sight::Known(volume) => {
                volume.attachment_to(active).is_some_and(|attachment| attachment.state == AttachmentState::Attached)
            }
            _ => false,
        };
        if !attached {
            faults.push(format!("{} ({name}) is not attached to {active}", head.volume));
        }
    }
    for id in resources::addresses(view) {
        if view.world.addresses.get(&id).and_then(|address| address.instance.as_ref()) != Some(active) {
            faults.push(format!("{id} does not lead to {active}"));
        }
    }
    faults.sort();
    faults.dedup();
    faults
}
