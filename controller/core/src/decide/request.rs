//! An operator's request: granted, or declined with every reason.

use jiff::SignedDuration;

use super::begin::{Wanted, begin};
use super::detect::{Evidence, evidence};
use super::progress::record;
use super::view::View;
use super::{address, group, resources};
use crate::ledger::{Change, Destination, Request};
use crate::spec::Topology;
use crate::verdict::{Refusal, Verdict};
use crate::world::Part;

/// A request that nobody handled for so long would surprise the one who made it.
const HOLDS: SignedDuration = SignedDuration::from_mins(15);

/// Begins what was asked for, or declines it.
pub(super) fn judge(view: View<'_>, request: &Request) -> Verdict {
    match grant(view, request) {
        Ok(verdict) => verdict,
        Err(refusal) => record(Change::Decline(refusal.to_string()), format!("refused: {refusal}")),
    }
}

/// The beginning of what was asked for, or why there is none.
pub(super) fn grant(view: View<'_>, request: &Request) -> Result<Verdict, Refusal> {
    // Exactly then it still holds.
    if view.now.duration_since(request.at) > HOLDS {
        return Err(Refusal::Expired { at: request.at, seconds: HOLDS.as_secs() });
    }
    // It would fence the instance, and promote it again.
    if request.to == Destination::Instance(view.ledger.active.clone()) {
        return Err(Refusal::AlreadyActive(view.ledger.active.clone()));
    }
    if view.spec.topology == Topology::AutoScaling {
        group::destination(view, &request.to)?;
    }
    // What can't be seen, or is suspected, is not spared: it is fenced while the target starts.
    let planned = evidence(view) == Evidence::Healthy;
    if let Some(refusal) = resources::ambiguity(view) {
        return Err(refusal);
    }
    // A drill is given up for any doubt; a failure that an operator sees may be all that is known.
    if request.drill {
        let faults = not_well(view);
        if !faults.is_empty() {
            return Err(Refusal::NotHealthy(faults));
        }
    }
    begin(view, &Wanted::of(request, planned), view.now)
}

/// What speaks against a drill.
fn not_well(view: View<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for part in view.relevant_parts() {
        let matters = match part {
            // Alarms are evidence against, never for, and agents only make it faster: without them a drill knows enough.
            Part::Alarms | Part::Agents => false,
            Part::Instances | Part::Checks | Part::Volumes | Part::Snapshots | Part::Addresses | Part::Groups => true,
        };
        if matters && view.world.completeness(part).known().is_none() {
            faults.push(format!("{part:?} can't be observed").to_lowercase());
        }
    }
    match evidence(view) {
        Evidence::Healthy => {}
        Evidence::Down(signs) | Evidence::Suspected(signs) => faults.extend(signs),
        Evidence::Unseen(why) => faults.push(why),
    }
    let active = &view.ledger.active;
    let passed = view.world.checks.get(active).is_some_and(|checks| checks.passed());
    if !view.world.runs(active) || !passed {
        faults.push(format!("{active} is not running with its status checks passed"));
    }
    for (name, current) in &view.ledger.current_volumes {
        if !view.world.is_attached(&current.volume, active) {
            faults.push(format!("{} ({name}) is not attached to {active}", current.volume));
        }
    }
    for id in address::meant(view) {
        if !view.leads_to_active(&id) {
            faults.push(format!("{id} does not lead to {active}"));
        }
    }
    faults.sort();
    faults.dedup();
    faults
}
