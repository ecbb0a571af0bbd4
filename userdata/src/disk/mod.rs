//! Data volumes inside the guest: found by their `NVMe` serial, checked, never formatted unless they are surely blank, mounted.
//!
//! ```text
//! wait for the device ─► judge what it holds ─► blank? ─► format ─┐
//!   (serial, by-id)        (reads only)                           ▼
//!                              └── ext4, xfs ─────────────► check ─► mount ─► marker ─► grow ─► marker of this epoch
//! ```
//!
//! ## Guarantees
//! - Nothing is written to a device unless it holds the expected filesystem, or reads as zeros from its first to its last byte
//!   **and** the ledger says that it was created blank for this service, or carries our own note of a formatting that was
//!   interrupted (`intent`, decision 10).
//! - Each step may be repeated, and a crash anywhere is recovered by [`Disks::bring_up`] again.
//! - After [`Disks::take_down`] nobody on this machine has the filesystem mounted, in whatever mount namespace.
//!
//! ## Assumptions
//! - The caller lets one `bring_up` of a volume run at a time; a second one is refused by a lock on the device.
//! - The kernel's device nodes are those of devtmpfs or udev, and `/proc` is the whole machine's.

mod blank;
mod bring_up;
mod content;
mod device;
mod error;
mod examine;
mod filesystem;
mod format;
mod holders;
mod intent;
mod marker;
mod mount;
mod mountinfo;
mod superblock;
mod take_down;
mod tool;

use std::path::PathBuf;
use std::time::Duration;

use failover_core::ids::{ServiceName, VolumeId, VolumeName};
use failover_core::spec::Filesystem;

pub use error::{DiskError, Expected, Fault, Subject, ToolFault};
pub use examine::{Examination, Finding};
pub use holders::{Holder, Holders};
pub use marker::{FILE_NAME as MARKER_FILE_NAME, Marker, MarkerFault};

/// A data volume that belongs to this instance, as spec and ledger say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
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

/// A volume that is mounted and marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtUp {
    /// What is mounted: the device, or its partition.
    pub device: PathBuf,
    /// Which filesystem it holds.
    pub filesystem: Filesystem,
    /// Whether it was blank, and formatted just now.
    pub formatted: bool,
    /// Whether it was mounted already.
    pub was_mounted: bool,
    /// What the checker repaired.
    pub repaired: Option<String>,
    /// Sizes before and after, if the filesystem was grown.
    pub grown_bytes: Option<(u64, u64)>,
    /// The marker that was found.
    pub marker: Option<Marker>,
    /// What a person should know, though it keeps nobody from serving.
    pub warnings: Vec<String>,
}

/// How to reach devices and tools, and how long they may take.
#[derive(Debug, Clone, Default)]
pub struct Disks {
    /// Where things are.
    pub roots: Roots,
    /// How long things may take.
    pub limits: Limits,
}

/// Where the machine's files are. Tests give others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// Usually `/sys`.
    pub sys: PathBuf,
    /// Usually `/dev`.
    pub dev: PathBuf,
    /// Usually `/dev/disk/by-id`.
    pub by_id: PathBuf,
    /// Usually `/proc`.
    pub proc: PathBuf,
    /// Directories where tools are searched before those of `PATH`.
    pub tools: Vec<PathBuf>,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            sys: PathBuf::from("/sys"),
            dev: PathBuf::from("/dev"),
            by_id: PathBuf::from("/dev/disk/by-id"),
            proc: PathBuf::from("/proc"),
            tools: Vec::new(),
        }
    }
}

/// How long things may take. A volume restored from a snapshot loads its blocks at first use, so reads can be slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Looking at signatures and superblocks.
    pub probe: Duration,
    /// How long the device may be in use by a prober (udev) or by a predecessor's last command before it is an error.
    pub release: Duration,
    /// Reading a blank device from end to end. At gp3's 125 MiB/s four hours are enough for 1.7 TiB.
    pub blank_read: Duration,
    /// Making a filesystem.
    pub format: Duration,
    /// Checking one: usually a journal's replay, at worst a full check.
    pub check: Duration,
    /// Mounting: XFS replays its log then.
    pub mount: Duration,
    /// Growing.
    pub grow: Duration,
    /// How long a device may not answer at all.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            probe: Duration::from_mins(2),
            release: Duration::from_secs(10),
            blank_read: Duration::from_hours(4),
            format: Duration::from_mins(30),
            check: Duration::from_hours(1),
            mount: Duration::from_mins(10),
            grow: Duration::from_mins(10),
            stall: Duration::from_mins(2),
        }
    }
}
