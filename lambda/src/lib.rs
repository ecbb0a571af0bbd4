//! The Lambda as a library: event → trigger → engine → answer.
//!
//! ```text
//! Lambda's payload ──► events::trigger ──► services ──► engine ──► Answer ──► response, metrics
//! ```
//!
//! The binary `bootstrap` only wires: what is tested and what the embedded region runs is this library.

pub mod answer;
pub mod events;
pub mod handler;
pub mod metrics;
pub mod settings;

pub use answer::{Answer, EndedAs, ServiceAnswer};
pub use events::{EventError, ManualRequest, Trigger, trigger};
pub use handler::{HandlerError, Invocation, handle};
