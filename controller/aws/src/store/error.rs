//! What can go wrong with the store.

use thiserror::Error;

use crate::error::AwsError;

/// A record that can't be read. It is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the ledger of {service} can't be read: {why}")]
pub struct BadRecord {
    /// Whose.
    pub service: String,
    /// What is wrong with it.
    pub why: String,
}

/// The store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Somebody wrote the record since it was read.
    #[error("the ledger of {service} was changed meanwhile (version {expected} was expected, {} was found)", shown(*found))]
    Conflict {
        /// Whose.
        service: String,
        /// The version that the write was based on.
        expected: u64,
        /// The version that is there.
        found: Option<u64>,
    },
    /// The lease is somebody else's, or nobody's.
    #[error("the lease on {service} was lost{}", to.as_ref().map(|holder| format!(" to {holder}")).unwrap_or_default())]
    LostLease {
        /// Whose.
        service: String,
        /// Who has it now.
        to: Option<String>,
    },
    /// The service has a record already.
    #[error("{service} has a ledger already")]
    Exists {
        /// Whose.
        service: String,
    },
    /// The service has no record.
    #[error("{service} has no ledger yet")]
    NoLedger {
        /// Whose.
        service: String,
    },
    /// The table does not exist.
    #[error(
        "DynamoDB table {table} does not exist: deploy the stack, or make it with `aws dynamodb create-table --table-name {table} \
         --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S \
         --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE --billing-mode PAY_PER_REQUEST`"
    )]
    NoTable {
        /// Its name.
        table: String,
    },
    /// A record that can't be read, or written. Nothing is overwritten.
    #[error(transparent)]
    BadRecord(#[from] BadRecord),
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

fn shown(version: Option<u64>) -> String {
    version.map_or_else(|| "another".to_owned(), |version| version.to_string())
}

/// Why an edit did not happen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EditError<E> {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The change itself does not apply to the record.
    #[error("{0}")]
    Refused(E),
}
