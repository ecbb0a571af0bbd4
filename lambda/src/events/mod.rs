//! From what Lambda hands over to a [`Trigger`]: why we look, and at which services.
//!
//! ```text
//! detail-type            ──► bridge    EventBridge: instance, spot, volume, snapshot, health, alarm, Auto Scaling group, schedule
//! alarmData              ──► alarm     a CloudWatch alarm that calls the function itself
//! LifecycleTransition    ──► group     a lifecycle hook that calls the function itself
//! Records[].Sns.Message  ──► sns       an alarm's notification, a hook's, or any of the above, through a topic
//! Records[].body         ──► sqs       the same through a queue, with or without a topic before it
//! service, to            ──► request   an operator's request
//! ```
//!
//! A trigger holds nothing that a decision uses: what an event says of states is for the log. Hence only that is demanded of an
//! event which leads to a service (an id or a name); a missing signature or an odd date loses no event. What an event *is* must be
//! clear, though: one that can't be understood is an error and, after Lambda's retries, in the dead-letter queue.

mod alarm;
mod bridge;
mod error;
mod group;
mod read;
mod records;
mod request;
mod sns;
mod sqs;

use failover_core::ids::{InstanceId, SnapshotId, VolumeId};
use failover_engine::Clue;
use serde_json::Value;

pub use bridge::understood;
pub use error::EventError;
use error::shown;
use read::At;
pub use request::ManualRequest;

/// Lambda passes asynchronous events of up to 1 MiB (256 KiB until late 2025); nothing that we understand comes near it.
const LARGEST_BYTES: usize = 1024 * 1024;

/// Why we look now, and at what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Something happened to something.
    Look {
        /// In words, for the log.
        what: String,
        /// What leads to the services that it happened to; each once.
        clues: Vec<Clue>,
    },
    /// An operator wants a failover.
    Manual(ManualRequest),
    /// It is time to look at everything.
    Tick {
        /// In words, for the log.
        what: String,
    },
    /// Understood, and nothing to us.
    Nothing {
        /// Why.
        reason: String,
    },
}

/// What an event asks for.
pub fn trigger(payload: &Value) -> Result<Trigger, EventError> {
    if is_larger_than(payload, LARGEST_BYTES) {
        return Err(EventError::TooLarge { allowed_bytes: LARGEST_BYTES });
    }
    let event = At::root("", payload);
    match Family::of(&event) {
        Some(Family::EventBridge) => bridge::trigger(&event),
        Some(Family::AlarmAction) => alarm::action(&event),
        Some(Family::GroupMessage) => group::message(&event),
        Some(Family::Records) => records::trigger(&event),
        Some(Family::SubscriptionConfirmation) => Ok(sns::confirmation(&event)),
        Some(Family::Request) => request::request(&event).map(Trigger::Manual),
        Some(Family::AlarmNotification) | None => Err(EventError::Unrecognised { found: shown(payload) }),
    }
}

/// The forms in which events come, told apart by keys that only one of them has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    EventBridge,
    AlarmAction,
    /// Only inside an SNS message.
    AlarmNotification,
    /// Of a lifecycle hook, or of an Auto Scaling group.
    GroupMessage,
    /// Of SNS or SQS.
    Records,
    /// What SNS sends to HTTP endpoints before anything else; seen when a message is passed on by hand.
    SubscriptionConfirmation,
    Request,
}

impl Family {
    fn of(event: &At<'_>) -> Option<Self> {
        let has = |key| event.get(key).is_some();
        if has("detail-type") {
            Some(Self::EventBridge)
        } else if has("alarmData") || has("alarmArn") {
            Some(Self::AlarmAction)
        } else if has("Records") {
            Some(Self::Records)
        } else if has("AlarmName") {
            Some(Self::AlarmNotification)
        } else if group::is_message(event) {
            Some(Self::GroupMessage)
        } else if sns::is_confirmation(event) {
            Some(Self::SubscriptionConfirmation)
        } else if request::KEYS.iter().any(|key| has(key)) {
            Some(Self::Request)
        } else {
            None
        }
    }
}

/// A clue from a resource's id or ARN; nothing for kinds of resources that a service does not consist of.
///
/// Some ARNs of EC2's events are odd: the zone in place of the region and no account (spot warnings), the region one field too late
/// (snapshots). The id is always what follows the last slash (aws-facts 1.6, 2.8).
fn resource(arn_or_id: &str) -> Option<Clue> {
    let id = arn_or_id.rsplit('/').next().unwrap_or_default();
    let known = InstanceId::new(id).is_ok() || VolumeId::new(id).is_ok() || SnapshotId::new(id).is_ok();
    known.then(|| Clue::Resource(id.to_owned()))
}

/// What is expected where [`resource`] must find one.
const RESOURCE: &str = "the id or ARN of an instance, a volume or a snapshot";

/// Following a clue takes a read of the table or two: an event that names more resources than this is followed by a look at everything.
const MOST_CLUES: usize = 50;

/// A look, with each clue once, in the order of the event.
fn look(what: String, clues: impl IntoIterator<Item = Clue>) -> Trigger {
    let mut once = Vec::new();
    for clue in clues {
        if once.contains(&clue) {
            continue;
        }
        if once.len() == MOST_CLUES {
            return Trigger::Tick { what };
        }
        once.push(clue);
    }
    Trigger::Look { what, clues: once }
}

/// Longest line that a trigger says of itself.
const LONGEST_LINE_CHARACTERS: usize = 400;

/// Several short texts as one that is not too long.
fn joined(texts: &[String]) -> String {
    let line = texts.join("; ");
    let cut: String = line.chars().take(LONGEST_LINE_CHARACTERS).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}

/// Whether a value takes more than `bytes` as JSON. Stops counting there.
fn is_larger_than(value: &Value, bytes: usize) -> bool {
    serde_json::to_writer(Meter { left: bytes }, value).is_err()
}

struct Meter {
    left: usize,
}

impl std::io::Write for Meter {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.left = self.left.checked_sub(buffer.len()).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
