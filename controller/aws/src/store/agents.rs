//! What the boot agents report: one item for each instance, replaced by each report. Written by the agents, read by the engine.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use failover_core::agent::AgentReport;
use failover_core::ids::{InstanceId, ServiceName};
use failover_core::world::{Listing, Observed};
use jiff::Timestamp;

use super::error::{BadRecord, StoreError};
use super::item::{self, Item, key, number, text};
use super::table::Store;
use crate::error::{convert, failed};

/// Nobody else writes this item: a second attempt is for a clock that went backwards, a third for a request that arrived late.
const REPORT_ATTEMPTS: usize = 3;

impl Store {
    /// Keeps what an instance's agent says; it replaces what it said before.
    ///
    /// # Guarantees
    /// A request that was given up and arrives late does not replace what was said after it: an old "quiesced" must not come to stand
    /// beside a service that runs again.
    ///
    /// # Assumptions
    /// One agent at a time writes for an instance. Its clock may go backwards.
    pub async fn report(
        &self,
        service: &ServiceName,
        instance: &InstanceId,
        report: &AgentReport,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "PutItem";
        let body = serde_json::to_string(report).map_err(|error| BadRecord {
            service: service.to_string(),
            why: format!("the report of {instance} can't be written: {error}"),
        })?;
        let mut sequence_number = u64::try_from(self.aws.clock().now().as_microsecond()).unwrap_or_default();
        let mut seen = None;
        for _ in 0..REPORT_ATTEMPTS {
            let mut item = key(&partition(service), instance.as_str());
            item.insert("body".to_owned(), item::string(&body));
            item.insert("sequence_number".to_owned(), item::integer(sequence_number));
            let call = self.aws.dynamodb().put_item().table_name(self.table()).set_item(Some(item));
            let call = call
                .condition_expression("attribute_not_exists(sequence_number) OR sequence_number < :sequence_number")
                .expression_attribute_values(":sequence_number", item::integer(sequence_number))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let Err(error) = call.send().await else { return Ok(()) };
            let Some(there) = item::refused_put(&error) else { return Err(self.error(convert(OPERATION, &error))) };
            let later = number(&there, "sequence_number").unwrap_or_default();
            if later == sequence_number && text(&there, "body") == Some(body.as_str()) {
                // Our own request, which the SDK repeated after its answer was lost.
                return Ok(());
            }
            // The clock went backwards: what is there was said before all the same.
            seen = Some(later);
            sequence_number = later.saturating_add(1);
        }
        Err(StoreError::Conflict { service: service.to_string(), expected: sequence_number, found: seen })
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
