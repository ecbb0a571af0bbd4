//! What is due when: transitions in the order of their time, then of their request.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::laws::scaling::ScalingStep;
use crate::time::RegionTime;

/// Something that happens by itself at a time. A generation that is no longer the resource's makes it void.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transition {
    InstanceRunning {
        instance: String,
        generation: u64,
    },
    InstanceStopped {
        instance: String,
        generation: u64,
    },
    InstanceTerminated {
        instance: String,
        generation: u64,
    },
    /// A terminated instance leaves the describes.
    InstanceForgotten {
        instance: String,
    },
    /// Two minutes after its spot warning.
    SpotReclaimed {
        instance: String,
        terminate: bool,
    },
    GuestUp {
        instance: String,
        generation: u64,
    },
    GuestDown {
        instance: String,
        generation: u64,
    },
    /// The guest has mounted its volumes and its service runs.
    ServiceUp {
        instance: String,
        guest_generation: u64,
    },
    StatusEvaluated {
        instance: String,
        generation: u64,
    },
    AlarmsEvaluated,
    VolumeCreated {
        volume: String,
    },
    VolumeDeleted {
        volume: String,
    },
    VolumeAttached {
        volume: String,
        generation: u64,
    },
    /// A clean detach finds out whether the guest still holds the device.
    DetachTried {
        volume: String,
        generation: u64,
    },
    VolumeDetached {
        volume: String,
        generation: u64,
    },
    SnapshotDone {
        snapshot: String,
    },
    AddressSwitched {
        allocation: String,
        generation: u64,
        target: Option<String>,
    },
    /// An Auto Scaling group takes its next step.
    Scaling {
        group: String,
        step: ScalingStep,
    },
}

impl Transition {
    /// Whether a guest may serve, or be heard, otherwise than before. What only shows in describes is not: a region of thousands of
    /// instances evaluates their status dozens of times a second.
    pub(crate) const fn is_felt_by_guests(&self) -> bool {
        !matches!(
            self,
            Self::StatusEvaluated { .. }
                | Self::AlarmsEvaluated
                | Self::VolumeCreated { .. }
                | Self::VolumeDeleted { .. }
                | Self::SnapshotDone { .. }
                | Self::Scaling { .. }
        )
    }
}

/// Pending transitions.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    order: BinaryHeap<Reverse<(RegionTime, u64)>>,
    pending: BTreeMap<u64, Transition>,
    next_sequence: u64,
}

impl Schedule {
    pub(crate) fn add(&mut self, at: RegionTime, transition: Transition) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.order.push(Reverse((at, sequence)));
        self.pending.insert(sequence, transition);
    }

    pub(crate) fn next_at(&self) -> Option<RegionTime> {
        self.order.peek().map(|Reverse((at, _))| *at)
    }

    /// The next transition that is due by `now`.
    pub(crate) fn pop_due(&mut self, now: RegionTime) -> Option<(RegionTime, Transition)> {
        let Reverse((at, sequence)) = *self.order.peek()?;
        if at > now {
            return None;
        }
        self.order.pop();
        self.pending.remove(&sequence).map(|transition| (at, transition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_come_by_time_and_then_in_order_of_request() {
        let mut schedule = Schedule::default();
        for (seconds, volume) in [(5, "late"), (3, "first"), (3, "second")] {
            schedule.add(RegionTime::from_seconds(seconds), Transition::VolumeCreated { volume: volume.to_owned() });
        }
        let mut names = Vec::new();
        while let Some((_, Transition::VolumeCreated { volume })) = schedule.pop_due(RegionTime::from_seconds(4)) {
            names.push(volume);
        }
        assert_eq!(names, ["first", "second"]);
        assert_eq!(schedule.next_at(), Some(RegionTime::from_seconds(5)));
    }
}
