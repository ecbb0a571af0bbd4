//! One invocation: from the event to what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use failover_core::ids::ServiceName;
use failover_core::ledger::Request;
use failover_engine::{Deadline, Engine, EngineError, Subject, in_one_line};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use thiserror::Error;

use crate::events::{EventError, ManualRequest, Trigger, trigger};
use crate::result::{LambdaResult, ServiceResult};

/// Services driven side by side: one event rarely means more than one.
const SIDE_BY_SIDE: usize = 16;

/// Kept free at the end of an invocation for its own answer, beside the engine's margin for letting go.
const RESPONSE: SignedDuration = SignedDuration::from_secs(3);

/// With less there is not one round of observing, acting and releasing the lease: the function's timeout is set too short.
const LEAST_TIME: SignedDuration = SignedDuration::from_secs(30);

/// One invocation, as far as the handler has to know.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// How long it may run.
    pub deadline: Deadline,
    /// Lambda's id of the event, the same whenever the event is handed over again.
    pub request_id: Option<String>,
}

impl From<Deadline> for Invocation {
    fn from(deadline: Deadline) -> Self {
        Self { deadline, request_id: None }
    }
}

impl Invocation {
    /// An invocation that Lambda ends at `deadline`; that and `now` are by the host's own clock.
    pub fn until(deadline: Timestamp, now: Timestamp, request_id: impl Into<String>) -> Result<Self, HandlerError> {
        let left = deadline.duration_since(now);
        if left < LEAST_TIME {
            return Err(HandlerError::TooShort { left_seconds: left.as_secs(), least_seconds: LEAST_TIME.as_secs() });
        }
        let left = Duration::try_from(left.saturating_sub(RESPONSE)).unwrap_or_default();
        Ok(Self { deadline: Deadline::within(left), request_id: Some(request_id.into()) })
    }
}

/// Why an invocation failed. Lambda hands the event over again, twice, and then to the dead-letter queue.
#[derive(Debug, Error)]
pub enum HandlerError {
    /// The event can't be understood.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The function would be cut off in the middle of its work.
    #[error(
        "{left_seconds} s are left to the invocation; allowed are {least_seconds} s or more: raise the function's timeout"
    )]
    TooShort {
        /// How much there is.
        left_seconds: i64,
        /// How much is needed.
        least_seconds: i64,
    },
    /// Which services are meant could not be found out, or none could be driven.
    #[error("{operation}")]
    Engine {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: Box<EngineError>,
        /// What was done all the same.
        result: Box<LambdaResult>,
    },
    /// Some services could not be driven; the others were.
    #[error("{}", broken_text(.result))]
    Broken {
        /// What came of all of them.
        result: Box<LambdaResult>,
    },
}

impl HandlerError {
    /// A word to sort errors by, stable over versions.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Event(_) => "Failover.BadEvent",
            Self::TooShort { .. } => "Failover.TimeoutTooShort",
            Self::Engine { .. } | Self::Broken { .. } => "Failover.Broken",
        }
    }

    /// The error and its causes in one line.
    pub fn text(&self) -> String {
        in_one_line(self)
    }

    /// What was done all the same.
    pub fn result(&self) -> Option<&LambdaResult> {
        match self {
            Self::Broken { result } | Self::Engine { result, .. } => Some(result),
            Self::Event(_) | Self::TooShort { .. } => None,
        }
    }
}

/// A failure before anything was done.
fn engine_error(operation: &'static str) -> impl FnOnce(EngineError) -> HandlerError {
    move |source| HandlerError::Engine { operation, source: Box::new(source), result: Box::default() }
}

fn broken_text(result: &LambdaResult) -> String {
    let broken: Vec<String> = result.broken().map(|(service, why)| format!("{service}: {why}")).collect();
    broken.join("; ")
}

/// Does what an event asks for.
///
/// # Guarantees
/// A service that can't be driven stops no other. An event about certain services fails if one of them can't be driven, so that
/// it comes again; a tick comes again anyway, and fails only if nothing could be observed.
pub async fn handle(
    engine: &Engine,
    payload: Value,
    invocation: impl Into<Invocation>,
) -> Result<LambdaResult, HandlerError> {
    let invocation = invocation.into();
    let deadline = invocation.deadline;
    match trigger(&payload)? {
        Trigger::Nothing { reason } => {
            tracing::info!(reason, "nothing to do");
            Ok(LambdaResult::nothing("an event about no service under control", reason))
        }
        Trigger::Tick { what } => tick(engine, what, deadline).await,
        Trigger::Drive { what, subjects } => drive(engine, what, &subjects, deadline).await,
        Trigger::Manual(request) => manual(engine, request, &invocation).await,
    }
}

async fn tick(engine: &Engine, what: String, deadline: Deadline) -> Result<LambdaResult, HandlerError> {
    let tick = engine.tick(deadline).await;
    let tick = tick.map_err(engine_error("services could not be listed"))?;
    let mut services: BTreeMap<String, ServiceResult> =
        tick.broken.into_iter().map(|(service, why)| (service, ServiceResult::failed(why))).collect();
    // Of those that could be read; the unreadable ones are not among `tick.services`.
    let failed = tick.driven.values().filter(|run| run.is_err()).count();
    for (service, run) in tick.driven {
        let result = run.map_or_else(ServiceResult::failed, ServiceResult::of);
        services.insert(service.to_string(), result);
    }
    let result = LambdaResult { what, services, services_observed: Some(tick.services), nothing: None };
    log_broken(&result);
    let well = tick.services > failed;
    if well || result.broken().next().is_none() {
        Ok(result)
    } else {
        Err(HandlerError::Broken { result: Box::new(result) })
    }
}

async fn drive(
    engine: &Engine,
    what: String,
    subjects: &[Subject],
    deadline: Deadline,
) -> Result<LambdaResult, HandlerError> {
    tracing::info!(what, ?subjects, "driving");
    let mut services = BTreeSet::new();
    let mut unfollowed = None;
    for subject in subjects {
        match engine.services_of(subject).await {
            Ok(found) => services.extend(found),
            Err(error) => {
                tracing::error!(
                    ?subject,
                    error = in_one_line(&error),
                    "the service of an event's subject could not be found"
                );
                unfollowed = Some(error);
            }
        }
    }
    if services.is_empty() && unfollowed.is_none() {
        return Ok(LambdaResult::nothing(what, "it is about no service under control"));
    }
    let result = run_all(engine, what, services, deadline).await;
    let Some(error) = unfollowed else { return done_unless_broken(result) };
    // What could be found was driven; the rest comes again with the event.
    log_broken(&result);
    let operation = "which services the event is about could not be found out";
    Err(HandlerError::Engine { operation, source: Box::new(error), result: Box::new(result) })
}

async fn manual(
    engine: &Engine,
    request: ManualRequest,
    invocation: &Invocation,
) -> Result<LambdaResult, HandlerError> {
    let service = request.service.clone();
    let what = format!("{service} is to move to {}", request.to);
    tracing::info!(what, drill = request.drill, by = request.by, "requested");
    let request = Request {
        // Lambda hands an asynchronous event over again after an error, and may do so without one (aws-facts 6): taken twice,
        // "to the standby" would lead there and back.
        id: invocation.request_id.clone(),
        to: request.to,
        drill: request.drill,
        accepted_loss_seconds: request.accepted_loss_seconds,
        at: engine.now(),
        by: request.by.unwrap_or_else(|| "an invocation of the function".to_owned()),
    };
    engine.request(&service, request).await.map_err(engine_error("the request was not recorded"))?;
    let result = run_all(engine, what, BTreeSet::from([service]), invocation.deadline).await;
    done_unless_broken(result)
}

async fn run_all(engine: &Engine, what: String, services: BTreeSet<ServiceName>, deadline: Deadline) -> LambdaResult {
    let runs = futures::stream::iter(services)
        .map(|service| async move {
            let run = engine.run(&service, deadline).await;
            (service, run)
        })
        .buffer_unordered(SIDE_BY_SIDE);
    let runs: Vec<_> = runs.collect().await;
    let mut result = LambdaResult { what, ..LambdaResult::default() };
    for (service, run) in runs {
        result.add(&service, run);
    }
    result
}

fn done_unless_broken(result: LambdaResult) -> Result<LambdaResult, HandlerError> {
    log_broken(&result);
    if result.broken().next().is_some() { Err(HandlerError::Broken { result: Box::new(result) }) } else { Ok(result) }
}

fn log_broken(result: &LambdaResult) {
    for (service, why) in result.broken() {
        tracing::error!(service, why, "a service could not be driven");
    }
}
