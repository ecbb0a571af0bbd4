//! Reports of past failovers, one item each. Failover ids begin with their time, so that they sort by age.

use failover_core::ids::{FailoverId, ServiceName};

use super::error::{BadRecord, StoreError};
use super::item::{self, Item, key, text};
use super::table::Store;
use crate::error::failed;

impl Store {
    /// Keeps a report (JSON). A second one of the same failover replaces the first: a crash may send it twice.
    pub async fn put_history(&self, service: &ServiceName, id: &FailoverId, json: &str) -> Result<(), StoreError> {
        let mut item = key(&partition(service), id.as_str());
        item.insert("body".to_owned(), item::string(json));
        let call = self.aws.dynamodb().put_item().table_name(self.table()).set_item(Some(item));
        call.send().await.map(drop).map_err(|error| self.error(failed("PutItem")(error)))
    }

    /// The newest `limit` reports (JSON), newest first.
    pub async fn history(&self, service: &ServiceName, limit: usize) -> Result<Vec<(FailoverId, String)>, StoreError> {
        let items = self.query(&partition(service), false, limit).await?;
        items.iter().map(|item| read(service, item)).collect()
    }

    /// One report (JSON), if it is kept.
    pub async fn history_item(&self, service: &ServiceName, id: &FailoverId) -> Result<Option<String>, StoreError> {
        let call = self.aws.dynamodb().get_item().table_name(self.table()).consistent_read(true);
        let call = call.set_key(Some(key(&partition(service), id.as_str())));
        let answer = call.send().await.map_err(|error| self.error(failed("GetItem")(error)))?;
        answer.item.map(|item| read(service, &item).map(|(_, json)| json)).transpose()
    }
}

fn partition(service: &ServiceName) -> String {
    format!("history#{service}")
}

fn read(service: &ServiceName, item: &Item) -> Result<(FailoverId, String), StoreError> {
    let bad = |why: String| BadRecord { service: service.to_string(), why: format!("a report of its history: {why}") };
    let id = FailoverId::new(text(item, "sk").unwrap_or_default()).map_err(|error| bad(error.to_string()))?;
    let json = text(item, "body").ok_or_else(|| bad(format!("{id} has no body")))?;
    Ok((id, json.to_owned()))
}
