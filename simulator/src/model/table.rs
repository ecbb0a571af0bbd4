//! Resources by id, with as much of their past as a lagging read may still show.
//!
//! EC2 is eventually consistent: a read may show a resource as it was a while ago, and a new id may not be found yet. Each row therefore
//! keeps its earlier versions for as long as the longest lag.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::time::RegionTime;

#[derive(Debug)]
struct Row<T> {
    created_at: RegionTime,
    value: Option<T>,
    /// Earlier versions and when each ended, oldest first.
    past: VecDeque<(RegionTime, Option<T>)>,
}

/// Resources of one kind.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: BTreeMap<String, Row<T>>,
    memory: Duration,
}

impl<T: Clone> Table<T> {
    pub(crate) const fn new(memory: Duration) -> Self {
        Self { rows: BTreeMap::new(), memory }
    }

    /// How long the past is kept from now on.
    pub(crate) fn remember(&mut self, memory: Duration) {
        self.memory = self.memory.max(memory);
    }

    pub(crate) fn insert(&mut self, id: &str, value: T, at: RegionTime) {
        self.rows.insert(id.to_owned(), Row { created_at: at, value: Some(value), past: VecDeque::new() });
    }

    /// The resource as it really is.
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.rows.get(id)?.value.as_ref()
    }

    /// For what no describe shows: no version is kept.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.rows.get_mut(id)?.value.as_mut()
    }

    /// For what a describe shows: keeps the version until now.
    pub(crate) fn change(&mut self, id: &str, at: RegionTime) -> Option<&mut T> {
        let memory = self.memory;
        let row = self.rows.get_mut(id)?;
        row.keep(at, memory);
        row.value.as_mut()
    }

    /// Removes the resource; lagging reads may go on showing it for a while.
    pub(crate) fn remove(&mut self, id: &str, at: RegionTime) -> Option<T> {
        let memory = self.memory;
        let row = self.rows.get_mut(id)?;
        if memory.is_zero() {
            return self.rows.remove(id)?.value;
        }
        row.keep(at, memory);
        row.value.take()
    }

    /// The resource as a read shows it that lags to `as_of`.
    pub(crate) fn seen(&self, id: &str, as_of: RegionTime) -> Option<&T> {
        self.rows.get(id).and_then(|row| row.seen(as_of))
    }

    /// All resources as a read shows them that lags to `as_of`.
    pub(crate) fn seen_all(&self, as_of: RegionTime) -> impl Iterator<Item = (&str, &T)> {
        self.rows.iter().filter_map(move |(id, row)| row.seen(as_of).map(|value| (id.as_str(), value)))
    }

    /// All resources as they really are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.rows.iter().filter_map(|(id, row)| row.value.as_ref().map(|value| (id.as_str(), value)))
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.iter().map(|(id, _)| id.to_owned()).collect()
    }
}

impl<T: Clone> Row<T> {
    pub(crate) fn keep(&mut self, at: RegionTime, memory: Duration) {
        if memory.is_zero() {
            return;
        }
        let forgotten = at.before(memory);
        while self.past.front().is_some_and(|(until, _)| *until < forgotten) {
            self.past.pop_front();
        }
        self.past.push_back((at, self.value.clone()));
    }

    fn seen(&self, as_of: RegionTime) -> Option<&T> {
        if as_of < self.created_at {
            return None;
        }
        // The version that was current at `as_of` is the first one that ended after it.
        match self.past.iter().find(|(until, _)| as_of < *until) {
            Some((_, version)) => version.as_ref(),
            None => self.value.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_lagging_read_sees_the_past() {
        let at = RegionTime::from_seconds;
        let mut table = Table::new(Duration::from_mins(1));
        table.insert("vol-1", "creating", at(10));
        *table.change("vol-1", at(20)).unwrap() = "available";
        table.remove("vol-1", at(30));
        assert_eq!(table.seen("vol-1", at(9)), None);
        assert_eq!(table.seen("vol-1", at(19)), Some(&"creating"));
        assert_eq!(table.seen("vol-1", at(20)), Some(&"available"));
        assert_eq!(table.seen("vol-1", at(29)), Some(&"available"));
        assert_eq!(table.seen("vol-1", at(30)), None);
        assert_eq!(table.get("vol-1"), None);
    }
}
