//! The region as its users hold it: calls go in, answers and events come out, the truth can be asked.

mod call;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

pub use self::call::ConnectionError;
use crate::events::Delivery;
use crate::faults::{Fault, FaultError};
use crate::model::guest::AgentView;
use crate::setup::Setup;
use crate::state::State;
use crate::state::records::{CallRecord, TransitionRecord};
use crate::time::RegionTime;
use crate::truth::Truth;

/// A simulated region. Clones are the same region.
#[derive(Debug, Clone)]
pub struct Region(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Tells whoever waits for a delivery that something was scheduled.
    scheduled: Notify,
}

impl Region {
    /// Makes a region whose time begins now. Must be called within a tokio runtime: its clock is tokio's.
    pub fn new(setup: Setup) -> Self {
        Self(Arc::new(Shared { state: Mutex::new(State::new(setup)), scheduled: Notify::new() }))
    }

    /// The state with all that is due by now done. A panic elsewhere leaves a state that is still worth reading.
    pub(crate) fn lock(&self) -> (MutexGuard<'_, State>, RegionTime) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = state.advance();
        (state, now)
    }

    /// Lets something act on the state, and wakes whoever waits for deliveries.
    pub(crate) fn act<T>(&self, action: impl FnOnce(&mut State, RegionTime) -> T) -> T {
        let (mut state, now) = self.lock();
        let result = action(&mut state, now);
        drop(state);
        self.0.scheduled.notify_one();
        result
    }

    /// Wall time now.
    pub fn wall_now(&self) -> SystemTime {
        let (state, now) = self.lock();
        state.clock.wall(now)
    }

    /// Region time now.
    pub fn now(&self) -> RegionTime {
        self.lock().1
    }

    /// Wall time of a moment of region time.
    pub fn wall(&self, at: RegionTime) -> SystemTime {
        self.lock().0.clock.wall(at)
    }

    /// Lets a fault happen.
    pub fn inject(&self, fault: Fault) -> Result<(), FaultError> {
        self.act(|state, now| state.inject(fault, now))
    }

    /// Everything, for people to read.
    pub fn state(&self) -> serde_json::Value {
        let (state, now) = self.lock();
        state.readable(now)
    }

    /// Instances, volumes, snapshots and addresses as they really are, without anything that grows with time.
    pub fn hardware(&self) -> serde_json::Value {
        let (state, now) = self.lock();
        state.hardware_readable(now)
    }

    /// The timing model.
    pub fn timing(&self) -> crate::timing::TimingModel {
        self.lock().0.timing.clone()
    }

    /// Another timing model, for all that begins from now on.
    pub fn set_timing(&self, timing: crate::timing::TimingModel) {
        self.lock().0.timing = timing;
    }

    /// The next event that reaches the controller's target; waits until there is one.
    pub async fn next_delivery(&self) -> Delivery {
        loop {
            let scheduled = self.0.scheduled.notified();
            let wake_at = {
                let (mut state, now) = self.lock();
                if let Some(delivery) = state.pop_delivery(now) {
                    return delivery;
                }
                let next = state.schedule.next_at().into_iter().chain(state.events.next_at()).min();
                next.map(|at| state.clock.instant(at))
            };
            match wake_at {
                Some(instant) => {
                    tokio::select! {
                        biased;
                        () = scheduled => {}
                        () = tokio::time::sleep_until(instant) => {}
                    }
                }
                None => scheduled.await,
            }
        }
    }

    /// How often the scheduled tick comes; none stops it. A minute unless set.
    pub fn set_tick(&self, every: Option<Duration>) {
        self.act(|state, now| state.events.set_tick(every, now));
    }

    /// All calls so far, in the order in which they were made.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.lock().0.call_log.records.clone()
    }

    /// How often each action was called, by service and action.
    pub fn call_counts(&self) -> BTreeMap<(&'static str, String), u64> {
        self.lock().0.call_log.counts.clone()
    }

    /// Switches the record of calls on or off; it is on at first.
    pub fn record_calls(&self, keep: bool) {
        self.lock().0.call_log.keep = keep;
    }

    /// How long each transition took that the region has carried out.
    pub fn transitions(&self) -> Vec<TransitionRecord> {
        self.lock().0.transitions.clone()
    }

    /// The truth until now.
    pub fn truth(&self) -> Truth {
        let (state, now) = self.lock();
        state.truth.at(now, state.resources(), state.group_truth())
    }

    /// The instances whose guests are up and have a service to run.
    pub fn guests_up(&self) -> Vec<String> {
        self.lock().0.guests_up().cloned().collect()
    }

    /// What an agent in the guest of an instance finds; nothing if the guest is not up.
    pub fn agent_view(&self, instance_id: &str) -> Option<AgentView> {
        self.lock().0.agent_view(instance_id)
    }

    /// An agent's hand in a guest: the service stops and its volumes are unmounted.
    pub fn quiesce(&self, instance_id: &str) {
        self.act(|state, now| state.quiesce_guest(instance_id, now));
    }

    /// An agent's hand in a guest: the service may run again.
    pub fn resume(&self, instance_id: &str) {
        self.act(|state, now| state.resume_guest(instance_id, now));
    }
}
