//! The decisions of the failover controller, and nothing else.
//!
//! Pure: no async, no SDK, no clock, no randomness. Time comes in as a value, the [`world::World`] as observed, the
//! [`ledger::Ledger`] as last written; out comes a [`verdict::Verdict`], with reasons that a person can read.

pub mod agent;
pub mod decide;
pub mod group;
pub mod ids;
pub mod ledger;
pub mod spec;
pub mod step;
pub mod time;
pub mod verdict;
pub mod world;

pub use decide::decide;
pub use ledger::report;
