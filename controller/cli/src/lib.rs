//! The `failover` command as a library: what was typed, what it comes to, and what each command does.
//!
//! ```text
//! cli ──► commands ──► session (AWS, or a region of failover-scenarios) ──► failover-engine
//!              │   └──► config
//!              └──► render ──► output (data: stdout)      progress, logs: stderr
//! ```

pub mod cli;
pub mod commands;
pub mod config;
pub mod duration;
pub mod error;
pub mod exit_codes;
pub mod output;
pub mod progress;
pub mod render;
pub mod runtime;
pub mod session;

pub use error::CliError;
pub use exit_codes::ExitCode;
