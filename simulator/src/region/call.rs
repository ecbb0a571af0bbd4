//! A call on its way: it takes time before its effect and after, meets faults, and may never be answered.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use thiserror::Error;

use super::Region;
use crate::protocol::answer::{self, CallOutcome, NO_REQUEST_ID};
use crate::protocol::error::ApiError;
use crate::protocol::request::Request as AwsRequest;
use crate::protocol::service::Service;
use crate::services;
use crate::state::State;
use crate::state::active_faults::ActionEffect;
use crate::time::RegionTime;
use crate::timing::distribution::{Distribution, seconds_duration};

/// A call that got no answer, as the network shows it to the caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectionError {
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
    /// Answers any AWS request of any service that the region has. It takes as long as the timing model says, part of it before the effect and
    /// part after: a caller that stops waiting cannot know whether there was one.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectionError> {
        let passage = self.depart(request);
        pause(passage.before).await;
        if passage.effects.iter().any(|effect| matches!(effect, ActionEffect::Hang { after_effect: false })) {
            return Err(silence(&passage).await);
        }
        let outcome = self.act(|state, now| act_on(state, &passage, now));
        let CallOutcome::Answer(answer) = outcome else { return Err(silence(&passage).await) };
        pause(passage.after).await;
        let (mut state, now) = self.lock();
        state.call_log.end(passage.log_index, answer.status, answer.error_code.clone(), now);
        Ok(answer.into_response(state.clock.wall(now)))
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
        let hang = state.clock.real(seconds_duration(state.timing.calls.hang_seconds));
        let (before, after) = (state.clock.real(before), state.clock.real(latency.saturating_sub(before)));
        Passage { request, log_index, before, after, effects, hang }
    }
}

fn latency_of(state: &State, request: &AwsRequest) -> Distribution {
    let timing = &state.timing.calls;
    match request.service {
        Some(Service::Ec2) if request.action == "RunInstances" => timing.run_instances_latency,
        Some(Service::Ec2) if request.action.starts_with("Describe") => timing.describe_latency,
        Some(Service::Ec2) => timing.mutate_latency,
        Some(Service::DynamoDb) => timing.dynamodb_latency,
        Some(Service::Ssm) => timing.ssm_latency,
        Some(Service::AutoScaling) => timing.scaling_latency,
        Some(Service::CloudWatch | Service::Sns | Service::Sts) | None => timing.other_latency,
    }
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

/// Waits as long as the transport does, and then gives up.
async fn silence(passage: &Passage) -> ConnectionError {
    tokio::time::sleep(passage.hang).await;
    let request = &passage.request;
    ConnectionError::NoAnswer { service: request.service_name(), action: request.action.clone(), waited: passage.hang }
}

/// The call has arrived: faults first, then the service.
fn act_on(state: &mut State, passage: &Passage, now: RegionTime) -> CallOutcome {
    let request = &passage.request;
    let failure = passage.effects.iter().find_map(|effect| match effect {
        ActionEffect::Fail { code, status, after_effect } => Some((code, *status, *after_effect)),
        ActionEffect::Hang { .. } | ActionEffect::Slow { .. } => None,
    });
    let fail = |code: &str, status| {
        let error = ApiError::with_status(status, code.to_owned(), format!("{code}: injected by a fault."));
        CallOutcome::Answer(answer::failure(request, &error, NO_REQUEST_ID))
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
        None if passage.effects.iter().any(|effect| matches!(effect, ActionEffect::Hang { .. })) => {
            CallOutcome::Silence
        }
        None => outcome,
    }
}
