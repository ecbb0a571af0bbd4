//! Everything the region holds, and how time passes over it.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use crate::events::EventQueue;
use crate::faults::ActiveFaults;
use crate::guest::Guest;
use crate::ids::IdMaker;
use crate::laws::Laws;
use crate::laws::address::Address;
use crate::laws::alarm::Alarms;
use crate::laws::distribution::{Distribution, seconds_duration};
use crate::laws::instance::Instance;
use crate::laws::scaling::Scaling;
use crate::laws::snapshot::Snapshot;
use crate::laws::throttle::Throttles;
use crate::laws::volume::Volume;
use crate::laws::zone::Zone;
use crate::model::settings::Settings;
use crate::model::stores::Stores;
use crate::region::{CallLog, TransitionRecord};
use crate::schedule::{Schedule, Transition};
use crate::setup::Setup;
use crate::table::Table;
use crate::time::{Clock, RegionTime};
use crate::truth::TruthLog;

/// Independent generators, so that one more call does not change how long a stop takes.
#[derive(Debug)]
pub(crate) struct Chance {
    pub(crate) laws: Rng,
    pub(crate) latency: Rng,
    pub(crate) consistency: Rng,
    pub(crate) events: Rng,
    pub(crate) faults: Rng,
    /// The last to fork, so that regions without groups are as they were before there were any.
    pub(crate) scaling: Rng,
}

impl Chance {
    fn new(seed: u64) -> Self {
        let mut root = Rng::with_seed(seed);
        Self {
            laws: root.fork(),
            latency: root.fork(),
            consistency: root.fork(),
            events: root.fork(),
            faults: root.fork(),
            scaling: root.fork(),
        }
    }
}

/// The whole region.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) region_name: String,
    pub(crate) account_id: String,
    pub(crate) workload_tag: Option<String>,
    pub(crate) volume_name_tag: Option<String>,
    /// Guests have boot agents, on whose word their services wait.
    pub(crate) agents: bool,
    pub(crate) clock: Clock,
    pub(crate) laws: Laws,
    pub(crate) chance: Chance,
    pub(crate) ids: IdMaker,
    pub(crate) schedule: Schedule,
    pub(crate) zones: BTreeMap<String, Zone>,
    pub(crate) instances: Table<Instance>,
    pub(crate) volumes: Table<Volume>,
    pub(crate) snapshots: Table<Snapshot>,
    pub(crate) addresses: Table<Address>,
    pub(crate) scaling: Scaling,
    /// Volumes that have ever been attached to an instance: where a describe of the instance looks.
    pub(crate) attached_to: BTreeMap<String, BTreeSet<String>>,
    pub(crate) guests: BTreeMap<String, Guest>,
    pub(crate) alarms: Alarms,
    pub(crate) stores: Stores,
    pub(crate) throttles: Throttles,
    /// Client tokens already used: what was asked, and the ids that were made.
    pub(crate) client_tokens: BTreeMap<String, UsedToken>,
    pub(crate) faults: ActiveFaults,
    pub(crate) events: EventQueue,
    pub(crate) truth: TruthLog,
    pub(crate) call_log: CallLog,
    pub(crate) transitions: Vec<TransitionRecord>,
}

/// What a client token was used for.
#[derive(Debug, Clone)]
pub(crate) struct UsedToken {
    pub(crate) parameters: String,
    pub(crate) made: Vec<String>,
}

/// Records of transitions are kept up to this many: months of a busy region.
const TRANSITIONS_KEPT: usize = 1_000_000;

impl State {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut chance = Chance::new(setup.seed);
        let scaling_chance = chance.scaling.fork();
        let memory = seconds_duration(setup.laws.calls.visibility_lag_seconds);
        let zones = setup
            .zones
            .iter()
            .enumerate()
            .map(|(index, name)| (name.clone(), Zone::new(&setup.region_name, name, index)));
        let zones = zones.collect();
        let ids = IdMaker::new(chance.laws.fork());
        let stores = Stores::new(&Settings {
            seed: setup.seed,
            region_name: setup.region_name.clone(),
            account_id: setup.account_id.clone(),
            speed: setup.speed,
            // Laws under which EC2's reads never lag are laws without lag.
            stale_read_probability: if setup.laws.calls.visibility_lag_seconds > 0.0 {
                setup.laws.calls.stale_read_probability
            } else {
                0.0
            },
        });
        let mut state = Self {
            region_name: setup.region_name,
            account_id: setup.account_id,
            workload_tag: setup.workload_tag,
            agents: setup.agents,
            volume_name_tag: setup.volume_name_tag,
            clock: Clock::start(setup.origin, setup.speed),
            laws: setup.laws,
            chance,
            ids,
            schedule: Schedule::default(),
            zones,
            instances: Table::new(memory),
            volumes: Table::new(memory),
            snapshots: Table::new(memory),
            addresses: Table::new(memory),
            scaling: Scaling::new(scaling_chance, memory),
            attached_to: BTreeMap::new(),
            guests: BTreeMap::new(),
            alarms: Alarms::default(),
            stores,
            throttles: Throttles::default(),
            client_tokens: BTreeMap::new(),
            faults: ActiveFaults::default(),
            events: EventQueue::default(),
            truth: TruthLog::default(),
            call_log: CallLog::default(),
            transitions: Vec::new(),
        };
        let first_evaluation = state.sample(Distribution::between(0.0, 60.0));
        state.schedule.add(RegionTime::START.after(first_evaluation), Transition::AlarmsEvaluated);
        state
    }

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

    /// Draws a duration for a law.
    pub(crate) fn sample(&mut self, distribution: Distribution) -> std::time::Duration {
        distribution.sample(&mut self.chance.laws)
    }

    /// Notes how long a transition took from request to end.
    pub(crate) fn record_transition(
        &mut self,
        kind: &'static str,
        resource: &str,
        requested_at: RegionTime,
        done_at: RegionTime,
    ) {
        if self.transitions.len() < TRANSITIONS_KEPT {
            self.transitions.push(TransitionRecord { kind, resource: resource.to_owned(), requested_at, done_at });
        }
    }

    /// The moment whose state a lagging read shows.
    pub(crate) fn read_as_of(&mut self, now: RegionTime) -> RegionTime {
        let (lag, probability) = match self.faults.stale_reads_seconds {
            Some(lag) => (lag, 1.0),
            None => (self.laws.calls.visibility_lag_seconds, self.laws.calls.stale_read_probability),
        };
        if lag <= 0.0 || self.chance.consistency.f64() >= probability {
            return now;
        }
        now.before(seconds_duration(lag * self.chance.consistency.f64()))
    }
}
