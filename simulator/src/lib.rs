//! A simulated AWS region: laws, wire protocols, faults, virtual time and the truth about what happened.
//!
//! The region *is* AWS for those who talk to it: the Rust SDK, the AWS CLI and boto3 work against it unchanged, in the same process below the
//! SDK ([`Region::call`]) or over loopback HTTP. Its laws rest on what AWS documents and what has been seen in the field; what no source
//! tells is a seeded distribution in [`Laws`]. The README beside this crate says which is which, and what is not modelled.
//!
//! It imports nothing of the controller: what is tested must not be the yardstick.

pub mod events;
pub mod faults;
pub mod guest;
mod ids;
pub mod imds;
mod intervals;
pub mod laws;
pub(crate) mod model;
pub(crate) mod protocol;
mod readable;
pub mod region;
mod schedule;
pub mod serve;
pub(crate) mod services;
pub mod setup;
pub(crate) mod state;
pub(crate) mod store {
    pub(crate) mod input;
    pub(crate) use crate::protocol::error::AwsError;
}
mod table;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;
pub mod time;
pub mod truth;
pub(crate) mod wire;

pub use events::Delivery;
pub use faults::{Fault, FaultError};
pub use laws::Laws;
pub use region::{CallRecord, Region, TransitionRecord, TransportError};
pub use setup::data::TableSetup;
pub use setup::group::{GroupSetup, HookResult, HookSetup, HookTransition, Process};
pub use setup::{AddressSetup, AlarmSetup, InstanceSetup, Setup, SnapshotSetup, VolumeSetup};
pub use truth::Truth;
pub use truth::groups::{GroupMember, TimedOutHook, WaitingHook};
