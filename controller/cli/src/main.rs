//! The `failover` command: parses, and calls the library.

use std::process::ExitCode;

use clap::Parser as _;
use failover_cli::cli::Cli;
use failover_cli::{CliError, commands, runtime};

fn main() -> ExitCode {
    // clap itself ends with 2 on wrong use, and with 0 after --help.
    match run(Cli::parse()) {
        Ok(code) => code.into(),
        Err(error) => {
            let code = error.exit_code();
            eprintln!("failover: {:#}", anyhow::Error::new(error));
            code.into()
        }
    }
}

fn run(cli: Cli) -> Result<failover_cli::ExitCode, CliError> {
    let (command, config) = cli.resolve()?;
    runtime::start_logs(config.verbose);
    commands::run(&command, &config)
}
