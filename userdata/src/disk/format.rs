//! Making the filesystem on a blank volume, once, so that a crash at any point is recovered without asking (decision 10).
//!
//! ```text
//! blank ── note written, synced ──► noted ── mkfs ──► finished, noted ── device synced, note zeroed, synced ──► finished
//!   ▲                                 │  ▲                  │
//!   └── a crash before: still blank   └──┘ a crash: again   └── a crash: only the note is left to be removed
//! ```
//!
//! ## Guarantees
//! - The note is written only after the whole device was read as zeros under the same claim on it.
//! - `mkfs` runs only on a device with that note, and never once its filesystem is finished: from then on it may hold data.
//!
//! ## Assumptions
//! - mkfs.ext4 syncs everything before it writes its superblock, and mkfs.xfs clears `inprogress` with its last write through
//!   direct I/O: a superblock that looks finished is. Seen in e2fsprogs 1.47 and xfsprogs 6.1; the tests end them at their writes.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use failover_core::spec::Filesystem;

use super::aside::aside;
use super::blank;
use super::content::{Content, Holding, judge};
use super::device::{Device, DeviceClaim};
use super::disks::{DiskTimeouts, Roots};
use super::error::{DiskFault, filesystem_name};
use super::intent::{self, Intent, SECTOR_BYTES};
use super::tool::{MKFS_EXT4, MKFS_XFS, run};
use super::volume::DataVolume;

/// Formats a device without a signature, if all of it is zero and the ledger allows it. `claim` keeps others away meanwhile.
pub(super) async fn blank_device(
    roots: &Roots,
    limits: &DiskTimeouts,
    volume: &DataVolume,
    device: &Device,
    claim: DeviceClaim,
) -> Result<Holding, DiskFault> {
    if !volume.blank_allowed {
        return Err(refuse_unallowed(volume, limits, device).await);
    }
    let filesystem = volume.filesystem.ok_or(DiskFault::BlankUnspecified)?;
    let reader = device.open_to_read_all()?;
    tracing::info!(volume = %volume.name, device = %device.path.display(), size_bytes = device.size_bytes,
        "no signature found: reading the whole volume to see that it is blank");
    blank::prove(volume, limits, reader, device.size_bytes).await?;
    let intent = Intent {
        service: volume.service.clone(),
        volume: volume.name.clone(),
        volume_id: volume.volume_id.clone(),
        filesystem,
        uuid: new_uuid(&roots.proc)?,
        device_bytes: device.size_bytes,
    };
    write_note(limits, device, &intent).await?;
    drop(claim);
    make(roots, limits, volume, device, &intent, false).await
}

/// What is said of a device without a signature that may not be formatted: whether it has data matters to a person.
async fn refuse_unallowed(volume: &DataVolume, limits: &DiskTimeouts, device: &Device) -> DiskFault {
    /// A look, not a proof: nothing is written whatever it finds.
    const EXAMINED_BYTES: u64 = 64 * 1024 * 1024;
    let looked_at = device.size_bytes.min(EXAMINED_BYTES);
    match device.open_to_read_all() {
        Err(fault) => fault,
        Ok(reader) => match blank::prove(volume, limits, reader, looked_at).await {
            Ok(()) => DiskFault::BlankNotAllowed,
            Err(fault) => fault,
        },
    }
}

/// Repeats a formatting that was interrupted.
pub(super) async fn again(
    roots: &Roots,
    limits: &DiskTimeouts,
    volume: &DataVolume,
    device: &Device,
    intent: Intent,
    claim: DeviceClaim,
) -> Result<Holding, DiskFault> {
    tracing::warn!(volume = %volume.name, device = %device.path.display(), "formatting was interrupted: doing it again");
    let filesystem = volume.filesystem.ok_or(DiskFault::BlankUnspecified)?;
    // The spec may have changed in between. The UUID stays: by it the old remains are known as ours.
    let renewed = Intent { filesystem, ..intent.clone() };
    if renewed != intent {
        write_note(limits, device, &renewed).await?;
    }
    drop(claim);
    make(roots, limits, volume, device, &renewed, true).await
}

/// Makes the filesystem that the note announces, and removes the note.
async fn make(
    roots: &Roots,
    limits: &DiskTimeouts,
    volume: &DataVolume,
    device: &Device,
    intent: &Intent,
    over_remains: bool,
) -> Result<Holding, DiskFault> {
    mkfs(roots, limits, device, intent, over_remains).await?;
    match judge(roots, limits, volume, device).await? {
        Content::Filesystem(holding) if holding.finished_intent.as_ref() == Some(intent) => {
            finish(limits, &holding).await?;
            Ok(Holding { finished_intent: None, ..holding })
        }
        other => Err(DiskFault::Unclear { found: format!("after mkfs the filesystem can't be recognised: {other:?}") }),
    }
}

/// Removes our note from a device whose filesystem is finished.
pub(super) async fn finish(limits: &DiskTimeouts, holding: &Holding) -> Result<(), DiskFault> {
    // The filesystem first: without the note, a filesystem that was lost with the page cache would be taken for data.
    write_sector(limits, &holding.device, &[0; SECTOR_BYTES], true).await
}

async fn mkfs(
    roots: &Roots,
    limits: &DiskTimeouts,
    device: &Device,
    intent: &Intent,
    over_remains: bool,
) -> Result<(), DiskFault> {
    let too_small = || DiskFault::Settings {
        found: format!("the device has {} bytes", device.size_bytes),
        allowed: "at least 300 MiB for xfs, 16 MiB for ext4",
    };
    let bytes = intent::filesystem_bytes(device.size_bytes).ok_or_else(too_small)?;
    // Without discarding: on a blank device it gains nothing, and it would take our note along.
    let mut arguments: Vec<String> = match intent.filesystem {
        Filesystem::Ext4 => ["-q", "-E", "nodiscard", "-U", &intent.uuid].map(str::to_owned).into(),
        Filesystem::Xfs => {
            vec![
                "-q".into(),
                "-K".into(),
                "-m".into(),
                format!("uuid={}", intent.uuid),
                "-d".into(),
                format!("size={bytes}"),
            ]
        }
    };
    let tool = match intent.filesystem {
        Filesystem::Ext4 => MKFS_EXT4,
        Filesystem::Xfs => MKFS_XFS,
    };
    if over_remains {
        arguments.push(if intent.filesystem == Filesystem::Ext4 { "-F".to_owned() } else { "-f".to_owned() });
    }
    arguments.push(device.path.to_string_lossy().into_owned());
    if intent.filesystem == Filesystem::Ext4 {
        arguments.push(format!("{}k", bytes / 1024));
    }
    tracing::info!(device = %device.path.display(), filesystem = filesystem_name(intent.filesystem), "formatting");
    run(roots, tool, &arguments, limits.format).await?.success()?;
    Ok(())
}

async fn write_note(limits: &DiskTimeouts, device: &Device, intent: &Intent) -> Result<(), DiskFault> {
    let sector = intent.encode().ok_or_else(|| DiskFault::Settings {
        found: "names that don't fit into one sector".to_owned(),
        allowed: "service and volume names of at most 63 characters",
    })?;
    write_sector(limits, device, &sector, false).await
}

/// Writes the note's sector and returns when it is on the disk; `sync_first`: after everything else is.
async fn write_sector(
    limits: &DiskTimeouts,
    device: &Device,
    sector: &[u8; SECTOR_BYTES],
    sync_first: bool,
) -> Result<(), DiskFault> {
    let at_byte = intent::place(device.size_bytes).ok_or_else(|| DiskFault::Settings {
        found: format!("the device has {} bytes", device.size_bytes),
        allowed: "more than 2 MiB",
    })?;
    let (device, sector) = (device.clone(), *sector);
    aside("writing to the device", limits.format, move || {
        let failed = |source| device.fault("writing the formatting's note to", source);
        let file = OpenOptions::new().write(true).open(&device.path).map_err(failed)?;
        if sync_first {
            file.sync_all().map_err(failed)?;
        }
        file.write_all_at(&sector, at_byte).map_err(failed)?;
        file.sync_all().map_err(failed)
    })
    .await
}

/// A random UUID from the kernel.
fn new_uuid(proc: &Path) -> Result<String, DiskFault> {
    let path = proc.join("sys/kernel/random/uuid");
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(source) => Err(DiskFault::System { operation: "reading", path, source }),
    }
}
