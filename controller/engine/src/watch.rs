//! For those who watch: what the engine sees, decides and does, as it happens.

use failover_core::ids::ServiceName;
use failover_core::step::StepKey;
use jiff::Timestamp;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressEvent {
    /// When.
    pub at: Timestamp,
    /// To which service.
    pub service: ServiceName,
    /// What kind.
    pub kind: ProgressKind,
    /// In words.
    pub text: String,
}

/// Kinds of progress events. What is about a step carries its key: the words differ from one moment to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgressKind {
    /// The ledger was changed.
    Recorded,
    /// A step is tried.
    Trying(StepKey),
    /// AWS accepted it.
    Accepted(StepKey),
    /// AWS refused it, or did not answer.
    Failed(StepKey),
    /// Something is waited for: the effect of a step, or something else.
    Waiting(Option<StepKey>),
}

impl ProgressKind {
    /// In one word, for the log.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Recorded => "Recorded",
            Self::Trying(_) => "Trying",
            Self::Accepted(_) => "Accepted",
            Self::Failed(_) => "Failed",
            Self::Waiting(_) => "Waiting",
        }
    }
}

/// Whoever watches. Called while the engine works: it must not block.
pub trait Watcher: Send + Sync {
    /// Something happened.
    fn see(&self, event: &ProgressEvent);
}
