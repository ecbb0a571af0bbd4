//! The loop: lease, observe, decide, record, act; until the service is settled or the host's time is nearly up.
//!
//! ```text
//! which service ──► lease ──► observe ──► decide ──► record intent (compare-and-set) ──► act (one call, deadline)
//!                               ▲                                                          │
//!                               └──────────────── record outcome ◄─────────────────────────┘
//! ```
//!
//! The same engine runs in the Lambda, in the daemon, under the command line and against the simulated region; only its
//! [`Host`] differs: how long it may run. What it must do after a crash is what it does anyway: look and decide.

mod adopt;
mod agents;
mod drive;
mod engine;
mod error;
mod host;
mod look;
mod names;
mod operate;
mod post;
mod tick;
mod watch;

pub use drive::{Ended, Run};
pub use engine::Engine;
pub use error::{EngineError, in_one_line};
pub use host::Host;
pub use look::Survey;
pub use names::Names;
pub use operate::{Applied, Check, Status};
pub use tick::{Clue, Tick};
pub use watch::{Moment, MomentKind, Watcher};
