//! The world: what was just observed of a service in AWS.
//!
//! A part is known, or it is unknown; unknown is never 'absent' and never 'dead'. [`Listing`] holds things that AWS lists,
//! and tells a thing that AWS says nothing about from one that a complete answer did not contain.

mod address;
mod alarm;
mod instance;
mod observed;
mod snapshot;
pub mod tag;
mod volume;
mod whole;

pub use address::Address;
pub use alarm::{Alarm, AlarmState};
pub use instance::{Check, Checks, Instance, InstanceState};
pub use observed::{Listing, Observed, Sight};
pub use snapshot::{Snapshot, SnapshotState};
pub use tag::{CopyRole, Lineage, Tags, VolumeRole};
pub use volume::{Attachment, AttachmentState, DEVICES, Volume, VolumeShape, VolumeState};
pub use whole::{Part, World};
