//! The boot agent: it brings a service up on the instance that the ledger names, and takes it down when the ledger names another.
//!
//! ```text
//! config, cli, remembered  what it is told   duty     PURE: what was seen ──► serve, rest or hold
//! agent, notices how it looks               watch    the loop: look, judge, do
//! report         what it says of itself     boot     bringing up: volumes, units, commands, readiness
//! machine, host, disk  what it works on     quiesce  taking down, in reverse
//! alone          the same without a ledger, by the group's state and the address
//! ```

pub mod agent;
pub mod alone;
mod boot;
pub mod cli;
pub mod config;
pub mod disk;
pub mod doctor;
pub mod duty;
pub mod host;
pub mod machine;
mod notices;
mod quiesce;
pub mod remembered;
mod report;
mod watch;

pub use agent::{Agent, Stop};
pub use watch::{StillUp, Until};
