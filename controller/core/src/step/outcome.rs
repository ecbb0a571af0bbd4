//! What AWS said to a step.

use serde::{Deserialize, Serialize};

/// What became of a step, as far as the caller of AWS knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It was recorded and perhaps sent; no answer was seen (yet). It may have happened.
    Unanswered,
    /// AWS accepted it (or it turned out to be done already). Not yet proven.
    Accepted {
        /// Ids of what was made, if something was.
        made: Vec<String>,
    },
    /// AWS refused it, or it could not be sent.
    Failed {
        /// What it means for going on.
        class: FailureClass,
        /// AWS's code, or a word of ours for what never reached AWS.
        code: String,
        /// AWS's message.
        message: String,
    },
}

/// What a failed call means for going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Try again after a while: throttling, a server's error.
    Retryable,
    /// AWS has no room: try elsewhere.
    Capacity,
    /// Not allowed: an operator has to do something.
    Denied,
    /// The resource is in another state than the step needs: observe again.
    Conflict,
    /// The resource does not exist, or not yet for this reader.
    Gone,
    /// The request itself is wrong: trying again cannot help.
    Invalid,
    /// No answer: it may have happened.
    UnknownOutcome,
}
