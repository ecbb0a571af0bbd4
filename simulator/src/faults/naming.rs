//! How a fault names an instance: by its id, or by its place in a group, which a script can know beforehand.

use serde::{Deserialize, Deserializer};

use super::{Fault, FaultError};
use crate::model::scaling::member::LifecycleState;
use crate::state::State;

#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Id(String),
    Newest { newest_of: String },
    Oldest { oldest_of: String },
}

const NEWEST: &str = "newest_of:";
const OLDEST: &str = "oldest_of:";

impl From<Named> for String {
    fn from(named: Named) -> Self {
        match named {
            Named::Id(id) => id,
            Named::Newest { newest_of } => format!("{NEWEST}{newest_of}"),
            Named::Oldest { oldest_of } => format!("{OLDEST}{oldest_of}"),
        }
    }
}

pub(super) fn instance_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Named::deserialize(deserializer).map(String::from)
}

pub(super) fn optional_instance_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Named>::deserialize(deserializer)?.map(String::from))
}

impl Fault {
    /// The instance that the fault names, if it names one.
    fn instance_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::FailHost { instance, .. }
            | Self::ImpairNetwork { instance }
            | Self::IgnoreShutdown { instance }
            | Self::ImpairEbs { instance }
            | Self::Heal { instance }
            | Self::StopInstance { instance, .. }
            | Self::StartInstance { instance }
            | Self::TerminateInstance { instance }
            | Self::SpotWarning { instance, .. }
            | Self::Rebalance { instance }
            | Self::HealthEvent { instance, .. }
            | Self::ShutDownOs { instance, .. }
            | Self::Quiesce { instance }
            | Self::Resume { instance }
            | Self::SetInstanceHealth { instance, .. }
            | Self::TerminateInGroup { instance, .. }
            | Self::RefuseCapacity { instance: Some(instance), .. } => Some(instance),
            _ => None,
        }
    }
}

impl State {
    /// Puts an id where the fault names an instance by its place in a group.
    pub(super) fn resolve_instance(&self, mut fault: Fault) -> Result<Fault, FaultError> {
        let Some(instance) = fault.instance_mut() else { return Ok(fault) };
        let (group, newest) = match (instance.strip_prefix(NEWEST), instance.strip_prefix(OLDEST)) {
            (Some(group), _) => (group, true),
            (_, Some(group)) => (group, false),
            _ => return Ok(fault),
        };
        let Some(found) = self.scaling.groups.get(group) else {
            let known = self.scaling.groups.ids();
            return Err(FaultError::Unknown { kind: "group", named: group.to_owned(), known });
        };
        let by_age = found.by_age();
        let mut present = by_age.into_iter().filter(|member| member.state != LifecycleState::Terminated);
        let chosen = if newest { present.next_back() } else { present.next() };
        let Some(chosen) = chosen else {
            return Err(FaultError::WrongState {
                named: group.to_owned(),
                state: "a group without instances",
                allowed: "one with instances",
            });
        };
        *instance = chosen.instance_id.clone();
        Ok(fault)
    }
}
