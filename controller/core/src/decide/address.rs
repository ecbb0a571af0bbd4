//! The addresses: which are meant, and how they come to lead to the active instance.

use std::collections::BTreeSet;

use super::progress::Progress;
use super::view::View;
use crate::ids::{AddressId, InstanceId};
use crate::step::Step;
use crate::verdict::Halt;
use crate::world::{Part, Sight};

/// The addresses that move with the service: those of the spec, or those that the service was adopted with.
pub(super) fn meant(view: View<'_>) -> BTreeSet<AddressId> {
    if view.spec.addresses.is_empty() { view.ledger.addresses.clone() } else { view.spec.address_ids().collect() }
}

/// Leads every address to the active instance; all of them there?
pub(super) fn lead(view: View<'_>, progress: &mut Progress<'_>) -> bool {
    let active = &view.ledger.active;
    let mut all = true;
    for id in meant(view) {
        match view.world.addresses.sight(&id) {
            Sight::Known(address) if address.leads_to(active) => progress.proved([step(active, id).key()]),
            // Wherever it leads: what it led to is fenced, or never was the active instance.
            Sight::Known(_) => {
                all = false;
                lead_to(active, id, progress);
            }
            // Released: clients know no other, so only a person can name one.
            Sight::Absent => {
                all = false;
                progress.halt(Halt::AddressGone(id), Part::Addresses);
            }
            // It may lead to the active instance already.
            Sight::Unknown(why) => {
                all = false;
                progress.wait(Part::Addresses, view.soon(), format!("{id} can't be observed: {why}"));
            }
        }
    }
    all
}

/// Leads an address to an instance.
pub(super) fn lead_to(to: &InstanceId, address: AddressId, progress: &mut Progress<'_>) {
    progress.step(step(to, address));
}

fn step(to: &InstanceId, address: AddressId) -> Step {
    Step::MoveAddress { address, instance: to.clone() }
}
