//! How a service stands.

use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{Format, show};
use crate::render;
use crate::session::Session;

/// Tells it, and changes nothing.
pub(super) async fn run(session: &Session, format: Format) -> Result<ExitCode, CliError> {
    let service = session.service().await?;
    let status = session.engine.status(&service).await?;
    show(format, &status, render::status::status)?;
    Ok(ExitCode::Done)
}
