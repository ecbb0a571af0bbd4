//! What the documents say, held against what is there: the keys of `failover.toml`, paths, variables, commands, exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod keys;
mod names;
mod text;
