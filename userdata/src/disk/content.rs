//! What a device holds, told by `blkid`'s low-level probe and by our own reading of superblocks. Reads only.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use failover_core::spec::Filesystem;

use super::aside::aside;
use super::blank::is_zero;
use super::device::{Device, open_at, partitions};
use super::disks::{DiskTimeouts, Roots};
use super::error::{DiskFault, Expected};
use super::intent::{self, Intent, SECTOR_BYTES};
use super::superblock::{self, HEAD_BYTES, Superblock};
use super::tool::{BLKID, run};
use super::volume::DataVolume;

/// What a device holds, as far as it may be used.
#[derive(Debug)]
pub(super) enum Content {
    /// The expected filesystem.
    Filesystem(Holding),
    /// A formatting of ours that was interrupted: may be repeated.
    HalfFormatted(Intent),
    /// Nothing that anybody knows: blank, or data. Only reading everything tells.
    NoSignature,
}

/// A filesystem and where it is.
#[derive(Debug)]
pub(super) struct Holding {
    /// The whole device, or its partition.
    pub(super) device: Device,
    pub(super) superblock: Superblock,
    /// Our note is still there, and this is the filesystem that it announced: only the note is left to be removed.
    pub(super) finished_intent: Option<Intent>,
    pub(super) on_partition: bool,
}

/// Bytes at the beginning that no `mkfs` fills before its superblock is there: mkfs.ext4 writes the superblock at byte 1,024
/// last of all, mkfs.xfs writes its own at byte 0 right after wiping.
const EMPTY_UNTIL_SUPERBLOCK: usize = 2048;

/// How long partitions may take to appear after the table was seen: the kernel reads it after the device is announced.
const PARTITIONS_APPEAR_WITHIN: Duration = Duration::from_secs(3);

/// `blkid`'s exit codes: found, nothing found (or unreadable, which our own reading tells apart), contradictory signatures.
const FOUND: i32 = 0;
const NOTHING: i32 = 2;
const AMBIVALENT: i32 = 8;

/// The signatures on a device, in `blkid`'s own terms.
type Signatures = BTreeMap<String, String>;

/// Tells what the volume's device holds. What can't be used is a [`DiskFault`].
pub(super) async fn judge(
    roots: &Roots,
    limits: &DiskTimeouts,
    volume: &DataVolume,
    device: &Device,
) -> Result<Content, DiskFault> {
    let (head, note) = read_ends(limits, device).await?;
    let signatures = probe(roots, limits, device).await?;
    match (signatures.get("TYPE"), signatures.get("PTTYPE")) {
        (Some(kind), Some(table)) => Err(DiskFault::Unclear {
            found: format!("signatures of both {} and a {table} partition table", described(kind, &signatures)),
        }),
        (Some(kind), None) => {
            let superblock = usable(volume, device, kind, &signatures, &head)?;
            with_note(volume, device, superblock, note)
        }
        (None, Some(table)) => {
            let holding = on_partition(roots, limits, volume, device, table).await?;
            Ok(Content::Filesystem(holding))
        }
        (None, None) => unsigned(volume, &head, note),
    }
}

/// The first bytes, and our note if there is one.
async fn read_ends(limits: &DiskTimeouts, device: &Device) -> Result<(Vec<u8>, Option<Intent>), DiskFault> {
    let device = device.clone();
    aside("reading the device's beginning and end", limits.stall, move || {
        let file = std::fs::File::open(&device.path).map_err(|source| device.fault("opening", source))?;
        let mut head = vec![0_u8; HEAD_BYTES.min(usize::try_from(device.size_bytes).unwrap_or(HEAD_BYTES))];
        file.read_exact_at(&mut head, 0).map_err(|source| DiskFault::Unreadable { at_byte: 0, source })?;
        let Some(at_byte) = intent::place(device.size_bytes) else { return Ok((head, None)) };
        let mut sector = [0_u8; SECTOR_BYTES];
        file.read_exact_at(&mut sector, at_byte).map_err(|source| DiskFault::Unreadable { at_byte, source })?;
        Ok((head, Intent::decode(&sector).filter(|intent| intent.device_bytes == device.size_bytes)))
    })
    .await
}

/// Asks `blkid` for every signature, past its cache.
async fn probe(roots: &Roots, limits: &DiskTimeouts, device: &Device) -> Result<Signatures, DiskFault> {
    let path = device.path.as_os_str();
    let finished = run(roots, BLKID, &["-p".as_ref(), "-o".as_ref(), "export".as_ref(), path], limits.probe).await?;
    match finished.code {
        Some(FOUND | NOTHING) => Ok(finished
            .stdout
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()),
        Some(AMBIVALENT) => {
            Err(DiskFault::Unclear { found: format!("signatures that exclude each other: {}", finished.report()) })
        }
        _ => Err(finished.failed().into()),
    }
}

/// The superblock of a filesystem that the volume may hold.
fn usable(
    volume: &DataVolume,
    device: &Device,
    kind: &str,
    signatures: &Signatures,
    head: &[u8],
) -> Result<Superblock, DiskFault> {
    let expected = Expected(volume.filesystem);
    let filesystem = match kind {
        "ext4" => Filesystem::Ext4,
        "xfs" => Filesystem::Xfs,
        _ => return Err(DiskFault::Foreign { found: described(kind, signatures), expected }),
    };
    if volume.filesystem.is_some_and(|expected| expected != filesystem) {
        return Err(DiskFault::Foreign { found: described(kind, signatures), expected });
    }
    let superblock = superblock::read(filesystem, head)
        .filter(|superblock| signatures.get("UUID").is_none_or(|uuid| *uuid == superblock.uuid))
        .ok_or_else(|| DiskFault::Unclear {
            found: format!("blkid says {kind}, and its superblock reads otherwise"),
        })?;
    if superblock.size_bytes > device.size_bytes {
        return Err(DiskFault::CutOff { filesystem_bytes: superblock.size_bytes, device_bytes: device.size_bytes });
    }
    Ok(superblock)
}

/// A filesystem beside a note of ours: the one that it announced, finished or not, or somebody else's.
fn with_note(
    volume: &DataVolume,
    device: &Device,
    superblock: Superblock,
    note: Option<Intent>,
) -> Result<Content, DiskFault> {
    let announced = note.filter(|intent| intent.uuid == superblock.uuid);
    match (announced, superblock.in_progress) {
        (Some(intent), true) => may_repeat(volume, intent),
        (None, true) => Err(DiskFault::HalfFormatted {
            found: "an XFS whose mkfs didn't end, and which wasn't begun by us".to_owned(),
            remedy: "if nothing on it is needed, make the filesystem again by hand with mkfs.xfs -f",
        }),
        (announced, false) => {
            // Somebody may have grown it over the note's sector, which then is the filesystem's.
            let outside = intent::place(device.size_bytes).is_some_and(|place| superblock.size_bytes <= place);
            let finished_intent = announced.filter(|_| outside);
            Ok(Content::Filesystem(Holding {
                device: device.clone(),
                superblock,
                finished_intent,
                on_partition: false,
            }))
        }
    }
}

/// No signature: our own half-made filesystem, or what only reading everything tells.
fn unsigned(volume: &DataVolume, head: &[u8], note: Option<Intent>) -> Result<Content, DiskFault> {
    let Some(intent) = note else { return Ok(Content::NoSignature) };
    // Whoever wrote data over a formatting that was interrupted most likely began at the beginning.
    let beginning = head.get(..EMPTY_UNTIL_SUPERBLOCK).unwrap_or(head);
    if !is_zero(beginning) {
        let at_byte = beginning.iter().position(|&byte| byte != 0).unwrap_or_default() as u64;
        return Err(DiskFault::Data { at_byte });
    }
    may_repeat(volume, intent)
}

/// Whether an interrupted formatting is this volume's own and may be repeated.
fn may_repeat(volume: &DataVolume, intent: Intent) -> Result<Content, DiskFault> {
    if intent.volume_id != volume.volume_id || intent.service != volume.service || intent.volume != volume.name {
        return Err(DiskFault::HalfFormatted {
            found: format!("for volume {} of {}, as {}", intent.volume, intent.service, intent.volume_id),
            remedy: "create a new blank volume instead of this copy",
        });
    }
    if !volume.blank_allowed {
        return Err(DiskFault::HalfFormatted {
            found: "for this very volume, but the ledger doesn't say any more that it was created blank".to_owned(),
            remedy: "attach the volume that holds the service's data",
        });
    }
    Ok(Content::HalfFormatted(intent))
}

/// The filesystem on the one partition that is used.
async fn on_partition(
    roots: &Roots,
    limits: &DiskTimeouts,
    volume: &DataVolume,
    device: &Device,
    table: &str,
) -> Result<Holding, DiskFault> {
    let expected = Expected(volume.filesystem);
    let partitions = partitions_appeared(roots, device).await?;
    let mut used = Vec::new();
    for partition in &partitions {
        let signatures = probe(roots, limits, partition).await?;
        let kind = signatures.get("TYPE").or_else(|| signatures.get("PTTYPE")).cloned();
        if let Some(kind) = kind {
            used.push((partition, kind, signatures));
        }
    }
    let (partition, kind, signatures) = match used.as_slice() {
        [only] => only,
        [] => {
            let found = format!("a {table} partition table with {} partitions and no filesystem", partitions.len());
            return Err(DiskFault::Foreign { found, expected });
        }
        several => {
            let kinds = several.iter().map(|(partition, kind, _)| format!("{} with {kind}", partition.kernel_name));
            let found = format!("several partitions in use: {}", kinds.collect::<Vec<_>>().join(", "));
            return Err(DiskFault::Foreign { found, expected });
        }
    };
    let (head, _) = read_ends(limits, partition).await?;
    let superblock = usable(volume, partition, kind, signatures, &head)?;
    if superblock.in_progress {
        return Err(DiskFault::HalfFormatted {
            found: format!("an XFS on partition {} whose mkfs didn't end", partition.kernel_name),
            remedy: "if nothing on it is needed, make the filesystem again by hand with mkfs.xfs -f",
        });
    }
    Ok(Holding { device: (*partition).clone(), superblock, finished_intent: None, on_partition: true })
}

async fn partitions_appeared(roots: &Roots, device: &Device) -> Result<Vec<Device>, DiskFault> {
    let began = std::time::Instant::now();
    loop {
        let partitions = partitions(roots, device)?;
        if !partitions.is_empty() || began.elapsed() >= PARTITIONS_APPEAR_WITHIN {
            return Ok(partitions);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What a signature means to a person.
fn described(kind: &str, signatures: &Signatures) -> String {
    let mut text = match kind {
        "crypto_LUKS" => "a LUKS container".to_owned(),
        "LVM2_member" | "LVM1_member" => "an LVM physical volume".to_owned(),
        "linux_raid_member" => "a member of an md RAID".to_owned(),
        "swap" => "swap space".to_owned(),
        _ if signatures.get("USAGE").is_some_and(|usage| usage == "filesystem") => format!("a {kind} filesystem"),
        _ => format!("{kind} ({})", signatures.get("USAGE").map_or("unknown use", String::as_str)),
    };
    for key in ["LABEL", "UUID"] {
        if let Some(value) = signatures.get(key) {
            text.extend([", ", key, " ", value]);
        }
    }
    text
}

/// The superblock of a mounted filesystem's device, read past the mount; none if the device can't be read.
pub(super) fn superblock_of(path: &std::path::Path, filesystem: Filesystem) -> Option<(Device, Superblock)> {
    let device = open_at(path).ok()??;
    let mut head = vec![0_u8; HEAD_BYTES];
    std::fs::File::open(path).ok()?.read_exact_at(&mut head, 0).ok()?;
    Some((device, superblock::read(filesystem, &head)?))
}
