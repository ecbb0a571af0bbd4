//! Pausing a service, and ending that.

use failover_core::ids::ServiceName;
use serde::Serialize;

use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{Format, show};
use crate::session::Session;

#[derive(Serialize)]
struct Paused<'a> {
    service: &'a ServiceName,
    paused: bool,
}

/// Nothing of the service is changed until it is resumed.
pub(super) async fn pause(session: &Session, format: Format) -> Result<ExitCode, CliError> {
    let service = session.service().await?;
    session.engine.pause(&service, &session.by).await?;
    show(format, &Paused { service: &service, paused: true }, |_| {
        format!("{service}: paused; it is observed and reported, and no failover begins until `failover resume`\n")
    })?;
    Ok(ExitCode::Done)
}

/// The service is looked after again.
pub(super) async fn resume(session: &Session, format: Format) -> Result<ExitCode, CliError> {
    let service = session.service().await?;
    session.engine.resume(&service).await?;
    show(format, &Paused { service: &service, paused: false }, |_| format!("{service}: resumed\n"))?;
    Ok(ExitCode::Done)
}
