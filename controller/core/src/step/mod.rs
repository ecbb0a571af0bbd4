//! Steps: single idempotent effects on AWS, as values.
//!
//! A step carries everything that carrying it out needs, so that it can be recorded before it is tried.
//! That AWS accepted a step proves nothing; only a later observation does.

mod card;
mod effect;
mod key;
mod outcome;

pub use card::{Card, HOOK_COMPLETION, MAINTENANCE, SNAPSHOT, StepTiming, When};
pub use effect::{SnapshotSource, Step, StopMode, Together};
pub use key::{StepKey, is_hook_of, kind};
pub use outcome::{FailureClass, StepOutcome};

#[cfg(test)]
mod tests;
