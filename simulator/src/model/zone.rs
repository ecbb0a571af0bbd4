//! An Availability Zone, and what calls meet in one that is down.

use serde::{Deserialize, Serialize};

use crate::model::transition::StateTransition;
use crate::time::RegionTime;

/// What a zone has lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneLoss {
    /// Hosts are dark: guests are dead until the zone is back, and boot then.
    Power,
    /// Hosts are cut off: guests go on and write to their disks, but nobody reaches them.
    Network,
}

/// One zone.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) index: usize,
    pub(crate) subnet_id: String,
    pub(crate) down: Option<(ZoneLoss, RegionTime)>,
    /// Transitions that wait for the zone to come back.
    pub(crate) deferred: Vec<StateTransition>,
}

impl Zone {
    pub(crate) fn new(region_name: &str, name: &str, index: usize) -> Self {
        Self {
            name: name.to_owned(),
            id: zone_id(region_name, index),
            index,
            subnet_id: format!("subnet-0{:016x}", 0x00a1_0000_u64 + u64::try_from(index).unwrap_or(0)),
            down: None,
            deferred: Vec::new(),
        }
    }
}

/// Zone ids abbreviate the region: the second zone of eu-central-1 is `euc1-az2`, of ap-southeast-2 `apse2-az2`.
fn zone_id(region_name: &str, index: usize) -> String {
    let mut parts = region_name.split('-');
    let area = parts.next().unwrap_or_default();
    let direction = match parts.next().unwrap_or_default() {
        "southeast" => "se",
        "southwest" => "sw",
        "northeast" => "ne",
        "northwest" => "nw",
        other => other.get(..1).unwrap_or_default(),
    };
    format!("{area}{direction}{}-az{}", parts.next().unwrap_or_default(), index + 1)
}

/// What a write meets in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ZoneAnswer {
    /// As always.
    Normal,
    /// Accepted, without an answer.
    AcceptedInSilence,
    /// Not accepted, no answer.
    Hang,
    /// Not accepted, and an error says so.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_ids_abbreviate_the_region() {
        assert_eq!(zone_id("eu-central-1", 1), "euc1-az2");
        assert_eq!(zone_id("us-east-1", 0), "use1-az1");
        assert_eq!(zone_id("ap-southeast-2", 2), "apse2-az3");
    }
}
