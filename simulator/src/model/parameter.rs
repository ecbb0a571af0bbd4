//! Parameter Store's parameters.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

/// AWS keeps this many versions of a parameter.
const VERSIONS_KEPT: usize = 100;

/// All parameters of the region.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) region_name: String,
    pub(crate) account_id: String,
    pub(crate) by_name: BTreeMap<String, Parameter>,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    /// `String`, `StringList` or `SecureString`.
    pub(crate) type_name: String,
    pub(crate) data_type: String,
    pub(crate) description: Option<String>,
    /// `Standard` or `Advanced`.
    pub(crate) tier: &'static str,
    /// Oldest first; never empty.
    pub(crate) versions: VecDeque<Version>,
}

#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) number: i64,
    pub(crate) value: String,
    pub(crate) at: SystemTime,
}

impl Parameters {
    pub(crate) fn new(region_name: String, account_id: String) -> Self {
        Self { region_name, account_id, by_name: BTreeMap::new() }
    }
}

impl Parameter {
    /// Adds a version, and forgets the oldest if there are too many; returns its number.
    pub(crate) fn push(&mut self, value: String, at: SystemTime) -> i64 {
        let number = self.versions.back().map_or(1, |version| version.number + 1);
        self.versions.push_back(Version { number, value, at });
        if self.versions.len() > VERSIONS_KEPT {
            self.versions.pop_front();
        }
        number
    }
}
