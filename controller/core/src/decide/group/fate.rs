//! What becomes of an open hook.

use super::super::address;
use super::super::agents::{self, AgentStatus};
use super::super::view::View;
use crate::group::HookResult;
use crate::ids::{InstanceId, VolumeId};
use crate::ledger::{Failover, FenceState};
use crate::world::Sight;

/// What becomes of a hook now.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// It ends.
    Complete(HookResult),
    /// It goes on, and why.
    Hold(&'static str),
}

/// An instance that goes may go once nothing of the service is on it: a termination could take an attached volume along.
pub(super) fn terminating(view: View<'_>, instance: &InstanceId) -> Fate {
    let holds = |volume: &VolumeId| match view.world.volumes.sight(volume) {
        Sight::Known(volume) => volume.attachment_to(instance).is_some(),
        Sight::Absent => false,
        // It may well be there.
        Sight::Unknown(_) => true,
    };
    if view.ledger.current_volumes.values().any(|current| holds(&current.volume)) {
        return Fate::Hold("it may hold the newest data");
    }
    // Left behind under a waived fence, say: kept for its retention, and not gone with the instance.
    if view.ledger.superseded.keys().any(holds) {
        return Fate::Hold("it may hold a volume that is kept");
    }
    match &view.ledger.failover {
        // A failover is about to begin, which takes its data over first.
        None if *instance == view.ledger.active => Fate::Hold("it is the active instance"),
        // It was lost before it served: the failover ends, and the next one begins with it.
        Some(failover) if failover.is_promoted() && *instance == view.ledger.active => {
            Fate::Hold("it is the active instance")
        }
        Some(failover) if failover.from.instance_id == *instance && !failover.is_promoted() => {
            let open = matches!(failover.fence, FenceState::Open { .. });
            let serves_on = failover.planned && !failover.has_begun_to_fence();
            if serves_on {
                // Decision 4: nothing is taken down before the target is healthy.
                Fate::Hold("it serves until its replacement is healthy")
            } else if open && !view.ledger.current_volumes.is_empty() {
                // Whoever ends it now may end it in the middle of a write.
                Fate::Hold("it is not fenced yet")
            } else {
                // Without data the termination itself is the fence.
                Fate::Complete(HookResult::Continue)
            }
        }
        // Not the service's any more, and nothing of the service is on it.
        None | Some(_) => Fate::Complete(HookResult::Continue),
    }
}

pub(super) fn launching(view: View<'_>, instance: &InstanceId) -> Fate {
    let promoted = view.ledger.failover.as_ref().is_none_or(Failover::is_promoted);
    if *instance == view.ledger.active && promoted {
        return if is_equipped(view) {
            Fate::Complete(HookResult::Continue)
        } else {
            Fate::Hold("its data is being moved")
        };
    }
    // What can't be the target would only fill the group: abandoned, it makes room for another.
    let excluded = view.ledger.failover.as_ref().is_some_and(|failover| failover.excluded.contains_key(instance));
    if excluded { Fate::Complete(HookResult::Abandon) } else { Fate::Hold("its data is being moved") }
}

/// The active instance has all that it needs to serve.
fn is_equipped(view: View<'_>) -> bool {
    let reached = address::meant(view).iter().all(|id| view.leads_to_active(id));
    view.active_has_the_data()
        && reached
        && view.ledger.uninitialized.is_empty()
        && !matches!(agents::status(view), AgentStatus::NotReady(_))
}
