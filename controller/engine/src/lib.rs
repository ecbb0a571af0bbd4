//! The loop: lease, observe, decide, record, act; until the service is settled or the deadline is near.
//!
//! ```text
//! which service ──► lease ──► observe ──► decide ──► record intent (compare-and-set) ──► act (one call, deadline)
//!                               ▲                                                          │
//!                               └──────────────── record outcome ◄─────────────────────────┘
//! ```
//!
//! The same engine runs in the Lambda, in the daemon, under the command line and against the simulated region; only its
//! [`Deadline`] differs: until when it may run. What it must do after a crash is what it does anyway: observe and decide.

mod adopt;
mod agents;
mod deadline;
mod drive;
mod engine;
mod error;
mod names;
mod observe;
mod operate;
mod post;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tick;
mod watch;

pub use deadline::Deadline;
pub use drive::{Ended, Run};
pub use engine::Engine;
pub use error::{EngineError, in_one_line};
pub use names::Names;
pub use observe::Survey;
pub use operate::{Applied, ServicePlan, Status};
pub use tick::{Subject, Tick};
pub use watch::{ProgressEvent, ProgressKind, Watcher};
