//! The runtime that a command needs, and where its logs go.

use std::io::{self, IsTerminal as _};

use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;

use crate::error::CliError;

/// How the runtime's clock goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// With the machine's.
    Real,
    /// It leaps to the next thing that is waited for (tokio's paused clock): minutes pass in milliseconds. Only over the
    /// embedded region, where nothing outside of the process is waited for.
    Leaping,
}

/// A runtime of one thread, so that a simulated run is the same for the same seed.
pub fn build(pace: Pace) -> Result<Runtime, CliError> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(pace == Pace::Leaping);
    builder.build().map_err(|source| CliError::System { what: "the async runtime does not start", source })
}

/// The SDK calls it an error that an in-process region has no connection to close after a failed call.
const NO_CONNECTION: &str = "aws_smithy_runtime::client::http::connection_poisoning=off";

/// Logs go to standard error: warnings, or with `--verbose` what the controller sees, decides and does. `RUST_LOG` says more.
pub fn start_logs(verbose: bool) {
    let ours = if verbose { "info" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new(format!(
            "error,{NO_CONNECTION},failover_aws={ours},failover_engine={ours},failover_cli={ours},failover_scenarios={ours},failover_simulator={ours}"
        ))
    });
    // A second subscriber in one process is a test's: the first one stays.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .try_init();
}
