//! Older data in place of the newest, which is out of reach: all volumes of one moment, within what may be lost; otherwise nothing.

use jiff::Timestamp;

use super::moments;
use super::progress::Progress;
use super::view::View;
use crate::ledger::{Change, Failover, FenceState, OlderCopies};
use crate::verdict::Halt;
use crate::world::Part;

/// Chooses the newest moment of which all volumes have a copy, if the loss is allowed.
pub(super) fn choose(view: View<'_>, failover: &Failover, why: &str, progress: &mut Progress<'_>) {
    let Some(moment) = moments::newest(view.ledger, view.world) else {
        let halt = match view.world.snapshots.complete.known() {
            // An empty volume never takes the place of data: whether to go on without is for a person to say.
            Some(()) => Halt::NoCopy { why: why.to_owned(), newest: moments::newest_of_each(view.ledger, view.world) },
            None => Halt::Unseen { what: format!("the snapshots of {}", view.spec.service), why: why.to_owned() },
        };
        return progress.halt(halt, Part::Snapshots);
    };
    let loss_seconds = loss_seconds(view, failover, moment.at);
    let allowed_seconds = view.spec.data.max_loss_seconds.get().max(failover.accepted_loss_seconds.unwrap_or(0));
    // Rule 8: within what the spec allows, or what an operator accepted by name.
    if loss_seconds <= allowed_seconds {
        let copies = OlderCopies { at: moment.at, snapshots: moment.snapshots() };
        let change = Change::ChooseCopies { copies, loss_seconds };
        progress.change(change, [Part::Snapshots, Part::Volumes, Part::Instances]);
    } else {
        let halt = Halt::CopyTooOld {
            why: why.to_owned(),
            snapshots: moment.snapshots().into_values().collect(),
            taken_at: moment.at,
            allowed_seconds,
        };
        progress.halt(halt, Part::Volumes);
    }
}

/// Writes may have gone on until the fence was shown to hold; while it isn't, until now.
fn loss_seconds(view: View<'_>, failover: &Failover, taken_at: Timestamp) -> u64 {
    let until = match &failover.fence {
        FenceState::Confirmed { at, .. } => *at,
        // The old instance may write on until somebody sees that it does not.
        FenceState::Open { .. } | FenceState::Waived { .. } => view.now,
    };
    let loss = until.duration_since(taken_at);
    // Rounded up: a loss is never called smaller than it may be.
    u64::try_from(loss.as_secs() + i64::from(loss.subsec_nanos() > 0)).unwrap_or(0)
}
