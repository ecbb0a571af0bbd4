//! Everybody else in the account: what is theirs, what they did, and what the controller did there, for the judge.

use std::collections::BTreeSet;

use crate::people::{Deed, Done};
use crate::witness::Witness;

/// Everybody else in the account, and what the controller did there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bystanders {
    /// What they made, and an instance that is of no service.
    pub(crate) theirs: BTreeSet<String>,
    /// What they did.
    pub(crate) done: Vec<Done>,
    /// The most that an operator accepted to lose.
    pub(crate) accepted_seconds: u64,
    /// What the controller did.
    pub(crate) witness: Witness,
    /// Whether no call is repeated, unanswered or throttled, and no controller dies.
    pub(crate) is_undisturbed: bool,
    /// Whether nothing goes wrong in the region, and nothing that people do keeps an instance from serving.
    pub(crate) do_no_harm: bool,
    /// Whether all that an operator asks for are drills.
    pub(crate) asks_for_drills_only: bool,
    /// What people heard: subjects and messages.
    pub(crate) notices: Vec<(Option<String>, String)>,
}

impl Bystanders {
    /// Whether somebody did this to it.
    pub(crate) fn have(&self, deed: Deed, on: &str) -> bool {
        self.done.iter().any(|done| done.deed == deed && done.on == on)
    }

    /// Whether it is theirs, or they did something to it.
    pub(crate) fn have_touched(&self, id: &str) -> bool {
        self.theirs.contains(id) || self.done.iter().any(|done| done.on == id)
    }

    /// Whether they deleted it, and not the controller.
    pub(crate) fn deleted(&self, id: &str) -> bool {
        let by_them = self.have(Deed::DeleteSnapshot, id) || self.have(Deed::DeleteVolume, id);
        by_them && !self.witness.deleted(id)
    }
}
