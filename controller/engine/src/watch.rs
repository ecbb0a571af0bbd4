//! For those who watch: what the engine sees, decides and does, as it happens.

use failover_core::ids::ServiceName;
use jiff::Timestamp;

use crate::Engine;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// To which service.
    pub service: ServiceName,
    /// What kind.
    pub kind: MomentKind,
    /// In words.
    pub text: String,
}

/// Kinds of moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MomentKind {
    /// The ledger was changed.
    Recorded,
    /// A step is tried.
    Trying,
    /// AWS accepted it.
    Accepted,
    /// AWS refused it, or did not answer.
    Failed,
    /// Something is waited for.
    Waiting,
}

/// Whoever watches. Called while the engine works: it must not block.
pub trait Watcher: Send + Sync {
    /// Something happened.
    fn see(&self, moment: &Moment);
}

impl Engine {
    pub(crate) fn tell(&self, service: &ServiceName, kind: MomentKind, text: impl Into<String>) {
        let moment = Moment { at: self.now(), service: service.clone(), kind, text: text.into() };
        tracing::info!(at = %moment.at, service = %moment.service, kind = ?moment.kind, "{}", moment.text);
        if let Some(watcher) = &self.watcher {
            watcher.see(&moment);
        }
    }
}
