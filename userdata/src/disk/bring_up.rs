//! From an attached volume to a mounted, marked filesystem.

use std::path::{Path, PathBuf};
use std::time::Duration;

use failover_core::spec::Filesystem;
use jiff::Timestamp;

use super::aside::aside;
use super::content::{Content, Holding, judge, superblock_of};
use super::device::{Device, DeviceClaim, partitions, wait_for};
use super::disks::Disks;
use super::error::{DiskError, DiskFault, FaultSubject};
use super::held::{self, Held};
use super::marker::{self, Marker};
use super::mountinfo::{Mounted, seen_at};
use super::taken::Patience;
use super::volume::DataVolume;
use super::{filesystem, format, mount};

/// How long an unmount after a failure may take.
const BACK_OUT_WITHIN: Duration = Duration::from_mins(1);

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

impl Disks {
    /// Waits for the volume's device, checks what it holds, formats it if it is surely blank and may be, mounts it and marks it
    /// with the ledger's epoch.
    ///
    /// What fails leaves nothing mounted that wasn't mounted before. A volume that is mounted already, by that very device,
    /// is checked and marked again.
    pub async fn bring_up(&self, volume: &DataVolume, attach_deadline: Duration) -> Result<BroughtUp, DiskError> {
        let mut subject = FaultSubject::of(volume);
        let outcome = self.bring_up_inner(volume, attach_deadline, &mut subject).await;
        outcome.map_err(|fault| DiskError { subject: Box::new(subject), fault: Box::new(fault) })
    }

    async fn bring_up_inner(
        &self,
        volume: &DataVolume,
        attach_deadline: Duration,
        subject: &mut FaultSubject,
    ) -> Result<BroughtUp, DiskFault> {
        check_settings(volume)?;
        let device = wait_for(&self.roots, &volume.volume_id, attach_deadline).await?;
        subject.device = Some(device.path.clone());
        let at = mount::resolved(&volume.mount).await?;
        let mut patience = Patience::once_in_use(self.limits.release);
        let mut so_far = SoFar::default();
        loop {
            let found = match self.try_once(volume, &device, &at, &mut so_far).await {
                // Whoever has the device may mount it, format it, write to it: what was judged before doesn't count any more, so
                // everything begins again.
                Err(DiskFault::Taken { found }) => found,
                outcome => return outcome,
            };
            tracing::debug!(volume = %volume.name, device = %device.path.display(), found, "the device is taken");
            if !patience.another_try().await {
                let mut devices = partitions(&self.roots, &device)?;
                devices.push(device.clone());
                let held = Held { mount: None, devices, number: device.number };
                let holders = held::find(&self.roots, held).await;
                return Err(DiskFault::InUse { waited: patience.within(), found, holders });
            }
        }
    }

    async fn try_once(
        &self,
        volume: &DataVolume,
        device: &Device,
        at: &Path,
        so_far: &mut SoFar,
    ) -> Result<BroughtUp, DiskFault> {
        if let Some((mounted, part)) = self.present_mount(device, at)? {
            return self.mounted_already(volume, &mounted, part, at, so_far).await;
        }
        // Against mounts; and locked against probers and a second agent.
        match device.claim_and_lock()? {
            Some(claim) => self.not_yet_mounted(volume, device, claim, so_far).await,
            None => Err(DiskFault::Taken { found: "it is claimed or locked".to_owned() }),
        }
    }

    /// The mount of this device at its place; an error if another one is there, or if this one is mounted elsewhere.
    fn present_mount(&self, device: &Device, at: &Path) -> Result<Option<(Mounted, Device)>, DiskFault> {
        let mounts = mount::mounts(&self.roots)?;
        let mut parts = partitions(&self.roots, device)?;
        parts.push(device.clone());
        let part_of = |mounted: &Mounted| parts.iter().find(|part| part.number == mounted.number).cloned();
        if let Some(mounted) = seen_at(&mounts, at) {
            return match part_of(mounted) {
                Some(part) if mounted.root == Path::new("/") => Ok(Some((mounted.clone(), part))),
                _ => Err(DiskFault::MountTaken { mount: at.to_owned(), found: mounted.source.display().to_string() }),
            };
        }
        match mounts.iter().find(|mounted| part_of(mounted).is_some()) {
            Some(elsewhere) => Err(DiskFault::MountedElsewhere { at: elsewhere.at.clone() }),
            None => Ok(None),
        }
    }

    /// It is mounted where it belongs, by an earlier run: only the marker and the size are looked at.
    async fn mounted_already(
        &self,
        volume: &DataVolume,
        mounted: &Mounted,
        device: Device,
        at: &Path,
        so_far: &SoFar,
    ) -> Result<BroughtUp, DiskFault> {
        let kind = match mounted.filesystem.as_str() {
            "ext4" => Filesystem::Ext4,
            "xfs" => Filesystem::Xfs,
            other => {
                let expected = super::Expected(volume.filesystem);
                return Err(DiskFault::Foreign { found: format!("a mounted {other}"), expected });
            }
        };
        if volume.filesystem.is_some_and(|expected| expected != kind) {
            let expected = super::Expected(volume.filesystem);
            return Err(DiskFault::Foreign { found: format!("a mounted {}", mounted.filesystem), expected });
        }
        let path = device.path.clone();
        let superblock =
            aside("reading the superblock", self.limits.stall, move || Ok(superblock_of(&path, kind))).await?;
        let size_bytes = superblock.map_or(device.size_bytes, |(_, superblock)| superblock.size_bytes);
        let mut brought_up = BroughtUp { was_mounted: true, ..fresh(&device, kind, so_far) };
        self.serve_from(volume, &device, at, size_bytes, &mut brought_up).await?;
        Ok(brought_up)
    }

    /// It isn't mounted: under a lock, judges it, formats it if that is right, checks it and mounts it.
    async fn not_yet_mounted(
        &self,
        volume: &DataVolume,
        device: &Device,
        claim: DeviceClaim,
        so_far: &mut SoFar,
    ) -> Result<BroughtUp, DiskFault> {
        let (holding, formatted) = match judge(&self.roots, &self.limits, volume, device).await? {
            Content::Filesystem(holding) => {
                drop(claim);
                if holding.finished_intent.is_some() {
                    format::finish(&self.limits, &holding).await?;
                }
                (holding, false)
            }
            Content::HalfFormatted(intent) => {
                (format::again(&self.roots, &self.limits, volume, device, intent, claim).await?, true)
            }
            Content::NoSignature => {
                (format::blank_device(&self.roots, &self.limits, volume, device, claim).await?, true)
            }
        };
        so_far.formatted |= formatted;
        let repaired = filesystem::check(&self.roots, &self.limits, &holding).await?;
        so_far.repaired = repaired.or(so_far.repaired.take());
        let mut brought_up = fresh(&holding.device, holding.superblock.filesystem, so_far);
        brought_up.warnings.extend(mount::prepare(&volume.mount).await?);
        let at = mount::resolved(&volume.mount).await?;
        if let Err(failure) = mount::mount(&self.roots, &self.limits, volume, &holding, &at).await? {
            return Err(filesystem::explain_mount_failure(&self.roots, &self.limits, &holding, failure).await);
        }
        let served =
            self.serve_from(volume, &holding.device, &at, holding.superblock.size_bytes, &mut brought_up).await;
        if let Err(fault) = served {
            self.back_out(&at).await;
            return Err(fault);
        }
        if let Some(warning) = unused_behind_partition(device, &holding) {
            brought_up.warnings.push(warning);
        }
        Ok(brought_up)
    }

    /// What is mounted is right, large enough and marked.
    async fn serve_from(
        &self,
        volume: &DataVolume,
        device: &Device,
        at: &Path,
        filesystem_bytes: u64,
        brought_up: &mut BroughtUp,
    ) -> Result<(), DiskFault> {
        let mounts = mount::mounts(&self.roots)?;
        let mounted = seen_at(&mounts, at).filter(|mounted| mounted.number == device.number);
        let mounted = mounted.ok_or_else(|| DiskFault::MountTaken {
            mount: at.to_owned(),
            found: seen_at(&mounts, at)
                .map_or_else(|| "nothing".to_owned(), |other| other.source.display().to_string()),
        })?;
        if mounted.read_only {
            return Err(DiskFault::ReadOnly { options: mounted.options.clone() });
        }
        let marker = self.read_marker(at).await?;
        marker::check(volume, marker.as_ref())?;
        // First grown, then marked: a full volume that was enlarged has room for its marker.
        let grown =
            filesystem::grow(&self.roots, &self.limits, device, brought_up.filesystem, filesystem_bytes, at).await;
        match grown {
            Ok(grown_bytes) => brought_up.grown_bytes = grown_bytes,
            // It serves as well with the size that it had.
            Err(fault) => brought_up.warnings.push(format!("the filesystem wasn't grown to its device: {fault}")),
        }
        self.write_marker(volume, at, marker.as_ref()).await?;
        brought_up.marker = marker;
        Ok(())
    }

    async fn read_marker(&self, at: &Path) -> Result<Option<Marker>, DiskFault> {
        let root = at.to_owned();
        aside("reading the marker", self.limits.stall, move || Ok(marker::read(&root)?)).await
    }

    async fn write_marker(&self, volume: &DataVolume, at: &Path, found: Option<&Marker>) -> Result<(), DiskFault> {
        let (root, volume, found) = (at.to_owned(), volume.clone(), found.cloned());
        aside("writing the marker", self.limits.stall, move || {
            Ok(marker::write(&root, &volume, found.as_ref(), Timestamp::now())?)
        })
        .await
    }

    /// Unmounts what was mounted for nothing. Somebody may have looked into it meanwhile.
    async fn back_out(&self, at: &Path) {
        let mut patience = Patience::from_now(BACK_OUT_WITHIN);
        loop {
            let failure = match mount::unmount(&self.roots, at, patience.left()).await {
                Ok(finished) if finished.code == Some(0) => return,
                Ok(finished) if finished.stderr.contains("busy") && patience.another_try().await => continue,
                Ok(finished) => finished.failed(),
                Err(failure) => failure,
            };
            tracing::error!(mount = %at.display(), error = %failure, "what was mounted can't be unmounted again");
            return;
        }
    }
}

/// What earlier tries have done that the last one doesn't see any more.
#[derive(Debug, Default)]
struct SoFar {
    formatted: bool,
    repaired: Option<String>,
}

fn fresh(device: &Device, filesystem: Filesystem, so_far: &SoFar) -> BroughtUp {
    BroughtUp {
        device: device.path.clone(),
        filesystem,
        formatted: so_far.formatted,
        was_mounted: false,
        repaired: so_far.repaired.clone(),
        grown_bytes: None,
        marker: None,
        warnings: Vec::new(),
    }
}

/// What can be said of the volume's settings before anything is touched.
pub(super) fn check_settings(volume: &DataVolume) -> Result<(), DiskFault> {
    let plain = |component| matches!(component, std::path::Component::RootDir | std::path::Component::Normal(_));
    if !volume.mount.is_absolute() || volume.mount == Path::new("/") || !volume.mount.components().all(plain) {
        return Err(DiskFault::Settings {
            found: format!("the mount point {}", volume.mount.display()),
            allowed: "allowed is an absolute path below / without '..'",
        });
    }
    let unfit = |option: &&String| option.is_empty() || option.contains([',', '\0', '\n', ' ']);
    if let Some(option) = volume.options.iter().find(unfit) {
        return Err(DiskFault::Settings {
            found: format!("the mount option {option:?}"),
            allowed: "allowed is one option per entry, without commas and blanks",
        });
    }
    if volume.oldest_epoch > volume.epoch {
        return Err(DiskFault::Settings {
            found: format!("the oldest epoch {} above the ledger's {}", volume.oldest_epoch, volume.epoch),
            allowed: "allowed is at most the ledger's",
        });
    }
    Ok(())
}

/// A partition isn't enlarged by us: that would mean writing to the partition table.
fn unused_behind_partition(device: &Device, holding: &Holding) -> Option<String> {
    const WORTH_TELLING_BYTES: u64 = 1024 * 1024 * 1024;
    let unused_bytes = device.size_bytes.saturating_sub(holding.device.size_bytes);
    (holding.on_partition && unused_bytes >= WORTH_TELLING_BYTES).then(|| {
        format!(
            "{unused_bytes} bytes of {} are outside the partition {}; enlarge it with growpart",
            device.path.display(),
            holding.device.path.display()
        )
    })
}
