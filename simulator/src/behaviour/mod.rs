//! What resources do, by resource: what is asked of them, and what becomes of them by themselves.
//!
//! All of it acts on the one [`State`](crate::state::State): a stop ends detaches, a termination frees addresses and concerns a group. These
//! meet as methods of the state; names of each other's files they hardly need. [`clockwork`] lets time pass over all of them.

mod address;
mod alarm;
mod clockwork;
mod guest;
mod instance;
pub(crate) mod scaling;
mod snapshot;
mod status;
mod tags;
mod volume;
mod zone;
