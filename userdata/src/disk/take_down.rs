//! From a mounted volume to one that nobody on this machine can write to.

use std::path::Path;
use std::time::Duration;

use super::device::{Device, find_bounded, open_at};
use super::disks::Disks;
use super::error::{DiskError, DiskFault, FaultSubject};
use super::held::{self, Held};
use super::holders::DeviceUsers;
use super::mount;
use super::mountinfo::{self, DeviceNumber, Mounted, seen_at};
use super::taken::Patience;
use super::tool::{Finished, SYNC, ToolFault, run};
use super::volume::DataVolume;

/// Mounts stacked at one place are taken off one by one, up to so many.
const MOST_STACKED: usize = 16;

impl Disks {
    /// Syncs and unmounts. `Ok` means that the filesystem is written and that nobody has it mounted any more, in whatever mount
    /// namespace; also when nothing was mounted there. Never lazily: a lazy unmount leaves writers behind.
    pub async fn take_down(&self, mount: &Path, deadline: Duration) -> Result<(), DiskError> {
        let mut subject = FaultSubject { mount: mount.to_owned(), ..FaultSubject::default() };
        let outcome = self.take_down_inner(mount, Patience::from_now(deadline), &mut subject).await;
        outcome.map_err(|fault| DiskError { subject: Box::new(subject), fault: Box::new(fault) })
    }

    async fn take_down_inner(
        &self,
        mount: &Path,
        mut patience: Patience,
        subject: &mut FaultSubject,
    ) -> Result<(), DiskFault> {
        let at = mount::resolved(mount).await?;
        let mut failed_sync = None;
        for _ in 0..MOST_STACKED {
            let mounts = mount::mounts(&self.roots)?;
            let Some(mounted) = seen_at(&mounts, &at).cloned() else {
                self.copies_released(&at, &mut patience, subject).await?;
                return failed_sync.map_or(Ok(()), |failure: ToolFault| Err(failure.into()));
            };
            let device = open_at(&mounted.source)?.filter(|device| device.number == mounted.number);
            subject.device = device.as_ref().map(|device| device.path.clone());
            // What can't be written is no reason to stay mounted, but it is one not to call it clean.
            let synced = run(&self.roots, SYNC, &["-f".as_ref(), at.as_os_str()], patience.left()).await;
            failed_sync = failed_sync.or(synced.and_then(Finished::success).err());
            self.unmount(&at, &mounted, device.as_ref(), &mut patience).await?;
            // Mounted once more at the same place: that one is taken off next.
            let stacked =
                seen_at(&mount::mounts(&self.roots)?, &at).is_some_and(|below| below.number == mounted.number);
            if let Some(device) = device.as_ref().filter(|_| !stacked) {
                self.wait_until_claimable(device, &mut patience).await?;
            }
        }
        Err(DiskFault::Busy { waited: patience.within(), holders: DeviceUsers::default() })
    }

    /// Whether nobody on this machine has the volume's device mounted or claimed, in whatever mount namespace; a device that
    /// isn't attached any more is released. For whoever says that the volume may be detached: a container that sees the
    /// filesystem at a path of its own is found only by the device.
    pub async fn released(&self, volume: &DataVolume) -> Result<(), DiskError> {
        let mut subject = FaultSubject::of(volume);
        let outcome = self.released_inner(volume, &mut subject).await;
        outcome.map_err(|fault| DiskError { subject: Box::new(subject), fault: Box::new(fault) })
    }

    async fn released_inner(&self, volume: &DataVolume, subject: &mut FaultSubject) -> Result<(), DiskFault> {
        let Some(device) = find_bounded(&self.roots, &volume.volume_id).await? else { return Ok(()) };
        subject.device = Some(device.path.clone());
        self.wait_until_claimable(&device, &mut Patience::from_now(self.limits.release)).await
    }

    /// Nothing is mounted here in our own namespace; but an earlier unmount may have left a container's copy behind.
    async fn copies_released(
        &self,
        at: &Path,
        patience: &mut Patience,
        subject: &mut FaultSubject,
    ) -> Result<(), DiskFault> {
        let copies = mountinfo::of_other_namespaces(&self.roots.proc);
        let Some(copy) = copies.iter().find(|mounted| mounted.at == at) else { return Ok(()) };
        let Some(device) = open_at(&copy.source)?.filter(|device| device.number == copy.number) else { return Ok(()) };
        subject.device = Some(device.path.clone());
        self.wait_until_claimable(&device, patience).await
    }

    /// Unmounts, again and again while it is busy.
    async fn unmount(
        &self,
        at: &Path,
        mounted: &Mounted,
        device: Option<&Device>,
        patience: &mut Patience,
    ) -> Result<(), DiskFault> {
        loop {
            let finished = mount::unmount(&self.roots, at, patience.left()).await?;
            if finished.code == Some(0) {
                return Ok(());
            }
            let mounts = mount::mounts(&self.roots)?;
            if seen_at(&mounts, at) != Some(mounted) {
                return Ok(());
            }
            if !finished.stderr.contains("busy") {
                return Err(finished.failed().into());
            }
            if !patience.another_try().await {
                return Err(DiskFault::Busy {
                    waited: patience.within(),
                    holders: self.holders(Some(at), mounted.number, device).await,
                });
            }
        }
    }

    /// Waits until the kernel lets the device be claimed: only then the last mount of it is gone, also those of containers.
    async fn wait_until_claimable(&self, device: &Device, patience: &mut Patience) -> Result<(), DiskFault> {
        loop {
            if device.claim()?.is_some() {
                return Ok(());
            }
            if !patience.another_try().await {
                return Err(DiskFault::Busy {
                    waited: patience.within(),
                    holders: self.holders(None, device.number, Some(device)).await,
                });
            }
        }
    }

    async fn holders(&self, at: Option<&Path>, number: DeviceNumber, device: Option<&Device>) -> DeviceUsers {
        let held = Held { mount: at.map(Path::to_owned), devices: device.cloned().into_iter().collect(), number };
        held::find(&self.roots, held).await
    }
}
