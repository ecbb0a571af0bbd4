//! Lambda's queue of asynchronous events: one whose invocation failed comes again, and a doubled one comes twice.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// Lambda hands a failed asynchronous event over again after one minute, then after two.
const RETRY_AFTER: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];
/// A doubled event comes again after this.
const COPY_AFTER: Duration = Duration::from_secs(20);

/// An event on its way to the Lambda.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) payload: Value,
    pub(super) request_id: String,
    pub(super) is_copy: bool,
    failures: usize,
}

impl Event {
    pub(super) fn new(payload: Value, number: u64) -> Self {
        Self { payload, request_id: format!("request-{number}"), is_copy: false, failures: 0 }
    }
}

/// Events that are still to come, by when; those of one moment in the order in which they were put there.
#[derive(Debug, Default)]
pub(super) struct Queue {
    due: BTreeMap<(Instant, u64), Event>,
    put: u64,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// When the next one comes.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.due.pop_first().map(|(_, event)| event)
    }

    /// The event's invocation failed: it comes again, unless that was the last try.
    pub(super) fn again(&mut self, event: Event) {
        if let Some(after) = RETRY_AFTER.get(event.failures) {
            self.put(*after, Event { failures: event.failures + 1, ..event });
        }
    }

    /// The event comes a second time.
    pub(super) fn double(&mut self, event: &Event) {
        self.put(COPY_AFTER, Event { is_copy: true, ..event.clone() });
    }

    fn put(&mut self, after: Duration, event: Event) {
        self.put += 1;
        self.due.insert((Instant::now() + after, self.put), event);
    }
}
