//! Commands: each takes the session and its options, prints, and says how it ended.

mod apply;
pub mod check;
mod daemon;
mod failover;
mod history;
mod pause;
mod serve;
mod simulate;

use failover_core::ledger::{Destination, Request};

use crate::cli::Format;
use crate::config::{Action, Command, Config, Place, SimulateOptions};
use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::show;
use crate::render;
use crate::runtime::{self, Pace};
use crate::session::Session;

/// Does what was asked.
pub fn run(config: &Config) -> Result<ExitCode, CliError> {
    match &config.command {
        // Each scenario has a runtime of its own.
        Command::Simulate(SimulateOptions::List) => simulate::list(config.format),
        Command::Simulate(SimulateOptions::Run { scenario, seed, runs, background_faults }) => {
            simulate::run(scenario.as_deref(), *seed, *runs, *background_faults, config.format)
        }
        Command::Simulate(SimulateOptions::Serve(options)) => {
            runtime::build(Pace::Real)?.block_on(serve::run(options, config))
        }
        Command::Act(action) => runtime::build(pace(config, action))?.block_on(act(config, action)),
    }
}

/// The daemon has no end of its own: under a clock that leaps it would only be busy.
fn pace(config: &Config, action: &Action) -> Pace {
    match (&config.place, action) {
        (Place::Aws(_), _) | (_, Action::Daemon { .. }) => Pace::Real,
        (Place::Simulated { .. }, _) => Pace::Leaping,
    }
}

async fn act(config: &Config, action: &Action) -> Result<ExitCode, CliError> {
    let session = Session::open(config).await?;
    let format = config.format;
    match action {
        Action::Failover(options) => failover::run(&session, options, config).await,
        Action::Status => status(&session, format).await,
        Action::Plan(to) => plan(&session, to, format).await,
        Action::Check => check::run(&session, format).await,
        Action::History(options) => history::run(&session, options, format).await,
        Action::Pause => pause::pause(&session, format).await,
        Action::Resume => pause::resume(&session, format).await,
        Action::Apply(file) => apply::run(&session, file, format).await,
        Action::Daemon { every } => daemon::run(&session, *every, format).await,
    }
}

async fn status(session: &Session, format: Format) -> Result<ExitCode, CliError> {
    let service = session.service().await?;
    let status = session.engine.status(&service).await?;
    show(format, &status, render::status::status)?;
    Ok(ExitCode::Done)
}

async fn plan(session: &Session, to: &Destination, format: Format) -> Result<ExitCode, CliError> {
    let service = session.service().await?;
    failover::check_destination(session, &service, to).await?;
    let check = session.engine.plan(&service, &wish(session, to, false)).await?;
    show(format, &check, |check| render::report::plan(check.service.as_str(), &check.plan))?;
    Ok(if check.plan.refusal.is_some() { ExitCode::Refused } else { ExitCode::Done })
}

/// What an operator asks for now.
fn wish(session: &Session, to: &Destination, drill: bool) -> Request {
    let at = session.engine.now();
    Request {
        // One command line is one wish: its edit is repeated by the SDK only until it is known to have landed.
        id: None,
        to: to.clone(),
        drill,
        accepted_loss_seconds: None,
        at,
        by: session.by.clone(),
    }
}
