//! What can go wrong with a command, and the exit code that says so.

use std::io;
use std::path::PathBuf;

use failover_aws::{SetupError, StoreError};
use failover_core::ids::{FailoverId, ServiceName};
use failover_engine::EngineError;
use failover_simulator::serve::ServeError;
use thiserror::Error;

use crate::exit_codes::ExitCode;
use failover_scenarios::embedded::EmbeddedError;

/// Why a command did not do what was asked.
#[derive(Debug, Error)]
pub enum CliError {
    /// Options that do not fit together.
    #[error("{0}")]
    Usage(String),
    /// Nothing to act on.
    #[error(
        "no service is under control here (table {table}, specs under {spec_path}); put one under it with `failover apply FILE.toml`"
    )]
    NoServices {
        /// The table that was asked.
        table: String,
        /// The path that was asked.
        spec_path: String,
    },
    /// Which service is meant is not said.
    #[error("which service? Say --service NAME; known are {}", .known.join(", "))]
    ManyServices {
        /// Those that there are.
        known: Vec<String>,
    },
    /// No such service.
    #[error("--service {name}: there is no such service; {}", known_services(.known))]
    UnknownService {
        /// The name that was given.
        name: ServiceName,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A destination that the service does not have.
    #[error("--to {to}: {service} has no standby there; allowed are {}", .allowed.join(", "))]
    UnknownDestination {
        /// What was given.
        to: String,
        /// Of which service.
        service: ServiceName,
        /// What would be accepted.
        allowed: Vec<String>,
    },
    /// No such failover.
    #[error("{service} has no failover {id} in its history; {}", known_failovers(.known))]
    UnknownFailover {
        /// What was given.
        id: FailoverId,
        /// Of which service.
        service: ServiceName,
        /// The newest ones that there are.
        known: Vec<String>,
    },
    /// Nobody can be asked.
    #[error(
        "a failover interrupts the service, and nobody can be asked here: standard input is not a terminal. Say --yes, or look first with --dry-run"
    )]
    NobodyToAsk,
    /// Asked, and not confirmed.
    #[error("not confirmed: nothing was changed")]
    NotConfirmed,
    /// The request does not apply to how the service stands.
    #[error("{service}: {reason}")]
    NotNow {
        /// Which service.
        service: ServiceName,
        /// Why not.
        reason: String,
    },
    /// Somebody else's request took its place.
    #[error("the request was replaced by a later one before anybody handled it; see `failover history`")]
    RequestReplaced,
    /// AWS can't be reached with what is configured.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The engine.
    #[error(transparent)]
    Engine(Box<EngineError>),
    /// The store, outside of the engine's loop.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The simulated region.
    #[error("the simulated region can't be used")]
    Embedded(#[source] Box<EmbeddedError>),
    /// A file that can't be read.
    #[error("{path} can't be read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that can't be written.
    #[error("{path} can't be written")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Output that can't be printed.
    #[error("the output can't be printed")]
    Print(#[source] io::Error),
    /// The process itself: its runtime, its signals, its terminal.
    #[error("{what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it did not work.
        #[source]
        source: io::Error,
    },
    /// A value that JSON can't express.
    #[error("the output can't be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The simulated region can't be served.
    #[error("the simulated region can't be served")]
    Serve(#[from] ServeError),
}

impl CliError {
    /// What the process says of it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_)
            | Self::ManyServices { .. }
            | Self::UnknownService { .. }
            | Self::UnknownDestination { .. }
            | Self::UnknownFailover { .. }
            | Self::NobodyToAsk
            | Self::Serve(ServeError::NotLoopback(_)) => ExitCode::WrongUse,
            Self::NotConfirmed | Self::NotNow { .. } | Self::RequestReplaced => ExitCode::Refused,
            Self::Engine(error) => of_engine(error),
            Self::NoServices { .. }
            | Self::Setup(_)
            | Self::Store(_)
            | Self::Embedded(_)
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Print(_)
            | Self::System { .. }
            | Self::Json(_)
            | Self::Serve(_) => ExitCode::Error,
        }
    }
}

/// A spec that is none is the operator's slip; a set-up that can't be adopted, or a change that can't be made, is refused.
fn of_engine(error: &EngineError) -> ExitCode {
    match error {
        EngineError::GivenSpec(_) => ExitCode::WrongUse,
        EngineError::Adopt(_) | EngineError::VolumesDiffer { .. } => ExitCode::Refused,
        _ => ExitCode::Error,
    }
}

// Boxed, since both are many times as large as what else there is.
impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl From<EmbeddedError> for CliError {
    fn from(error: EmbeddedError) -> Self {
        Self::Embedded(Box::new(error))
    }
}

fn known_services(known: &[String]) -> String {
    if known.is_empty() { "none is under control here".to_owned() } else { format!("known are {}", known.join(", ")) }
}

fn known_failovers(known: &[String]) -> String {
    if known.is_empty() { "it is empty".to_owned() } else { format!("the newest are {}", known.join(", ")) }
}
