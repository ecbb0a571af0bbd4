//! Commands: each has its options beside it, takes the session, prints, and says how it ended.

pub mod apply;
pub mod check;
pub mod daemon;
pub mod failover;
pub mod history;
mod pause;
pub mod plan;
mod serve;
pub mod simulate;
mod status;

use clap::Subcommand;

use crate::config::{Config, Place};
use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::runtime::{self, Pace};
use crate::session::Session;

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Something with a service, or all of them.
    #[command(flatten)]
    Act(Action),
    /// Try the controller against simulated regions with faults
    Simulate(simulate::SimulateArgs),
}

/// What can be asked for a service, or all of them.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// A failover: it has no word of its own, and its options come without one.
    #[command(skip)]
    Failover(failover::FailoverArgs),
    /// How a service stands
    Status,
    /// What a failover would do now; changes nothing
    Plan(plan::PlanArgs),
    /// Whether a drill would be granted now, and what is wrong with the set-up
    Check,
    /// Failovers that ended, newest first
    History(history::HistoryArgs),
    /// Change nothing of a service until it is resumed; it is still observed
    Pause,
    /// End a pause
    Resume,
    /// Put a service under control, or change its spec
    Apply(apply::ApplyArgs),
    /// Run the controller until SIGINT or SIGTERM
    Daemon(daemon::DaemonArgs),
}

/// Does what was asked.
pub fn run(command: &Command, config: &Config) -> Result<ExitCode, CliError> {
    match command {
        Command::Simulate(args) => simulate(args, config),
        Command::Act(action) => runtime::build(pace(action, config))?.block_on(act(action, config)),
    }
}

fn simulate(args: &simulate::SimulateArgs, config: &Config) -> Result<ExitCode, CliError> {
    match args.serve {
        Some(address) => runtime::build(Pace::Real)?.block_on(serve::run(address, args, config)),
        None if args.list => simulate::list(config.format),
        // Each scenario has a runtime of its own.
        None => simulate::run(args, config.seed, config.format),
    }
}

/// The daemon has no end of its own: under a clock that leaps it would only be busy.
fn pace(action: &Action, config: &Config) -> Pace {
    match (&config.place, action) {
        (Place::Aws(_), _) | (_, Action::Daemon(_)) => Pace::Real,
        (Place::Simulated, _) => Pace::Leaping,
    }
}

async fn act(action: &Action, config: &Config) -> Result<ExitCode, CliError> {
    let session = Session::open(config).await?;
    let format = config.format;
    match action {
        Action::Failover(args) => failover::run(&session, args, config).await,
        Action::Status => status::run(&session, format).await,
        Action::Plan(args) => plan::run(&session, args, format).await,
        Action::Check => check::run(&session, format).await,
        Action::History(args) => history::run(&session, args, format).await,
        Action::Pause => pause::pause(&session, format).await,
        Action::Resume => pause::resume(&session, format).await,
        Action::Apply(args) => apply::run(&session, args, format).await,
        Action::Daemon(args) => daemon::run(&session, args, format).await,
    }
}
