//! Observing a service: from an [`Interest`] to a [`World`](failover_core::world::World).
//!
//! Each [`Part`](failover_core::world::Part) is one kind of call, and the parts are observed side by side. What belongs to a service is found by its tag;
//! what the ledger knows of, and the tag did not show, is asked for by id. A call that failed makes its part unknown:
//! nothing is ever absent because of a failure.
//!
//! While a zone is down, a describe call that names no ids fails as a whole; one that names only ids of healthy zones works
//! (aws-facts 1.4). So, when the call by tag fails or hangs, each known thing is asked for by a call of its own.

mod addresses;
mod alarms;
mod all;
mod by_id;
mod checks;
mod described;
mod groups;
mod instances;
mod interest;
mod one;
mod pages;
mod snapshots;
#[cfg(test)]
mod tests;
mod volumes;

pub use interest::Interest;
