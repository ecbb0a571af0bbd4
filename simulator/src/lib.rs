//! A simulated AWS region: behaviour, wire protocols, faults, virtual time and the truth about what happened.
//!
//! The region *is* AWS for those who talk to it: the Rust SDK, the AWS CLI and boto3 work against it unchanged, in the same process below the
//! SDK ([`Region::call`]) or over loopback HTTP. What it does rests on what AWS documents and what has been seen in the field; what no source
//! tells is a seeded distribution in [`TimingModel`]. The README beside this crate says which is which, and what is not modelled.
//!
//! It imports nothing of the controller: what is tested must not be the yardstick.
//!
//! Each module knows those above it in this table only:
//!
//! | module | what it is |
//! |---|---|
//! | `time` | moments and clocks |
//! | `protocol` | AWS's protocols: requests, answers, errors, tables of operations |
//! | [`timing`] | numbers and distributions alone |
//! | `model` | what there is, as plain data, by resource |
//! | [`setup`] | how a region is made, and what is in it from the start |
//! | [`truth`] | what really happened, drawn from a running record |
//! | `state` | all of that in one place, with its schedule, its chance and its active faults |
//! | [`events`] | what EventBridge brings |
//! | `behaviour` | what resources do, by resource; its clockwork lets time pass |
//! | [`faults`] | what goes wrong, by what it hits |
//! | `services` | what each service answers, and does to the state |
//! | `readable` | the region as people read it |
//! | [`region`] | the region as its users hold it |
//! | [`imds`], `provision` | instance metadata; what is put there without a call |
//! | [`serve`] | the region over HTTP, and a Lambda host |

mod behaviour;
pub mod events;
pub mod faults;
pub mod imds;
mod model;
pub(crate) mod protocol;
mod provision;
mod readable;
pub mod region;
pub mod serve;
pub(crate) mod services;
pub mod setup;
pub(crate) mod state;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;
pub mod time;
pub mod timing;
pub mod truth;

pub use events::Delivery;
pub use faults::{Fault, FaultError};
pub use model::guest::AgentView;
pub use provision::data_services::TableSetup;
pub use region::{ConnectionError, Region};
pub use setup::group::{GroupSetup, HookResult, HookSetup, HookTransition, Process};
pub use setup::{AddressSetup, AlarmSetup, InstanceSetup, Setup, SnapshotSetup, VolumeSetup};
pub use state::records::{CallRecord, TransitionRecord};
pub use timing::TimingModel;
pub use truth::Truth;
pub use truth::groups::{GroupMember, TimedOutHook, WaitingHook};
