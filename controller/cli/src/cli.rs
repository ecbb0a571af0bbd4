//! What can be typed. What it comes to is in [`crate::config`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use failover_core::ids::{FailoverId, InstanceId, ServiceName, Zone};
use failover_core::ledger::Destination;

use crate::duration;

/// A failover has no word of its own, which clap's own usage would not show.
const USAGE: &str = "failover --to <standby|INSTANCE|ZONE> [OPTIONS]\n       failover <COMMAND> [OPTIONS]";
/// Exit codes, as the help shows them; see [`crate::exit_codes`].
const EXIT_CODES: &str = "Exit codes: 0 done or settled, 1 error, 2 wrong use, 3 refused or halted (the reason is printed), \
4 not finished in time (it goes on).";

/// Moves a service from one EC2 instance to another.
///
/// Without a command it does a failover: `failover --to standby`.
#[derive(Debug, Parser)]
#[command(name = "failover", version, override_usage = USAGE, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// Options of a failover.
    #[command(flatten)]
    pub failover: FailoverArgs,
    /// The command; none: a failover.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Which service; may be left out when there is only one
    #[arg(long, global = true, value_name = "NAME")]
    pub service: Option<ServiceName>,
    /// What is printed to standard output
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// AWS region [default: as AWS's own variables and profiles say]
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// Profile of the shared AWS configuration
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// Where requests go instead of AWS's own endpoints
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// DynamoDB table of the ledgers
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "FAILOVER_TABLE",
        hide_env_values = true,
        default_value = "failover"
    )]
    pub table: String,
    /// SSM path under which the specs are kept
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "FAILOVER_SPEC_PATH",
        hide_env_values = true,
        default_value = "/failover/services/"
    )]
    pub spec_path: String,
    /// ARN of the SNS topic that hears of failovers
    #[arg(long, global = true, value_name = "ARN", env = "FAILOVER_TOPIC", hide_env_values = true)]
    pub topic: Option<String>,
    /// Use an embedded, simulated region with a sample service instead of AWS
    #[arg(long, global = true)]
    pub simulated: bool,
    /// Seed of the simulated region [default: 1]
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<u64>,
    /// Log to standard error what is seen, decided and done
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Options of a failover.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Failover")]
pub struct FailoverArgs {
    /// Where to: standby (the best one), an instance id, or an Availability Zone
    #[arg(long, value_name = "standby|INSTANCE|ZONE", value_parser = destination)]
    pub to: Option<Destination>,
    /// Only if everything is known and well; otherwise nothing is touched
    #[arg(long, conflicts_with = "accept_data_loss")]
    pub drill: bool,
    /// Print what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Allow older data to be promoted if no more than this is lost, such as 15m
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub accept_data_loss: Option<Duration>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Stop waiting after this time; the failover goes on [default: wait until it ends]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
}

impl FailoverArgs {
    /// The first option that was given, if one was: none of them means anything beside a command.
    pub fn first_given(&self) -> Option<&'static str> {
        let given = [
            (self.to.is_some(), "--to"),
            (self.drill, "--drill"),
            (self.dry_run, "--dry-run"),
            (self.accept_data_loss.is_some(), "--accept-data-loss"),
            (self.yes, "--yes"),
            (self.timeout.is_some(), "--timeout"),
        ];
        given.into_iter().find_map(|(given, name)| given.then_some(name))
    }
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// How a service stands
    Status,
    /// What a failover would do now; changes nothing
    Plan {
        /// Where to: standby (the best one), an instance id, or an Availability Zone
        #[arg(long, value_name = "standby|INSTANCE|ZONE", value_parser = destination)]
        to: Option<Destination>,
    },
    /// Whether a drill would be granted now, and what is wrong with the set-up
    Check,
    /// Failovers that ended, newest first
    History {
        /// Only this one
        #[arg(value_name = "ID")]
        id: Option<FailoverId>,
        /// Write a page with the timeline of the steps
        #[arg(long, value_name = "FILE.html")]
        report: Option<PathBuf>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u16,
    },
    /// Change nothing of a service until it is resumed; it is still observed
    Pause,
    /// End a pause
    Resume,
    /// Put a service under control, or change its spec
    Apply {
        /// The service's failover.toml
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
    },
    /// Run the controller until SIGINT or SIGTERM
    Daemon {
        /// Time between two looks at every service
        #[arg(long, value_name = "DURATION", value_parser = daemon_period, default_value = "60s")]
        every: Duration,
    },
    /// Try the controller against simulated regions with faults
    Simulate(SimulateArgs),
}

/// Options of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Which scenario; all of them if none is named
    #[arg(value_name = "SCENARIO", conflicts_with_all = ["list", "serve"])]
    pub scenario: Option<String>,
    /// List the scenarios
    #[arg(long, conflicts_with = "serve")]
    pub list: bool,
    /// How often, each time with the next seed [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with_all = ["list", "serve"])]
    pub runs: Option<u32>,
    /// Lose, double and delay events, throttle calls and let reads lag, as the seed says
    #[arg(long, conflicts_with_all = ["list", "serve"])]
    pub background_faults: bool,
    /// Serve a simulated region over HTTP; GET /_region is its state, POST /_region/fault injects
    #[arg(long, value_name = "127.0.0.1:PORT")]
    pub serve: Option<SocketAddr>,
    /// How much faster than the wall the served region's time runs
    #[arg(long, value_name = "N", requires = "serve", value_parser = speed)]
    pub speed: Option<f64>,
    /// What the served region starts with
    #[arg(long = "scenario", id = "served_scenario", value_name = "NAME", requires = "serve")]
    pub served_scenario: Option<String>,
    /// Lambda binary that runs behind the served region's event rules
    #[arg(long, value_name = "BOOTSTRAP", requires = "serve")]
    pub lambda: Option<PathBuf>,
}

/// Reads where a service is to go.
fn destination(text: &str) -> Result<Destination, String> {
    if text == "standby" {
        return Ok(Destination::Standby);
    }
    if text.starts_with("i-") {
        return InstanceId::new(text).map(Destination::Instance).map_err(|error| error.to_string());
    }
    let allowed = "allowed are standby, an instance id (i- and 8 to 17 hexadecimal digits) or an Availability Zone such as eu-central-1a";
    match Zone::new(text) {
        Ok(zone) if is_zone_name(text) => Ok(Destination::Zone(zone)),
        _ => Err(allowed.to_owned()),
    }
}

/// Zones, local ones included, end in a number and a letter, and have hyphens; a mistyped word has not.
fn is_zone_name(text: &str) -> bool {
    let mut ends = text.bytes().rev();
    let letter = ends.next().is_some_and(|byte| byte.is_ascii_lowercase());
    let digit = ends.next().is_some_and(|byte| byte.is_ascii_digit());
    letter && digit && text.contains('-')
}

/// The shortest period keeps a slip from flooding AWS with calls.
fn daemon_period(text: &str) -> Result<Duration, String> {
    let period = duration::parse(text)?;
    if period < Duration::from_secs(5) {
        return Err("it is too short: allowed is 5s and more".to_owned());
    }
    Ok(period)
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 && speed <= 10_000.0 => Ok(speed),
        _ => Err("allowed is a number above 0, up to 10000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn destinations_are_told_apart() {
        assert_eq!(destination("standby").unwrap(), Destination::Standby);
        assert!(matches!(destination("i-0123456789abcdef0").unwrap(), Destination::Instance(_)));
        assert!(matches!(destination("eu-central-1a").unwrap(), Destination::Zone(_)));
        assert!(matches!(destination("us-west-2-lax-1a").unwrap(), Destination::Zone(_)));
    }

    #[test]
    fn a_wrong_destination_is_told_what_is_allowed() {
        for wrong in ["Standby", "stanby", "eu-central-1", "", "vol-0123456789abcdef0", "i-xyz", "1a"] {
            let error = destination(wrong).unwrap_err();
            assert!(error.contains("allowed") && error.contains("i-"), "{wrong}: {error}");
        }
    }

    #[test]
    fn global_options_count_before_and_after_the_command() {
        for line in ["failover --simulated status --seed 3", "failover status --simulated --seed 3"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(cli.global.simulated, "{line}");
            assert_eq!(cli.global.seed, Some(3), "{line}");
        }
    }

    #[test]
    fn what_excludes_each_other_is_refused() {
        for line in [
            "failover --to standby --drill --accept-data-loss 5m",
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
}
