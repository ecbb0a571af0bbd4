//! The records themselves: read, made, replaced under the lease, and edited without it.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder as UpdateCall;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use failover_core::ids::ServiceName;
use failover_core::ledger::Ledger;
use jiff::Timestamp;

use super::error::{BadRecord, EditError, StoreError};
use super::item::{self, Item, LEDGER, key, number, text};
use super::record::{Lease, Stored};
use super::table::Store;
use crate::error::{convert, failed};

/// Tries of an edit against others who write at the same time: an operator waits for it.
const EDIT_ATTEMPTS: usize = 10;

impl Store {
    /// A service's record, as last written. Nothing: the service has none.
    pub async fn read(&self, service: &ServiceName) -> Result<Option<Stored>, StoreError> {
        const OPERATION: &str = "GetItem";
        let call = self.aws.dynamodb().get_item().table_name(self.table()).consistent_read(true);
        let call = call.set_key(Some(key(LEDGER, service.as_str())));
        let answer = call.send().await.map_err(|error| self.error(failed(OPERATION)(error)))?;
        answer.item.map(|item| Stored::of(service.as_str(), &item)).transpose().map_err(StoreError::from)
    }

    /// Every service's record. One that can't be read does not keep the others from being read.
    pub async fn read_all(&self) -> Result<Vec<(ServiceName, Result<Stored, BadRecord>)>, StoreError> {
        let mut records = Vec::new();
        for item in self.query(LEDGER, true, usize::MAX).await? {
            let service = text(&item, "sk").unwrap_or_default();
            match ServiceName::new(service) {
                Ok(name) => records.push((name, Stored::of(service, &item))),
                // Not ours: nothing that the controller writes has such a key.
                Err(error) => tracing::warn!(table = self.table(), %error, "a ledger item was left out"),
            }
        }
        Ok(records)
    }

    /// Writes a service's first record. [`StoreError::Exists`] if it has one already.
    pub async fn create(&self, ledger: &Ledger) -> Result<(), StoreError> {
        const OPERATION: &str = "PutItem";
        let service = &ledger.service;
        let body = body_of(ledger)?;
        let mut item = key(LEDGER, service.as_str());
        item.insert("body".to_owned(), item::string(&body));
        item.insert("version".to_owned(), item::integer(1));
        item.insert("wake".to_owned(), item::integer(0));
        item.insert("mark".to_owned(), item::string("created"));
        let call = self.aws.dynamodb().put_item().table_name(self.table()).set_item(Some(item));
        let call = call
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = call.send().await else { return Ok(()) };
        match item::refused_put(&error) {
            // Our own request, which the SDK repeated after its answer was lost.
            Some(there) if is_first_write(&there, &body) => Ok(()),
            Some(_) => Err(StoreError::Exists { service: service.to_string() }),
            None => Err(self.error(convert(OPERATION, &error))),
        }
    }

    /// Replaces the record, if nobody wrote since `stored` was read and `holder` still holds the lease, and extends the lease.
    ///
    /// A write of ours that landed although its answer was lost counts as success. The wake mark of `stored` is kept as it is: what
    /// was asked for since then is found at [`Store::release`].
    pub async fn write(
        &self,
        stored: &Stored,
        holder: &str,
        ledger: &Ledger,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Stored, StoreError> {
        let change = Change {
            service: &ledger.service,
            based_on: stored.version,
            body: body_of(ledger)?,
            mark: format!("{holder}#{}", stored.version.saturating_add(1)),
            now,
        };
        let written = Stored {
            ledger: ledger.clone(),
            version: stored.version.saturating_add(1),
            wake: stored.wake,
            lease: Some(Lease { holder: holder.to_owned(), until: lease_until }),
        };
        let call = self.update(change.service.as_str());
        let call = change
            .fill(call, "SET body = :body, version = :next, mark = :mark, updated_at = :now, lease_until = :until")
            .condition_expression("version = :version AND lease_holder = :holder")
            .expression_attribute_values(":holder", item::string(holder))
            .expression_attribute_values(":until", item::milliseconds(lease_until));
        let Err(error) = call.send().await else { return Ok(written) };
        let Some(there) = item::refused_update(&error) else { return Err(self.error(convert("UpdateItem", &error))) };
        if change.is_in(&there) && text(&there, "lease_holder") == Some(holder) {
            return Ok(written);
        }
        Err(lost(change.service, stored.version, holder, &there))
    }

    /// Changes a record without the lease, for an operator's mark: reads, applies `change`, writes if nobody else did meanwhile.
    ///
    /// It raises the wake mark, so that whoever holds the lease observes again; that holder's next write finds a
    /// [`StoreError::Conflict`] and has to read.
    pub async fn edit<E>(
        &self,
        service: &ServiceName,
        now: Timestamp,
        mut change: impl FnMut(Ledger) -> Result<Ledger, E>,
    ) -> Result<Stored, EditError<E>> {
        let mut seen = 0;
        for _ in 0..EDIT_ATTEMPTS {
            let stored = self.read(service).await?;
            let stored = stored.ok_or_else(|| StoreError::NoLedger { service: service.to_string() })?;
            seen = stored.version;
            let ledger = change(stored.ledger.clone()).map_err(EditError::Refused)?;
            if let Some(written) = self.write_edit(&stored, ledger, now).await? {
                return Ok(written);
            }
        }
        Err(StoreError::Conflict { service: service.to_string(), expected: seen, found: None }.into())
    }

    /// Nothing: somebody else wrote first.
    async fn write_edit(&self, stored: &Stored, ledger: Ledger, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        let version = stored.version.saturating_add(1);
        let change = Change {
            service: &ledger.service,
            based_on: stored.version,
            body: body_of(&ledger)?,
            mark: format!("edit@{}#{version}", now.as_millisecond()),
            now,
        };
        let call = self.update(change.service.as_str());
        let call = change
            .fill(call, "SET body = :body, version = :next, mark = :mark, updated_at = :now ADD wake :one")
            .condition_expression("version = :version")
            .expression_attribute_values(":one", item::integer(1));
        let landed = match call.send().await {
            Ok(_) => true,
            Err(error) => match item::refused_update(&error) {
                Some(there) => change.is_in(&there),
                None => return Err(self.error(convert("UpdateItem", &error))),
            },
        };
        let wake = stored.wake.saturating_add(1);
        Ok(landed.then(|| Stored { ledger, version, wake, lease: stored.lease.clone() }))
    }

    /// An update of a service's record; a refusal brings the record as it is.
    pub(super) fn update(&self, service: &str) -> UpdateCall {
        self.aws
            .dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key(LEDGER, service)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// A new body for a record.
struct Change<'a> {
    service: &'a ServiceName,
    based_on: u64,
    body: String,
    /// Unique to this write: who, and which version.
    mark: String,
    now: Timestamp,
}

impl Change<'_> {
    fn fill(&self, call: UpdateCall, expression: &str) -> UpdateCall {
        call.update_expression(expression)
            .expression_attribute_values(":body", item::string(&self.body))
            .expression_attribute_values(":mark", item::string(&self.mark))
            .expression_attribute_values(":now", item::milliseconds(self.now))
            .expression_attribute_values(":version", item::integer(self.based_on))
            .expression_attribute_values(":next", item::integer(self.based_on.saturating_add(1)))
    }

    /// Whether the record that refused this change is the one that it made: the SDK repeats a request whose answer was lost.
    fn is_in(&self, there: &Item) -> bool {
        number(there, "version") == Ok(self.based_on.saturating_add(1))
            && text(there, "mark") == Some(self.mark.as_str())
            && text(there, "body") == Some(self.body.as_str())
    }
}

fn is_first_write(there: &Item, body: &str) -> bool {
    number(there, "version") == Ok(1) && text(there, "mark") == Some("created") && text(there, "body") == Some(body)
}

fn body_of(ledger: &Ledger) -> Result<String, StoreError> {
    serde_json::to_string(ledger).map_err(|error| {
        StoreError::BadRecord(BadRecord {
            service: ledger.service.to_string(),
            why: format!("it can't be written: {error}"),
        })
    })
}

/// Why a holder's write was refused.
fn lost(service: &ServiceName, version: u64, holder: &str, there: &Item) -> StoreError {
    let lease = item::lease(there).ok().flatten();
    match lease {
        Some(lease) if lease.holder == holder => StoreError::Conflict {
            service: service.to_string(),
            expected: version,
            found: number(there, "version").ok(),
        },
        other => StoreError::LostLease { service: service.to_string(), to: other.map(|lease| lease.holder) },
    }
}
