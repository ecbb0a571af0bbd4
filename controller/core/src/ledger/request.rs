//! What an operator asks for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::destination::Destination;

/// An operator's request for a failover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What tells it from another request for the same: one that was seen before is not granted twice, however often its event arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where the service is wanted.
    pub to: Destination,
    /// Only when everything is known and healthy; otherwise nothing is touched.
    pub drill: bool,
    /// Older data may be promoted if no more than this is lost.
    pub accepted_loss_seconds: Option<u64>,
    /// When it was made: it holds for a while only.
    pub at: Timestamp,
    /// By whom, as far as the command line or the event knows.
    pub by: String,
}
