//! Stopping: the four forms of `StopInstances`, and what a guest or a host can do to each.
//!
//! A plain stop and a forced stop first ask the guest to shut down. A guest that does not answer is cut off after minutes, which nobody can
//! configure. `SkipOsShutdown` leaves the question out, also for a stop that is under way. On a failed host a plain stop hangs; a forced one
//! works late or never, as the fault says.

use std::time::Duration;

use crate::behaviour::instance::reasons::{USER_INITIATED_SHUTDOWN, wrong_state};
use crate::model::instance::{ForceStop, Instance, InstanceState, Stop, StopMode};
use crate::model::status::StatusChecks;
use crate::model::transition::StateTransition;
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;
use crate::timing::distribution::seconds_duration;

/// How a stop will go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// The guest shuts down within this time.
    Graceful(Duration),
    /// The guest is cut off after this time, and writes until then.
    CutOff(Duration),
    /// It does not end by itself.
    Stuck,
}

impl State {
    /// Whether `StopInstances` may stop an instance.
    pub(crate) fn check_stop(&self, id: &str, mode: StopMode) -> Result<(), ApiError> {
        let Some(instance) = self.instances.get(id) else { return Ok(()) };
        if instance.disable_api_stop {
            return Err(ApiError::client(
                "OperationNotPermitted",
                format!(
                    "The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again."
                ),
            ));
        }
        match instance.state {
            InstanceState::Stopped | InstanceState::Stopping | InstanceState::Running => Ok(()),
            // A forced stop is accepted in any state but the last two; a plain one needs a running instance.
            InstanceState::Pending if mode.force => Ok(()),
            InstanceState::Pending if !instance.has_run => Err(ApiError::client(
                "IncorrectInstanceState",
                format!("Instance '{id}' cannot be stopped as it has never reached the 'running' state."),
            )),
            InstanceState::Pending | InstanceState::ShuttingDown | InstanceState::Terminated => {
                Err(wrong_state(id, "stopped"))
            }
        }
    }

    /// `StopInstances` on one instance that may be stopped.
    pub(crate) fn stop_instance(&mut self, id: &str, mode: StopMode, at: RegionTime) {
        match self.instances.get(id).map(|instance| instance.state) {
            Some(InstanceState::Running | InstanceState::Pending) => self.begin_stop(id, mode, at),
            Some(InstanceState::Stopping) => self.upgrade_stop(id, mode, at),
            _ => {}
        }
    }

    /// Starts a stop of a running instance.
    pub(crate) fn begin_stop(&mut self, id: &str, mode: StopMode, at: RegionTime) {
        let reason = self.user_initiated(at);
        let Some(instance) = self.instances.change(id, at) else { return };
        instance.state = InstanceState::Stopping;
        instance.state_reason = Some(USER_INITIATED_SHUTDOWN);
        instance.transition_reason = reason;
        instance.requested_at = at;
        instance.stop = Some(Stop { mode, requested_at: at });
        instance.status = StatusChecks::not_running();
        self.emit_instance_state(id, InstanceState::Stopping, at);
        self.plan_stop(id, at);
    }

    /// A second call during a stop can only make it harsher.
    fn upgrade_stop(&mut self, id: &str, mode: StopMode, at: RegionTime) {
        let Some(stop) = self.instances.get_mut(id).and_then(|instance| instance.stop.as_mut()) else { return };
        let stronger = StopMode {
            force: stop.mode.force || mode.force,
            skip_os_shutdown: stop.mode.skip_os_shutdown || mode.skip_os_shutdown,
        };
        if stronger != stop.mode {
            stop.mode = stronger;
            self.plan_stop(id, at);
        }
    }

    /// What a stop under way depends on has changed.
    pub(crate) fn replan_stop(&mut self, id: &str, at: RegionTime) {
        if self.instances.get(id).is_some_and(|instance| instance.state == InstanceState::Stopping) {
            self.plan_stop(id, at);
        }
    }

    /// Plans how the stop goes from now, and voids an earlier plan.
    fn plan_stop(&mut self, id: &str, at: RegionTime) {
        let Some(instance) = self.instances.get(id).cloned() else { return };
        let guest_up = self.guests.get(id).is_some_and(|guest| guest.up);
        let course = self.course_of_stop(&instance, guest_up);
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.generation += 1;
        let generation = instance.generation;
        let (guest_down, stopped) = match course {
            Course::Stuck => return,
            Course::Graceful(duration) => {
                let share = self.timing.guests.shutdown_share.clamp(0.0, 1.0);
                (at.after(duration.mul_f64(share)), at.after(duration))
            }
            Course::CutOff(duration) => (at.after(duration + self.late_write(guest_up)), at.after(duration)),
        };
        self.schedule.add(guest_down, StateTransition::GuestDown { instance: id.to_owned(), generation });
        self.schedule.add(stopped, StateTransition::InstanceStopped { instance: id.to_owned(), generation });
    }

    fn course_of_stop(&mut self, instance: &Instance, guest_up: bool) -> Course {
        let timing = self.timing.instances.clone();
        let Some(stop) = instance.stop else { return Course::Stuck };
        if let Some(force_stop) = instance.condition.host_failed {
            // There is no guest to ask, and the host does not obey: only force, and only as the fault allows.
            return match force_stop {
                ForceStop::Works if stop.mode.force => Course::CutOff(self.sample(timing.forced_stop_of_failed_host)),
                ForceStop::AfterSeconds(seconds) if stop.mode.force => Course::CutOff(seconds_duration(seconds)),
                ForceStop::Works | ForceStop::AfterSeconds(_) | ForceStop::Never => Course::Stuck,
            };
        }
        if stop.mode.skip_os_shutdown || !guest_up {
            return Course::CutOff(self.sample(timing.immediate_stop));
        }
        if instance.condition.ignores_shutdown {
            return Course::CutOff(self.sample(timing.graceful_stop_limit));
        }
        Course::Graceful(self.sample(timing.graceful_stop))
    }

    /// AWS: a forced stop that goes ahead may "in rare cases" leave writes after `stopped` is reported.
    pub(crate) fn late_write(&mut self, guest_up: bool) -> Duration {
        let probability = self.timing.instances.late_write_probability;
        if guest_up && probability > 0.0 && self.chance.timing.f64() < probability {
            self.sample(self.timing.instances.late_write)
        } else {
            Duration::ZERO
        }
    }

    pub(crate) fn instance_stopped(&mut self, id: &str, generation: u64, at: RegionTime) {
        let Some(instance) = self.instances.change(id, at) else { return };
        if instance.generation != generation || instance.state != InstanceState::Stopping {
            return;
        }
        instance.state = InstanceState::Stopped;
        instance.stop = None;
        let requested_at = instance.requested_at;
        self.record_transition("stop", id, requested_at, at);
        self.emit_instance_state(id, InstanceState::Stopped, at);
        self.finish_waiting_detaches(id, at);
    }
}
