//! Taking the address: as it is now, not as it was when the service was started.

use std::time::Duration;

use failover_aws::AwsError;

use super::judge::{StandaloneDuty, duty};
use super::{Standalone, Stop};
use crate::machine::Machine;

/// What was associated shows in a list soon after (aws-facts 3.1).
const READ_BACK_TRIES: u32 = 10;
const READ_BACK_PAUSE: Duration = Duration::from_secs(1);

impl<M: Machine> Standalone<M> {
    /// Leads every address of the service here, if each may still be taken, and reads it back. Says whether all lead here.
    ///
    /// # Guarantees
    /// An address is never taken from a holder that was seen in service in the observation just before; of several instances that try at once,
    /// one succeeds: the holder's association is ended by its id, and a free address is taken without reassociation.
    pub(super) async fn take_address(&self, stop: &Stop) -> Result<bool, AwsError> {
        for try_number in 0..READ_BACK_TRIES {
            let wanted = match duty(&self.observe(stop).await, true) {
                StandaloneDuty::Serve => return Ok(true),
                StandaloneDuty::Take(wanted) => wanted,
                StandaloneDuty::Rest(_) => return Ok(false),
                StandaloneDuty::Hold(why) => {
                    tracing::warn!(%why, "the address is checked again");
                    tokio::time::sleep(READ_BACK_PAUSE).await;
                    continue;
                }
            };
            for address in wanted {
                if let Some(association) = &address.release {
                    tracing::info!(step = "releasing", allocation = %address.allocation, association, "its holder is gone or going");
                    self.aws.release_association(association).await?;
                }
                tracing::info!(step = "associating", allocation = %address.allocation, try_number, "taking the address");
                match self.aws.take_free_address(&address.allocation, &self.me).await {
                    Err(error) if error.code == "Resource.AlreadyAssociated" => {
                        tracing::info!(%error, "another instance took it, or it is ours already");
                    }
                    other => other?,
                }
            }
            tokio::time::sleep(READ_BACK_PAUSE).await;
        }
        Ok(false)
    }
}
