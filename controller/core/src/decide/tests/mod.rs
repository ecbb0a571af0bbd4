//! Decisions as values: a world and a ledger in, a verdict out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod adoption;
mod agents;
mod asked;
mod attached;
mod blank;
mod cases;
mod data;
mod fenced;
mod fresh;
mod groups;
mod hooked;
mod mishaps;
mod newest;
mod provenance;
mod record;
mod replaced;
mod retry;
mod rules;
mod sample;
mod standbys;
mod upkeep;
mod words;
