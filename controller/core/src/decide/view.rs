//! Everything that a decision may rest on, and how fresh it is.

use jiff::{SignedDuration, Timestamp};

use crate::ids::{AddressId, Zone};
use crate::ledger::{Attempt, Ledger};
use crate::spec::{Spec, Topology};
use crate::step::Step;
use crate::time::later;
use crate::world::{Part, World};

/// What a decision rests on may be this old, and as much older as AWS takes to answer: asking again would not make it fresher.
const FRESH: SignedDuration = SignedDuration::from_secs(5);
/// What may show at any moment, and that nobody tells us of, is observed again after this.
const SOON: SignedDuration = SignedDuration::from_secs(2);

/// Everything that a decision may rest on.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) ledger: &'a Ledger,
    pub(crate) world: &'a World,
    pub(crate) now: Timestamp,
}

impl<'a> View<'a> {
    /// Those of `parts` that were seen too long ago to rest a change on.
    pub(super) fn stale(&self, parts: impl IntoIterator<Item = Part>) -> Vec<Part> {
        self.older_than(FRESH.saturating_add(self.world.observation_took), parts)
    }

    /// Those of `parts` that were last observed longer than `age` ago.
    pub(super) fn older_than(&self, age: SignedDuration, parts: impl IntoIterator<Item = Part>) -> Vec<Part> {
        let matters = |part: &Part| *part != Part::Agents || self.spec.hears_agents();
        let old = |part: &Part| self.now.duration_since(self.world.seen_at(*part)) > age;
        let mut stale: Vec<Part> = parts.into_iter().filter(|part| matters(part) && old(part)).collect();
        stale.sort_unstable();
        stale.dedup();
        stale
    }

    /// The parts that matter for this service at all.
    pub(super) fn relevant_parts(&self) -> Vec<Part> {
        let has_volumes = !self.spec.volumes.is_empty() || !self.ledger.current_volumes.is_empty();
        let has_alarms = !self.spec.detect.alarms.is_empty();
        let has_agents = self.spec.hears_agents();
        let matters = |part: &Part| match part {
            Part::Volumes | Part::Snapshots => has_volumes,
            Part::Alarms => has_alarms,
            Part::Groups => self.spec.topology == Topology::AutoScaling,
            Part::Agents => has_agents,
            Part::Instances | Part::Checks | Part::Addresses => true,
        };
        Part::ALL.into_iter().filter(matters).collect()
    }

    /// What became of a step of the failover that runs, or of maintenance.
    pub(super) fn attempt(&self, step: &Step) -> Option<&'a Attempt> {
        match &self.ledger.failover {
            Some(failover) => failover.attempt(step),
            None => self.ledger.maintenance.get(&step.key()),
        }
    }

    /// The moment at which something is worth another observation that may show at any time.
    pub(super) fn soon(&self) -> Timestamp {
        later(self.now, SOON)
    }

    /// Whether `wait` has passed since `began`.
    pub(super) fn has_passed(&self, wait: SignedDuration, began: Timestamp) -> bool {
        self.now.duration_since(began) >= wait
    }

    /// Whether the active instance has every volume that holds the newest data.
    pub(super) fn active_has_the_data(&self) -> bool {
        self.ledger.current_volumes.values().all(|current| self.world.is_attached(&current.volume, &self.ledger.active))
    }

    /// Whether any of the newest data is on a volume in another zone than `zone`: then it can't move, and has to be copied.
    pub(super) fn is_far(&self, zone: &Zone) -> bool {
        self.ledger.current_volumes.values().any(|current| current.zone != *zone)
    }

    /// Whether clients reach the active instance by an address.
    pub(super) fn leads_to_active(&self, address: &AddressId) -> bool {
        self.world.leads_to(address, &self.ledger.active)
    }
}
