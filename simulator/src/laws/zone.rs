//! Availability Zones: what a zone that is down does to its resources and to the calls that touch them.
//!
//! AWS documents that `DescribeInstances` fails as a whole when it names an instance of an impaired zone or no instance at all; in 2011 AWS
//! switched off volume and snapshot calls for the affected zone. Beyond that the behaviour is assumed: see [`crate::laws::ZoneDownLaws`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::schedule::Transition;
use crate::state::State;
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
    deferred: Vec<Transition>,
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

impl State {
    pub(crate) fn zone_loss(&self, zone: &str) -> Option<ZoneLoss> {
        self.zones.get(zone).and_then(|zone| zone.down).map(|(loss, _)| loss)
    }

    pub(crate) fn any_zone_down(&self) -> bool {
        self.zones.values().any(|zone| zone.down.is_some())
    }

    /// Draws what a write to a resource of the zone meets.
    pub(crate) fn enter_zone(&mut self, zone: &str) -> ZoneAnswer {
        if self.zone_loss(zone).is_none() {
            return ZoneAnswer::Normal;
        }
        let laws = &self.laws.zone_down;
        let (stuck, silent, hang) = (laws.stuck_probability, laws.lost_answer_probability, laws.hang_probability);
        let chance = &mut self.chance.faults;
        if chance.f64() < stuck {
            if chance.f64() < silent { ZoneAnswer::AcceptedInSilence } else { ZoneAnswer::Normal }
        } else if chance.f64() < hang {
            ZoneAnswer::Hang
        } else {
            ZoneAnswer::Refused
        }
    }

    /// Draws how a read that must fail does so.
    pub(crate) fn failing_read_hangs(&mut self) -> bool {
        self.chance.faults.f64() < self.laws.zone_down.hang_probability
    }

    /// Takes a zone down.
    pub(crate) fn zone_goes_down(&mut self, zone: &str, loss: ZoneLoss, at: RegionTime) {
        if let Some(zone) = self.zones.get_mut(zone) {
            zone.down = Some((loss, at));
        }
        if loss == ZoneLoss::Power {
            for instance in self.instances_in(zone) {
                self.cut_guest(&instance);
            }
        }
        self.settle_guests(at);
    }

    /// Brings a zone back: stuck transitions go on, and instances that are to run boot.
    pub(crate) fn zone_comes_up(&mut self, zone: &str, at: RegionTime) {
        let Some(held) = self.zones.get_mut(zone) else { return };
        let lost = held.down.take();
        let deferred = std::mem::take(&mut held.deferred);
        for transition in deferred {
            let recovery = self.sample(self.laws.zone_down.recovery);
            self.schedule.add(at.after(recovery), transition);
        }
        if matches!(lost, Some((ZoneLoss::Power, _))) {
            for instance in self.instances_in(zone) {
                self.boot_after_power_loss(&instance, at);
            }
        }
        self.settle_guests(at);
    }

    fn instances_in(&self, zone: &str) -> Vec<String> {
        self.instances.iter().filter(|(_, instance)| instance.zone == zone).map(|(id, _)| id.to_owned()).collect()
    }

    /// Keeps back a transition of a zone that is down; gives back one that may happen.
    pub(crate) fn hold_back(&mut self, transition: Transition) -> Option<Transition> {
        if !self.any_zone_down() {
            return Some(transition);
        }
        let Some(zone) = self.zone_of(&transition) else { return Some(transition) };
        match self.zones.get_mut(&zone) {
            Some(zone) if zone.down.is_some() => {
                zone.deferred.push(transition);
                None
            }
            _ => Some(transition),
        }
    }

    /// The zone whose being down stops the transition; none for what goes on regardless.
    fn zone_of(&self, transition: &Transition) -> Option<String> {
        let of_instance = |id: &str| self.instances.get(id).map(|instance| instance.zone.clone());
        let of_volume = |id: &str| self.volumes.get(id).map(|volume| volume.zone.clone());
        match transition {
            Transition::InstanceRunning { instance, .. }
            | Transition::InstanceStopped { instance, .. }
            | Transition::InstanceTerminated { instance, .. } => of_instance(instance),
            // A guest that is cut off only from the network boots, starts and stops its service as ever.
            Transition::GuestUp { instance, .. } | Transition::ServiceUp { instance, .. } => {
                of_instance(instance).filter(|zone| self.zone_loss(zone) == Some(ZoneLoss::Power))
            }
            Transition::VolumeCreated { volume }
            | Transition::VolumeDeleted { volume }
            | Transition::VolumeAttached { volume, .. }
            | Transition::DetachTried { volume, .. }
            | Transition::VolumeDetached { volume, .. } => of_volume(volume),
            Transition::SnapshotDone { snapshot } => self.snapshots.get(snapshot).map(|snapshot| snapshot.zone.clone()),
            Transition::AddressSwitched { target, .. } => target.as_deref().and_then(of_instance),
            Transition::GuestDown { .. }
            | Transition::StatusEvaluated { .. }
            | Transition::AlarmsEvaluated
            | Transition::InstanceForgotten { .. }
            | Transition::SpotReclaimed { .. }
            // Auto Scaling is regional.
            | Transition::Scaling { .. } => None,
        }
    }

    /// Zones as people read them.
    pub(crate) fn zones_readable(&self) -> BTreeMap<String, serde_json::Value> {
        let readable = |zone: &Zone| match zone.down {
            None => serde_json::json!({"zone_id": zone.id, "subnet_id": zone.subnet_id, "up": true}),
            Some((loss, since)) => {
                serde_json::json!({"zone_id": zone.id, "subnet_id": zone.subnet_id, "up": false, "lost": loss, "since_seconds": since.seconds(), "stuck_transitions": zone.deferred.len()})
            }
        };
        self.zones.values().map(|zone| (zone.name.clone(), readable(zone))).collect()
    }
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
