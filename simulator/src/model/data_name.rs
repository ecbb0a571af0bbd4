//! Which data a volume holds.

/// Which data a volume holds: one of a service's volumes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct DataName {
    /// The service.
    pub service: String,
    /// The service's name for the volume, such as `data`.
    pub volume_name: String,
}
