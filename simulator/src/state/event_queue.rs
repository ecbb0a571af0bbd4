//! Events on their way to the controller's target, and the tick among them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::time::RegionTime;

/// Undelivered events kept: a target that never listens must not fill the memory.
const WAITING_KEPT: usize = 10_000;

/// Emitted events kept for people to read.
const LOG_KEPT: usize = 1_000;

const DEFAULT_TICK: Duration = Duration::from_mins(1);

/// Events on their way.
#[derive(Debug)]
pub(crate) struct EventQueue {
    order: BinaryHeap<Reverse<(RegionTime, u64)>>,
    waiting: BTreeMap<u64, Value>,
    next_sequence: u64,
    tick_every: Option<Duration>,
    next_tick: RegionTime,
    /// What was emitted, lost ones marked.
    pub(crate) log: VecDeque<Value>,
    pub(crate) lost: u64,
    pub(crate) delivered: u64,
}

/// What comes out of the queue.
#[derive(Debug, PartialEq)]
pub(crate) enum Due {
    /// A tick of that moment.
    Tick(RegionTime),
    /// An event, and when it arrives.
    Event(RegionTime, Value),
}

impl Default for EventQueue {
    fn default() -> Self {
        Self {
            order: BinaryHeap::new(),
            waiting: BTreeMap::new(),
            next_sequence: 0,
            tick_every: Some(DEFAULT_TICK),
            next_tick: RegionTime::START.after(DEFAULT_TICK),
            log: VecDeque::new(),
            lost: 0,
            delivered: 0,
        }
    }
}

impl EventQueue {
    pub(crate) fn push(&mut self, at: RegionTime, event: Value) {
        if self.waiting.len() >= WAITING_KEPT {
            self.waiting.pop_first();
            self.lost += 1;
        }
        self.order.push(Reverse((at, self.next_sequence)));
        self.waiting.insert(self.next_sequence, event);
        self.next_sequence += 1;
    }

    pub(crate) fn set_tick(&mut self, every: Option<Duration>, now: RegionTime) {
        self.tick_every = every.filter(|every| !every.is_zero());
        self.next_tick = self.tick_every.map_or(now, |every| now.after(every));
    }

    /// When the next event or tick is due.
    pub(crate) fn next_at(&self) -> Option<RegionTime> {
        let event = self.order.peek().map(|Reverse((at, _))| *at);
        let tick = self.tick_every.map(|_| self.next_tick);
        event.into_iter().chain(tick).min()
    }

    /// What is due first by now: an event goes before a tick of the same moment.
    pub(crate) fn pop(&mut self, now: RegionTime) -> Option<Due> {
        let event_first = self.order.peek().is_some_and(|Reverse((at, _))| *at <= self.next_tick);
        let due = match self.tick_every.filter(|_| self.next_tick <= now && !event_first) {
            Some(every) => {
                let at = self.next_tick;
                // Ticks that nobody fetched are not made up for: the next one is a full interval away.
                self.next_tick = at.after(every).max(now);
                Due::Tick(at)
            }
            None => self.pop_event(now)?,
        };
        self.delivered += 1;
        Some(due)
    }

    fn pop_event(&mut self, now: RegionTime) -> Option<Due> {
        while let Some(Reverse((at, sequence))) = self.order.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.order.pop();
            if let Some(event) = self.waiting.remove(&sequence) {
                return Some(Due::Event(at, event));
            }
        }
        None
    }

    pub(crate) fn note(&mut self, at: RegionTime, event: &Value, lost: bool) {
        if self.log.len() == LOG_KEPT {
            self.log.pop_front();
        }
        self.log.push_back(json!({"emitted_at_seconds": at.seconds(), "lost": lost, "event": event}));
    }
}
