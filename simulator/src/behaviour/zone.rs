//! Availability Zones: what a zone that is down does to its resources and to the calls that touch them.
//!
//! AWS documents that `DescribeInstances` fails as a whole when it names an instance of an impaired zone or no instance at all; in 2011 AWS
//! switched off volume and snapshot calls for the affected zone. Beyond that the behaviour is assumed: see [`crate::timing::calls::ZoneDownTiming`].

use crate::model::transition::StateTransition;
use crate::model::zone::{ZoneAnswer, ZoneLoss};
use crate::state::State;
use crate::time::RegionTime;

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
        let timing = &self.timing.zone_down;
        let (stuck, silent, hang) = (timing.stuck_probability, timing.lost_answer_probability, timing.hang_probability);
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
        self.chance.faults.f64() < self.timing.zone_down.hang_probability
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
            let recovery = self.sample(self.timing.zone_down.recovery);
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
    pub(crate) fn hold_back(&mut self, transition: StateTransition) -> Option<StateTransition> {
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
    fn zone_of(&self, transition: &StateTransition) -> Option<String> {
        let of_instance = |id: &str| self.instances.get(id).map(|instance| instance.zone.clone());
        let of_volume = |id: &str| self.volumes.get(id).map(|volume| volume.zone.clone());
        match transition {
            StateTransition::InstanceRunning { instance, .. }
            | StateTransition::InstanceStopped { instance, .. }
            | StateTransition::InstanceTerminated { instance, .. } => of_instance(instance),
            // A guest that is cut off only from the network boots, starts and stops its service as ever.
            StateTransition::GuestUp { instance, .. } | StateTransition::ServiceUp { instance, .. } => {
                of_instance(instance).filter(|zone| self.zone_loss(zone) == Some(ZoneLoss::Power))
            }
            StateTransition::VolumeCreated { volume }
            | StateTransition::VolumeDeleted { volume }
            | StateTransition::ModificationGoesOn { volume }
            | StateTransition::VolumeAttached { volume, .. }
            | StateTransition::DetachTried { volume, .. }
            | StateTransition::VolumeDetached { volume, .. } => of_volume(volume),
            StateTransition::SnapshotDone { snapshot } => self.snapshots.get(snapshot).map(|snapshot| snapshot.zone.clone()),
            StateTransition::AddressSwitched { target, .. } => target.as_deref().and_then(of_instance),
            StateTransition::GuestDown { .. }
            | StateTransition::StatusEvaluated { .. }
            | StateTransition::AlarmsEvaluated
            | StateTransition::InstanceForgotten { .. }
            | StateTransition::SpotReclaimed { .. }
            // Auto Scaling is regional.
            | StateTransition::Scaling { .. } => None,
        }
    }
}
