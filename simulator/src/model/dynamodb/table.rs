//! One table: its key schema, its items in key order, and what an eventually consistent read may still show.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use super::number::Decimal;
use super::value::{AttributeValue, Item, item_bytes};

/// AWS's limit on an item, names included.
pub(crate) const LARGEST_ITEM_BYTES: usize = 400 * 1024;
/// Superseded items kept for eventually consistent reads; older ones are forgotten first.
const SUPERSEDED_KEPT: usize = 10_000;

/// A key attribute's value: the three types that a key may have, in DynamoDB's order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeyValue {
    String(Vec<u8>),
    Number(Decimal),
    Binary(Vec<u8>),
}

/// An item's primary key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) partition: KeyValue,
    pub(crate) sort: Option<KeyValue>,
}

/// A key attribute of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyAttribute {
    pub(crate) name: String,
    /// `S`, `N` or `B`
    pub(crate) type_name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableStatus {
    Creating,
    Active,
    Deleting,
}

impl TableStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            TableStatus::Creating => "CREATING",
            TableStatus::Active => "ACTIVE",
            TableStatus::Deleting => "DELETING",
        }
    }
}

#[derive(Debug)]
struct Superseded {
    at: SystemTime,
    key: Key,
    before: Option<Item>,
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) partition: KeyAttribute,
    pub(crate) sort: Option<KeyAttribute>,
    pub(crate) capacity: Capacity,
    pub(crate) deletion_protection: bool,
    pub(crate) created_at: SystemTime,
    pub(crate) active_at: SystemTime,
    pub(crate) gone_at: Option<SystemTime>,
    items: BTreeMap<Key, Item>,
    superseded: VecDeque<Superseded>,
}

/// What makes a table.
#[derive(Debug)]
pub(crate) struct TableParameters {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) partition: KeyAttribute,
    pub(crate) sort: Option<KeyAttribute>,
    pub(crate) capacity: Capacity,
    pub(crate) deletion_protection: bool,
}

/// How reading and writing are paid for. Nothing is throttled here in either mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capacity {
    OnDemand,
    Provisioned { read_units: i64, write_units: i64 },
}

impl Table {
    pub(crate) fn new(parameters: TableParameters, now: SystemTime, creation_takes: Duration) -> Table {
        Table {
            name: parameters.name,
            id: parameters.id,
            partition: parameters.partition,
            sort: parameters.sort,
            capacity: parameters.capacity,
            deletion_protection: parameters.deletion_protection,
            created_at: now,
            active_at: now + creation_takes,
            gone_at: None,
            items: BTreeMap::new(),
            superseded: VecDeque::new(),
        }
    }

    pub(crate) fn status(&self, now: SystemTime) -> TableStatus {
        match self.gone_at {
            Some(_) => TableStatus::Deleting,
            None if now < self.active_at => TableStatus::Creating,
            None => TableStatus::Active,
        }
    }

    pub(crate) fn item_count(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.items.values().map(item_bytes).sum()
    }

    /// The item as it is, or as it was at an earlier moment.
    pub(crate) fn read(&self, key: &Key, as_of: Option<SystemTime>) -> Option<&Item> {
        let earlier = as_of.and_then(|moment| {
            // The oldest change after that moment tells what was there before it.
            self.superseded
                .iter()
                .rev()
                .take_while(|change| change.at > moment)
                .filter(|change| change.key == *key)
                .last()
        });
        match earlier {
            Some(superseded) => superseded.before.as_ref(),
            None => self.items.get(key),
        }
    }

    /// Puts or removes an item; returns what was there.
    pub(crate) fn write(&mut self, key: Key, item: Option<Item>, now: SystemTime) -> Option<Item> {
        let before = match item {
            Some(item) => self.items.insert(key.clone(), item),
            None => self.items.remove(&key),
        };
        self.superseded.push_back(Superseded { at: now, key, before: before.clone() });
        if self.superseded.len() > SUPERSEDED_KEPT {
            self.superseded.pop_front();
        }
        before
    }

    /// All items in key order.
    pub(crate) fn items(&self) -> impl DoubleEndedIterator<Item = (&Key, &Item)> {
        self.items.iter()
    }

    /// One partition's items in the order of the sort key.
    pub(crate) fn partition_items(&self, partition: &KeyValue) -> impl DoubleEndedIterator<Item = (&Key, &Item)> {
        // `None` sorts before every sort key.
        let first = Key { partition: partition.clone(), sort: None };
        let items: Vec<_> = self.items.range(first..).take_while(|(key, _)| key.partition == *partition).collect();
        items.into_iter()
    }

    /// The key's attributes, as an item.
    pub(crate) fn key_attributes(&self, key: &Key) -> Item {
        let mut attributes = Item::from([(self.partition.name.clone(), key.partition.attribute())]);
        if let (Some(attribute), Some(value)) = (&self.sort, &key.sort) {
            attributes.insert(attribute.name.clone(), value.attribute());
        }
        attributes
    }

    /// Whether the attribute is part of the key.
    pub(crate) fn is_key(&self, name: &str) -> bool {
        self.partition.name == name || self.sort.as_ref().is_some_and(|sort| sort.name == name)
    }
}

impl KeyValue {
    pub(crate) fn of(value: &AttributeValue) -> Option<KeyValue> {
        match value {
            AttributeValue::String(text) => Some(KeyValue::String(text.clone().into_bytes())),
            AttributeValue::Number(number) => Some(KeyValue::Number(*number)),
            AttributeValue::Binary(bytes) => Some(KeyValue::Binary(bytes.clone())),
            _ => None,
        }
    }

    fn attribute(&self) -> AttributeValue {
        match self {
            KeyValue::String(bytes) => AttributeValue::String(String::from_utf8_lossy(bytes).into_owned()),
            KeyValue::Number(number) => AttributeValue::Number(*number),
            KeyValue::Binary(bytes) => AttributeValue::Binary(bytes.clone()),
        }
    }
}
