//! Starts, boots and reboots.

use crate::behaviour::instance::reasons::wrong_state;
use crate::model::instance::{Condition, InstanceState, Notices};
use crate::model::transition::StateTransition;
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// Whether `StartInstances` may start an instance. That it succeeds on a running or pending one is commonly relied on.
    pub(crate) fn check_start(&self, id: &str, at: RegionTime) -> Result<(), ApiError> {
        let Some(instance) = self.instances.get(id) else { return Ok(()) };
        match instance.state {
            InstanceState::Pending | InstanceState::Running => Ok(()),
            InstanceState::Stopped => self.check_capacity(Some(id), &instance.zone, &instance.instance_type, at),
            InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
                Err(wrong_state(id, "started"))
            }
        }
    }

    /// `StartInstances` on one instance that may be started. A running or pending one stays as it is.
    pub(crate) fn start_instance(&mut self, id: &str, at: RegionTime) {
        if self.instances.get(id).is_some_and(|instance| instance.state == InstanceState::Stopped) {
            self.begin_start(id, at);
        }
    }

    pub(crate) fn begin_start(&mut self, id: &str, at: RegionTime) {
        let duration = self.sample(self.timing.instances.pending);
        self.cut_guest(id);
        let Some(instance) = self.instances.change(id, at) else { return };
        instance.state = InstanceState::Pending;
        instance.launched_at = at;
        instance.requested_at = at;
        instance.state_reason = None;
        instance.transition_reason = String::new();
        instance.stop = None;
        instance.generation += 1;
        // A start from stopped moves the instance to another host, and boots another kernel: what was wrong with the old ones is gone.
        instance.condition = Condition::default();
        instance.notices = Notices::default();
        let generation = instance.generation;
        self.schedule.add(at.after(duration), StateTransition::InstanceRunning { instance: id.to_owned(), generation });
        self.emit_instance_state(id, InstanceState::Pending, at);
    }

    pub(crate) fn instance_runs(&mut self, id: &str, generation: u64, at: RegionTime) {
        let Some(instance) = self.instances.change(id, at) else { return };
        if instance.generation != generation || instance.state != InstanceState::Pending {
            return;
        }
        instance.state = InstanceState::Running;
        instance.has_run = true;
        let requested_at = instance.requested_at;
        self.record_transition("start", id, requested_at, at);
        self.emit_instance_state(id, InstanceState::Running, at);
        self.begin_status_checks(id, at);
        self.member_runs(id, at);
        let boot = self.sample(self.timing.guests.boot);
        self.schedule.add(at.after(boot), StateTransition::GuestUp { instance: id.to_owned(), generation });
    }

    /// The zone has its power back: what was running boots.
    pub(crate) fn boot_after_power_loss(&mut self, id: &str, at: RegionTime) {
        let Some(instance) = self.instances.get(id) else { return };
        if instance.state != InstanceState::Running || instance.condition.host_failed.is_some() {
            return;
        }
        let generation = instance.generation;
        let wait = self.sample(self.timing.zone_down.recovery) + self.sample(self.timing.guests.boot);
        self.schedule.add(at.after(wait), StateTransition::GuestUp { instance: id.to_owned(), generation });
    }

    /// Whether `RebootInstances` may reboot an instance.
    pub(crate) fn check_reboot(&self, id: &str) -> Result<(), ApiError> {
        match self.instances.get(id) {
            Some(instance) if instance.state != InstanceState::Running => Err(ApiError::client(
                "IncorrectState",
                format!("The instance '{id}' is not in a state from which it can be rebooted."),
            )),
            _ => Ok(()),
        }
    }

    /// `RebootInstances` on one instance that may be rebooted: the state stays `running`, the guest goes and comes back.
    pub(crate) fn reboot_instance(&mut self, id: &str, at: RegionTime) {
        let Some(instance) = self.instances.get(id) else { return };
        if instance.condition.host_failed.is_none() {
            let generation = instance.generation;
            self.cut_guest(id);
            let boot = self.sample(self.timing.guests.boot);
            self.schedule.add(at.after(boot), StateTransition::GuestUp { instance: id.to_owned(), generation });
        }
    }
}
