//! What was asked for, resolved and checked: no option is left that means nothing here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use failover_aws::Settings;
use failover_core::ids::{FailoverId, ServiceName};
use failover_core::ledger::Destination;
use failover_engine::Names;

use crate::cli::{self, Cli, Format};
use crate::error::CliError;

/// The seed where none is given: every try of the simulated region shows the same.
pub const DEFAULT_SEED: u64 = 1;

/// A command with all it needs.
#[derive(Debug)]
pub struct Config {
    /// The service that was named.
    pub service: Option<ServiceName>,
    /// How to print.
    pub format: Format,
    /// Which AWS.
    pub place: Place,
    /// What belongs to the controller there.
    pub names: Names,
    /// Whether to log.
    pub verbose: bool,
    /// What to do.
    pub command: Command,
}

/// Which AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The real one, or what an endpoint URL puts in its place.
    Aws(Settings),
    /// The embedded region.
    Simulated {
        /// Its seed.
        seed: u64,
    },
}

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Something with a service, or all of them.
    Act(Action),
    /// See [`cli::Command::Simulate`].
    Simulate(SimulateOptions),
}

/// What to do with a service, or all of them.
#[derive(Debug)]
pub enum Action {
    /// A failover.
    Failover(FailoverOptions),
    /// See [`cli::Command::Status`].
    Status,
    /// See [`cli::Command::Plan`].
    Plan(Destination),
    /// See [`cli::Command::Check`].
    Check,
    /// See [`cli::Command::History`].
    History(HistoryOptions),
    /// See [`cli::Command::Pause`].
    Pause,
    /// See [`cli::Command::Resume`].
    Resume,
    /// See [`cli::Command::Apply`].
    Apply(PathBuf),
    /// See [`cli::Command::Daemon`].
    Daemon {
        /// Time between two looks.
        every: Duration,
    },
}

/// A failover.
#[derive(Debug, Clone)]
pub struct FailoverOptions {
    /// Where to.
    pub to: Destination,
    /// Only when everything is well.
    pub drill: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Data that may be lost.
    pub accepted_loss: Option<Duration>,
    /// Don't ask.
    pub yes: bool,
    /// How long to wait; none: until it ends.
    pub timeout: Option<Duration>,
}

/// A look at the history.
#[derive(Debug, Clone)]
pub struct HistoryOptions {
    /// Only this one.
    pub id: Option<FailoverId>,
    /// Where to write the page.
    pub report: Option<PathBuf>,
    /// How many at most.
    pub limit: usize,
}

/// What to simulate.
#[derive(Debug, Clone)]
pub enum SimulateOptions {
    /// Name the scenarios.
    List,
    /// Run one of them, or all.
    Run {
        /// Which; none: all.
        scenario: Option<String>,
        /// The first seed.
        seed: u64,
        /// How often.
        runs: u32,
        /// With the region's background faults.
        background_faults: bool,
    },
    /// Serve a region.
    Serve(ServeOptions),
}

/// A served region.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where; loopback only, which the server itself checks.
    pub address: SocketAddr,
    /// How much faster than the wall.
    pub speed: f64,
    /// What it starts with.
    pub scenario: Option<String>,
    /// The Lambda binary behind its event rules.
    pub lambda: Option<PathBuf>,
    /// Its seed.
    pub seed: u64,
}

impl Config {
    /// Makes sense of what was typed, or says what does not fit together.
    pub fn resolve(cli: Cli) -> Result<Self, CliError> {
        let Cli { global, failover, command } = cli;
        let simulates = matches!(command, Some(cli::Command::Simulate(_)));
        check_simulated(&global, simulates)?;
        if let (Some(_), Some(option)) = (&command, failover.first_given()) {
            return Err(CliError::Usage(format!(
                "{option} before a command means nothing: it belongs to `failover --to ...`"
            )));
        }
        let seed = global.seed.unwrap_or(DEFAULT_SEED);
        let place = if global.simulated {
            Place::Simulated { seed }
        } else {
            Place::Aws(Settings { region: global.region, profile: global.profile, endpoint_url: global.endpoint_url })
        };
        let command = match command {
            None => Command::Act(Action::Failover(failover_options(failover)?)),
            Some(command) => resolve_command(command, seed),
        };
        let names = Names {
            table: global.table,
            spec_path: global.spec_path,
            topic: global.topic.filter(|arn| !arn.is_empty()),
        };
        Ok(Self { service: global.service, format: global.output, place, names, verbose: global.verbose, command })
    }
}

fn check_simulated(global: &cli::Global, simulates: bool) -> Result<(), CliError> {
    if global.seed.is_some() && !global.simulated && !simulates {
        return Err(CliError::Usage("--seed means something only with --simulated or `failover simulate`".to_owned()));
    }
    if !global.simulated {
        return Ok(());
    }
    let of_aws =
        [(&global.region, "--region"), (&global.profile, "--profile"), (&global.endpoint_url, "--endpoint-url")];
    match of_aws.into_iter().find(|(value, _)| value.is_some()) {
        Some((_, option)) => Err(CliError::Usage(format!(
            "{option} and --simulated exclude each other: the simulated region is not AWS"
        ))),
        None => Ok(()),
    }
}

fn failover_options(args: cli::FailoverArgs) -> Result<FailoverOptions, CliError> {
    let to = args.to.ok_or_else(|| {
        CliError::Usage(
            "say what to do: `failover --to standby` (or an instance id or a zone), or a command such as `failover status`; \
             `failover --help` lists them"
                .to_owned(),
        )
    })?;
    Ok(FailoverOptions {
        to,
        drill: args.drill,
        dry_run: args.dry_run,
        accepted_loss: args.accept_data_loss,
        yes: args.yes,
        timeout: args.timeout,
    })
}

fn resolve_command(command: cli::Command, seed: u64) -> Command {
    let action = match command {
        cli::Command::Status => Action::Status,
        cli::Command::Plan { to } => Action::Plan(to.unwrap_or(Destination::Standby)),
        cli::Command::Check => Action::Check,
        cli::Command::History { id, report, limit } => {
            Action::History(HistoryOptions { id, report, limit: usize::from(limit) })
        }
        cli::Command::Pause => Action::Pause,
        cli::Command::Resume => Action::Resume,
        cli::Command::Apply { file } => Action::Apply(file),
        cli::Command::Daemon { every } => Action::Daemon { every },
        cli::Command::Simulate(args) => return Command::Simulate(simulate_options(args, seed)),
    };
    Command::Act(action)
}

fn simulate_options(args: cli::SimulateArgs, seed: u64) -> SimulateOptions {
    if args.list {
        return SimulateOptions::List;
    }
    match args.serve {
        Some(address) => SimulateOptions::Serve(ServeOptions {
            address,
            speed: args.speed.unwrap_or(1.0),
            scenario: args.served_scenario,
            lambda: args.lambda,
            seed,
        }),
        None => SimulateOptions::Run {
            scenario: args.scenario,
            seed,
            runs: args.runs.unwrap_or(1),
            background_faults: args.background_faults,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser as _;

    use super::*;

    fn resolve(line: &str) -> Result<Config, CliError> {
        Config::resolve(Cli::try_parse_from(line.split(' ')).unwrap())
    }

    #[test]
    fn without_a_command_it_is_a_failover() {
        let config = resolve("failover --to standby --accept-data-loss 15m --yes --simulated --seed 7").unwrap();
        assert_eq!(config.place, Place::Simulated { seed: 7 });
        let Command::Act(Action::Failover(options)) = config.command else { unreachable!("{:?}", config.command) };
        assert_eq!(options.to, Destination::Standby);
        assert_eq!(options.accepted_loss, Some(Duration::from_mins(15)));
        assert!(options.yes && !options.drill && options.timeout.is_none());
    }

    #[test]
    fn options_that_mean_nothing_here_are_refused_by_name() {
        for (line, named) in [
            ("failover", "--to standby"),
            ("failover --drill status", "--drill"),
            ("failover --yes status", "--yes"),
            ("failover --seed 4 status", "--seed"),
            ("failover --simulated --endpoint-url http://127.0.0.1:1 status", "--endpoint-url"),
            ("failover --simulated --profile x status", "--profile"),
        ] {
            let error = resolve(line).unwrap_err();
            assert!(matches!(&error, CliError::Usage(text) if text.contains(named)), "{line}: {error}");
        }
    }

    #[test]
    fn simulate_takes_its_shapes() {
        let shape = |line: &str| match resolve(line).unwrap().command {
            Command::Simulate(options) => options,
            Command::Act(action) => unreachable!("{action:?}"),
        };
        assert!(matches!(shape("failover simulate --list"), SimulateOptions::List));
        assert!(matches!(
            shape("failover simulate"),
            SimulateOptions::Run { scenario: None, seed: 1, runs: 1, background_faults: false }
        ));
        let run = shape("failover simulate zone-loss --seed 5 --runs 9 --background-faults");
        let SimulateOptions::Run { scenario, seed, runs, background_faults } = run else { unreachable!("{run:?}") };
        assert_eq!((scenario.as_deref(), seed, runs, background_faults), (Some("zone-loss"), 5, 9, true));
        let serve = shape("failover simulate --serve 127.0.0.1:0 --speed 60 --scenario sample --lambda bootstrap");
        let SimulateOptions::Serve(serve) = serve else { unreachable!("{serve:?}") };
        assert!((serve.speed - 60.0).abs() < f64::EPSILON);
        assert_eq!((serve.scenario.as_deref(), serve.seed), (Some("sample"), 1));
    }
}
