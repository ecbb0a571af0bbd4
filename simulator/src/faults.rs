//! Faults: what a test or a person does to the region to see what the controller makes of it.
//!
//! A fault is JSON: `{"fail_host": {"instance": "i-0abc", "force_stop": "never"}}`. An instance can also be named by its place in an Auto
//! Scaling group: `{"newest_of": "GROUP"}` or `{"oldest_of": "GROUP"}`, in Rust `"newest_of:GROUP"` or `"oldest_of:GROUP"`.

mod creation;
mod error;
mod naming;
mod scaling;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::error::FaultError;
use self::naming::{instance_name, optional_instance_name};
use crate::model::alarm::AlarmState;
use crate::model::instance::StopMode;
use crate::model::instance::{ForceStop, InstanceState};
use crate::model::scaling::process::Process;
use crate::model::transition::Transition;
pub use crate::model::zone::ZoneLoss;
use crate::state::State;
use crate::state::active_faults::{ActionEffect, ActionFault, CapacityRefusal, ThrottleFault};
use crate::time::RegionTime;
use crate::timing::distribution::seconds_duration;

/// Something that goes wrong, or that somebody else does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The host dies: the guest is gone, a graceful stop hangs, a forced one works as said.
    FailHost {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
        /// `"works"`, `{"after_seconds": 30}` or `"never"`.
        #[serde(default = "force_stop_works")]
        force_stop: ForceStop,
    },
    /// The guest cannot be reached, but lives and writes to its disk.
    ImpairNetwork {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
    },
    /// The guest will not answer a shutdown.
    IgnoreShutdown {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
    },
    /// The instance's volumes do no I/O.
    ImpairEbs {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
    },
    /// All that is wrong with an instance is repaired; a guest that was dead boots.
    Heal {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
    },
    /// A zone goes down.
    ZoneDown {
        /// The zone.
        zone: String,
        /// `power` or `network`.
        mode: ZoneLoss,
    },
    /// A zone comes back.
    ZoneUp {
        /// The zone.
        zone: String,
    },
    /// Launches and starts are refused for lack of capacity, in a zone or for one instance.
    RefuseCapacity {
        /// The zone.
        zone: Option<String>,
        /// The instance.
        #[serde(default, deserialize_with = "optional_instance_name")]
        instance: Option<String>,
        /// For how long; for ever if absent.
        for_seconds: Option<f64>,
    },
    /// Calls are answered with `RequestLimitExceeded`.
    Throttle {
        /// Only this action.
        action: Option<String>,
        /// For how long.
        for_seconds: f64,
        /// How often, 0 to 1.
        probability: f64,
    },
    /// The next calls of an action fail.
    FailAction {
        /// The action.
        action: String,
        /// The error's code.
        code: String,
        /// The HTTP status.
        status: u16,
        /// How many calls.
        count: u32,
        /// Fail after the effect instead of before it.
        #[serde(default)]
        after_effect: bool,
    },
    /// The next calls of an action are never answered.
    HangAction {
        /// The action.
        action: String,
        /// How many calls.
        count: u32,
        /// Hang after the effect instead of before it.
        #[serde(default)]
        after_effect: bool,
    },
    /// The next calls of an action take longer.
    SlowAction {
        /// The action.
        action: String,
        /// By how much.
        seconds: f64,
        /// How many calls.
        count: u32,
    },
    /// A snapshot ends in `error`: a given pending one, or the next few.
    FailSnapshot {
        /// A pending snapshot.
        snapshot: Option<String>,
        /// How many of those to come.
        next: Option<u32>,
    },
    /// A volume's creation ends in `error`: a given one that is `creating`, or the next few.
    FailVolume {
        /// A volume that is being created.
        volume: Option<String>,
        /// How many of those to come.
        next: Option<u32>,
    },
    /// Events take this much longer, at least and at most.
    DelayEvents {
        /// At least.
        low_seconds: f64,
        /// At most.
        high_seconds: f64,
    },
    /// Best-effort events are lost this often.
    LoseEvents {
        /// 0 to 1.
        probability: f64,
    },
    /// Events come twice this often.
    RepeatEvents {
        /// 0 to 1.
        probability: f64,
    },
    /// Events are held back this often.
    ReorderEvents {
        /// 0 to 1.
        probability: f64,
    },
    /// An alarm changes its state.
    SetAlarm {
        /// Its name.
        alarm: String,
        /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
        state: AlarmState,
    },
    /// A user's hand stops an instance.
    StopInstance {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
        /// With force.
        #[serde(default)]
        force: bool,
    },
    /// A user's hand starts an instance.
    StartInstance {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
    },
    /// A user's hand terminates an instance.
    TerminateInstance {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
    },
    /// A spot interruption: the warning now, the end two minutes later.
    SpotWarning {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
        /// Stopped instead of terminated.
        #[serde(default)]
        stop: bool,
    },
    /// A rebalance recommendation.
    Rebalance {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
    },
    /// An AWS Health event about an instance.
    HealthEvent {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
        /// Such as `AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED`.
        code: String,
        /// `issue`, `scheduledChange` or `accountNotification`.
        #[serde(default = "scheduled_change")]
        category: String,
    },
    /// A user's hand shuts the operating system down: the instance stops, or terminates if its shutdown behaviour says so.
    ShutDownOs {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
        /// Sets the shutdown behaviour to `terminate` before.
        #[serde(default)]
        terminate: bool,
    },
    /// An agent's hand in a guest: the service stops, its volumes are unmounted.
    Quiesce {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
    },
    /// An agent's hand in a guest: the service may run again.
    Resume {
        /// The instance.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
    },
    /// Somebody calls `SetInstanceHealth`, without respect for the grace period.
    SetInstanceHealth {
        /// The instance; it must be in a group.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
        /// Healthy instead of unhealthy.
        #[serde(default)]
        healthy: bool,
    },
    /// Somebody calls `TerminateInstanceInAutoScalingGroup`.
    TerminateInGroup {
        /// The instance; it must be in a group.
        #[serde(deserialize_with = "instance_name")]
        instance: String,
        /// The desired capacity goes down by one.
        #[serde(default)]
        decrement: bool,
    },
    /// The group's desired capacity goes down by one; its least size with it, if need be.
    ScaleIn {
        /// The group.
        group: String,
    },
    /// An instance refresh begins.
    Refresh {
        /// The group.
        group: String,
    },
    /// The members' maximum lifetime is over.
    MaxLifetime {
        /// The group.
        group: String,
    },
    /// The group rebalances: its oldest member moves to another zone.
    RebalanceZones {
        /// The group.
        group: String,
    },
    /// The group is deleted by force: no hooks run.
    ForceDelete {
        /// The group.
        group: String,
    },
    /// Processes of a group are suspended.
    Suspend {
        /// The group.
        group: String,
        /// Such as `ReplaceUnhealthy`; none means all.
        #[serde(default)]
        processes: BTreeSet<Process>,
    },
    /// Processes of a group go on.
    ResumeProcesses {
        /// The group.
        group: String,
        /// Such as `ReplaceUnhealthy`; none means all.
        #[serde(default)]
        processes: BTreeSet<Process>,
    },
    /// The group's next launches fail, wherever they are tried.
    FailLaunch {
        /// The group.
        group: String,
        /// How many.
        count: u32,
    },
    /// Every EC2 read shows the past, up to this long ago; zero brings back the laws.
    StaleReads {
        /// At most.
        lag_seconds: f64,
    },
}

fn force_stop_works() -> ForceStop {
    ForceStop::Works
}

fn scheduled_change() -> String {
    "scheduledChange".to_owned()
}

impl Fault {
    /// Reads a fault from JSON; the error says what was wrong and what is allowed.
    pub fn from_json(text: &[u8]) -> Result<Self, FaultError> {
        serde_json::from_slice(text).map_err(|error| FaultError::Malformed(error.to_string()))
    }
}

fn probability(value: f64) -> Result<f64, FaultError> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(FaultError::OutOfBounds { name: "probability", value, allowed: "0 to 1" })
    }
}

fn seconds(name: &'static str, value: f64) -> Result<Duration, FaultError> {
    if (0.0..=31_536_000.0).contains(&value) {
        Ok(seconds_duration(value))
    } else {
        Err(FaultError::OutOfBounds { name, value, allowed: "0 to 31536000 (a year)" })
    }
}

impl State {
    /// Lets a fault happen.
    pub(crate) fn inject(&mut self, fault: Fault, at: RegionTime) -> Result<(), FaultError> {
        let fault = self.resolve_instance(fault)?;
        let readable = serde_json::json!({"at_seconds": at.seconds(), "fault": fault});
        self.check_names(&fault)?;
        self.carry_out(fault, at)?;
        self.settle_guests(at);
        self.faults.injected.push(readable);
        Ok(())
    }

    /// Every resource that a fault names must exist.
    fn check_names(&self, fault: &Fault) -> Result<(), FaultError> {
        let (kind, named, known): (_, _, Vec<String>) = match fault {
            Fault::FailHost { instance, .. }
            | Fault::ImpairNetwork { instance }
            | Fault::IgnoreShutdown { instance }
            | Fault::ImpairEbs { instance }
            | Fault::Heal { instance }
            | Fault::StopInstance { instance, .. }
            | Fault::StartInstance { instance }
            | Fault::TerminateInstance { instance }
            | Fault::SpotWarning { instance, .. }
            | Fault::Rebalance { instance }
            | Fault::HealthEvent { instance, .. }
            | Fault::ShutDownOs { instance, .. }
            | Fault::Quiesce { instance }
            | Fault::Resume { instance }
            | Fault::RefuseCapacity { instance: Some(instance), .. } => ("instance", instance, self.instances.ids()),
            Fault::ZoneDown { zone, .. } | Fault::ZoneUp { zone } | Fault::RefuseCapacity { zone: Some(zone), .. } => {
                ("zone", zone, self.zones.keys().cloned().collect())
            }
            Fault::SetInstanceHealth { instance, .. } | Fault::TerminateInGroup { instance, .. } => {
                ("instance of a group", instance, self.scaling.group_of.keys().cloned().collect())
            }
            Fault::ScaleIn { group }
            | Fault::Refresh { group }
            | Fault::MaxLifetime { group }
            | Fault::RebalanceZones { group }
            | Fault::ForceDelete { group }
            | Fault::Suspend { group, .. }
            | Fault::ResumeProcesses { group, .. }
            | Fault::FailLaunch { group, .. } => ("group", group, self.scaling.groups.ids()),
            Fault::FailSnapshot { snapshot: Some(snapshot), .. } => ("snapshot", snapshot, self.snapshots.ids()),
            Fault::FailVolume { volume: Some(volume), .. } => ("volume", volume, self.volumes.ids()),
            Fault::SetAlarm { alarm, .. } => ("alarm", alarm, self.alarms.by_name.keys().cloned().collect()),
            _ => return Ok(()),
        };
        if known.contains(named) { Ok(()) } else { Err(FaultError::Unknown { kind, named: named.clone(), known }) }
    }

    fn carry_out(&mut self, fault: Fault, at: RegionTime) -> Result<(), FaultError> {
        match fault {
            Fault::FailHost { .. }
            | Fault::ImpairNetwork { .. }
            | Fault::IgnoreShutdown { .. }
            | Fault::ImpairEbs { .. }
            | Fault::Heal { .. }
            | Fault::StopInstance { .. }
            | Fault::StartInstance { .. }
            | Fault::TerminateInstance { .. }
            | Fault::ShutDownOs { .. }
            | Fault::SpotWarning { .. } => return self.harm_instance(fault, at),
            Fault::Quiesce { instance } => self.quiesce_guest(&instance, at),
            Fault::Resume { instance } => self.resume_guest(&instance, at),
            Fault::SetInstanceHealth { .. }
            | Fault::TerminateInGroup { .. }
            | Fault::ScaleIn { .. }
            | Fault::Refresh { .. }
            | Fault::MaxLifetime { .. }
            | Fault::RebalanceZones { .. }
            | Fault::ForceDelete { .. }
            | Fault::Suspend { .. }
            | Fault::ResumeProcesses { .. }
            | Fault::FailLaunch { .. } => return self.disturb_group(fault, at),
            Fault::ZoneDown { zone, mode } => self.zone_goes_down(&zone, mode, at),
            Fault::ZoneUp { zone } => self.zone_comes_up(&zone, at),
            Fault::RefuseCapacity { zone, instance, for_seconds } => {
                if zone.is_some() == instance.is_some() {
                    return Err(FaultError::EitherOr { first: "zone", second: "instance" });
                }
                let until = match for_seconds {
                    Some(value) => at.after(seconds("for_seconds", value)?),
                    None => RegionTime(u64::MAX),
                };
                self.faults.capacity.push(CapacityRefusal { zone, instance, until });
            }
            Fault::Throttle { action, for_seconds, probability: value } => {
                let until = at.after(seconds("for_seconds", for_seconds)?);
                self.faults.throttles.push(ThrottleFault { action, until, probability: probability(value)? });
            }
            Fault::FailAction { action, code, status, count, after_effect } => {
                if !(400..=599).contains(&status) {
                    return Err(FaultError::OutOfBounds {
                        name: "status",
                        value: f64::from(status),
                        allowed: "400 to 599",
                    });
                }
                self.faults.actions.push(ActionFault {
                    action,
                    left: count,
                    effect: ActionEffect::Fail { code, status, after_effect },
                });
            }
            Fault::HangAction { action, count, after_effect } => {
                self.faults.actions.push(ActionFault {
                    action,
                    left: count,
                    effect: ActionEffect::Hang { after_effect },
                });
            }
            Fault::SlowAction { action, seconds: value, count } => {
                seconds("seconds", value)?;
                self.faults.actions.push(ActionFault {
                    action,
                    left: count,
                    effect: ActionEffect::Slow { seconds: value },
                });
            }
            Fault::FailSnapshot { snapshot, next } => self.fail_snapshot(snapshot, next)?,
            Fault::FailVolume { volume, next } => self.fail_volume(volume, next)?,
            Fault::DelayEvents { .. }
            | Fault::LoseEvents { .. }
            | Fault::RepeatEvents { .. }
            | Fault::ReorderEvents { .. } => {
                return self.disturb_events(&fault);
            }
            Fault::SetAlarm { alarm, state } => {
                self.set_alarm_state(&alarm, state, "Set by fault injection.".to_owned(), String::new(), at);
            }
            Fault::Rebalance { instance } => {
                if let Some(found) = self.instances.get_mut(&instance) {
                    found.notices.rebalance = Some(at);
                }
                self.emit_rebalance(&instance, at);
            }
            Fault::HealthEvent { instance, code, category } => self.emit_health(&instance, &code, &category, at),
            Fault::StaleReads { lag_seconds } => {
                let lag = seconds("lag_seconds", lag_seconds)?;
                self.faults.stale_reads_seconds = (!lag.is_zero()).then_some(lag_seconds);
                self.instances.remember(lag);
                self.volumes.remember(lag);
                self.snapshots.remember(lag);
                self.addresses.remember(lag);
                self.scaling.groups.remember(lag);
            }
        }
        Ok(())
    }

    fn harm_instance(&mut self, fault: Fault, at: RegionTime) -> Result<(), FaultError> {
        match fault {
            Fault::FailHost { instance, force_stop } => {
                if let Some(found) = self.instances.get_mut(&instance) {
                    found.condition.host_failed = Some(force_stop);
                }
                self.cut_guest(&instance);
                self.replan_stop(&instance, at);
            }
            Fault::ImpairNetwork { instance } => {
                self.set_condition(&instance, |condition| condition.network_impaired = true);
            }
            Fault::IgnoreShutdown { instance } => {
                self.set_condition(&instance, |condition| condition.ignores_shutdown = true);
            }
            Fault::ImpairEbs { instance } => self.set_condition(&instance, |condition| condition.ebs_impaired = true),
            Fault::Heal { instance } => {
                self.set_condition(&instance, |condition| *condition = crate::model::instance::Condition::default());
                if self.guests.get(&instance).is_some_and(|guest| !guest.up) {
                    self.boot_after_power_loss(&instance, at);
                }
                self.replan_stop(&instance, at);
            }
            Fault::StopInstance { instance, force } => {
                let mode = StopMode { force, skip_os_shutdown: false };
                self.stop_instance(&instance, mode, at).map_err(|_| self.wrong_instance_state(&instance, "running"))?;
            }
            Fault::StartInstance { instance } => {
                self.start_instance(&instance, at).map_err(|_| self.wrong_instance_state(&instance, "stopped"))?;
            }
            Fault::TerminateInstance { instance } => self.terminate_instance(&instance, at),
            Fault::ShutDownOs { instance, terminate } => {
                if !self.guests.get(&instance).is_some_and(|guest| guest.up) {
                    return Err(self.wrong_instance_state(&instance, "running, with its guest up"));
                }
                if let Some(found) = self.instances.get_mut(&instance) {
                    found.terminate_on_shutdown |= terminate;
                }
                self.shut_down_os(&instance, at);
            }
            Fault::SpotWarning { instance, stop } => {
                let running = self.instances.get(&instance).is_some_and(|found| found.state == InstanceState::Running);
                if !running {
                    return Err(self.wrong_instance_state(&instance, "running"));
                }
                let action = if stop { "stop" } else { "terminate" };
                self.emit_spot_warning(&instance, action, at);
                let notice = self.sample(self.laws.instances.spot_notice);
                if let Some(found) = self.instances.get_mut(&instance) {
                    found.notices.spot = Some((action, at.after(notice)));
                }
                self.schedule.add(at.after(notice), Transition::SpotReclaimed { instance, terminate: !stop });
            }
            _ => {}
        }
        Ok(())
    }

    fn set_condition(&mut self, id: &str, change: impl FnOnce(&mut crate::model::instance::Condition)) {
        if let Some(instance) = self.instances.get_mut(id) {
            change(&mut instance.condition);
        }
    }

    fn wrong_instance_state(&self, id: &str, allowed: &'static str) -> FaultError {
        let state = self.instances.get(id).map_or("gone", |instance| instance.state.name());
        FaultError::WrongState { named: id.to_owned(), state, allowed }
    }

    fn disturb_events(&mut self, fault: &Fault) -> Result<(), FaultError> {
        let laws = &mut self.laws.events;
        match *fault {
            Fault::DelayEvents { low_seconds, high_seconds } => {
                seconds("low_seconds", low_seconds)?;
                seconds("high_seconds", high_seconds)?;
                laws.delay = crate::timing::Distribution::between(low_seconds, high_seconds.max(low_seconds));
            }
            Fault::LoseEvents { probability: value } => laws.loss_probability = probability(value)?,
            Fault::RepeatEvents { probability: value } => laws.duplicate_probability = probability(value)?,
            Fault::ReorderEvents { probability: value } => laws.reorder_probability = probability(value)?,
            _ => {}
        }
        Ok(())
    }
}
