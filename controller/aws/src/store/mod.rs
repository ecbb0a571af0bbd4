//! The ledger in DynamoDB: one table, one item per service, with the history and the agents' reports beside it.
//!
//! ```text
//! pk                 sk            attributes
//! ledger             SERVICE       body (JSON), version, wake, mark, updated_at, lease_holder?, lease_until? (milliseconds)
//! history#SERVICE    FAILOVER ID   body (JSON)
//! agent#SERVICE      INSTANCE ID   body (JSON), sequence_number (microseconds): written by the instance's agent
//! ```
//!
//! Three things protect a record. The **version** grows with every write, and a write names the one it is based on. The **lease**
//! says who works on the service; it ends by its time, judged by whoever wants it, never by DynamoDB's TTL, which deletes days late
//! (aws-facts 6). The **wake** mark is left by whoever finds the lease held, so that its holder observes again before it releases it.

mod agents;
mod error;
mod history;
mod item;
mod lease;
mod ledgers;
mod record;
mod table;
#[cfg(test)]
mod tests;

pub use error::{BadRecord, EditError, StoreError};
pub use lease::{Acquired, Released};
pub use record::{Lease, Stored};
pub use table::Store;
