//! A failover that an operator asks for: asked, driven from here, and reported.

use std::collections::BTreeSet;
use std::io::{self, BufRead, IsTerminal as _, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use failover_core::ids::{FailoverId, ServiceName};
use failover_core::ledger::{Cause, Destination, Ledger, Request};
use failover_core::report::{Outcome, Report};
use failover_core::world::{Sight, World};
use failover_engine::{Deadline, Ended, Engine, EngineError};
use failover_scenarios::embedded::truth::{ServiceTruth, until_served};

use crate::config::Config;
use crate::duration;
use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{Format, note, print, show};
use crate::progress::ProgressDisplay;
use crate::render;
use crate::session::Session;

/// While another holds the lease: how often to look whether it is done.
const POLL: Duration = Duration::from_secs(2);
/// Failovers that may have ended since this one was asked for.
const RECENT: usize = 5;

/// Options of a failover.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Failover")]
pub struct FailoverArgs {
    /// Where to: standby (the best one), an instance id, or an Availability Zone
    #[arg(long, value_name = "standby|INSTANCE|ZONE")]
    pub to: Option<Destination>,
    /// Only if everything is known and healthy; otherwise nothing is touched
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
    /// Stop waiting after this time; the failover continues [default: wait until it ends]
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

    /// Where to; the one option that a failover can't do without.
    pub fn destination(&self) -> Result<&Destination, CliError> {
        self.to.as_ref().ok_or_else(|| {
            CliError::Usage(
                "say what to do: `failover --to standby` (or an instance id or a zone), or a command such as `failover status`; \
                 `failover --help` lists them"
                    .to_owned(),
            )
        })
    }
}

/// Asks for a failover and sees it through.
pub(super) async fn run(session: &Session, args: &FailoverArgs, config: &Config) -> Result<ExitCode, CliError> {
    let to = args.destination()?;
    let asks = !args.yes && !args.dry_run && session.region.is_none();
    if asks && !io::stdin().is_terminal() {
        return Err(CliError::NobodyToAsk);
    }
    let service = session.service().await?;
    check_destination(session, &service, to).await?;
    let request = Request {
        accepted_loss_seconds: args.accept_data_loss.map(|loss| loss.as_secs()),
        ..session.request_to(to, args.drill)
    };
    if args.dry_run {
        return dry_run(session, &service, &request, config.format).await;
    }
    if asks {
        confirm(session, &service, &request).await?;
    }
    let deadline = args.timeout.map_or_else(Deadline::none, Deadline::within);
    let progress = Arc::new(ProgressDisplay::on_stderr());
    let engine = if config.verbose { session.engine.clone() } else { session.watched(Arc::clone(&progress) as _) };
    let asked = PendingRequest::record(&engine, &service, request).await?;
    let report = asked.see_through(&engine, deadline, session.region.is_none()).await;
    progress.finish();
    tell(session, &report?, config.format).await
}

/// Tells what the failover would do.
pub(super) async fn dry_run(
    session: &Session,
    service: &ServiceName,
    request: &Request,
    format: Format,
) -> Result<ExitCode, CliError> {
    let check = session.engine.plan(service, request).await?;
    show(format, &check, |check| render::report::plan(check.service.as_str(), &check.plan))?;
    Ok(if check.plan.refusal.is_some() { ExitCode::Refused } else { ExitCode::Done })
}

/// Prints the report, and what the region knows beside it.
async fn tell(session: &Session, report: &Report, format: Format) -> Result<ExitCode, CliError> {
    show(format, report, render::report::report)?;
    if let (Some(region), Some(stored)) = (&session.region, session.engine.store().read(&report.service).await?) {
        if report.outcome == Outcome::Done {
            until_served(region, &stored.ledger).await;
        }
        let line = ServiceTruth::of(&region.truth(), &stored.ledger).in_words();
        match format {
            Format::Text => print(&format!("{line}\n"))?,
            Format::Json => note(&line),
        }
    }
    Ok(match report.outcome {
        Outcome::Done => ExitCode::Done,
        Outcome::Refused | Outcome::Halted => ExitCode::Refused,
        Outcome::InProgress => ExitCode::NotFinished,
    })
}

/// Shows what would happen, and asks whether it should.
async fn confirm(session: &Session, service: &ServiceName, request: &Request) -> Result<(), CliError> {
    let check = session.engine.plan(service, request).await?;
    let plan = render::report::plan(service.as_str(), &check.plan);
    let confirmed = ask(service, &plan, &mut io::stdin().lock(), &mut io::stderr().lock())
        .map_err(|source| CliError::System { what: "the terminal can't be used", source })?;
    if confirmed { Ok(()) } else { Err(CliError::NotConfirmed) }
}

/// The service's name is typed rather than a `y`: a slip must not interrupt the wrong service.
fn ask(service: &ServiceName, plan: &str, input: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<bool> {
    write!(out, "{plan}This interrupts {service}. Type its name to continue: ")?;
    out.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(answer.trim() == service.as_str())
}

/// Refuses a destination that the service certainly does not have. What can't be seen is left to the engine to judge.
///
/// AWS is only asked about a destination that the ledger does not know: during an outage that may take long.
pub(super) async fn check_destination(
    session: &Session,
    service: &ServiceName,
    to: &Destination,
) -> Result<(), CliError> {
    if *to == Destination::Standby || is_in_ledger(to, &ledger(&session.engine, service).await?) {
        return Ok(());
    }
    let seen = session.engine.survey(service).await?;
    if is_in_ledger(to, &seen.ledger) || may_be_in_world(to, &seen.world) {
        return Ok(());
    }
    let allowed = std::iter::once("standby".to_owned()).chain(allowed(&seen.ledger, to)).collect();
    Err(CliError::UnknownDestination { to: to.to_string(), service: service.clone(), allowed })
}

fn is_in_ledger(to: &Destination, ledger: &Ledger) -> bool {
    match to {
        Destination::Standby => true,
        Destination::Instance(id) => ledger.members.contains_key(id),
        Destination::Zone(zone) => ledger.members.values().any(|member| member.zone == *zone),
    }
}

/// An instance that was tagged just now is not in the ledger yet.
fn may_be_in_world(to: &Destination, world: &World) -> bool {
    match to {
        Destination::Standby => true,
        Destination::Instance(id) => world.instances.sight(id) != Sight::Absent,
        Destination::Zone(zone) => {
            !world.instances.is_complete() || world.instances.iter_known().any(|(_, instance)| instance.zone == *zone)
        }
    }
}

fn allowed(ledger: &Ledger, like: &Destination) -> BTreeSet<String> {
    let standbys = ledger.standbys();
    match like {
        Destination::Zone(_) => standbys.map(|(_, member)| member.zone.to_string()).collect(),
        Destination::Instance(_) | Destination::Standby => standbys.map(|(id, _)| id.to_string()).collect(),
    }
}

/// A request that was written down, and how to know what came of it.
struct PendingRequest {
    service: ServiceName,
    request: Request,
    /// The failover that ran already, and that the request speaks of (an accepted loss).
    joined: Option<FailoverId>,
}

impl PendingRequest {
    async fn record(engine: &Engine, service: &ServiceName, request: Request) -> Result<Self, CliError> {
        let joined = ledger(engine, service).await?.failover.map(|failover| failover.id);
        match engine.request(service, request.clone()).await {
            Ok(()) => Ok(Self { service: service.clone(), request, joined }),
            Err(EngineError::Illegal(illegal)) => {
                Err(CliError::NotNow { service: service.clone(), reason: illegal.to_string() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Drives the service until the request has come to an end, the time is over, or the operator interrupts.
    async fn see_through(&self, engine: &Engine, deadline: Deadline, may_interrupt: bool) -> Result<Report, CliError> {
        let driven = self.drive(engine, deadline);
        if !may_interrupt {
            return driven.await;
        }
        tokio::select! {
            biased;
            report = driven => report,
            _ = tokio::signal::ctrl_c() => {
                note("interrupted: the failover is not driven from here any more. The controller's next tick continues it; see `failover status`");
                self.so_far(engine, "interrupted here").await
            }
        }
    }

    async fn drive(&self, engine: &Engine, deadline: Deadline) -> Result<Report, CliError> {
        loop {
            let run = engine.run(&self.service, deadline).await?;
            if let Some(report) = run.reports.into_iter().rev().find(|report| self.is_about(report)) {
                return Ok(report);
            }
            match run.ended {
                Ended::Halted { report } | Ended::OutOfTime { report: Some(report), .. } => return Ok(*report),
                Ended::OutOfTime { report: None, waiting_for } => {
                    let why = if waiting_for.is_empty() { "timed out".to_owned() } else { waiting_for.join("; ") };
                    return self.so_far(engine, &why).await;
                }
                Ended::Refused { reason } => {
                    let ledger = ledger(engine, &self.service).await?;
                    return Ok(Report::refused(&ledger, &self.request, &reason, engine.now()));
                }
                Ended::Settled { .. } => return self.ended_elsewhere(engine).await?.ok_or(CliError::RequestReplaced),
                Ended::Busy { holder } => {
                    if let Some(report) = self.ended_elsewhere(engine).await? {
                        return Ok(report);
                    }
                    if deadline.is_over() {
                        return self.so_far(engine, &format!("{holder} drives it")).await;
                    }
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }

    /// What somebody else made of the request, if it has come to an end or stands still.
    async fn ended_elsewhere(&self, engine: &Engine) -> Result<Option<Report>, CliError> {
        let recent = engine.history(&self.service, RECENT).await?;
        if let Some(report) = recent.into_iter().find(|report| self.is_about(report)) {
            return Ok(Some(report));
        }
        let ledger = ledger(engine, &self.service).await?;
        let halted = ledger.failover.as_ref().filter(|failover| failover.halted.is_some());
        Ok(halted.map(|failover| Report::running(&ledger, failover, engine.now())))
    }

    /// How it stands, unfinished.
    async fn so_far(&self, engine: &Engine, why: &str) -> Result<Report, CliError> {
        let (ledger, now) = (ledger(engine, &self.service).await?, engine.now());
        Ok(match &ledger.failover {
            Some(failover) => Report::running(&ledger, failover, now),
            None => Report {
                outcome: Outcome::InProgress,
                finished_at: None,
                ..Report::refused(
                    &ledger,
                    &self.request,
                    &format!("it was requested and has not begun yet ({why})"),
                    now,
                )
            },
        })
    }

    fn is_about(&self, report: &Report) -> bool {
        if self.joined.as_ref() == Some(&report.failover_id) {
            return true;
        }
        let cause = Cause::Operator(self.request.by.clone()).to_string();
        report.cause == cause && report.started_at >= self.request.at
    }
}

async fn ledger(engine: &Engine, service: &ServiceName) -> Result<Ledger, CliError> {
    let stored = engine.store().read(service).await?;
    Ok(stored.ok_or_else(|| EngineError::NoLedger { service: service.clone() })?.ledger)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_name_of_the_service_confirms() {
        let service = ServiceName::new("billing-db").unwrap();
        for (answer, confirmed) in
            [("billing-db\n", true), (" billing-db ", true), ("y\n", false), ("yes\n", false), ("", false)]
        {
            let mut out = Vec::new();
            assert_eq!(ask(&service, "the plan\n", &mut answer.as_bytes(), &mut out).unwrap(), confirmed, "{answer:?}");
            assert!(String::from_utf8(out).unwrap().starts_with("the plan\nThis interrupts billing-db."));
        }
    }
}
