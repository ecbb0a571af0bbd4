//! The decision: from what was observed, what is asked and what was recorded to what to do next.
//!
//! It depends on the world and the ledger, never on the event that triggered it, so that a lost, late, doubled or
//! reordered event changes nothing but the time.

mod address;
mod adopt;
mod adopt_error;
mod agents;
mod attach;
mod begin;
mod choose;
mod copies;
mod data;
mod detach;
mod detect;
mod fence;
mod group;
mod lineage;
mod maintenance;
mod moments;
mod older;
mod plan;
mod progress;
mod proof;
mod refused;
mod request;
mod resources;
mod retention;
mod retry;
mod takeover;
mod target;
mod view;

use jiff::Timestamp;

use crate::ledger::{Change, Ledger};
use crate::spec::{Spec, Topology};
use crate::verdict::{Refusal, Verdict};
use crate::world::{Part, World};

pub use adopt::adopt;
pub use adopt_error::AdoptError;
pub use moments::recovery_point;
pub use plan::{Plan, plan};
use view::View;

/// What to do next for a service.
///
/// # Guarantees
/// - An irreversible step is only taken on what is known, and was seen within the last seconds.
/// - Nothing is attached, promoted or given the address before the old instance is fenced, or the spec waived the fence.
/// - Data older than the newest is only promoted within `data.max_loss_seconds` or what an operator accepted.
///
/// # Assumptions
/// The caller holds the service's lease, and `ledger` is what it last wrote or read under it.
pub fn decide(spec: &Spec, ledger: &Ledger, world: &World, now: Timestamp) -> Verdict {
    let view = View { spec, ledger, world, now };
    // Whatever is asked or paused meanwhile: the way back from half a failover is the way forward.
    if let Some(failover) = &ledger.failover {
        return takeover::advance(view, failover);
    }
    // Nothing is changed but hooks, which are held: the group would end what they hold in the middle of the pause (decision 9).
    if let Some(paused) = &ledger.paused {
        let unseen = view.stale((spec.topology == Topology::AutoScaling).then_some(Part::Groups));
        if ledger.request.is_none() && !unseen.is_empty() {
            return Verdict::Observe(unseen);
        }
        return group::tend_beside(view, paused_verdict(view, &paused.by));
    }
    // What agents say matters to failovers, and to hooks that hold an instance, which ask for it; as evidence only if the spec says so.
    let counts = |part: &Part| *part != Part::Agents || spec.detect.agent_silent_seconds.is_some();
    let stale = view.stale(view.relevant_parts().into_iter().filter(counts));
    if !stale.is_empty() {
        return Verdict::Observe(stale);
    }
    if let Some(verdict) = detect::members(view) {
        return verdict;
    }
    if let Some(request) = &ledger.request {
        return request::judge(view, request);
    }
    detect::judge(view)
}

fn paused_verdict(view: View<'_>, by: &str) -> Verdict {
    let refusal = Refusal::Paused { by: by.to_owned() };
    match &view.ledger.request {
        Some(_) => progress::record(Change::Decline(refusal.to_string()), refusal.to_string()),
        None => Verdict::Settled { reasons: vec![refusal.to_string()] },
    }
}

#[cfg(test)]
mod tests;
