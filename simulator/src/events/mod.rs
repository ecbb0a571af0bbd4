//! Events: what EventBridge brings to the controller's target, and when.
//!
//! EC2, EBS, spot and Health events are best effort: late, lost, doubled, out of order. Alarm events may come late or twice but are never
//! lost. A tick, as from a scheduled rule, comes every minute. State never waits for its event.

mod alarm;
mod ebs;
mod ec2;
mod scaling;

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::state::State;
use crate::state::event_queue::Due;
use crate::time::{RegionTime, timestamp_seconds};

/// An event that has reached the controller's target.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The event as EventBridge passes it on.
    pub event: Value,
    /// Wall time of the delivery.
    pub at: SystemTime,
}

/// How an event is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeliveryClass {
    BestEffort,
    AtLeastOnce,
}

impl State {
    /// The next event or tick that is due by now.
    pub(crate) fn pop_delivery(&mut self, now: RegionTime) -> Option<Delivery> {
        let (at, event) = match self.events.pop(now)? {
            Due::Tick(at) => (at, self.tick_event(at)),
            Due::Event(at, event) => (at, event),
        };
        Some(Delivery { event, at: self.clock.wall(at) })
    }

    fn tick_event(&mut self, at: RegionTime) -> Value {
        let rule = format!("arn:aws:events:{}:{}:rule/failover-tick", self.region_name, self.account_id);
        self.envelope("aws.events", "Scheduled Event", &rule, &json!({}), at)
    }

    /// What all events have around their detail.
    pub(crate) fn envelope(
        &mut self,
        source: &str,
        detail_type: &str,
        resource: &str,
        detail: &Value,
        at: RegionTime,
    ) -> Value {
        json!({
            "version": "0",
            "id": self.ids.uuid(),
            "detail-type": detail_type,
            "source": source,
            "account": self.account_id,
            "time": timestamp_seconds(self.clock.wall(at)),
            "region": self.region_name,
            "resources": [resource],
            "detail": detail,
        })
    }

    pub(crate) fn emit(&mut self, class: DeliveryClass, event: Value, at: RegionTime) {
        let timing = self.timing.events.clone();
        let chance = &mut self.chance.events;
        let lost = class == DeliveryClass::BestEffort && chance.f64() < timing.loss_probability;
        self.events.note(at, &event, lost);
        if lost {
            self.events.lost += 1;
            return;
        }
        if chance.f64() < timing.duplicate_probability {
            let delay = timing.delay.sample(chance) + timing.reorder_delay.sample(chance);
            self.events.push(at.after(delay), event.clone());
        }
        let mut delay = timing.delay.sample(chance);
        if chance.f64() < timing.reorder_probability {
            delay += timing.reorder_delay.sample(chance);
        }
        self.events.push(at.after(delay), event);
    }
}
