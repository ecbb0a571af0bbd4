//! A service's record, and the lease on it, as they are read.

use failover_core::ledger::Ledger;
use jiff::Timestamp;

/// A service's record as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The record.
    pub ledger: Ledger,
    /// Grows with every write.
    pub version: u64,
    /// Grows whenever somebody found the lease held, or edited the record without it.
    pub wake: u64,
    /// Who works on the service, if anybody; it may have ended.
    pub lease: Option<Lease>,
}

/// Who works on a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Unique to one invocation.
    pub holder: String,
    /// When it ends.
    pub until: Timestamp,
}
