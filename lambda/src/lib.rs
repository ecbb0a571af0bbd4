//! The Lambda as a library: event → trigger → engine → answer.
//!
//! ```text
//! Lambda's payload ──► events::trigger ──► services ──► engine ──► Answer ──► response, metrics
//! ```
//!
//! The binary `bootstrap` only wires: what is tested and what the embedded region runs is this library.

pub mod events;
pub mod handler;
pub mod metrics;
pub mod result;
pub mod settings;

pub use events::{EventError, ManualRequest, Trigger, trigger};
pub use handler::{HandlerError, Invocation, handle};
pub use result::{EndedAs, LambdaResult, ServiceResult};
