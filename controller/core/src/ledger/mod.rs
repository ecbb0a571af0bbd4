//! The ledger: what the controller knows of a service beyond what AWS shows, and the only truth about which instance is active.
//!
//! It changes only through [`Change`]s, one compare-and-set each. An effect on AWS is preceded by a change that names it
//! ([`Change::Intend`]), so that whoever comes after a crash knows what may have happened.
//!
//! ```text
//!            Begin                 Promote                  Finish
//! settled ──────────► fencing, ──────────────► taking over ─────────► settled
//!    ▲                copying    epoch + 1,                              ▲
//!    │                   │       active = to                             │
//!    └── Abort ◄─────────┴────────────┴──────────── Abort ───────────────┘
//! ```

mod apply;
mod attempts;
mod change;
mod course;
mod destination;
mod failover;
mod record;
pub mod report;
mod reporting;
mod request;
mod turns;

pub use change::{Change, IllegalChange};
pub use destination::{BadDestination, Destination};
pub use failover::{Attempt, Cause, Failover, FenceState, Halted, OlderCopies, Proof, SeenLease, StepRecord, Target};
pub use record::{
    CurrentVolume, DAILY_CAP_WINDOW, FormerVolume, LastFailover, Ledger, Member, Pause, Refused, Superseded, Suspicion,
};
pub use report::Notification;
pub use request::Request;
