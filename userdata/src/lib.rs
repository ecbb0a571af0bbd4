//! The boot agent: it starts a service on the instance that the ledger names, and stops it when the ledger names another.
//!
//! ```text
//! config, cli, remembered  what it is told   duty     PURE: what was seen ──► serve, rest or hold
//! agent, notices how it observes            watch    the loop: observe, decide, act
//! report         what it says of itself     boot     bringing up: volumes, units, commands, readiness
//! machine, host, disk  what it works on     quiesce  taking down, in reverse
//! alone          the same without a ledger, by the group's state and the address
//! ```

pub mod agent;
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
pub mod standalone;
mod watch;

pub use agent::{Agent, Stop};
pub use watch::{StillUp, Until};
