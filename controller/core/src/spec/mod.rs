//! The spec: what an operator asks of the controller for one service, as `failover.toml` says it.

mod agent;
mod check;
mod error;
mod keys;
mod parse;
mod units;
mod witness;

pub use agent::{AgentSpec, Ready};
pub use error::SpecError;
pub use keys::{
    AddressKind, AddressSpec, Blank, Data, Detect, Fence, Filesystem, GroupSpec, Limits, OUR_HOOKS, Spec, Topology,
    VolumeSpec, WhenUnconfirmed,
};
pub use units::{Bounded, Count, Gib, MibPerSecond, Seconds};
