//! What Lambda hands over, whatever it is.

use serde_json::Value;

use super::drive::Trigger;
use super::error::{EventError, shown};
use super::family::Family;
use super::read::At;
use super::{alarm, bridge, envelope, group, records, request};

/// Lambda passes asynchronous events of up to 1 MiB (256 KiB until late 2025); nothing that we understand comes near it.
const LARGEST_BYTES: usize = 1024 * 1024;

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
        Some(Family::SubscriptionConfirmation) => Ok(envelope::confirmation(&event)),
        Some(Family::Request) => request::request(&event).map(Trigger::Manual),
        Some(Family::AlarmNotification) | None => Err(EventError::Unrecognised { found: shown(payload) }),
    }
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
