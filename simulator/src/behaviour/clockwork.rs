//! How time passes over the region: everything that is due happens, in order, and guests feel it.

use crate::model::transition::Transition;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// Lets time pass: everything that is due by now happens, in order. Returns now.
    pub(crate) fn advance(&mut self) -> RegionTime {
        let now = self.clock.now();
        while let Some((at, transition)) = self.schedule.pop_due(now) {
            self.apply(at, transition);
        }
        now
    }

    fn apply(&mut self, at: RegionTime, transition: Transition) {
        let Some(transition) = self.hold_back(transition) else { return };
        let is_felt = transition.is_felt_by_guests();
        match transition {
            Transition::InstanceRunning { instance, generation } => self.instance_runs(&instance, generation, at),
            Transition::InstanceStopped { instance, generation } => self.instance_stopped(&instance, generation, at),
            Transition::InstanceTerminated { instance, generation } => {
                self.instance_terminated(&instance, generation, at);
            }
            Transition::InstanceForgotten { instance } => self.forget_instance(&instance, at),
            Transition::SpotReclaimed { instance, terminate } => self.spot_reclaimed(&instance, terminate, at),
            Transition::GuestUp { instance, generation } => self.guest_up(&instance, generation),
            Transition::GuestDown { instance, generation } => self.guest_down(&instance, generation),
            Transition::ServiceUp { instance, guest_generation } => self.service_up(&instance, guest_generation),
            Transition::StatusEvaluated { instance, generation } => self.evaluate_status(&instance, generation, at),
            Transition::AlarmsEvaluated => self.evaluate_alarms(at),
            Transition::VolumeCreated { volume } => self.volume_created(&volume, at),
            Transition::VolumeDeleted { volume } => self.volume_deleted(&volume, at),
            Transition::VolumeAttached { volume, generation } => self.volume_attached(&volume, generation, at),
            Transition::DetachTried { volume, generation } => self.detach_tried(&volume, generation, at),
            Transition::VolumeDetached { volume, generation } => self.volume_detached(&volume, generation, at),
            Transition::SnapshotDone { snapshot } => self.snapshot_done(&snapshot, at),
            Transition::AddressSwitched { allocation, generation, target } => {
                self.address_switched(&allocation, generation, target, at);
            }
            Transition::Scaling { group, step } => self.scaling_step(&group, step, at),
        }
        if is_felt {
            self.settle_guests(at);
        }
    }
}
