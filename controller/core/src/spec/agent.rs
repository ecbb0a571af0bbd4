//! What the boot agents have to do.

use serde::{Deserialize, Serialize};

use super::units::{Bounded, Seconds};

/// What the boot agent runs on the instance that is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentSpec {
    /// systemd units that run only where active.
    pub units: Vec<String>,
    /// Commands before readiness is judged.
    pub on_active: Vec<String>,
    /// Commands before the units stop.
    pub on_quiesce: Vec<String>,
    /// How readiness is judged. None: units that run are ready.
    pub ready: Option<Ready>,
    /// How long units and readiness may take before the agent gives up, and takes down again what it started.
    pub ready_within_seconds: Seconds<1, 3_600>,
}

impl Default for AgentSpec {
    fn default() -> Self {
        Self {
            units: Vec::new(),
            on_active: Vec::new(),
            on_quiesce: Vec::new(),
            ready: None,
            ready_within_seconds: Bounded::of(300),
        }
    }
}

/// How readiness is judged: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum Ready {
    /// A TCP connection to `host:port` is accepted.
    Tcp(String),
    /// A GET of the URL answers 2xx.
    Http(String),
    /// The command, run by the shell, exits 0.
    Command(String),
}
