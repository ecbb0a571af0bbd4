//! What to do next.

use jiff::Timestamp;

use super::halt::Halt;
use super::refusal::Refusal;
use crate::ledger::Change;
use crate::step::{Step, StepKey};
use crate::world::Part;

/// What the core says of a service now.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Nothing to do until something tells of a change, or the next tick comes.
    Settled {
        /// For the log and for those who watch.
        reasons: Vec<String>,
    },
    /// What was seen is too old for what comes next: observe these parts again, now.
    Observe(Vec<Part>),
    /// Something is under way: observe these parts again at `until`.
    Wait {
        /// The next moment at which it may show.
        until: Timestamp,
        /// What would show it.
        parts: Vec<Part>,
        /// For the log and for those who watch.
        reasons: Vec<Awaited>,
    },
    /// Write these changes to the ledger, in one write, and decide again.
    Record {
        /// The changes, in order.
        changes: Vec<Change>,
        /// For the log and for those who watch.
        reasons: Vec<String>,
    },
    /// Write these changes and the intent to do these steps to the ledger, in one write, then do the steps side by side.
    Act {
        /// The changes, in order.
        changes: Vec<Change>,
        /// The steps; never empty.
        steps: Vec<Step>,
        /// For the log and for those who watch.
        reasons: Vec<String>,
    },
    /// The active instance fails, but no failover may begin (yet).
    Refuse {
        /// What has to change.
        refusal: Refusal,
        /// When that may change by itself.
        until: Option<Timestamp>,
    },
    /// The failover stands still until the world changes or an operator acts.
    Halt {
        /// Why, and what an operator can do.
        halt: Halt,
        /// When to observe again.
        until: Timestamp,
        /// What would show that it can go on.
        parts: Vec<Part>,
    },
}

/// Something that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The step whose effect it is; none: something else.
    pub step: Option<StepKey>,
    /// In words, for the log and for those who watch.
    pub text: String,
}

impl From<String> for Awaited {
    fn from(text: String) -> Self {
        Self { step: None, text }
    }
}
