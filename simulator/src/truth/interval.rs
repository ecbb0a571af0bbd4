//! Sets of time as sorted, disjoint half-open intervals: the arithmetic under the ground truth.

use serde::Serialize;

use crate::time::RegionTime;

/// A stretch of region time, `from` included, `to` not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Interval {
    /// Its first moment.
    pub from: RegionTime,
    /// The moment after its last.
    pub to: RegionTime,
}

impl Interval {
    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        self.to.since(self.from).as_secs_f64()
    }
}

/// A set of moments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TimeSet(Vec<Interval>);

impl TimeSet {
    /// The union of any intervals; empty ones vanish.
    pub(crate) fn from_intervals(intervals: impl IntoIterator<Item = Interval>) -> Self {
        let mut sorted: Vec<Interval> = intervals.into_iter().filter(|interval| interval.from < interval.to).collect();
        sorted.sort_unstable();
        let mut merged: Vec<Interval> = Vec::with_capacity(sorted.len());
        for interval in sorted {
            match merged.last_mut() {
                Some(last) if interval.from <= last.to => last.to = last.to.max(interval.to),
                _ => merged.push(interval),
            }
        }
        Self(merged)
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        for interval in &self.0 {
            let mut from = interval.from;
            for hole in other.0.iter().filter(|hole| hole.to > interval.from && hole.from < interval.to) {
                if hole.from > from {
                    rest.push(Interval { from, to: hole.from });
                }
                from = from.max(hole.to);
            }
            if from < interval.to {
                rest.push(Interval { from, to: interval.to });
            }
        }
        Self(rest)
    }

    pub(crate) fn intersect(&self, other: &Self) -> Self {
        self.minus(&self.minus(other))
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        Self::from_intervals(self.0.iter().chain(&other.0).copied())
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.0.iter().map(Interval::seconds).sum()
    }

    pub(crate) fn into_vec(self) -> Vec<Interval> {
        self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(u64, u64)]) -> TimeSet {
        TimeSet::from_intervals(pairs.iter().map(|&(from, to)| Interval { from: RegionTime(from), to: RegionTime(to) }))
    }

    #[test]
    fn union_difference_and_intersection_agree() {
        let (a, b) = (set(&[(0, 10), (20, 30)]), set(&[(5, 25), (29, 40)]));
        assert_eq!(a.union(&b), set(&[(0, 40)]));
        assert_eq!(a.minus(&b), set(&[(0, 5), (25, 29)]));
        assert_eq!(a.intersect(&b), set(&[(5, 10), (20, 25), (29, 30)]));
        assert_eq!(set(&[(3, 3), (4, 2)]), set(&[]));
    }
}
