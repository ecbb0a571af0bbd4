//! Checking a filesystem before it is mounted, and growing it afterwards.

use failover_core::spec::Filesystem;

use super::content::Holding;
use super::device::Device;
use super::disks::{DiskTimeouts, Roots};
use super::error::DiskFault;
use super::taken::Patience;
use super::tool::{E2FSCK, RESIZE2FS, ToolFault, XFS_GROWFS, XFS_REPAIR, run};

/// What may stay unused at the end: what our own formatting leaves free, and what is lost to alignment. EBS volumes grow by
/// whole GiB.
const UNUSED_BYTES: u64 = 16 * 1024 * 1024;

/// `e2fsck`'s exit codes, which are bits: 1 errors corrected, 2 reboot (of a root filesystem), 4 errors left, 8 could not check.
const E2FSCK_CORRECTED: i32 = 1 | 2;
const E2FSCK_LEFT: i32 = 4;

/// Repairs what may be repaired unasked. XFS has nothing to do here: mounting replays its log.
pub(super) async fn check(
    roots: &Roots,
    limits: &DiskTimeouts,
    holding: &Holding,
) -> Result<Option<String>, DiskFault> {
    if holding.superblock.filesystem == Filesystem::Xfs {
        return Ok(None);
    }
    let path = holding.device.path.as_os_str();
    let finished = run(roots, E2FSCK, &["-p".as_ref(), path], limits.check).await?;
    match finished.code {
        Some(0) => Ok(None),
        Some(code) if code & !E2FSCK_CORRECTED == 0 => Ok(Some(finished.report())),
        Some(code) if code & !(E2FSCK_CORRECTED | E2FSCK_LEFT) == 0 => Err(DiskFault::Damaged {
            tool: E2FSCK.name,
            report: finished.report(),
            remedy: "take a snapshot of the volume, then run e2fsck by hand, or fail over to an older copy",
        }),
        _ => Err(finished.failed().into()),
    }
}

/// Why an XFS wasn't mounted: damaged, if its checker says so; it only reports.
///
/// `xfs_repair -L` would throw the log away, and with it what was durably written: that is a person's decision.
pub(super) async fn explain_mount_failure(
    roots: &Roots,
    limits: &DiskTimeouts,
    holding: &Holding,
    failure: ToolFault,
) -> DiskFault {
    // A device that somebody else has can't be checked either, and is no damaged one.
    if holding.superblock.filesystem != Filesystem::Xfs || matches!(failure, ToolFault::Taken { .. }) {
        return failure.into();
    }
    let path = holding.device.path.as_os_str();
    match run(roots, XFS_REPAIR, &["-n".as_ref(), path], limits.check).await {
        Ok(finished) if finished.code != Some(0) => match finished.failed() {
            // Its exit code is the same as for damage.
            taken @ ToolFault::Taken { .. } => taken.into(),
            _ => DiskFault::Damaged {
                tool: "xfs_repair -n",
                report: format!("{} (the mount said: {failure})", shortened(&finished.report())),
                remedy: "take a snapshot of the volume, then repair it by hand, or fail over to an older copy",
            },
        },
        _ => failure.into(),
    }
}

/// The checker lists every inode it sees; the first finds are enough to recognise the damage.
fn shortened(report: &str) -> String {
    const SHOWN: usize = 600;
    report.chars().take(SHOWN).collect()
}

/// Grows a mounted filesystem to its device, if that is larger; sizes before and after.
pub(super) async fn grow(
    roots: &Roots,
    limits: &DiskTimeouts,
    device: &Device,
    filesystem: Filesystem,
    filesystem_bytes: u64,
    mount: &std::path::Path,
) -> Result<Option<(u64, u64)>, DiskFault> {
    if device.size_bytes.saturating_sub(filesystem_bytes) < UNUSED_BYTES {
        return Ok(None);
    }
    // A predecessor's may still be at it: the kernel lets one at a time.
    let mut patience = Patience::once_in_use(limits.release);
    loop {
        let finished = match filesystem {
            Filesystem::Ext4 => run(roots, RESIZE2FS, &[device.path.as_os_str()], limits.grow).await?,
            Filesystem::Xfs => run(roots, XFS_GROWFS, &["-d".as_ref(), mount.as_os_str()], limits.grow).await?,
        };
        match finished.success() {
            Ok(_) => return Ok(Some((filesystem_bytes, device.size_bytes))),
            Err(ToolFault::Taken { .. }) if patience.another_try().await => {}
            Err(failure) => return Err(failure.into()),
        }
    }
}
