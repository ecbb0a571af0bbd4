//! Why a fault cannot happen.

use thiserror::Error;

/// A fault that cannot be.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FaultError {
    /// No fault can be read from the text.
    #[error("this is not a fault: {0}")]
    Malformed(String),
    /// There is no such resource.
    #[error("there is no {kind} {named:?}; there are: {}", known.join(", "))]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// The name given.
        named: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// A number is out of bounds.
    #[error("{name} is {value}; allowed is {allowed}")]
    OutOfBounds {
        /// The field.
        name: &'static str,
        /// The value given.
        value: f64,
        /// What would do.
        allowed: &'static str,
    },
    /// The resource is in a state in which this cannot happen.
    #[error("{named} is {state}; it must be {allowed}")]
    WrongState {
        /// The resource.
        named: String,
        /// Its state.
        state: &'static str,
        /// What it would have to be.
        allowed: &'static str,
    },
    /// AWS itself would refuse it.
    #[error("{named}: {why}")]
    Refused {
        /// The resource.
        named: String,
        /// AWS's words.
        why: String,
    },
}

/// What a fault names must be there.
pub(super) fn known<'a>(
    kind: &'static str,
    named: &str,
    all: impl IntoIterator<Item = &'a String> + Clone,
) -> Result<(), FaultError> {
    if all.clone().into_iter().any(|known| known == named) {
        return Ok(());
    }
    Err(FaultError::Unknown { kind, named: named.to_owned(), known: all.into_iter().cloned().collect() })
}

/// AWS's refusal of what a user would have done.
pub(super) fn refused(named: &str, why: &str) -> FaultError {
    FaultError::Refused { named: named.to_owned(), why: why.to_owned() }
}
