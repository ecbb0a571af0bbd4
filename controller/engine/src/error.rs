//! What keeps the engine from deciding at all. What keeps a step from being done is not here: that is part of the decision.

use failover_aws::{AwsError, SpecsError, StoreError};
use failover_core::decide::AdoptError;
use failover_core::ids::ServiceName;
use failover_core::ledger::IllegalChange;
use failover_core::spec::SpecError;
use thiserror::Error;

/// Why the engine could not do its work.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The spec can't be had.
    #[error("the spec of {service} can't be read")]
    Spec {
        /// Of which service.
        service: ServiceName,
        /// Why.
        #[source]
        source: SpecsError,
    },
    /// The given spec is none.
    #[error(transparent)]
    GivenSpec(#[from] SpecError),
    /// There is no spec.
    #[error("no failover.toml was applied for {service}; run `failover apply FILE.toml`")]
    NoSpec {
        /// For which service.
        service: String,
    },
    /// There is no record.
    #[error("{service} was never adopted; run `failover apply FILE.toml`")]
    NoLedger {
        /// Which service.
        service: ServiceName,
    },
    /// The specs can't be listed or written.
    #[error("the specs can't be reached")]
    Specs(#[from] SpecsError),
    /// The record can't be read or written.
    #[error("the ledger can't be reached")]
    Store(#[from] StoreError),
    /// A decision that the record does not allow.
    #[error(transparent)]
    Illegal(#[from] IllegalChange),
    /// A set-up that can't be adopted.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// A call that is not part of a decision.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The applied spec speaks of other volumes than the record.
    #[error(
        "{service} is known with the volumes {ledger}; failover.toml names {spec}. Volumes can't be changed while it is under control"
    )]
    VolumesDiffer {
        /// Which service.
        service: ServiceName,
        /// What the record says.
        ledger: String,
        /// What the spec says.
        spec: String,
    },
    /// A report in the history that can't be read.
    #[error("the report of {id} of {service} can't be read")]
    History {
        /// Of which service.
        service: ServiceName,
        /// Of which failover.
        id: failover_core::ids::FailoverId,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// An error and its causes, in one line.
pub fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
