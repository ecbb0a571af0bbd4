//! Putting a service under control.

use std::path::PathBuf;

use clap::Args;
use failover_aws::StoreError;
use failover_core::ids::ServiceName;
use failover_core::spec::Spec;
use failover_engine::{Applied, EngineError};
use serde::Serialize;

use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{Format, note, show};
use crate::render;
use crate::session::Session;

#[derive(Serialize)]
struct Told<'a> {
    service: &'a ServiceName,
    table_created: bool,
    #[serde(flatten)]
    applied: &'a Applied,
}

/// Options of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The service's failover.toml
    #[arg(value_name = "FILE.toml")]
    pub file: PathBuf,
}

/// Applies a `failover.toml`, and makes the table of ledgers if it is missing.
pub(super) async fn run(session: &Session, args: &ApplyArgs, format: Format) -> Result<ExitCode, CliError> {
    let file = &args.file;
    let text = std::fs::read_to_string(file).map_err(|source| CliError::Read { path: file.clone(), source })?;
    // Wrong before anything is asked of AWS: no table is made for a spec that is none.
    let spec = Spec::parse(&text).map_err(EngineError::from)?;
    let (applied, table_created) = match session.engine.apply(&text).await {
        Err(EngineError::Store(StoreError::NoTable { table })) => {
            note(&format!("DynamoDB table {table} does not exist: creating it"));
            session.engine.store().create_table().await?;
            (session.engine.apply(&text).await?, true)
        }
        applied => (applied?, false),
    };
    let told = Told { service: &spec.service, table_created, applied: &applied };
    show(format, &told, |told| match told.applied {
        Applied::Adopted { ledger } => render::status::adopted(ledger),
        Applied::Awaiting => {
            format!("{}: its group has no instance yet; it comes under control with the first one\n", told.service)
        }
        Applied::Updated => format!("{}: its spec was replaced and counts from now on\n", told.service),
    })?;
    Ok(ExitCode::Done)
}
