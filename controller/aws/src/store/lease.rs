//! The lease: who works on a service, and how others tell the holder that something happened.

use aws_sdk_dynamodb::types::ReturnValue;
use failover_core::ids::ServiceName;
use jiff::Timestamp;

use super::error::{BadRecord, StoreError};
use super::item::{self, refused_update};
use super::record::Stored;
use super::table::Store;
use crate::error::convert;

/// What came of asking for the lease.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is mostly the large one")]
#[derive(Debug, Clone, PartialEq)]
pub enum Acquired {
    /// It is ours.
    Held(Stored),
    /// It is somebody else's.
    Busy {
        /// Whose.
        holder: String,
        /// Until when, if the holder does not extend it.
        until: Timestamp,
        /// Whether a wake mark was left: the holder will observe again before it releases it.
        woken: bool,
    },
    /// The service has no record.
    NoLedger,
}

/// What came of giving the lease back.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is soon taken apart")]
#[derive(Debug, Clone, PartialEq)]
pub enum Released {
    /// It is not ours any more.
    Gone,
    /// Somebody left a wake mark since the record was read: the lease is kept, and the service has to be observed again.
    Woken(Stored),
}

/// Tries of acquire, each followed by the attempt to leave a wake mark: both fail only if the lease changes hands in between.
const ACQUIRE_ATTEMPTS: usize = 3;

const OPERATION: &str = "UpdateItem";

impl Store {
    /// Takes the lease if nobody has it, if it has ended, or if it is ours already; reads the record in the same call.
    ///
    /// Guarantees: [`Acquired::Busy`] with `woken` means that the holder finds the mark before it lets go, so nothing that the caller
    /// came for is lost.
    ///
    /// Caveat: clocks. A lease has ended when the caller's `now` says so; leases must be longer than clocks differ, which is seconds, since
    /// AWS's answers set them right ([`Clock`](crate::Clock)).
    pub async fn acquire(
        &self,
        service: &ServiceName,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Acquired, StoreError> {
        let mut busy = Acquired::NoLedger;
        for _ in 0..ACQUIRE_ATTEMPTS {
            match self.try_acquire(service, holder, now, until).await? {
                Acquired::Busy { holder: other, until, .. } => {
                    if self.wake(service, now).await? {
                        return Ok(Acquired::Busy { holder: other, until, woken: true });
                    }
                    busy = Acquired::Busy { holder: other, until, woken: false };
                }
                other => return Ok(other),
            }
        }
        Ok(busy)
    }

    async fn try_acquire(
        &self,
        service: &ServiceName,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Acquired, StoreError> {
        let call = self.update(service.as_str());
        let call = call
            .update_expression("SET lease_holder = :holder, lease_until = :until")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(lease_holder) OR lease_until <= :now OR lease_holder = :holder)",
            )
            .expression_attribute_values(":holder", item::string(holder))
            .expression_attribute_values(":until", item::milliseconds(until))
            .expression_attribute_values(":now", item::milliseconds(now))
            .return_values(ReturnValue::AllNew);
        let error = match call.send().await {
            Ok(answer) => {
                let record = answer.attributes.unwrap_or_default();
                return match Stored::of(service.as_str(), &record) {
                    Ok(stored) => Ok(Acquired::Held(stored)),
                    Err(bad) => {
                        self.let_go(service, holder).await;
                        Err(bad.into())
                    }
                };
            }
            Err(error) => error,
        };
        let Some(there) = refused_update(&error) else { return Err(self.error(convert(OPERATION, &error))) };
        if there.is_empty() {
            return Ok(Acquired::NoLedger);
        }
        match item::lease(&there) {
            Ok(Some(lease)) => Ok(Acquired::Busy { holder: lease.holder, until: lease.until, woken: false }),
            Ok(None) => Err(bad(service, "its lease was refused although nobody holds it")),
            Err(why) => Err(bad(service, &why)),
        }
    }

    /// Leaves a wake mark for the holder of the lease. `false`: nobody holds it any more.
    async fn wake(&self, service: &ServiceName, now: Timestamp) -> Result<bool, StoreError> {
        let call = self.update(service.as_str());
        let call = call
            .update_expression("ADD wake :one")
            .condition_expression("attribute_exists(lease_holder) AND lease_until > :now")
            .expression_attribute_values(":one", item::integer(1))
            .expression_attribute_values(":now", item::milliseconds(now));
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) if refused_update(&error).is_some() => Ok(false),
            Err(error) => Err(self.error(convert(OPERATION, &error))),
        }
    }

    /// Gives the lease back, unless somebody left a wake mark since `stored` was read.
    pub async fn release(&self, stored: &Stored, holder: &str) -> Result<Released, StoreError> {
        let service = &stored.ledger.service;
        let call = self.update(service.as_str());
        let call = call
            .update_expression("REMOVE lease_holder, lease_until")
            .condition_expression("lease_holder = :holder AND wake = :wake")
            .expression_attribute_values(":holder", item::string(holder))
            .expression_attribute_values(":wake", item::integer(stored.wake));
        let Err(error) = call.send().await else { return Ok(Released::Gone) };
        let Some(there) = refused_update(&error) else { return Err(self.error(convert(OPERATION, &error))) };
        if item::text(&there, "lease_holder") != Some(holder) {
            return Ok(Released::Gone);
        }
        Ok(Released::Woken(Stored::of(service.as_str(), &there)?))
    }

    /// Gives back a lease on a record that can't be read. If that fails too, the lease ends by its time.
    async fn let_go(&self, service: &ServiceName, holder: &str) {
        let call = self.update(service.as_str());
        let call = call
            .update_expression("REMOVE lease_holder, lease_until")
            .condition_expression("lease_holder = :holder")
            .expression_attribute_values(":holder", item::string(holder));
        if let Err(error) = call.send().await {
            let error = convert(OPERATION, &error);
            tracing::warn!(%service, %error, "the lease on an unreadable ledger was not given back");
        }
    }
}

fn bad(service: &ServiceName, why: &str) -> StoreError {
    BadRecord { service: service.to_string(), why: why.to_owned() }.into()
}
