//! A data volume, as spec and ledger want it.

use std::path::PathBuf;

use failover_core::ids::{ServiceName, VolumeId, VolumeName};
use failover_core::spec::Filesystem;

/// A data volume that belongs to this instance, as spec and ledger say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataVolume {
    /// The service that it belongs to.
    pub service: ServiceName,
    /// Its name within the service.
    pub name: VolumeName,
    /// The EBS volume that carries it now.
    pub volume_id: VolumeId,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// What is expected on it; none: ext4 or XFS, but then a blank volume is not formatted.
    pub filesystem: Option<Filesystem>,
    /// The ledger says: created blank for this service, and it never served.
    pub blank_allowed: bool,
    /// The ledger's epoch.
    pub epoch: u64,
    /// A marker below this epoch shows an older copy of the data, which is refused.
    pub oldest_epoch: u64,
    /// Options of the mount beside the defaults.
    pub options: Vec<String>,
}
