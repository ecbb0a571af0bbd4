//! Verdicts: what to do next, or until when to wait, or why not; always with reasons that a person can read.

mod halt;
mod lists;
mod next;
mod refusal;

pub use halt::Halt;
pub use next::{Awaited, Verdict};
pub use refusal::Refusal;
