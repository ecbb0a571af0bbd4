//! The engine over a region: what it does when something happens between its calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod control;
mod lease;
mod notices;
mod operators;
mod outcomes;
mod sights;
mod ticks;
