//! Asynchronous invocation: what stands between the region's event rules and the function.
//!
//! AWS retries a function error twice, after one and after two minutes, under the same request id; what fails for the third time goes to the
//! dead-letter queue. A function that has no free process is not an error: the event waits its turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;

use super::lambda::{InvocationOutcome, InvocationResult, LambdaHost};
use crate::region::Region;
use crate::time::timestamp;

/// AWS's waits before the two retries, in region time.
pub const RETRY_WAITS: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];
/// Events that wait or run at the same time. More are dropped into the dead-letter queue, as AWS drops what its queue cannot hold.
const QUEUE: usize = 10_000;
/// Records kept; older ones are forgotten.
const RECORDS_KEPT: usize = 10_000;

/// One run of the function.
#[derive(Debug, Clone, Serialize)]
pub struct InvocationRecord {
    /// The same for an event and its retries.
    pub request_id: String,
    /// 1 for the first try.
    pub attempt: usize,
    /// When it was asked for, in real time: `2026-01-05T09:00:00.000Z`.
    pub at: String,
    /// The event.
    pub event: Value,
    /// How it ended.
    pub result: InvocationResult,
}

/// An event that the function never managed.
#[derive(Debug, Clone, Serialize)]
pub struct DeadLetter {
    /// The event's request id.
    pub request_id: String,
    /// When it was given up, in real time.
    pub at: String,
    /// How often it was tried.
    pub attempts: usize,
    /// The event.
    pub event: Value,
    /// How the last try ended; none if there was no room for any.
    pub last: Option<InvocationOutcome>,
}

/// Feeds events to a function, with retries. Clones are the same dispatcher; it lives until it is stopped or its last event is done with.
#[derive(Debug, Clone)]
pub struct Dispatcher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    host: LambdaHost,
    retry_waits: [Duration; 2],
    log: Mutex<Log>,
    running: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct Log {
    records: VecDeque<InvocationRecord>,
    dead_letters: VecDeque<DeadLetter>,
}

impl Dispatcher {
    /// A dispatcher for this function; the waits are in real time.
    pub fn new(host: LambdaHost, retry_waits: [Duration; 2]) -> Dispatcher {
        Dispatcher(Arc::new(Shared { host, retry_waits, log: Mutex::default(), running: Mutex::default() }))
    }

    /// Hands on every delivery of the region, for ever.
    pub async fn deliver_all(self, region: Region) {
        loop {
            let delivery = region.next_delivery().await;
            self.accept(delivery.event);
        }
    }

    /// Takes an event, as AWS does with `Event` invocations: at once; the function gets it when it can. Returns the request id.
    pub fn accept(&self, event: Value) -> String {
        let request_id = self.0.host.new_request_id();
        let mut running = lock(&self.0.running);
        while running.try_join_next().is_some() {}
        if running.len() >= QUEUE {
            drop(running);
            self.give_up(request_id.clone(), event, 0, None);
            return request_id;
        }
        running.spawn(self.clone().run(request_id.clone(), event));
        request_id
    }

    /// Runs the function once on an event, without retries, and waits for it.
    pub async fn invoke_once(&self, event: Value) -> (String, InvocationResult) {
        let request_id = self.0.host.new_request_id();
        let result = self.attempt(&request_id, 1, &event).await;
        (request_id, result)
    }

    /// All runs so far, oldest first.
    pub fn invocations(&self) -> Vec<InvocationRecord> {
        lock(&self.0.log).records.iter().cloned().collect()
    }

    /// All events that were given up, oldest first.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        lock(&self.0.log).dead_letters.iter().cloned().collect()
    }

    /// Stops everything that waits or runs.
    pub fn stop(&self) {
        lock(&self.0.running).abort_all();
    }

    async fn run(self, request_id: String, event: Value) {
        let mut attempt = 1;
        let mut waits = self.0.retry_waits.into_iter();
        loop {
            let result = self.attempt(&request_id, attempt, &event).await;
            if result.outcome.is_ok() {
                return;
            }
            tracing::warn!(target: "lambda", request_id, attempt, outcome = ?result.outcome, "the function failed");
            let Some(wait) = waits.next() else {
                self.give_up(request_id, event, attempt, Some(result.outcome));
                return;
            };
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, request_id: &str, attempt: usize, event: &Value) -> InvocationResult {
        let at = timestamp(SystemTime::now());
        let result = self.0.host.invoke_as(request_id, event.clone()).await;
        let record = InvocationRecord {
            request_id: request_id.to_owned(),
            attempt,
            at,
            event: event.clone(),
            result: result.clone(),
        };
        keep(&mut lock(&self.0.log).records, record);
        result
    }

    fn give_up(&self, request_id: String, event: Value, attempts: usize, last: Option<InvocationOutcome>) {
        let letter = DeadLetter { request_id, at: timestamp(SystemTime::now()), attempts, event, last };
        keep(&mut lock(&self.0.log).dead_letters, letter);
    }
}

fn keep<T>(records: &mut VecDeque<T>, record: T) {
    if records.len() >= RECORDS_KEPT {
        records.pop_front();
    }
    records.push_back(record);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
