//! Mounting and unmounting, each looked up in `mountinfo` afterwards: what counts is what the kernel says.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use failover_core::spec::Filesystem;

use super::aside::aside;
use super::content::{Holding, superblock_of};
use super::disks::{DiskTimeouts, Roots};
use super::error::{DiskFault, filesystem_name};
use super::mountinfo::{self, Mounted};
use super::tool::{Finished, MOUNT, ToolFault, UMOUNT, run};
use super::volume::DataVolume;

/// How long a look at mount points may take; one on a dead disk may hang.
const INSPECT_WITHIN: Duration = Duration::from_secs(30);

/// The mounts of this process's namespace.
pub(super) fn mounts(roots: &Roots) -> Result<Vec<Mounted>, DiskFault> {
    mountinfo::read(&roots.proc).map_err(|source| DiskFault::System {
        operation: "reading",
        path: roots.proc.join("self/mountinfo"),
        source,
    })
}

/// The mount point as the kernel names it, free of symbolic links; the path itself while there is nothing.
pub(super) async fn resolved(mount: &Path) -> Result<PathBuf, DiskFault> {
    let path = mount.to_owned();
    aside("looking at the mount point", INSPECT_WITHIN, move || match std::fs::canonicalize(&path) {
        Ok(resolved) => Ok(resolved),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
        Err(source) => Err(DiskFault::System { operation: "looking at", path, source }),
    })
    .await
}

/// Makes the mount point, or warns of what the mount will hide.
pub(super) async fn prepare(mount: &Path) -> Result<Option<String>, DiskFault> {
    let path = mount.to_owned();
    aside("preparing the mount point", INSPECT_WITHIN, move || {
        let unfit = |found: String| DiskFault::MountPoint { mount: path.clone(), found };
        std::fs::create_dir_all(&path).map_err(|error| unfit(error.to_string()))?;
        let mut entries = std::fs::read_dir(&path).map_err(|error| unfit(error.to_string()))?;
        let hidden = entries.next().and_then(Result::ok);
        Ok(hidden.map(|entry| {
            format!(
                "{} wasn't empty: {} and what else is there is hidden by the mount",
                path.display(),
                entry.file_name().to_string_lossy()
            )
        }))
    })
    .await
}

/// Mounts the filesystem.
pub(super) async fn mount(
    roots: &Roots,
    limits: &DiskTimeouts,
    volume: &DataVolume,
    holding: &Holding,
    at: &Path,
) -> Result<Result<(), ToolFault>, DiskFault> {
    let mut options = volume.options.clone();
    let nouuid = "nouuid".to_owned();
    if !options.contains(&nouuid) && has_mounted_twin(roots, limits, holding).await? {
        options.push(nouuid);
    }
    let mut arguments = vec!["-t".to_owned(), filesystem_name(holding.superblock.filesystem).to_owned()];
    if !options.is_empty() {
        arguments.extend(["-o".to_owned(), options.join(",")]);
    }
    arguments.extend(["--source".to_owned(), holding.device.path.to_string_lossy().into_owned()]);
    arguments.extend(["--target".to_owned(), at.to_string_lossy().into_owned()]);
    let mounted = run(roots, MOUNT, &arguments, limits.mount).await.and_then(Finished::success);
    Ok(mounted.map(drop).map_err(|failure| match failure {
        // Newer versions only say that the device can't be opened: whether it is taken, the kernel tells.
        ToolFault::Failed { command, output, .. } if holding.device.claim().is_ok_and(|claim| claim.is_none()) => {
            ToolFault::Taken { command, output }
        }
        other => other,
    }))
}

/// Whether an XFS with the same UUID is mounted from another device: a copy next to its original, which XFS refuses unless told.
async fn has_mounted_twin(roots: &Roots, limits: &DiskTimeouts, holding: &Holding) -> Result<bool, DiskFault> {
    if holding.superblock.filesystem != Filesystem::Xfs {
        return Ok(false);
    }
    let others = mounts(roots)?.into_iter().filter(|mounted| mounted.filesystem == "xfs");
    let others: Vec<Mounted> = others.filter(|mounted| mounted.number != holding.device.number).collect();
    let uuid = holding.superblock.uuid.clone();
    aside("looking at the mounted filesystems", limits.stall, move || {
        Ok(others.iter().any(|mounted| {
            superblock_of(&mounted.source, Filesystem::Xfs)
                .is_some_and(|(device, superblock)| device.number == mounted.number && superblock.uuid == uuid)
        }))
    })
    .await
}

/// Tries to unmount once.
pub(super) async fn unmount(roots: &Roots, at: &Path, deadline: Duration) -> Result<Finished, ToolFault> {
    run(roots, UMOUNT, &[at.as_os_str()], deadline).await
}
