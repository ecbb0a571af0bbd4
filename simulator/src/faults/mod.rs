//! Faults: what a test or a person does to the region to see what the controller makes of it.
//!
//! A fault says what it hits and what becomes of it: `{"instance": {"name": "i-0abc", "fault": {"fail_host": {"force_stop": "never"}}}}`. Each
//! kind of thing that can be hit has a file of its own, with all its faults in one exhaustive `match`. A fault without particulars may be written
//! as its name alone.
//!
//! | hits | form |
//! |---|---|
//! | [an instance](InstanceFault) | `{"instance": {"name": "i-0abc", "fault": "heal"}}`; the name may be `{"newest_of": "GROUP"}` or `{"oldest_of": "GROUP"}` |
//! | [a volume](VolumeFault) | `{"volume": {"name": "vol-0abc", "fault": "fail_creation"}}` |
//! | [a snapshot](SnapshotFault) | `{"snapshot": {"name": "snap-0abc", "fault": "fail_creation"}}` |
//! | [what is yet to be created](CreationFault) | `{"creations": {"fail_volumes": {"count": 1}}}` |
//! | [a KMS key](KeyFault) | `{"key": {"name": "arn:aws:kms:…:key/…", "fault": "disable"}}`; the name may be the key's id alone |
//! | [a group](GroupFault) | `{"group": {"name": "db", "fault": "scale_in"}}` |
//! | [a zone](ZoneFault) | `{"zone": {"name": "eu-central-1a", "fault": {"down": {"mode": "power"}}}}` |
//! | [an alarm](AlarmFault) | `{"alarm": {"name": "db-status", "fault": {"set": {"state": "ALARM"}}}}` |
//! | [calls](CallFault) | `{"calls": {"throttle": {"for_seconds": 60, "probability": 0.5}}}` |
//! | [events](EventFault) | `{"events": {"lose": {"probability": 0.1}}}` |

mod alarm;
mod bounds;
mod calls;
mod creation;
mod error;
mod events;
mod group;
mod instance;
mod instance_name;
mod key;
mod short;
#[cfg(test)]
mod tests;
mod zone;

use serde::{Deserialize, Serialize};

pub use self::alarm::AlarmFault;
pub use self::calls::CallFault;
pub use self::creation::{CreationFault, SnapshotFault, VolumeFault};
pub use self::error::FaultError;
pub use self::events::EventFault;
pub use self::group::GroupFault;
pub use self::instance::InstanceFault;
pub use self::instance_name::InstanceName;
pub use self::key::KeyFault;
pub use self::zone::ZoneFault;
pub use crate::model::alarm::AlarmState;
pub use crate::model::instance::ForceStop;
pub use crate::model::zone::ZoneLoss;
use crate::state::State;
use crate::time::RegionTime;

/// Something that goes wrong, or that somebody else does: what it hits, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Hits an instance.
    Instance {
        /// Which one.
        name: InstanceName,
        /// What becomes of it.
        #[serde(deserialize_with = "short::fault")]
        fault: InstanceFault,
    },
    /// Hits a volume.
    Volume {
        /// Its id.
        name: String,
        /// What becomes of it.
        #[serde(deserialize_with = "short::fault")]
        fault: VolumeFault,
    },
    /// Hits a snapshot.
    Snapshot {
        /// Its id.
        name: String,
        /// What becomes of it.
        #[serde(deserialize_with = "short::fault")]
        fault: SnapshotFault,
    },
    /// Hits volumes and snapshots that are yet to be created.
    Creations(CreationFault),
    /// Hits a KMS key.
    Key {
        /// Its ARN or its id.
        name: String,
        /// What becomes of it.
        #[serde(deserialize_with = "short::fault")]
        fault: KeyFault,
    },
    /// Hits an Auto Scaling group.
    Group {
        /// Its name.
        name: String,
        /// What becomes of it.
        #[serde(deserialize_with = "short::fault")]
        fault: GroupFault,
    },
    /// Hits a zone.
    Zone {
        /// Its name.
        name: String,
        /// What becomes of it.
        #[serde(deserialize_with = "short::fault")]
        fault: ZoneFault,
    },
    /// Hits an alarm.
    Alarm {
        /// Its name.
        name: String,
        /// What becomes of it.
        #[serde(deserialize_with = "short::fault")]
        fault: AlarmFault,
    },
    /// Hits calls.
    Calls(CallFault),
    /// Hits events on their way.
    Events(EventFault),
}

impl Fault {
    /// A fault that hits an instance.
    pub fn of_instance(name: impl Into<InstanceName>, fault: InstanceFault) -> Self {
        Self::Instance { name: name.into(), fault }
    }

    /// A fault that hits a zone.
    pub fn of_zone(name: impl Into<String>, fault: ZoneFault) -> Self {
        Self::Zone { name: name.into(), fault }
    }

    /// Reads a fault from JSON; the error says what was wrong and what is allowed.
    pub fn from_json(text: &[u8]) -> Result<Self, FaultError> {
        serde_json::from_slice(text).map_err(|error| FaultError::Malformed(error.to_string()))
    }
}

impl State {
    /// Lets a fault happen.
    pub(crate) fn inject(&mut self, mut fault: Fault, at: RegionTime) -> Result<(), FaultError> {
        if let Fault::Instance { name, .. } = &mut fault {
            *name = InstanceName::Id(self.resolve(name)?);
        }
        let readable = serde_json::json!({"at_seconds": at.seconds(), "fault": fault});
        match fault {
            Fault::Instance { name, fault } => self.hit_instance(&self.resolve(&name)?, fault, at)?,
            Fault::Volume { name, fault } => self.hit_volume(&name, fault)?,
            Fault::Snapshot { name, fault } => self.hit_snapshot(&name, fault)?,
            Fault::Creations(fault) => self.hit_creations(fault),
            Fault::Key { name, fault } => self.hit_key(&name, fault)?,
            Fault::Group { name, fault } => self.hit_group(&name, fault, at)?,
            Fault::Zone { name, fault } => self.hit_zone(&name, fault, at)?,
            Fault::Alarm { name, fault } => self.hit_alarm(&name, fault, at)?,
            Fault::Calls(fault) => self.hit_calls(fault, at)?,
            Fault::Events(fault) => self.hit_events(fault)?,
        }
        self.settle_guests(at);
        self.faults.injected.push(readable);
        Ok(())
    }
}
