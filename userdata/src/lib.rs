//! The boot agent: it brings a service up on the instance that the ledger names, and takes it down when the ledger names another.

pub mod disk;
