//! Scenarios: what the service looks like, what happens to it, and how it must end.

use serde_json::{Value, json};

use crate::layout::{Layout, Made, SERVICE, alarm_name, zone};
use crate::people::Deed;

/// One story.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// In one line.
    pub summary: &'static str,
    /// The service.
    pub layout: Layout,
    /// What happens.
    pub script: fn(&Made) -> Vec<Act>,
    /// How it must end.
    pub expect: Expect,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub struct Act {
    /// Seconds after the start.
    pub at_seconds: u64,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Debug, Clone)]
pub enum Happening {
    /// The region misbehaves, or somebody else acts; as `POST /_region/fault` takes it.
    Fault(Value),
    /// An event reaches the Lambda that no rule of the region makes: an operator's request.
    Event(Value),
    /// Somebody else does something in the account.
    Deed {
        /// What.
        deed: Deed,
        /// To which of those that it can be done to.
        pick: usize,
    },
}

/// How a scenario must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// A failover to this zone, done, with nothing lost.
    DoneIn(char),
    /// A failover, done, within the loss that the spec allows, and reported.
    DoneWithLoss {
        /// Where.
        zone: char,
        /// The most that may be lost.
        most_seconds: u64,
    },
    /// The same to whichever zone the group chooses.
    Done,
    /// A drill, done; if the controller crashed at a bad time it may also be refused, with nothing changed.
    DrillIn(char),
    /// The same to whichever zone the group chooses.
    Drill,
    /// The first instance serves, with each of its volumes created empty exactly once.
    Bootstrapped,
    /// Standing still with a reason that contains this.
    Halted(&'static str),
    /// Standing still, halted or not even begun, with a reason that contains this.
    StandsStill(&'static str),
    /// No failover begins; the first active instance serves.
    Untouched,
    /// No failover may begin, and people are told a reason that contains this.
    Refused(&'static str),
    /// Nobody knows: what holds in every story has to hold.
    Anything,
}

/// An act on the region.
pub(crate) fn fault(at_seconds: u64, fault: Value) -> Act {
    Act { at_seconds, what: Happening::Fault(fault) }
}

/// An operator's request.
pub(crate) fn ask(at_seconds: u64, to: &str, drill: bool) -> Act {
    let event = json!({ "service": SERVICE, "to": to, "drill": drill });
    Act { at_seconds, what: Happening::Event(event) }
}

pub(crate) fn set_alarm(at_seconds: u64) -> Act {
    fault(at_seconds, json!({ "alarm": { "name": alarm_name(), "fault": { "set": { "state": "ALARM" } } } }))
}

/// The zone of the first active instance loses its power.
pub(crate) fn zone_down(at_seconds: u64) -> Act {
    fault(at_seconds, json!({ "zone": { "name": zone('a'), "fault": { "down": { "mode": "power" } } } }))
}
