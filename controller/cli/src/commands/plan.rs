//! What a failover would do now.

use clap::Args;
use failover_core::ledger::Destination;

use super::failover::{check_destination, dry_run};
use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::Format;
use crate::session::Session;

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Where to: standby (the best one), an instance id, or an Availability Zone
    #[arg(long, value_name = "standby|INSTANCE|ZONE")]
    pub to: Option<Destination>,
}

/// Tells it, and changes nothing.
pub(super) async fn run(session: &Session, args: &PlanArgs, format: Format) -> Result<ExitCode, CliError> {
    let to = args.to.as_ref().unwrap_or(&Destination::Standby);
    let service = session.service().await?;
    check_destination(session, &service, to).await?;
    dry_run(session, &service, &session.request_to(to, false), format).await
}
