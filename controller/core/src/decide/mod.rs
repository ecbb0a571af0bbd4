//! The decision: from what was observed, what is asked and what was recorded to what to do next.
//!
//! It depends on the world and the ledger, never on the event that made us look, so that a lost, late, doubled or
//! reordered event changes nothing but the time.

mod adopt;
mod agents;
mod choose;
mod data;
mod detect;
mod fence;
mod group;
mod plan;
mod progress;
mod resources;
mod takeover;
mod target;
mod upkeep;
mod wish;

use jiff::{SignedDuration, Timestamp};

use crate::ledger::{Attempt, Ledger};
use crate::spec::{Spec, Topology};
use crate::step::Step;
use crate::verdict::{Refusal, Verdict};
use crate::world::{Part, World};

pub use adopt::{AdoptError, adopt};
pub use data::recovery_point;
pub use plan::{Plan, plan};

/// What a decision rests on may be this old, and as much older as AWS takes to answer: asking again would not make it fresher.
const FRESH: SignedDuration = SignedDuration::from_secs(5);

/// While a failover waits for one part, the others may be this old, but not older: whoever goes on after a crash begins with a
/// whole picture, and a long copy does not hide what happens elsewhere.
const WHOLE_PICTURE: SignedDuration = SignedDuration::from_mins(5);

/// Everything that a decision may look at.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) ledger: &'a Ledger,
    pub(crate) world: &'a World,
    pub(crate) now: Timestamp,
}

impl<'a> View<'a> {
    /// Those of `parts` that were seen too long ago to rest a change on.
    fn stale(&self, parts: impl IntoIterator<Item = Part>) -> Vec<Part> {
        self.older_than(FRESH.saturating_add(self.world.look_took), parts)
    }

    /// Those of `parts` that were last looked at longer than `age` ago.
    fn older_than(&self, age: SignedDuration, parts: impl IntoIterator<Item = Part>) -> Vec<Part> {
        let matters = |part: &Part| *part != Part::Agents || agents::are_heard(*self);
        let old = |part: &Part| self.now.duration_since(self.world.seen_at(*part)) > age;
        let mut stale: Vec<Part> = parts.into_iter().filter(|part| matters(part) && old(part)).collect();
        stale.sort_unstable();
        stale.dedup();
        stale
    }

    /// What became of a step of the failover that runs, or of upkeep.
    fn attempt(&self, step: &Step) -> Option<&'a Attempt> {
        match &self.ledger.failover {
            Some(failover) => failover.attempt(step),
            None => self.ledger.upkeep.get(&step.key()),
        }
    }

    /// The parts that matter for this service at all.
    fn relevant_parts(&self) -> Vec<Part> {
        let has_volumes = !self.spec.volumes.is_empty() || !self.ledger.heads.is_empty();
        let has_alarms = !self.spec.detect.alarms.is_empty();
        let has_agents = agents::are_heard(*self);
        Part::ALL
            .into_iter()
            .filter(|part| match part {
                Part::Volumes | Part::Snapshots => has_volumes,
                Part::Alarms => has_alarms,
                Part::Groups => self.spec.topology == Topology::AutoScaling,
                Part::Agents => has_agents,
                Part::Instances | Part::Checks | Part::Addresses => true,
            })
            .collect()
    }
}

/// What to do next for a service.
///
/// # Guarantees
/// - An irreversible step is only taken on what is known, and was seen within the last seconds.
/// - Nothing is attached, promoted or given the address before the old side is fenced, or the spec waived the fence.
/// - Data older than the newest is only promoted within `data.max_loss_seconds` or what an operator accepted.
///
/// # Assumptions
/// The caller holds the service's lease, and `ledger` is what it last wrote or read under it.
pub fn decide(spec: &Spec, ledger: &Ledger, world: &World, now: Timestamp) -> Verdict {
    let view = View { spec, ledger, world, now };
    if let Some(failover) = &ledger.failover {
        return takeover::advance(view, failover);
    }
    if let Some(paused) = &ledger.paused {
        let unseen = view.stale((spec.topology == Topology::AutoScaling).then_some(Part::Groups));
        if ledger.request.is_none() && !unseen.is_empty() {
            return Verdict::Look(unseen);
        }
        return group::tend_beside(view, paused_verdict(view, &paused.by));
    }
    // What agents say matters to failovers, and to hooks that hold an instance, which ask for it; as evidence only if the spec says so.
    let counts = |part: &Part| *part != Part::Agents || spec.detect.agent_silent_seconds.is_some();
    let stale = view.stale(view.relevant_parts().into_iter().filter(counts));
    if !stale.is_empty() {
        return Verdict::Look(stale);
    }
    if let Some(verdict) = detect::members(view) {
        return verdict;
    }
    if let Some(request) = &ledger.request {
        return wish::judge(view, request);
    }
    detect::judge(view)
}

fn paused_verdict(view: View<'_>, by: &str) -> Verdict {
    let refusal = Refusal::Paused { by: by.to_owned() };
    match &view.ledger.request {
        Some(_) => progress::record(crate::ledger::Change::Decline(refusal.to_string()), refusal.to_string()),
        None => Verdict::Settled { reasons: vec![refusal.to_string()] },
    }
}

#[cfg(test)]
mod tests;
