//! CloudWatch alarms.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::InstanceId;

/// An alarm's state, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// Its condition does not hold.
    Ok,
    /// Its condition holds: evidence against the active instance.
    Alarm,
    /// It can't say, for want of data.
    InsufficientData,
}

/// A CloudWatch alarm, metric or composite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Only `ALARM` is evidence.
    pub state: AlarmState,
    /// When it entered that state.
    pub since: Timestamp,
    /// The instance that its metric is about, if its dimensions name one.
    pub instance: Option<InstanceId>,
}
