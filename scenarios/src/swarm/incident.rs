//! What happens in a story of the swarm.

use serde_json::{Value, json};

use crate::layout::{GROUP, KEY, Layout, Made, SERVICE, alarm_name, zone};
use crate::people::Deed;
use crate::scenario::{Act, Happening};

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident {
    /// Seconds after the start.
    pub at_seconds: u64,
    /// What.
    pub what: What,
    /// To which of those that it can happen to.
    pub pick: usize,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Somebody does something through AWS's API.
    Deed(Deed),
    /// Something goes wrong, or right again.
    Mishap(Mishap),
    /// An operator asks for a drill.
    Drill,
    /// An operator asks for a move.
    Move,
    /// An operator asks for a failover and accepts to lose an hour.
    AcceptLoss,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// A host fails; a forced stop works.
    HostFails,
    /// A host fails, and not even a forced stop works.
    HostFailsForEver,
    /// A guest's network fails: it writes on.
    NetworkFails,
    /// A guest ignores shutdowns.
    ShutdownIgnored,
    /// An instance's volumes do no I/O.
    DiskFails,
    /// An instance is well again.
    Healed,
    /// A zone loses its power.
    ZoneDown,
    /// It has it again.
    ZoneUp,
    /// A zone has no capacity for ten minutes.
    NoCapacity,
    /// The next snapshot ends in `error`.
    SnapshotFails,
    /// The next volume ends in `error`.
    VolumeFails,
    /// The key fails for the next volume that is made with it: the volume vanishes.
    KeyFails,
    /// Somebody disables the key.
    KeyDisabled,
    /// Somebody enables it again.
    KeyEnabled,
    /// Many calls are throttled for five minutes.
    Throttled,
    /// The answer to the next call of a kind is lost, after its effect.
    AnswerLost,
    /// The alarm goes off, for a reason or for none.
    Alarm,
    /// The group terminates its instance.
    GroupTerminates,
    /// The group refreshes its instances.
    GroupRefreshes,
    /// The group rebalances its zones.
    GroupRebalances,
    /// The group may not launch.
    LaunchSuspended,
    /// It may again.
    LaunchResumed,
    /// The group's next launch fails.
    LaunchFails,
    /// A spot interruption.
    SpotInterruption,
}

/// What [`What::AcceptLoss`] accepts.
const ACCEPTED_SECONDS: u64 = 3600;

/// The calls whose answers are lost.
const DECISIVE: [&str; 8] = [
    "CreateSnapshot",
    "CreateSnapshots",
    "CreateVolume",
    "AttachVolume",
    "DetachVolume",
    "AssociateAddress",
    "StopInstances",
    "UpdateItem",
];

impl Incident {
    /// The incident on the stage of a layout.
    pub(super) fn act(&self, layout: &Layout, made: &Made) -> Act {
        let ask = |more: Value| {
            let mut event = json!({ "service": SERVICE, "to": "standby" });
            if let (Some(event), Some(more)) = (event.as_object_mut(), more.as_object()) {
                event.extend(more.clone());
            }
            Happening::Event(event)
        };
        let what = match self.what {
            What::Deed(deed) => Happening::Deed { deed, pick: self.pick },
            What::Mishap(mishap) => Happening::Fault(self.fault(mishap, layout, made)),
            What::Drill => ask(json!({ "drill": true })),
            What::Move => ask(json!({})),
            What::AcceptLoss => ask(json!({ "accept_data_loss_seconds": ACCEPTED_SECONDS })),
        };
        Act { at_seconds: self.at_seconds, what }
    }

    fn fault(&self, mishap: Mishap, layout: &Layout, made: &Made) -> Value {
        let instance = |fault: Value| json!({ "instance": { "name": self.instance(layout, made), "fault": fault } });
        let in_zone = |fault: Value| {
            let letter = ['a', 'b', 'c'][self.pick % 3];
            json!({ "zone": { "name": zone(letter), "fault": fault } })
        };
        let group = |fault: Value| json!({ "group": { "name": GROUP, "fault": fault } });
        match mishap {
            Mishap::HostFails => instance(json!({ "fail_host": { "force_stop": "works" } })),
            Mishap::HostFailsForEver => instance(json!({ "fail_host": { "force_stop": "never" } })),
            Mishap::NetworkFails => instance(json!("impair_network")),
            Mishap::ShutdownIgnored => instance(json!("ignore_shutdown")),
            Mishap::DiskFails => instance(json!("impair_ebs")),
            Mishap::Healed => instance(json!("heal")),
            Mishap::SpotInterruption => instance(json!("spot_warning")),
            Mishap::ZoneDown => in_zone(json!({ "down": { "mode": "power" } })),
            Mishap::ZoneUp => in_zone(json!("up")),
            Mishap::NoCapacity => in_zone(json!({ "refuse_capacity": { "for_seconds": 600.0 } })),
            Mishap::SnapshotFails => json!({ "creations": { "fail_snapshots": { "count": 1 } } }),
            Mishap::VolumeFails => json!({ "creations": { "fail_volumes": { "count": 1 } } }),
            Mishap::KeyFails => json!({ "creations": { "fail_keys": { "count": 1 } } }),
            Mishap::KeyDisabled => json!({ "key": { "name": KEY, "fault": "disable" } }),
            Mishap::KeyEnabled => json!({ "key": { "name": KEY, "fault": "enable" } }),
            Mishap::Throttled => json!({ "calls": { "throttle": { "for_seconds": 300.0, "probability": 0.4 } } }),
            Mishap::AnswerLost => {
                let action = DECISIVE[self.pick % DECISIVE.len()];
                json!({ "calls": { "hang": { "action": action, "count": 1, "after_effect": true } } })
            }
            Mishap::Alarm => json!({ "alarm": { "name": alarm_name(), "fault": { "set": { "state": "ALARM" } } } }),
            Mishap::GroupTerminates => instance(json!("terminate_in_group")),
            Mishap::GroupRefreshes => group(json!("refresh")),
            Mishap::GroupRebalances => group(json!("rebalance_zones")),
            Mishap::LaunchSuspended => group(json!({ "suspend": { "processes": ["Launch"] } })),
            Mishap::LaunchResumed => group(json!({ "resume_processes": { "processes": ["Launch"] } })),
            Mishap::LaunchFails => group(json!({ "fail_launch": { "count": 1 } })),
        }
    }

    /// The first active instance more often than another: that is where it matters.
    fn instance(&self, layout: &Layout, made: &Made) -> Value {
        if matches!(layout, Layout::Group(_)) {
            let which = if self.pick.is_multiple_of(4) { "newest_of" } else { "oldest_of" };
            return json!({ which: GROUP });
        }
        let all: Vec<&String> = made.active.iter().chain(&made.standbys).collect();
        let index = if self.pick.is_multiple_of(2) { 0 } else { self.pick / 2 % all.len().max(1) };
        json!(all.get(index))
    }
}
