//! The region as its users hold it: calls go in, answers and events come out, the truth can be asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use thiserror::Error;
use tokio::sync::Notify;

use crate::events::Delivery;
use crate::faults::{Fault, FaultError};
use crate::model::guest::AgentView;
use crate::protocol::answer::{self, NO_REQUEST_ID, Outcome};
use crate::protocol::error::AwsError;
use crate::protocol::request::Request as AwsRequest;
use crate::protocol::service::Service;
use crate::services;
use crate::setup::Setup;
use crate::state::State;
use crate::state::active_faults::ActionEffect;
use crate::state::records::{CallRecord, TransitionRecord};
use crate::time::RegionTime;
use crate::timing::distribution::{Distribution, seconds_duration};
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

/// A call that got no answer, as the network shows it to the caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransportError {
    /// Nothing came back. There may have been an effect.
    #[error("{service} {action}: no answer after {waited:?}")]
    NoAnswer {
        /// The service.
        service: &'static str,
        /// The action.
        action: String,
        /// How long the transport waited.
        waited: Duration,
    },
}

/// What is decided about a call before it is sent on its way.
struct Passage {
    request: AwsRequest,
    log_index: Option<usize>,
    before: Duration,
    after: Duration,
    effects: Vec<ActionEffect>,
    hang: Duration,
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

    /// Answers any AWS request of any service that the region has. It takes as long as the laws say, part of it before the effect and
    /// part after: a caller that stops waiting cannot know whether there was one.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let passage = self.depart(request);
        pause(passage.before).await;
        if passage.effects.iter().any(|effect| matches!(effect, ActionEffect::Hang { after_effect: false })) {
            return Err(silence(&passage).await);
        }
        let outcome = self.act(|state, now| act_on(state, &passage, now));
        let Outcome::Answer(answer) = outcome else { return Err(silence(&passage).await) };
        pause(passage.after).await;
        if passage.log_index.is_some() {
            let (mut state, now) = self.lock();
            state.call_log.end(passage.log_index, answer.status, answer.error_code.clone(), now);
        }
        Ok(answer.into_response())
    }

    fn depart(&self, request: Request<Bytes>) -> Passage {
        let request = AwsRequest::parse(request);
        let (mut state, now) = self.lock();
        let log_index = state.call_log.begin(request.service_name(), &request.action, now);
        let effects = state.faults.take_for_call(&request.action);
        let mut latency = latency_of(&state, &request).sample(&mut state.chance.latency);
        for effect in &effects {
            if let ActionEffect::Slow { seconds } = effect {
                latency += seconds_duration(*seconds);
            }
        }
        let share = if latency.is_zero() { 0.0 } else { state.chance.latency.f64() };
        let before = latency.mul_f64(share);
        let hang = state.clock.real(seconds_duration(state.laws.calls.hang_seconds));
        let (before, after) = (state.clock.real(before), state.clock.real(latency.saturating_sub(before)));
        Passage { request, log_index, before, after, effects, hang }
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

    /// The laws.
    pub fn laws(&self) -> crate::timing::Laws {
        self.lock().0.laws.clone()
    }

    /// Other laws, for all that begins from now on.
    pub fn set_laws(&self, laws: crate::timing::Laws) {
        self.lock().0.laws = laws;
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

    /// How long each transition took that the laws have carried out.
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

fn latency_of(state: &State, request: &AwsRequest) -> Distribution {
    let laws = &state.laws.calls;
    match request.service {
        Some(Service::Ec2) if request.action == "RunInstances" => laws.run_instances_latency,
        Some(Service::Ec2) if request.action.starts_with("Describe") => laws.describe_latency,
        Some(Service::Ec2) => laws.mutate_latency,
        Some(Service::DynamoDb) => laws.dynamodb_latency,
        Some(Service::Ssm) => laws.ssm_latency,
        Some(Service::AutoScaling) => laws.scaling_latency,
        Some(Service::CloudWatch | Service::Sns | Service::Sts) | None => laws.other_latency,
    }
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

/// Waits as long as the transport does, and then gives up.
async fn silence(passage: &Passage) -> TransportError {
    tokio::time::sleep(passage.hang).await;
    let request = &passage.request;
    TransportError::NoAnswer { service: request.service_name(), action: request.action.clone(), waited: passage.hang }
}

/// The call has arrived: faults first, then the service.
fn act_on(state: &mut State, passage: &Passage, now: RegionTime) -> Outcome {
    let request = &passage.request;
    let failure = passage.effects.iter().find_map(|effect| match effect {
        ActionEffect::Fail { code, status, after_effect } => Some((code, *status, *after_effect)),
        ActionEffect::Hang { .. } | ActionEffect::Slow { .. } => None,
    });
    let fail = |code: &str, status| {
        let error = AwsError::with_status(status, code.to_owned(), format!("{code}: injected by a fault."));
        Outcome::Answer(answer::failure(request, &error, NO_REQUEST_ID))
    };
    if let Some((code, status, false)) = failure {
        return fail(code, status);
    }
    let outcome = services::answer(state, request, now);
    // Reads change nothing, and what the data services hold is nothing to a guest.
    if matches!(request.service, Some(Service::Ec2 | Service::AutoScaling)) && !request.action.starts_with("Describe") {
        state.settle_guests(now);
    }
    match failure {
        Some((code, status, _)) => fail(code, status),
        None if passage.effects.iter().any(|effect| matches!(effect, ActionEffect::Hang { .. })) => Outcome::Silence,
        None => outcome,
    }
}
