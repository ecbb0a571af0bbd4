//! The only crate that names an AWS SDK: it observes, it acts, it keeps the ledger, and it turns every failure into a class.
//!
//! ```text
//! clients   SDK clients, built once, over the network or over any in-process region
//! error     every failed call becomes an AwsError where it arises; classify says what it means for going on
//! observe   Interest ──► World: a call that failed makes a part unknown, never absent
//! act       Step ──► StepOutcome: one effect, bounded in time, done already counts as accepted
//! store     the ledger in DynamoDB: lease, compare-and-set, wake marks, history
//! metadata  what an instance learns about itself; claim: what one without a controller asks about its address
//! specs, notify, subjects   specs in SSM, messages through SNS, from a resource's id to its service
//! ```
//!
//! It decides nothing: what to do is `failover-core`'s, when to do it the engine's.

mod act;
pub mod claim;
mod clients;
mod clock;
mod convert;
mod dated;
mod error;
mod metadata;
mod notify;
pub mod observe;
pub mod specs;
pub mod store;
mod subjects;
#[cfg(test)]
mod testing;
mod transport;

pub use act::Acted;
pub use clients::{Aws, ClientSettings, SetupError};
pub use clock::Clock;
pub use error::{AwsError, classify, code};
pub use metadata::{Metadata, MetadataError, SpotAction};
pub use observe::Interest;
pub use specs::{Specs, SpecsError};
pub use store::{Acquired, BadRecord, EditError, Lease, Released, Store, StoreError, Stored};
pub use transport::{Transport, TransportError};
