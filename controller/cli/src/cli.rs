//! What can be typed, put together: the options of every command, those of a failover, the commands.

use clap::Parser;

use crate::commands::failover::FailoverArgs;
use crate::commands::{Action, Command};
use crate::config::{Config, GlobalArgs};
use crate::error::CliError;

/// A failover has no word of its own, which clap's own usage would not show.
const USAGE: &str = "failover --to <standby|INSTANCE|ZONE> [OPTIONS]\n       failover <COMMAND> [OPTIONS]";
/// Exit codes, as the help shows them; see [`crate::exit_codes`].
const EXIT_CODES: &str = "Exit codes: 0 done or settled, 1 error, 2 wrong use, 3 refused or halted (the reason is printed), \
4 not finished in time (it continues).";

/// Moves a service from one EC2 instance to another.
///
/// Without a command it does a failover: `failover --to standby`.
#[derive(Debug, Parser)]
#[command(name = "failover", version, override_usage = USAGE, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    global: GlobalArgs,
    /// Options of a failover.
    #[command(flatten)]
    failover: FailoverArgs,
    /// The command; none: a failover.
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// What was asked for, and how; or what does not fit together.
    pub fn resolve(self) -> Result<(Command, Config), CliError> {
        let config = self.global.resolve(matches!(self.command, Some(Command::Simulate(_))))?;
        let command = match (self.command, self.failover.first_given()) {
            (Some(_), Some(option)) => {
                return Err(CliError::Usage(format!(
                    "{option} before a command means nothing: it belongs to `failover --to ...`"
                )));
            }
            (Some(command), None) => command,
            (None, _) => {
                self.failover.destination()?;
                Command::Act(Action::Failover(self.failover))
            }
        };
        Ok((command, config))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use clap::CommandFactory as _;
    use failover_core::ledger::Destination;

    use super::*;
    use crate::config::Place;

    fn resolve(line: &str) -> Result<(Command, Config), CliError> {
        Cli::try_parse_from(line.split(' ')).unwrap().resolve()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_count_before_and_after_the_command() {
        for line in ["failover --simulated status --seed 3", "failover status --simulated --seed 3"] {
            let (_, config) = resolve(line).unwrap();
            assert_eq!((config.place, config.seed), (Place::Simulated, 3), "{line}");
        }
    }

    #[test]
    fn what_excludes_each_other_is_refused() {
        for line in [
            "failover --to standby --drill --accept-data-loss 5m",
            "failover --to eu-central-1",
            "failover plan --to eu-central-1",
            "failover simulate zone-loss --list",
            "failover simulate --speed 3",
            "failover simulate --runs 0",
            "failover simulate --background-faults --list",
            "failover simulate --serve 127.0.0.1:0 --speed -1",
            "failover daemon --every 1s",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn without_a_command_it_is_a_failover() {
        let line = "failover --to standby --accept-data-loss 15m --yes --simulated --seed 7";
        let (command, config) = resolve(line).unwrap();
        assert_eq!((config.place, config.seed), (Place::Simulated, 7));
        let Command::Act(Action::Failover(args)) = command else { unreachable!("{command:?}") };
        assert_eq!(args.destination().unwrap(), &Destination::Standby);
        assert_eq!(args.accept_data_loss, Some(Duration::from_mins(15)));
        assert!(args.yes && !args.drill && args.timeout.is_none());
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
        let shape = |line: &str| match resolve(line).unwrap() {
            (Command::Simulate(args), config) => (args, config.seed),
            (command, _) => unreachable!("{command:?}"),
        };
        assert!(shape("failover simulate --list").0.list);
        let (all, seed) = shape("failover simulate");
        assert_eq!((all.scenario, seed, all.runs, all.background_faults), (None, 1, 1, false));
        let (one, seed) = shape("failover simulate zone-loss --seed 5 --runs 9 --background-faults");
        assert_eq!((one.scenario.as_deref(), seed, one.runs, one.background_faults), (Some("zone-loss"), 5, 9, true));
        let (served, seed) =
            shape("failover simulate --serve 127.0.0.1:0 --speed 60 --scenario sample --lambda bootstrap");
        assert!(served.serve.is_some() && (served.speed - 60.0).abs() < f64::EPSILON);
        assert_eq!((served.served_scenario.as_deref(), seed), (Some("sample"), 1));
    }
}
