//! What AWS answered to one describe call, all pages together, before it becomes a listing.

use std::collections::BTreeMap;
use std::str::FromStr;

use failover_core::ids::BadName;
use failover_core::world::{Listing, Observed, Tags, tag};
use jiff::Timestamp;

/// Which service each thing belongs to, by its tag.
pub(crate) type Owners<K> = BTreeMap<K, String>;

/// The things that a call listed.
#[derive(Debug)]
pub(crate) struct Described<K, V> {
    /// Each thing; one that could not be read is unknown.
    pub(crate) items: BTreeMap<K, Observed<V>>,
    /// By tag.
    pub(crate) owners: Owners<K>,
    /// Why the list is not whole although AWS answered.
    pub(crate) flaw: Option<String>,
    /// When the first page arrived: the list as a whole is no younger.
    pub(crate) at: Timestamp,
}

impl<K: Ord + Clone + FromStr<Err = BadName>, V> Described<K, V> {
    pub(crate) fn new(at: Timestamp) -> Self {
        Self { items: BTreeMap::new(), owners: BTreeMap::new(), flaw: None, at }
    }

    /// Takes one thing of a page that arrived `at`. A thing without a usable id makes the list incomplete: it can't be named.
    pub(crate) fn take(&mut self, id: Option<&str>, tags: &Tags, value: Result<V, String>, at: Timestamp) {
        let id = match id.map(K::from_str) {
            Some(Ok(id)) => id,
            Some(Err(error)) => return self.flawed(format!("AWS listed a thing whose id can't be read: {error}")),
            None => return self.flawed("AWS listed a thing without an id".to_owned()),
        };
        if let Some(service) = tags.get(tag::SERVICE) {
            self.owners.insert(id.clone(), service.clone());
        }
        let observed = match value {
            Ok(value) => Observed::Known { value, at },
            Err(why) => Observed::Unknown { why: format!("AWS's answer can't be used: {why}"), at },
        };
        self.items.insert(id, observed);
    }

    /// Notes why the list is not whole; the first reason stays.
    pub(crate) fn flawed(&mut self, why: String) {
        self.flaw.get_or_insert(why);
    }

    /// The listing, with the things' owners.
    pub(crate) fn into_listing(self) -> (Listing<K, V>, Owners<K>) {
        let complete = match self.flaw {
            None => Observed::Known { value: (), at: self.at },
            Some(why) => Observed::Unknown { why, at: self.at },
        };
        (Listing { complete, items: self.items }, self.owners)
    }
}
