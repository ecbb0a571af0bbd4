//! This machine's disks: where its files and tools are, and how long things may take.

use std::path::PathBuf;
use std::time::Duration;

/// How to reach devices and tools, and how long they may take.
#[derive(Debug, Clone, Default)]
pub struct Disks {
    /// Where things are.
    pub roots: Roots,
    /// How long things may take.
    pub limits: DiskTimeouts,
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
pub struct DiskTimeouts {
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

impl Default for DiskTimeouts {
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
