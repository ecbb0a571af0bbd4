//! One invocation: from the event to what came of it.

use std::collections::{BTreeMap, BTreeSet};

use failover_core::ids::ServiceName;
use failover_core::ledger::Request;
use failover_engine::{Clue, Engine, EngineError, Host, in_one_line};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use thiserror::Error;

use crate::answer::{Answer, ServiceAnswer};
use crate::events::{EventError, ManualRequest, Trigger, trigger};

/// Services driven side by side: one event rarely means more than one.
const SIDE_BY_SIDE: usize = 16;

/// Kept free at the end of an invocation for its own answer, beside the engine's margin for letting go.
const ANSWER: SignedDuration = SignedDuration::from_secs(3);

/// With less there is not one round of looking, acting and letting go: the function's timeout is set too short.
const LEAST_TIME: SignedDuration = SignedDuration::from_secs(30);

/// One invocation, as far as the handler has to know.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// How long it may run.
    pub host: Host,
    /// Lambda's id of the event, the same whenever the event is handed over again.
    pub request_id: Option<String>,
}

impl From<Host> for Invocation {
    fn from(host: Host) -> Self {
        Self { host, request_id: None }
    }
}

impl Invocation {
    /// An invocation that Lambda ends at `deadline`.
    pub fn until(deadline: Timestamp, now: Timestamp, request_id: impl Into<String>) -> Result<Self, HandlerError> {
        let left = deadline.duration_since(now);
        if left < LEAST_TIME {
            return Err(HandlerError::TooShort { left_seconds: left.as_secs(), least_seconds: LEAST_TIME.as_secs() });
        }
        let ends_at = deadline.saturating_sub(ANSWER).unwrap_or(now);
        Ok(Self { host: Host::until(ends_at), request_id: Some(request_id.into()) })
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
    /// Which services are meant could not be found out, or none could be looked at.
    #[error("{operation}")]
    Engine {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: Box<EngineError>,
        /// What was done all the same.
        answer: Box<Answer>,
    },
    /// Some services could not be looked at; the others were.
    #[error("{}", broken_text(.answer))]
    Broken {
        /// What came of all of them.
        answer: Box<Answer>,
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
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Broken { answer } | Self::Engine { answer, .. } => Some(answer),
            Self::Event(_) | Self::TooShort { .. } => None,
        }
    }
}

/// A failure before anything was done.
fn engine_error(operation: &'static str) -> impl FnOnce(EngineError) -> HandlerError {
    move |source| HandlerError::Engine { operation, source: Box::new(source), answer: Box::default() }
}

fn broken_text(answer: &Answer) -> String {
    let broken: Vec<String> = answer.broken().map(|(service, why)| format!("{service}: {why}")).collect();
    broken.join("; ")
}

/// Does what an event asks for.
///
/// # Guarantees
/// A service that can't be looked at stops no other. An event about certain services fails if one of them can't be looked at, so that
/// it comes again; a tick comes again anyway, and fails only if nothing could be looked at.
pub async fn handle(
    engine: &Engine,
    payload: Value,
    invocation: impl Into<Invocation>,
) -> Result<Answer, HandlerError> {
    let invocation = invocation.into();
    let host = invocation.host;
    match trigger(&payload)? {
        Trigger::Nothing { reason } => {
            tracing::info!(reason, "nothing to do");
            Ok(Answer::nothing("an event that is none of ours", reason))
        }
        Trigger::Tick { what } => tick(engine, what, host).await,
        Trigger::Look { what, clues } => look(engine, what, &clues, host).await,
        Trigger::Manual(request) => manual(engine, request, &invocation).await,
    }
}

async fn tick(engine: &Engine, what: String, host: Host) -> Result<Answer, HandlerError> {
    let tick = engine.tick(host).await;
    let tick = tick.map_err(engine_error("services could not be listed"))?;
    let mut services: BTreeMap<String, ServiceAnswer> =
        tick.broken.into_iter().map(|(service, why)| (service, ServiceAnswer::failed(why))).collect();
    // Of those that could be read; the unreadable ones are not among `tick.services`.
    let failed = tick.driven.values().filter(|run| run.is_err()).count();
    for (service, run) in tick.driven {
        let answer = run.map_or_else(ServiceAnswer::failed, ServiceAnswer::of);
        services.insert(service.to_string(), answer);
    }
    let answer = Answer { what, services, looked_at: Some(tick.services), nothing: None };
    log_broken(&answer);
    let well = tick.services > failed;
    if well || answer.broken().next().is_none() {
        Ok(answer)
    } else {
        Err(HandlerError::Broken { answer: Box::new(answer) })
    }
}

async fn look(engine: &Engine, what: String, clues: &[Clue], host: Host) -> Result<Answer, HandlerError> {
    tracing::info!(what, ?clues, "looking");
    let mut services = BTreeSet::new();
    let mut unfollowed = None;
    for clue in clues {
        match engine.services_of(clue).await {
            Ok(found) => services.extend(found),
            Err(error) => {
                tracing::error!(?clue, error = in_one_line(&error), "a clue could not be followed");
                unfollowed = Some(error);
            }
        }
    }
    if services.is_empty() && unfollowed.is_none() {
        return Ok(Answer::nothing(what, "it is about nothing of ours"));
    }
    let answer = run_all(engine, what, services, host).await;
    let Some(error) = unfollowed else { return done_unless_broken(answer) };
    // What could be found was looked at; the rest comes again with the event.
    log_broken(&answer);
    let operation = "which services the event is about could not be found out";
    Err(HandlerError::Engine { operation, source: Box::new(error), answer: Box::new(answer) })
}

async fn manual(engine: &Engine, request: ManualRequest, invocation: &Invocation) -> Result<Answer, HandlerError> {
    let service = request.service.clone();
    let what = format!("{service} is to move to {}", request.to);
    tracing::info!(what, drill = request.drill, by = request.by, "asked for");
    let wish = Request {
        // Lambda hands an asynchronous event over again after an error, and may do so without one (aws-facts 6): taken twice,
        // "to the standby" would lead there and back.
        id: invocation.request_id.clone(),
        to: request.to,
        drill: request.drill,
        accepted_loss_seconds: request.accepted_loss_seconds,
        at: engine.now(),
        by: request.by.unwrap_or_else(|| "an invocation of the function".to_owned()),
    };
    engine.ask(&service, wish).await.map_err(engine_error("the request was not taken"))?;
    let answer = run_all(engine, what, BTreeSet::from([service]), invocation.host).await;
    done_unless_broken(answer)
}

async fn run_all(engine: &Engine, what: String, services: BTreeSet<ServiceName>, host: Host) -> Answer {
    let runs = futures::stream::iter(services)
        .map(|service| async move {
            let run = engine.run(&service, host).await;
            (service, run)
        })
        .buffer_unordered(SIDE_BY_SIDE);
    let runs: Vec<_> = runs.collect().await;
    let mut answer = Answer { what, ..Answer::default() };
    for (service, run) in runs {
        answer.add(&service, run);
    }
    answer
}

fn done_unless_broken(answer: Answer) -> Result<Answer, HandlerError> {
    log_broken(&answer);
    if answer.broken().next().is_some() { Err(HandlerError::Broken { answer: Box::new(answer) }) } else { Ok(answer) }
}

fn log_broken(answer: &Answer) {
    for (service, why) in answer.broken() {
        tracing::error!(service, why, "a service could not be looked at");
    }
}
