//! Failovers that ended.

use std::path::{Path, PathBuf};

use clap::Args;
use failover_core::ids::{FailoverId, ServiceName};
use failover_core::ledger::Destination;
use failover_core::report::Report;
use failover_engine::Deadline;

use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{Format, note, show};
use crate::render;
use crate::session::Session;

/// How many ids an error names.
const NAMED: usize = 5;

/// Options of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Only this one
    #[arg(value_name = "ID")]
    pub id: Option<FailoverId>,
    /// Write a page with the timeline of the steps
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u16,
}

/// Lists failovers, or shows one, and writes the page if one is wanted.
pub(super) async fn run(session: &Session, args: &HistoryArgs, format: Format) -> Result<ExitCode, CliError> {
    let service = session.service().await?;
    if session.region.is_some() {
        make_history(session, &service).await?;
    }
    if let Some(id) = &args.id {
        let report = one(session, &service, id).await?;
        write_page(args.report.as_deref(), std::slice::from_ref(&report))?;
        show(format, &report, render::report::report)?;
    } else {
        let reports = session.engine.history(&service, args.limit.into()).await?;
        write_page(args.report.as_deref(), &reports)?;
        show(format, &reports, |reports| render::report::history(reports))?;
    }
    Ok(ExitCode::Done)
}

/// An embedded region is new and has no past: a drill makes one.
async fn make_history(session: &Session, service: &ServiceName) -> Result<(), CliError> {
    note("the simulated region is new: a drill makes it a history");
    session.engine.request(service, session.request_to(&Destination::Standby, true)).await?;
    session.engine.run(service, Deadline::none()).await?;
    Ok(())
}

async fn one(session: &Session, service: &ServiceName, id: &FailoverId) -> Result<Report, CliError> {
    if let Some(report) = session.engine.history_item(service, id).await? {
        return Ok(report);
    }
    let newest = session.engine.history(service, NAMED).await?;
    let known = newest.into_iter().map(|report| report.failover_id.to_string()).collect();
    Err(CliError::UnknownFailover { id: id.clone(), service: service.clone(), known })
}

fn write_page(path: Option<&Path>, reports: &[Report]) -> Result<(), CliError> {
    let Some(path) = path else { return Ok(()) };
    let page = render::html::page(reports);
    std::fs::write(path, page).map_err(|source| CliError::Write { path: path.to_owned(), source })?;
    note(&format!("wrote {}", path.display()));
    Ok(())
}
