//! The end of an instance: asked for, by its own system, or by a spot interruption.

use crate::behaviour::instance::reasons::USER_INITIATED_SHUTDOWN;
use crate::model::instance::InstanceState;
use crate::model::status::StatusChecks;
use crate::model::transition::StateTransition;
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// Whether `TerminateInstances` may terminate an instance. AWS: stop protection protects from termination, too.
    pub(crate) fn check_terminate(&self, id: &str) -> Result<(), ApiError> {
        let Some(instance) = self.instances.get(id) else { return Ok(()) };
        let attribute = match (instance.disable_api_termination, instance.disable_api_stop) {
            (true, _) => "disableApiTermination",
            (false, true) => "disableApiStop",
            (false, false) => return Ok(()),
        };
        Err(ApiError::client(
            "OperationNotPermitted",
            format!(
                "The instance '{id}' may not be terminated. Modify its '{attribute}' instance attribute and try again."
            ),
        ))
    }

    /// `TerminateInstances` on one instance. Idempotent, as AWS documents.
    pub(crate) fn terminate_instance(&mut self, id: &str, at: RegionTime) {
        let Some(instance) = self.instances.get(id) else { return };
        if instance.state.is_ending() {
            return;
        }
        let dead_host = instance.condition.host_failed.is_some();
        let was_stopped = instance.state == InstanceState::Stopped;
        let distribution = if dead_host && !was_stopped {
            self.timing.instances.terminate_on_failed_host
        } else {
            self.timing.instances.terminate
        };
        let duration = self.sample(distribution);
        let reason = self.user_initiated(at);
        let Some(instance) = self.instances.change(id, at) else { return };
        instance.state = InstanceState::ShuttingDown;
        instance.state_reason = Some(USER_INITIATED_SHUTDOWN);
        instance.transition_reason = reason;
        instance.requested_at = at;
        instance.stop = None;
        instance.generation += 1;
        instance.status = StatusChecks::not_running();
        let generation = instance.generation;
        self.emit_instance_state(id, InstanceState::ShuttingDown, at);
        let share = self.timing.guests.shutdown_share;
        let guest_down = at.after(duration.mul_f64(share.clamp(0.0, 1.0)));
        self.schedule.add(guest_down, StateTransition::GuestDown { instance: id.to_owned(), generation });
        self.schedule
            .add(at.after(duration), StateTransition::InstanceTerminated { instance: id.to_owned(), generation });
    }

    /// Ends the instance: volumes go or stay as `DeleteOnTermination` says, the address is dropped.
    pub(crate) fn instance_terminated(&mut self, id: &str, generation: u64, at: RegionTime) {
        let Some(instance) = self.instances.change(id, at) else { return };
        if instance.generation != generation || instance.state != InstanceState::ShuttingDown {
            return;
        }
        instance.state = InstanceState::Terminated;
        instance.stop = None;
        let requested_at = instance.requested_at;
        self.record_transition("terminate", id, requested_at, at);
        self.cut_guest(id);
        self.emit_instance_state(id, InstanceState::Terminated, at);
        self.drop_addresses_of(id, at);
        self.release_volumes_of_terminated(id, at);
        let visible = self.sample(self.timing.instances.terminated_visible);
        self.schedule.add(at.after(visible), StateTransition::InstanceForgotten { instance: id.to_owned() });
        self.member_ended(id, at);
    }

    pub(crate) fn forget_instance(&mut self, id: &str, at: RegionTime) {
        self.instances.remove(id, at);
        self.guests.remove(id);
        self.attached_to.remove(id);
    }

    /// The spot notice has run out.
    pub(crate) fn spot_reclaimed(&mut self, id: &str, terminate: bool, at: RegionTime) {
        if terminate {
            self.terminate_instance(id, at);
        } else if self.instances.get(id).is_some_and(|instance| instance.state == InstanceState::Running) {
            self.begin_stop(id, crate::model::instance::StopMode::default(), at);
        }
        if let Some(instance) = self.instances.get_mut(id) {
            instance.state_reason =
                Some(("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination"));
        }
    }

    /// The guest itself shuts down. AWS: what happens then, stop or terminate, the instance was launched with.
    pub(crate) fn shut_down_os(&mut self, id: &str, at: RegionTime) {
        let Some(instance) = self.instances.get(id) else { return };
        if instance.terminate_on_shutdown {
            self.terminate_instance(id, at);
        } else {
            self.begin_stop(id, crate::model::instance::StopMode::default(), at);
        }
        if let Some(instance) = self.instances.get_mut(id) {
            let text = "Client.InstanceInitiatedShutdown: Instance initiated shutdown";
            instance.state_reason = Some(("Client.InstanceInitiatedShutdown", text));
        }
    }
}
