//! What the metadata service announces of this instance's end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use failover_aws::{Metadata, MetadataError};
use tokio::time::Instant;

use crate::duty::InstanceNotice;

/// The group's word for an instance that it terminates.
const TERMINATED: &str = "Terminated";
/// All notices together: they are on the instance's own link.
const WITHIN: Duration = Duration::from_secs(4);
/// The same trouble is told again after this.
const TELL_AGAIN: Duration = Duration::from_mins(1);

/// Reads notices; while they can't be read, the last ones stand.
#[derive(Debug)]
pub(crate) struct Notices {
    metadata: Metadata,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<InstanceNotice>,
    rebalance_told: bool,
    trouble_told: Option<Instant>,
}

impl Notices {
    /// Those of this metadata service.
    pub(crate) fn new(metadata: &Metadata) -> Self {
        Self { metadata: metadata.clone(), state: Mutex::default() }
    }

    /// What is announced now.
    pub(crate) async fn observe(&self) -> Option<InstanceNotice> {
        let found = tokio::time::timeout(WITHIN, self.read()).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let why = match found {
            Ok(Ok(notice)) => {
                state.trouble_told = None;
                state.last.clone_from(&notice);
                return notice;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", WITHIN.as_secs()),
        };
        if state.trouble_told.is_none_or(|told| told.elapsed() >= TELL_AGAIN) {
            state.trouble_told = Some(Instant::now());
            tracing::warn!(%why, "notices can't be read; the ledger is watched all the same");
        }
        state.last.clone()
    }

    async fn read(&self) -> Result<Option<InstanceNotice>, MetadataError> {
        if self.metadata.target_lifecycle_state().await?.is_some_and(|state| state == TERMINATED) {
            return Ok(Some(InstanceNotice::GroupTerminates));
        }
        if let Some(spot) = self.metadata.spot_action().await? {
            return Ok(Some(InstanceNotice::SpotInterrupts { action: spot.action }));
        }
        // Only a risk: the controller hears of it, too, and decides.
        if let Some(at) = self.metadata.rebalance_recommendation().await? {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if !std::mem::replace(&mut state.rebalance_told, true) {
                tracing::warn!(%at, "EC2 recommends to replace this Spot instance; nothing is stopped for that");
            }
        }
        Ok(None)
    }
}
