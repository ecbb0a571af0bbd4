//! How a fault names an instance: by its id, or by its place in a group, which a script can know beforehand.

use serde::{Deserialize, Serialize};

use super::error::{FaultError, known};
use crate::model::scaling::member::LifecycleState;
use crate::state::State;

/// An instance's id, or its place in an Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "an id, {\"newest_of\": GROUP} or {\"oldest_of\": GROUP}")]
pub enum InstanceName {
    /// Its id.
    Id(String),
    /// The member of the group that was launched last.
    Newest {
        /// The group.
        newest_of: String,
    },
    /// The member of the group that was launched first.
    Oldest {
        /// The group.
        oldest_of: String,
    },
}

impl From<String> for InstanceName {
    fn from(id: String) -> Self {
        Self::Id(id)
    }
}

impl From<&String> for InstanceName {
    fn from(id: &String) -> Self {
        Self::Id(id.clone())
    }
}

impl State {
    /// The id of an instance that exists.
    pub(super) fn resolve(&self, name: &InstanceName) -> Result<String, FaultError> {
        match name {
            InstanceName::Id(id) => known("instance", id, &self.instances.ids()).map(|()| id.clone()),
            InstanceName::Newest { newest_of } => Ok(self.members_by_age(newest_of)?.1),
            InstanceName::Oldest { oldest_of } => Ok(self.members_by_age(oldest_of)?.0),
        }
    }

    /// The oldest and the newest member of a group.
    fn members_by_age(&self, group: &str) -> Result<(String, String), FaultError> {
        known("group", group, &self.scaling.groups.ids())?;
        let by_age = self.scaling.groups.get(group).map(|group| group.by_age()).unwrap_or_default();
        let mut present = by_age.iter().filter(|member| member.state != LifecycleState::Terminated);
        match (present.next(), present.next_back()) {
            (Some(oldest), newest) => Ok((oldest.instance_id.clone(), newest.unwrap_or(oldest).instance_id.clone())),
            (None, _) => Err(FaultError::WrongState {
                named: group.to_owned(),
                state: "a group without instances",
                allowed: "one with instances",
            }),
        }
    }
}
