//! The `failover` command as a library: what was typed, what it comes to, and what each command does.
//!
//! ```text
//! cli ──► config ──► commands ──► session (AWS, or embedded in its place) ──► failover-engine
//!                       │
//!                       └──► render ──► output (data: stdout)      progress, logs: stderr
//! ```
//!
//! [`embedded`] is also what tests and the scenarios of [`simulate`] build on: a controller over a region in this process.

pub mod cli;
pub mod commands;
pub mod config;
pub mod duration;
pub mod embedded;
pub mod error;
pub mod exit_codes;
pub mod output;
pub mod progress;
pub mod render;
pub mod runtime;
pub mod session;
pub mod simulate;
pub mod survey;

pub use error::CliError;
pub use exit_codes::ExitCode;
