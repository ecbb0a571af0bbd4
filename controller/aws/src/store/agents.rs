//! What the boot agents report: one item for each instance, replaced by each report. Written by the agents, read by the engine.

use failover_core::agent::AgentReport;
use failover_core::ids::{InstanceId, ServiceName};
use failover_core::world::{Listing, Observed};
use jiff::Timestamp;

use super::item::{self, Item, key, text};
use super::{BadRecord, Store, StoreError};
use crate::error::failed;

impl Store {
    /// Keeps what an instance's agent says; it replaces what it said before.
    pub async fn report(
        &self,
        service: &ServiceName,
        instance: &InstanceId,
        report: &AgentReport,
    ) -> Result<(), StoreError> {
        let body = serde_json::to_string(report).map_err(|error| BadRecord {
            service: service.to_string(),
            why: format!("the report of {instance} can't be written: {error}"),
        })?;
        let mut item = key(&partition(service), instance.as_str());
        item.insert("body".to_owned(), item::string(&body));
        let call = self.aws.dynamodb().put_item().table_name(self.table()).set_item(Some(item));
        call.send().await.map(drop).map_err(|error| self.error(failed("PutItem")(error)))
    }

    /// The last report of each of a service's instances. It never fails as a whole: what can't be read is unknown.
    pub async fn reports(&self, service: &ServiceName) -> Listing<InstanceId, AgentReport> {
        let answer = self.query(&partition(service), true, usize::MAX).await;
        let at = self.aws.clock().now();
        let items = match answer {
            Ok(items) => items,
            Err(error) => return Listing::unknown(error.to_string(), at),
        };
        let mut listing = Listing::known([], at);
        for item in items {
            match InstanceId::new(text(&item, "sk").unwrap_or_default()) {
                Ok(instance) => drop(listing.items.insert(instance, read(&item, at))),
                // No agent writes such a key.
                Err(error) => tracing::warn!(%service, table = self.table(), %error, "an agent's item was left out"),
            }
        }
        listing
    }

    /// Deletes the report of an instance that is no more.
    pub async fn forget_report(&self, service: &ServiceName, instance: &InstanceId) -> Result<(), StoreError> {
        let call = self.aws.dynamodb().delete_item().table_name(self.table());
        let call = call.set_key(Some(key(&partition(service), instance.as_str())));
        call.send().await.map(drop).map_err(|error| self.error(failed("DeleteItem")(error)))
    }
}

fn partition(service: &ServiceName) -> String {
    format!("agent#{service}")
}

fn read(item: &Item, at: Timestamp) -> Observed<AgentReport> {
    let body = text(item, "body").ok_or_else(|| "it has no body".to_owned());
    match body.and_then(|body| serde_json::from_str(body).map_err(|error| error.to_string())) {
        Ok(value) => Observed::Known { value, at },
        Err(why) => Observed::Unknown { why: format!("its agent's report can't be read: {why}"), at },
    }
}
