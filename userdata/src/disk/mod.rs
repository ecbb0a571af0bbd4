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
//! - The caller lets one `bring_up` of a volume run at a time. A lock refuses a second one while the device is judged; then it is
//!   the tools' own claims that keep two apart.
//! - The kernel's device nodes are those of devtmpfs or udev, and `/proc` is the whole machine's.

mod aside;
mod blank;
mod bring_up;
mod content;
mod device;
mod disks;
mod error;
mod examine;
mod filesystem;
mod format;
mod held;
mod holders;
mod intent;
mod marker;
mod mount;
mod mountinfo;
mod superblock;
mod take_down;
mod taken;
mod tool;
mod volume;

pub use bring_up::BroughtUp;
pub use disks::{DiskTimeouts, Disks, Roots};
pub use error::{DiskError, DiskFault, Expected, FaultSubject};
pub use examine::{DeviceContent, Examination};
pub use holders::{DeviceUser, DeviceUsers};
pub use marker::{FILE_NAME as MARKER_FILE_NAME, Marker, MarkerFault};
pub use tool::ToolFault;
pub use volume::DataVolume;
