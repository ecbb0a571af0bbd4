//! What is wrong with a `failover.toml`.

use thiserror::Error;

/// A `failover.toml` that can't be used. Each names the key, the value and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    /// Not TOML, an unknown key, a missing one, or an impossible value. The text shows the line.
    #[error("failover.toml: {0}")]
    Shape(String),
    /// A file that is no spec at all.
    #[error("failover.toml: {bytes} bytes are too many: allowed are {allowed} (an SSM parameter holds no more)")]
    Size {
        /// The file's length.
        bytes: usize,
        /// The most that is stored.
        allowed: usize,
    },
    /// A value that is wrong beside the others.
    #[error("failover.toml: {key} = {value}: {allowed}")]
    Value {
        /// The key, with its tables: `volume.mount`.
        key: String,
        /// The value as it was given, in quotes.
        value: String,
        /// A sentence that says what would be accepted.
        allowed: String,
    },
}
