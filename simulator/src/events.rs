//! Events: what EventBridge brings to the controller's target, and when.
//!
//! EC2, EBS, spot and Health events are best effort: late, lost, doubled, out of order. Alarm events may come late or twice but are never
//! lost. A tick, as from a scheduled rule, comes every minute. State never waits for its event.

mod scaling;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::laws::instance::InstanceState;
use crate::state::State;
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
enum DeliveryClass {
    BestEffort,
    AtLeastOnce,
}

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
    fn push(&mut self, at: RegionTime, event: Value) {
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

    fn pop_event(&mut self, now: RegionTime) -> Option<(RegionTime, Value)> {
        while let Some(Reverse((at, sequence))) = self.order.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.order.pop();
            if let Some(event) = self.waiting.remove(&sequence) {
                return Some((at, event));
            }
        }
        None
    }

    fn note(&mut self, at: RegionTime, event: &Value, lost: bool) {
        if self.log.len() == LOG_KEPT {
            self.log.pop_front();
        }
        self.log.push_back(json!({"emitted_at_seconds": at.seconds(), "lost": lost, "event": event}));
    }
}

impl State {
    /// The next event or tick that is due by now.
    pub(crate) fn pop_delivery(&mut self, now: RegionTime) -> Option<Delivery> {
        let tick_due = self.events.tick_every.filter(|_| self.events.next_tick <= now);
        let event_first = self.events.order.peek().is_none_or(|Reverse((at, _))| *at > self.events.next_tick);
        let (at, event) = match tick_due {
            Some(every) if event_first => {
                let at = self.events.next_tick;
                // Ticks that nobody fetched are not made up for: the next one is a full interval away.
                self.events.next_tick = at.after(every).max(now);
                (at, self.tick_event(at))
            }
            _ => self.events.pop_event(now)?,
        };
        self.events.delivered += 1;
        Some(Delivery { event, at: self.clock.wall(at) })
    }

    fn tick_event(&mut self, at: RegionTime) -> Value {
        let rule = format!("arn:aws:events:{}:{}:rule/failover-tick", self.region_name, self.account_id);
        self.envelope("aws.events", "Scheduled Event", &rule, &json!({}), at)
    }

    /// What all events have around their detail.
    fn envelope(&mut self, source: &str, detail_type: &str, resource: &str, detail: &Value, at: RegionTime) -> Value {
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

    fn emit(&mut self, class: DeliveryClass, event: Value, at: RegionTime) {
        let laws = self.laws.events.clone();
        let chance = &mut self.chance.events;
        let lost = class == DeliveryClass::BestEffort && chance.f64() < laws.loss_probability;
        self.events.note(at, &event, lost);
        if lost {
            self.events.lost += 1;
            return;
        }
        if chance.f64() < laws.duplicate_probability {
            let delay = laws.delay.sample(chance) + laws.reorder_delay.sample(chance);
            self.events.push(at.after(delay), event.clone());
        }
        let mut delay = laws.delay.sample(chance);
        if chance.f64() < laws.reorder_probability {
            delay += laws.reorder_delay.sample(chance);
        }
        self.events.push(at.after(delay), event);
    }

    pub(crate) fn arn(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:ec2:{}:{}:{kind}/{id}", self.region_name, self.account_id)
    }

    /// EBS events carry the region where other ARNs carry the account.
    fn odd_arn(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:ec2::{}:{kind}/{id}", self.region_name)
    }

    pub(crate) fn emit_instance_state(&mut self, id: &str, state: InstanceState, at: RegionTime) {
        let detail = json!({"instance-id": id, "state": state.name()});
        let event =
            self.envelope("aws.ec2", "EC2 Instance State-change Notification", &self.arn("instance", id), &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    pub(crate) fn emit_volume(&mut self, id: &str, what: &str, result: &str, at: RegionTime) {
        let cause = if result == "failed" { "The volume could not be created." } else { "" };
        let detail = json!({"result": result, "cause": cause, "event": what, "request-id": self.ids.uuid()});
        let event = self.envelope("aws.ec2", "EBS Volume Notification", &self.arn("volume", id), &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    pub(crate) fn emit_snapshot(&mut self, id: &str, succeeded: bool, at: RegionTime) {
        let Some(snapshot) = self.snapshots.get(id) else { return };
        let result = if succeeded { "succeeded" } else { "failed" };
        let detail = json!({
            "event": "createSnapshot",
            "result": result,
            "cause": if succeeded { "" } else { "The snapshot could not be completed." },
            "request-id": "",
            "snapshot_id": self.odd_arn("snapshot", id),
            "source": self.odd_arn("volume", &snapshot.volume_id),
            "startTime": timestamp_seconds(self.clock.wall(snapshot.started_at)),
            "endTime": timestamp_seconds(self.clock.wall(at)),
        });
        let set = snapshot.set.clone();
        let event = self.envelope("aws.ec2", "EBS Snapshot Notification", &self.odd_arn("snapshot", id), &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
        self.emit_snapshot_set(&set, at);
    }

    /// Once the last snapshot of a set has ended, an event tells of all.
    fn emit_snapshot_set(&mut self, set: &[String], at: RegionTime) {
        use crate::laws::snapshot::SnapshotState::{Completed, Pending};
        let members: Vec<_> = set.iter().filter_map(|id| self.snapshots.get(id)).collect();
        if members.is_empty() || members.iter().any(|snapshot| snapshot.state == Pending) {
            return;
        }
        let all_completed = members.iter().all(|snapshot| snapshot.state == Completed);
        let describe = |snapshot: &&crate::laws::snapshot::Snapshot| {
            json!({
                "snapshot_id": self.odd_arn("snapshot", &snapshot.id),
                "source": self.odd_arn("volume", &snapshot.volume_id),
                "status": snapshot.state.name(),
            })
        };
        let started_at = members.iter().map(|snapshot| snapshot.started_at).min().unwrap_or(at);
        let detail = json!({
            "event": "createSnapshots",
            "result": if all_completed { "succeeded" } else { "failed" },
            "cause": "",
            "request-id": "",
            "startTime": timestamp_seconds(self.clock.wall(started_at)),
            "endTime": timestamp_seconds(self.clock.wall(at)),
            "snapshots": members.iter().map(describe).collect::<Vec<_>>(),
        });
        let resource = set.first().map(|id| self.odd_arn("snapshot", id)).unwrap_or_default();
        let event = self.envelope("aws.ec2", "EBS Multi-Volume Snapshots Completion Status", &resource, &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    pub(crate) fn emit_spot_warning(&mut self, id: &str, action: &str, at: RegionTime) {
        // AWS: this ARN carries the zone in the region's field, and no account.
        let zone = self.instances.get(id).map(|instance| instance.zone.clone()).unwrap_or_default();
        let resource = format!("arn:aws:ec2:{zone}:instance/{id}");
        let detail = json!({"instance-id": id, "instance-action": action});
        let event = self.envelope("aws.ec2", "EC2 Spot Instance Interruption Warning", &resource, &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    pub(crate) fn emit_rebalance(&mut self, id: &str, at: RegionTime) {
        let detail = json!({"instance-id": id});
        let event =
            self.envelope("aws.ec2", "EC2 Instance Rebalance Recommendation", &self.arn("instance", id), &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    pub(crate) fn emit_health(&mut self, id: &str, code: &str, category: &str, at: RegionTime) {
        let detail = json!({
            "eventArn": format!("arn:aws:health:{}::event/EC2/{code}/{code}_{}", self.region_name, self.ids.uuid()),
            "service": "EC2",
            "eventTypeCode": code,
            "eventTypeCategory": category,
            "startTime": timestamp_seconds(self.clock.wall(at)),
            "eventDescription": [{"language": "en_US", "latestDescription": format!("{code} affects {id}")}],
            "affectedEntities": [{"entityValue": id}],
        });
        let event = self.envelope("aws.health", "AWS Health Event", id, &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    pub(crate) fn emit_alarm(&mut self, previous: &crate::laws::alarm::Alarm, name: &str, at: RegionTime) {
        let Some(alarm) = self.alarms.by_name.get(name) else { return };
        let dimensions: serde_json::Map<String, Value> =
            alarm.dimensions.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let detail = json!({
            "alarmName": alarm.name,
            "state": {
                "value": alarm.state.name(), "reason": alarm.state_reason, "reasonData": alarm.state_reason_data,
                "timestamp": self.alarm_time(at),
            },
            "previousState": {
                "value": previous.state.name(), "reason": previous.state_reason, "reasonData": previous.state_reason_data,
                "timestamp": self.alarm_time(previous.state_updated_at),
            },
            "configuration": {
                "description": alarm.description.clone().unwrap_or_default(),
                "metrics": [{
                    "id": "m1",
                    "metricStat": {
                        "metric": {"namespace": alarm.namespace, "name": alarm.metric_name, "dimensions": dimensions},
                        "period": alarm.period_seconds,
                        "stat": alarm.statistic,
                    },
                    "returnData": true,
                }],
            },
        });
        let resource = alarm.arn.clone();
        let event = self.envelope("aws.cloudwatch", "CloudWatch Alarm State Change", &resource, &detail, at);
        self.emit(DeliveryClass::AtLeastOnce, event, at);
    }
}
