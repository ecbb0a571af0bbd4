//! What can be wrong with a data volume: each text says what was found and what is allowed or what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use failover_core::ids::{ServiceName, VolumeId, VolumeName};
use failover_core::spec::Filesystem;
use thiserror::Error;

use super::holders::DeviceUsers;
use super::marker::MarkerFault;
use super::tool::ToolFault;
use super::volume::DataVolume;

/// A volume that can't be set up or released: which one, on which device, and why.
#[derive(Debug, Error)]
#[error("{subject}: {fault}")]
pub struct DiskError {
    /// What this is about.
    pub subject: Box<FaultSubject>,
    /// What is wrong.
    #[source]
    pub fault: Box<DiskFault>,
}

impl DiskError {
    /// Whether the same call may succeed later without anybody's help: the device is late, or somebody still uses it.
    pub fn may_pass(&self) -> bool {
        matches!(
            *self.fault,
            DiskFault::DeviceMissing { .. }
                | DiskFault::InUse { .. }
                | DiskFault::Taken { .. }
                | DiskFault::Busy { .. }
                | DiskFault::Stalled { .. }
                | DiskFault::Tool(ToolFault::Deadline { .. })
        )
    }
}

/// What a [`DiskError`] is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultSubject {
    /// The service's volume, unless only a mount point was named.
    pub volume: Option<(ServiceName, VolumeName, VolumeId)>,
    /// The mount point.
    pub mount: PathBuf,
    /// The device, once it was found.
    pub device: Option<PathBuf>,
}

impl FaultSubject {
    pub(super) fn of(volume: &DataVolume) -> Self {
        Self {
            volume: Some((volume.service.clone(), volume.name.clone(), volume.volume_id.clone())),
            mount: volume.mount.clone(),
            device: None,
        }
    }
}

impl fmt::Display for FaultSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.volume {
            Some((service, name, id)) => write!(formatter, "volume {name} of {service} ({id})")?,
            None => write!(formatter, "mount point {}", self.mount.display())?,
        }
        match &self.device {
            Some(device) => write!(formatter, " on {}", device.display()),
            None => Ok(()),
        }
    }
}

/// What is wrong with a volume.
#[derive(Debug, Error)]
pub enum DiskFault {
    /// The volume's settings can't be used.
    #[error("{found}: {allowed}")]
    Settings {
        /// What was given.
        found: String,
        /// What would be accepted.
        allowed: &'static str,
    },
    /// No device with the volume's serial appeared in time.
    #[error(
        "no block device with serial {serial} appeared within {waited:?} (seen: {seen}); attach the volume to this \
         instance; instances that aren't built on Nitro show no serials and can't be used"
    )]
    DeviceMissing {
        /// The `NVMe` serial: the volume's id without its hyphen.
        serial: String,
        /// How long it was waited for.
        waited: Duration,
        /// Which serials are there.
        seen: String,
    },
    /// Several devices claim the serial.
    #[error("several devices carry serial {serial}: {paths}; exactly one is allowed")]
    DeviceAmbiguous {
        /// The serial.
        serial: String,
        /// The devices.
        paths: String,
    },
    /// Another device is mounted where the volume belongs.
    #[error("{found} is mounted at {mount}; unmount it, or give the volume another mount point", mount = mount.display())]
    MountTaken {
        /// Where.
        mount: PathBuf,
        /// What is mounted there.
        found: String,
    },
    /// The volume is mounted, but somewhere else.
    #[error("it is mounted at {at} by somebody else; unmount it there (umount {at})", at = at.display())]
    MountedElsewhere {
        /// Where.
        at: PathBuf,
    },
    /// Somebody has the device for the moment. Bringing a volume up tries again, and ends with [`DiskFault::InUse`].
    #[error("somebody else has the device: {found}")]
    Taken {
        /// What was answered.
        found: String,
    },
    /// Somebody uses the device without a mount that we can see.
    #[error("the device is still in use after {waited:?} ({holders}): {found}; end what uses it")]
    InUse {
        /// How long it was tried.
        waited: Duration,
        /// What was answered at last.
        found: String,
        /// Who.
        holders: DeviceUsers,
    },
    /// The device carries something that is no filesystem of ours.
    #[error(
        "it holds {found}; allowed is {expected} on the whole volume or on its only used partition; nothing was written"
    )]
    Foreign {
        /// What.
        found: String,
        /// The filesystem that is expected.
        expected: Expected,
    },
    /// What the device carries can't be told for sure.
    #[error("what it holds is unclear: {found}; look at it with `blkid -p` and `wipefs -n`; nothing was written")]
    Unclear {
        /// Why.
        found: String,
    },
    /// Not blank, and yet without any known signature.
    #[error(
        "it has no filesystem, but data: the first byte that isn't zero is at {at_byte}; only a volume that reads as \
         zeros throughout is formatted; nothing was written"
    )]
    Data {
        /// Where the data begins.
        at_byte: u64,
    },
    /// A part of the device can't be read.
    #[error("it can't be read at byte {at_byte}: {source}; restore the volume from a snapshot; nothing was written")]
    Unreadable {
        /// Where.
        at_byte: u64,
        /// The system's answer.
        source: io::Error,
    },
    /// Blank, and nobody said that it may be.
    #[error(
        "it is blank, and the ledger doesn't say that it was created blank for this service and never served: \
         data is missing; attach the right volume; it was not formatted"
    )]
    BlankNotAllowed,
    /// Blank, and the spec doesn't say what to make of it.
    #[error(
        "it is blank and the spec names no filesystem; set `filesystem = \"xfs\"` or \"ext4\"; it was not formatted"
    )]
    BlankUnspecified,
    /// Reading the whole device would take longer than allowed.
    #[error(
        "reading its {size_bytes} bytes to see that it is blank would take about {estimate:?} at {bytes_per_second} bytes/s, \
         allowed are {allowed:?}; raise the volume's throughput for that time, or make the filesystem by hand with \
         mkfs.{filesystem}; it was not formatted"
    )]
    BlankTooLarge {
        /// The device's size.
        size_bytes: u64,
        /// How long the whole would take.
        estimate: Duration,
        /// The rate seen.
        bytes_per_second: u64,
        /// The limit.
        allowed: Duration,
        /// The filesystem that would be made.
        filesystem: &'static str,
    },
    /// A formatting that was begun and that may not be repeated.
    #[error("it was left half formatted: {found}; {remedy}; nothing was written")]
    HalfFormatted {
        /// What was found.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The filesystem is larger than the device: its end is missing.
    #[error(
        "its filesystem needs {filesystem_bytes} bytes and the device has {device_bytes}: its end is missing; attach a volume \
         that is large enough; nothing was written"
    )]
    CutOff {
        /// What the superblock says.
        filesystem_bytes: u64,
        /// What the device has.
        device_bytes: u64,
    },
    /// The filesystem needs a person's repair.
    #[error("its filesystem is damaged beyond what may be repaired unasked; {remedy}; {tool} says: {report}")]
    Damaged {
        /// Which checker.
        tool: &'static str,
        /// What it said.
        report: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The mount went through, but only for reading.
    #[error("it is mounted read-only ({options}); a filesystem that met errors does that; look at the kernel's log")]
    ReadOnly {
        /// The mount's options.
        options: String,
    },
    /// The mount point is unfit.
    #[error("{mount} can't be a mount point: {found}; allowed is a directory, or nothing yet", mount = mount.display())]
    MountPoint {
        /// Where.
        mount: PathBuf,
        /// What is there.
        found: String,
    },
    /// The mount can't be ended: somebody uses it.
    #[error("it is still in use after {waited:?} ({holders}); end what uses it")]
    Busy {
        /// How long it was tried.
        waited: Duration,
        /// Who.
        holders: DeviceUsers,
    },
    /// The marker binds the data to something else, or is newer or older than it may be.
    #[error(transparent)]
    Marker(#[from] MarkerFault),
    /// A tool failed.
    #[error(transparent)]
    Tool(ToolFault),
    /// The system refused something.
    #[error("{operation} {path}: {source}", path = path.display())]
    System {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The device doesn't answer.
    #[error("{operation} has not come forward for {waited:?}: the volume doesn't answer")]
    Stalled {
        /// What was tried.
        operation: &'static str,
        /// How long.
        waited: Duration,
    },
}

impl From<ToolFault> for DiskFault {
    fn from(fault: ToolFault) -> Self {
        match fault {
            // No failure of the tool: it is worth another try, whichever tool it was.
            ToolFault::Taken { .. } => Self::Taken { found: fault.to_string() },
            other => Self::Tool(other),
        }
    }
}

/// The filesystem that a volume is expected to hold, as a person reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected(pub Option<Filesystem>);

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Some(filesystem) => filesystem_name(filesystem),
            None => "ext4 or xfs",
        })
    }
}

/// A filesystem's name as `mount -t` takes it and `blkid` prints it.
pub(super) const fn filesystem_name(filesystem: Filesystem) -> &'static str {
    match filesystem {
        Filesystem::Ext4 => "ext4",
        Filesystem::Xfs => "xfs",
    }
}
