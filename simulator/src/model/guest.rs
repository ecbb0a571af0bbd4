//! What runs inside an instance: a guest that boots, and a service in it that serves once its volumes are there.

use serde::Serialize;

/// How far the service in a guest has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ServicePhase {
    /// It does not run.
    #[default]
    Down,
    /// Its volumes are being mounted and it starts.
    Starting,
    /// It runs, and writes to its volumes.
    Serving,
}

/// The guest of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Guest {
    /// The operating system runs.
    pub(crate) up: bool,
    /// The service has been told to stop and its volumes are unmounted.
    pub(crate) quiesced: bool,
    /// How far the service has come.
    pub(crate) service: ServicePhase,
    pub(crate) generation: u64,
}

impl Guest {
    /// Whether its service runs, and writes.
    pub(crate) fn serves(&self) -> bool {
        self.service == ServicePhase::Serving
    }
}

/// What an agent in a guest finds: the test double of one asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentView {
    /// The service runs, and writes.
    pub serves: bool,
    /// Other machines can be reached.
    pub online: bool,
}
