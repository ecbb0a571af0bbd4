//! How time passes over the region: everything that is due happens, in order, and guests feel it.

use crate::model::transition::StateTransition;
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

    fn apply(&mut self, at: RegionTime, transition: StateTransition) {
        let Some(transition) = self.hold_back(transition) else { return };
        let is_felt = transition.is_felt_by_guests();
        match transition {
            StateTransition::InstanceRunning { instance, generation } => self.instance_runs(&instance, generation, at),
            StateTransition::InstanceStopped { instance, generation } => {
                self.instance_stopped(&instance, generation, at);
            }
            StateTransition::InstanceTerminated { instance, generation } => {
                self.instance_terminated(&instance, generation, at);
            }
            StateTransition::InstanceForgotten { instance } => self.forget_instance(&instance, at),
            StateTransition::SpotReclaimed { instance, terminate } => self.spot_reclaimed(&instance, terminate, at),
            StateTransition::GuestUp { instance, generation } => self.guest_up(&instance, generation),
            StateTransition::GuestDown { instance, generation } => self.guest_down(&instance, generation),
            StateTransition::ServiceUp { instance, guest_generation } => self.service_up(&instance, guest_generation),
            StateTransition::StatusEvaluated { instance, generation } => {
                self.evaluate_status(&instance, generation, at);
            }
            StateTransition::AlarmsEvaluated => self.evaluate_alarms(at),
            StateTransition::VolumeCreated { volume } => self.volume_created(&volume, at),
            StateTransition::VolumeDeleted { volume } => self.volume_deleted(&volume, at),
            StateTransition::VolumeAttached { volume, generation } => self.volume_attached(&volume, generation, at),
            StateTransition::DetachTried { volume, generation } => self.detach_tried(&volume, generation, at),
            StateTransition::VolumeDetached { volume, generation } => self.volume_detached(&volume, generation, at),
            StateTransition::ModificationGoesOn { volume } => self.modification_goes_on(&volume, at),
            StateTransition::SnapshotDone { snapshot } => self.snapshot_done(&snapshot, at),
            StateTransition::AddressSwitched { allocation, generation, target } => {
                self.address_switched(&allocation, generation, target, at);
            }
            StateTransition::Scaling { group, step } => self.scaling_step(&group, step, at),
        }
        if is_felt {
            self.settle_guests(at);
        }
    }
}
