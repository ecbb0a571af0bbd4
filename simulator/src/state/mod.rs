//! Everything the region holds.

pub(crate) mod active_faults;
pub(crate) mod chance;
pub(crate) mod event_queue;
pub(crate) mod records;
pub(crate) mod scaling;
pub(crate) mod schedule;
pub(crate) mod throttle;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::address::Address;
use crate::model::alarm::Alarms;
use crate::model::guest::Guest;
use crate::model::ids::IdMaker;
use crate::model::instance::Instance;
use crate::model::settings::Settings;
use crate::model::snapshot::Snapshot;
use crate::model::stores::Stores;
use crate::model::table::Table;
use crate::model::transition::StateTransition;
use crate::model::volume::Volume;
use crate::model::zone::Zone;
use crate::setup::Setup;
use crate::state::active_faults::ActiveFaults;
use crate::state::chance::Chance;
use crate::state::event_queue::EventQueue;
use crate::state::records::{CallLog, TransitionRecord};
use crate::state::scaling::Scaling;
use crate::state::schedule::Schedule;
use crate::state::throttle::Throttles;
use crate::time::{Clock, RegionTime};
use crate::timing::TimingModel;
use crate::timing::distribution::{Distribution, seconds_duration};
use crate::truth::log::TruthLog;

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
    pub(crate) timing: TimingModel,
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
        let memory = seconds_duration(setup.timing.calls.visibility_lag_seconds);
        let zones = setup
            .zones
            .iter()
            .enumerate()
            .map(|(index, name)| (name.clone(), Zone::new(&setup.region_name, name, index)));
        let zones = zones.collect();
        let ids = IdMaker::new(chance.timing.fork());
        let stores = Stores::new(&Settings {
            seed: setup.seed,
            region_name: setup.region_name.clone(),
            account_id: setup.account_id.clone(),
            speed: setup.speed,
            // Where EC2's reads never lag, no others do.
            stale_read_probability: if setup.timing.calls.visibility_lag_seconds > 0.0 {
                setup.timing.calls.stale_read_probability
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
            timing: setup.timing,
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
        state.schedule.add(RegionTime::START.after(first_evaluation), StateTransition::AlarmsEvaluated);
        state
    }

    /// Draws a duration.
    pub(crate) fn sample(&mut self, distribution: Distribution) -> std::time::Duration {
        distribution.sample(&mut self.chance.timing)
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
            None => (self.timing.calls.visibility_lag_seconds, self.timing.calls.stale_read_probability),
        };
        if lag <= 0.0 || self.chance.consistency.f64() >= probability {
            return now;
        }
        now.before(seconds_duration(lag * self.chance.consistency.f64()))
    }
}
