//! What may be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Overrides;

/// Starts a service on the instance that the failover ledger names, and stops it when the ledger names another.
#[derive(Debug, Parser)]
#[command(name = "failover-agent", version, about, long_about = LONG, after_help = AFTER)]
pub struct Cli {
    /// The configuration file [default: /etc/failover/agent.toml, which may be missing]
    #[arg(long, global = true, env = "FAILOVER_AGENT_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The service, instead of the file's or the one that the instance's tag failover:service names
    #[arg(long, global = true, env = "FAILOVER_SERVICE", value_name = "NAME")]
    pub service: Option<String>,
    /// The controller's DynamoDB table; without one the agent is standalone, by the Auto Scaling group's state and the Elastic IP
    #[arg(long, global = true, env = "FAILOVER_TABLE", value_name = "TABLE")]
    pub table: Option<String>,
    /// Where specs are in SSM [default: /failover/services/]
    #[arg(long, global = true, env = "FAILOVER_SPEC_PATH", value_name = "PREFIX")]
    pub spec_path: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Start the service if the ledger names this instance, else wait until it does; then end, leaving it running
    Boot,
    /// Start the service when it is named, then heartbeat, watch for notices, and stop it when it is not (what systemd runs)
    Run,
    /// Stop the units, sync and unmount the volumes, and report that
    Quiesce,
    /// Say what is wrong with this machine; change nothing
    Doctor,
}

const LONG: &str = "Starts a service on the instance that the failover ledger names, and stops it when the ledger names another.

It finds each data volume by its NVMe serial, checks what is on it, mounts it, starts the units of failover.toml's [agent], waits until \
the service is ready, and reports that to the ledger. It never formats anything but a volume that was created empty for the service.";

const AFTER: &str = "\
Configuration: /etc/failover/agent.toml (service, table, spec_path, spec). AWS's own settings count as everywhere (AWS_REGION,
AWS_ENDPOINT_URL, AWS_EC2_METADATA_SERVICE_ENDPOINT, ...). RUST_LOG says how much is logged (default: info), to stderr.

Exit codes: 0 done, 1 an error or something wrong (doctor), 2 wrong use.";

impl Cli {
    /// What the command line and the environment say instead of the file.
    pub fn overrides(&self) -> Overrides {
        Overrides { service: self.service.clone(), table: self.table.clone(), spec_path: self.spec_path.clone() }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
