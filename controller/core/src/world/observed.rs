//! Whether something is known, and since when.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One observation: what AWS said, or why it said nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed<T> {
    /// AWS said so; `at` is when its answer arrived.
    Known {
        /// What AWS said, in our terms.
        value: T,
        /// When the answer arrived.
        at: Timestamp,
    },
    /// AWS could not be asked, or its answer could not be used.
    Unknown {
        /// In words for the operator.
        why: String,
        /// When the attempt ended.
        at: Timestamp,
    },
}

impl<T> Observed<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Unknown { .. } => None,
        }
    }

    /// When it was observed, or tried to.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Known { at, .. } | Self::Unknown { at, .. } => *at,
        }
    }
}

/// Things of one kind that AWS lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "K: Ord + Deserialize<'de>, V: Deserialize<'de>"))]
pub struct Listing<K: Ord, V> {
    /// Whether the whole list was read: only then is a missing thing absent.
    pub complete: Observed<()>,
    /// What was read, or tried to, one by one.
    pub items: BTreeMap<K, Observed<V>>,
}

/// One thing seen through a [`Listing`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sight<'a, V> {
    /// It is there, and this is how it is.
    Known(&'a V),
    /// A complete answer did not contain it.
    Absent,
    /// Nothing can be said of it.
    Unknown(&'a str),
}

impl<K: Ord, V> Listing<K, V> {
    /// A list that was read whole.
    pub fn known(items: impl IntoIterator<Item = (K, V)>, at: Timestamp) -> Self {
        let items = items.into_iter().map(|(key, value)| (key, Observed::Known { value, at })).collect();
        Self { complete: Observed::Known { value: (), at }, items }
    }

    /// A list that could not be read.
    pub fn unknown(why: impl Into<String>, at: Timestamp) -> Self {
        Self { complete: Observed::Unknown { why: why.into(), at }, items: BTreeMap::new() }
    }

    /// How one thing is seen.
    pub fn sight(&self, key: &K) -> Sight<'_, V> {
        match (self.items.get(key), &self.complete) {
            (Some(Observed::Known { value, .. }), _) => Sight::Known(value),
            (Some(Observed::Unknown { why, .. }), _) | (None, Observed::Unknown { why, .. }) => Sight::Unknown(why),
            (None, Observed::Known { .. }) => Sight::Absent,
        }
    }

    /// The thing, if it is known.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.items.get(key).and_then(Observed::known)
    }

    /// Everything that is known, in the order of its ids.
    pub fn iter_known(&self) -> impl Iterator<Item = (&K, &V)> {
        self.items.iter().filter_map(|(key, observed)| observed.known().map(|value| (key, value)))
    }

    /// Whether the list was read whole.
    pub fn is_complete(&self) -> bool {
        self.complete.known().is_some()
    }
}
