//! All tables of the region.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use super::table::Table;
use crate::model::settings::Settings;

/// All tables of the region.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) settings: Settings,
    pub(crate) chance: fastrand::Rng,
    pub(crate) by_name: BTreeMap<String, Table>,
    pub(crate) transaction_tokens: VecDeque<TransactionToken>,
}

/// What a transaction's token was used for.
#[derive(Debug)]
pub(crate) struct TransactionToken {
    pub(crate) token: String,
    /// The transaction as text: the same token with another is a mistake.
    pub(crate) request: String,
    pub(crate) at: SystemTime,
}

impl Tables {
    pub(crate) fn new(settings: Settings) -> Self {
        let chance = fastrand::Rng::with_seed(settings.seed ^ 0xD1_7A_B1_E5);
        Self { settings, chance, by_name: BTreeMap::new(), transaction_tokens: VecDeque::new() }
    }

    /// Tables whose deletion is over by now are no more.
    pub(crate) fn forget_deleted(&mut self, now: SystemTime) {
        self.by_name.retain(|_, table| table.gone_at.is_none_or(|gone_at| now < gone_at));
    }
}
