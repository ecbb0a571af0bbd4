//! Status checks: evaluated every minute while an instance runs, `initializing` for the first minutes.

use crate::model::alarm::DataPoint;
use crate::model::instance::InstanceState;
use crate::model::status::{Check, StatusChecks};
use crate::model::transition::StateTransition;
use crate::state::State;
use crate::time::RegionTime;
use crate::timing::distribution::seconds_duration;

impl State {
    /// The instance has begun to run: data will come once initialisation is done.
    pub(crate) fn begin_status_checks(&mut self, id: &str, at: RegionTime) {
        let wait = self.sample(self.timing.status.initializing);
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.status = StatusChecks::all(Check::Initializing);
        let generation = instance.generation;
        self.schedule.add(at.after(wait), StateTransition::StatusEvaluated { instance: id.to_owned(), generation });
    }

    /// For an instance that runs from the start: evaluated from some second of the first minute on.
    pub(crate) fn begin_settled_status_checks(&mut self, id: &str, at: RegionTime) {
        let offset = seconds_duration(self.chance.timing.f64() * self.timing.status.check_every_seconds);
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.status = StatusChecks::passed();
        let generation = instance.generation;
        self.schedule.add(at.after(offset), StateTransition::StatusEvaluated { instance: id.to_owned(), generation });
    }

    pub(crate) fn evaluate_status(&mut self, id: &str, generation: u64, at: RegionTime) {
        let Some(instance) = self.instances.get(id) else { return };
        if instance.generation != generation || instance.state != InstanceState::Running {
            return;
        }
        let condition = &instance.condition;
        let system_failed = condition.host_failed.is_some() || self.zone_loss(&instance.zone).is_some();
        // AWS: the instance check is an ARP request to the interface, and fails too when the system check fails.
        let guest_up = self.guests.get(id).is_some_and(|guest| guest.up);
        let instance_failed = system_failed || condition.network_impaired || !guest_up;
        let old = instance.status;
        let new = StatusChecks {
            system: old.system.evaluated(system_failed, at),
            instance: old.instance.evaluated(instance_failed, at),
            attached_ebs: old.attached_ebs.evaluated(condition.ebs_impaired, at),
        };
        if new != old
            && let Some(instance) = self.instances.change(id, at)
        {
            instance.status = new;
        }
        if old.system == Check::Initializing {
            let requested_at = self.instances.get(id).map_or(at, |instance| instance.requested_at);
            self.record_transition("status_checks", id, requested_at, at);
        }
        self.publish_status(id, new, at);
        let again = at.after(seconds_duration(self.timing.status.check_every_seconds.max(1.0)));
        self.schedule.add(again, StateTransition::StatusEvaluated { instance: id.to_owned(), generation });
    }

    fn publish_status(&mut self, id: &str, status: StatusChecks, at: RegionTime) {
        let delay = self.sample(self.timing.status.publish_delay);
        let point = DataPoint {
            measured_at: at,
            published_at: at.after(delay),
            system_failed: status.system.failed(),
            instance_failed: status.instance.failed(),
            attached_ebs_failed: status.attached_ebs.failed(),
        };
        self.alarms.publish(id, point);
    }
}
