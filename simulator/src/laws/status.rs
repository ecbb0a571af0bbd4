//! Status checks: evaluated every minute while an instance runs, `initializing` for the first minutes.

use crate::laws::alarm::DataPoint;
use crate::laws::distribution::seconds_duration;
use crate::laws::instance::InstanceState;
use crate::schedule::Transition;
use crate::state::State;
use crate::time::RegionTime;

/// One of the three checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Initializing,
    Passed,
    Failed {
        since: RegionTime,
    },
    /// The instance does not run.
    NotApplicable,
}

impl Check {
    /// The summary status.
    pub(crate) const fn summary(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Passed => "ok",
            Self::Failed { .. } => "impaired",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// The status of the `reachability` detail, where there is one.
    pub(crate) const fn reachability(self) -> Option<&'static str> {
        match self {
            Self::Initializing => Some("initializing"),
            Self::Passed => Some("passed"),
            Self::Failed { .. } => Some("failed"),
            Self::NotApplicable => None,
        }
    }

    fn evaluated(self, failed: bool, at: RegionTime) -> Self {
        match (failed, self) {
            (false, _) => Self::Passed,
            (true, Self::Failed { since }) => Self::Failed { since },
            (true, _) => Self::Failed { since: at },
        }
    }

    const fn failed(self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// The three checks of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StatusChecks {
    pub(crate) system: Check,
    pub(crate) instance: Check,
    pub(crate) attached_ebs: Check,
}

impl StatusChecks {
    const fn all(check: Check) -> Self {
        Self { system: check, instance: check, attached_ebs: check }
    }

    pub(crate) const fn not_running() -> Self {
        Self::all(Check::NotApplicable)
    }

    /// As it is for an instance that has run for long.
    pub(crate) const fn passed() -> Self {
        Self::all(Check::Passed)
    }
}

impl State {
    /// The instance has begun to run: data will come once initialisation is done.
    pub(crate) fn begin_status_checks(&mut self, id: &str, at: RegionTime) {
        let wait = self.sample(self.laws.status.initializing);
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.status = StatusChecks::all(Check::Initializing);
        let generation = instance.generation;
        self.schedule.add(at.after(wait), Transition::StatusEvaluated { instance: id.to_owned(), generation });
    }

    /// For an instance that runs from the start: evaluated from some second of the first minute on.
    pub(crate) fn begin_settled_status_checks(&mut self, id: &str, at: RegionTime) {
        let offset = seconds_duration(self.chance.laws.f64() * self.laws.status.check_every_seconds);
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.status = StatusChecks::passed();
        let generation = instance.generation;
        self.schedule.add(at.after(offset), Transition::StatusEvaluated { instance: id.to_owned(), generation });
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
        let again = at.after(seconds_duration(self.laws.status.check_every_seconds.max(1.0)));
        self.schedule.add(again, Transition::StatusEvaluated { instance: id.to_owned(), generation });
    }

    fn publish_status(&mut self, id: &str, status: StatusChecks, at: RegionTime) {
        let delay = self.sample(self.laws.status.publish_delay);
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
