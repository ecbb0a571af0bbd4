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
    /// Exactly one of two fields must be given.
    #[error("give either {first} or {second}")]
    EitherOr {
        /// One field.
        first: &'static str,
        /// The other.
        second: &'static str,
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
