//! Injected faults: what is done to the controller, beside what the scenario does to the region.

use crate::broken::Breakage;

/// What goes wrong in a story beside its script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)] // Each is injected or not, whatever the others are.
pub struct InjectedFaults {
    /// The controller dies at this call.
    pub crash: Option<Crash>,
    /// Every call is made twice, and the second answer is given.
    pub double_calls: bool,
    /// Every event arrives twice.
    pub double_events: bool,
    /// Every event is given to two controllers at once.
    pub two_controllers: bool,
    /// The region has its background faults: events are lost, doubled, late and out of order, calls are throttled and reads are old, all of it
    /// more than usual.
    pub background: bool,
    /// The clocks of the hosts that it runs on are off by up to five minutes, each by its own.
    pub skewed_clocks: bool,
    /// The controller does not keep one of its rules.
    pub breakage: Option<Breakage>,
}

/// Where the controller dies. Calls are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Before the call reaches AWS.
    Before(u64),
    /// After AWS has done it, before its answer is seen.
    After(u64),
}
