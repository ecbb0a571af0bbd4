//! What is due when: transitions in the order of their time, then of their request.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::model::transition::StateTransition;
use crate::time::RegionTime;

/// Pending transitions.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    order: BinaryHeap<Reverse<(RegionTime, u64)>>,
    pending: BTreeMap<u64, StateTransition>,
    next_sequence: u64,
}

impl Schedule {
    pub(crate) fn add(&mut self, at: RegionTime, transition: StateTransition) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.order.push(Reverse((at, sequence)));
        self.pending.insert(sequence, transition);
    }

    pub(crate) fn next_at(&self) -> Option<RegionTime> {
        self.order.peek().map(|Reverse((at, _))| *at)
    }

    /// The next transition that is due by `now`.
    pub(crate) fn pop_due(&mut self, now: RegionTime) -> Option<(RegionTime, StateTransition)> {
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
            schedule
                .add(RegionTime::from_seconds(seconds), StateTransition::VolumeCreated { volume: volume.to_owned() });
        }
        let mut names = Vec::new();
        while let Some((_, StateTransition::VolumeCreated { volume })) = schedule.pop_due(RegionTime::from_seconds(4)) {
            names.push(volume);
        }
        assert_eq!(names, ["first", "second"]);
        assert_eq!(schedule.next_at(), Some(RegionTime::from_seconds(5)));
    }
}
