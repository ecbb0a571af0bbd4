//! What may happen to an instance: to its host, its guest, by a user's hand, by AWS, or by its group.

use serde::{Deserialize, Serialize};

use super::bounds::end_of;
use super::error::{FaultError, known, refused};
use crate::model::instance::{Condition, ForceStop, InstanceState, StopMode};
use crate::model::transition::StateTransition;
use crate::state::State;
use crate::state::active_faults::CapacityRefusal;
use crate::time::RegionTime;

/// A fault that hits an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InstanceFault {
    /// The host dies: the guest is gone, a graceful stop hangs, a forced one works as said.
    FailHost {
        /// `"works"`, `{"after_seconds": 30}` or `"never"`.
        #[serde(default = "force_stop_works")]
        force_stop: ForceStop,
    },
    /// The guest cannot be reached, but lives and writes to its disk.
    ImpairNetwork,
    /// The guest will not answer a shutdown.
    IgnoreShutdown,
    /// The instance's volumes do no I/O.
    ImpairEbs,
    /// All that is wrong with the instance is repaired; a guest that was dead boots.
    Heal,
    /// Its starts are refused for lack of capacity.
    RefuseCapacity {
        /// For how long; for ever if absent.
        for_seconds: Option<f64>,
    },
    /// A user's hand stops it.
    Stop {
        /// With force.
        #[serde(default)]
        force: bool,
    },
    /// A user's hand starts it.
    Start,
    /// A user's hand terminates it.
    Terminate,
    /// A spot interruption: the warning now, the end two minutes later.
    SpotWarning {
        /// Stopped instead of terminated.
        #[serde(default)]
        stop: bool,
    },
    /// A rebalance recommendation.
    Rebalance,
    /// An AWS Health event about it.
    HealthEvent {
        /// Such as `AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED`.
        code: String,
        /// `issue`, `scheduledChange` or `accountNotification`.
        #[serde(default = "scheduled_change")]
        category: String,
    },
    /// A user's hand shuts the operating system down: the instance stops, or terminates if its shutdown behaviour says so.
    ShutDownOs {
        /// Sets the shutdown behaviour to `terminate` before.
        #[serde(default)]
        terminate: bool,
    },
    /// An agent's hand in the guest: the service stops, its volumes are unmounted.
    Quiesce,
    /// An agent's hand in the guest: the service may run again.
    Resume,
    /// Somebody calls `SetInstanceHealth`, without respect for the grace period. It must be in a group.
    SetHealth {
        /// Healthy instead of unhealthy.
        #[serde(default)]
        healthy: bool,
    },
    /// Somebody calls `TerminateInstanceInAutoScalingGroup`. It must be in a group.
    TerminateInGroup {
        /// The desired capacity goes down by one.
        #[serde(default)]
        decrement: bool,
    },
}

fn force_stop_works() -> ForceStop {
    ForceStop::Works
}

fn scheduled_change() -> String {
    "scheduledChange".to_owned()
}

impl State {
    pub(super) fn hit_instance(&mut self, id: &str, fault: InstanceFault, at: RegionTime) -> Result<(), FaultError> {
        match fault {
            InstanceFault::FailHost { force_stop } => self.fail_host(id, force_stop, at),
            InstanceFault::ImpairNetwork => self.set_condition(id, |condition| condition.network_impaired = true),
            InstanceFault::IgnoreShutdown => self.set_condition(id, |condition| condition.ignores_shutdown = true),
            InstanceFault::ImpairEbs => self.set_condition(id, |condition| condition.ebs_impaired = true),
            InstanceFault::Heal => self.heal(id, at),
            InstanceFault::RefuseCapacity { for_seconds } => {
                let until = end_of(for_seconds, at)?;
                self.faults.capacity.push(CapacityRefusal { zone: None, instance: Some(id.to_owned()), until });
            }
            InstanceFault::Stop { force } => {
                let mode = StopMode { force, skip_os_shutdown: false };
                self.check_stop(id, mode).map_err(|error| match error.code.as_ref() {
                    "OperationNotPermitted" => refused(id, &error.message),
                    _ => self.wrong_instance_state(id, "running"),
                })?;
                self.stop_instance(id, mode, at);
            }
            InstanceFault::Start => {
                self.check_start(id, at).map_err(|_| self.wrong_instance_state(id, "stopped"))?;
                self.start_instance(id, at);
            }
            InstanceFault::Terminate => self.terminate_instance(id, at),
            InstanceFault::SpotWarning { stop } => self.warn_of_spot_interruption(id, stop, at)?,
            InstanceFault::Rebalance => self.recommend_rebalance(id, at),
            InstanceFault::HealthEvent { code, category } => self.emit_health(id, &code, &category, at),
            InstanceFault::ShutDownOs { terminate } => self.shut_down_by_hand(id, terminate, at)?,
            InstanceFault::Quiesce => self.quiesce_guest(id, at),
            InstanceFault::Resume => self.resume_guest(id, at),
            InstanceFault::SetHealth { healthy } => {
                let group = self.group_of(id)?;
                self.set_instance_health(&group, id, healthy, false, at);
            }
            InstanceFault::TerminateInGroup { decrement } => {
                let group = self.group_of(id)?;
                let ended = self.terminate_members(&group, &[id], decrement, at);
                ended.map_err(|error| refused(id, &error.message))?;
            }
        }
        Ok(())
    }

    fn fail_host(&mut self, id: &str, force_stop: ForceStop, at: RegionTime) {
        self.set_condition(id, |condition| condition.host_failed = Some(force_stop));
        self.cut_guest(id);
        self.replan_stop(id, at);
    }

    fn heal(&mut self, id: &str, at: RegionTime) {
        self.set_condition(id, |condition| *condition = Condition::default());
        if self.guests.get(id).is_some_and(|guest| !guest.up) {
            self.boot_after_power_loss(id, at);
        }
        self.replan_stop(id, at);
    }

    fn warn_of_spot_interruption(&mut self, id: &str, stop: bool, at: RegionTime) -> Result<(), FaultError> {
        if self.instances.get(id).is_none_or(|found| found.state != InstanceState::Running) {
            return Err(self.wrong_instance_state(id, "running"));
        }
        let action = if stop { "stop" } else { "terminate" };
        self.emit_spot_warning(id, action, at);
        let notice = self.sample(self.timing.instances.spot_notice);
        if let Some(found) = self.instances.get_mut(id) {
            found.notices.spot = Some((action, at.after(notice)));
        }
        let reclaimed = StateTransition::SpotReclaimed { instance: id.to_owned(), terminate: !stop };
        self.schedule.add(at.after(notice), reclaimed);
        Ok(())
    }

    fn recommend_rebalance(&mut self, id: &str, at: RegionTime) {
        if let Some(found) = self.instances.get_mut(id) {
            found.notices.rebalance = Some(at);
        }
        self.emit_rebalance(id, at);
    }

    fn shut_down_by_hand(&mut self, id: &str, terminate: bool, at: RegionTime) -> Result<(), FaultError> {
        if !self.guests.get(id).is_some_and(|guest| guest.up) {
            return Err(self.wrong_instance_state(id, "running, with its guest up"));
        }
        if let Some(found) = self.instances.get_mut(id) {
            found.terminate_on_shutdown |= terminate;
        }
        self.shut_down_os(id, at);
        Ok(())
    }

    fn set_condition(&mut self, id: &str, change: impl FnOnce(&mut Condition)) {
        if let Some(instance) = self.instances.get_mut(id) {
            change(&mut instance.condition);
        }
    }

    fn group_of(&self, id: &str) -> Result<String, FaultError> {
        known("instance of a group", id, self.scaling.group_of.keys())?;
        Ok(self.scaling.group_of.get(id).cloned().unwrap_or_default())
    }

    fn wrong_instance_state(&self, id: &str, allowed: &'static str) -> FaultError {
        let state = self.instances.get(id).map_or("gone", |instance| instance.state.name());
        FaultError::WrongState { named: id.to_owned(), state, allowed }
    }
}
