//! What a boot agent says of its instance: the one witness of what goes on inside the guest.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The latest report of one instance's agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentReport {
    /// The epoch of the ledger that the agent acted on.
    pub epoch: u64,
    /// What the agent did, or what keeps it from it.
    pub state: AgentState,
    /// When, by the instance's clock.
    pub at: Timestamp,
    /// It serves only until this long after the report, unless it reports again: its lease. None: it serves without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<u64>,
}

/// An agent that lives repeats its report at least every ten seconds, however little changes; several must get lost before it counts as
/// silent.
pub const SILENCE: SignedDuration = SignedDuration::from_secs(90);

impl AgentReport {
    /// Whether nothing was heard for so long that the agent is taken for dead, or cut off from the ledger's table.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) >= SILENCE
    }
}

/// What an agent's instance does with the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "why")]
pub enum AgentState {
    /// It waits until the ledger names it.
    Waiting,
    /// It starts the service.
    Starting,
    /// The service is ready on it.
    Ready,
    /// Its units are stopped and its volumes synced and unmounted: it writes no more, and will not before a later epoch names it.
    Quiesced,
    /// It has failed; why.
    Failed(String),
}
