//! The operating system around the service: commands with a bound, systemd's units, readiness, and systemd's own watchdog.

pub mod command;
pub mod notify;
pub mod ready;
pub mod systemd;

pub use command::HostError;
