//! From an EBS volume's id to its block device: by serial, never by kernel name, which changes from boot to boot.
//!
//! A Nitro instance shows a volume as an `NVMe` device whose serial is the volume's id without its hyphen (aws-facts 2.7);
//! udev makes links of it in `/dev/disk/by-id`, whose other parts depend on the maker's name and on udev's version.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use failover_core::ids::VolumeId;

use super::aside::aside;
use super::disks::Roots;
use super::error::DiskFault;
use super::mountinfo::DeviceNumber;

/// A block device that is there and has a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Device {
    /// Its node, such as `/dev/nvme1n1`.
    pub(super) path: PathBuf,
    /// Its kernel name, such as `nvme1n1`.
    pub(super) kernel_name: String,
    pub(super) number: DeviceNumber,
    pub(super) size_bytes: u64,
}

/// `O_EXCL` on a block device claims it: refused while it is mounted or claimed otherwise. The number is the same on every
/// architecture that EC2 has.
const O_EXCL: i32 = 0o200;
/// Past the page cache. The number is not the same on every architecture; where it is not known, reading is as ever.
const O_DIRECT: i32 = if cfg!(target_arch = "x86_64") {
    0o40_000
} else if cfg!(target_arch = "aarch64") {
    0o200_000
} else {
    0
};

/// How often a device that isn't there yet is looked for. A look is a few small reads.
const POLL_EVERY: Duration = Duration::from_millis(200);

/// The `NVMe` serial of a volume.
pub(super) fn serial(volume_id: &VolumeId) -> String {
    volume_id.as_str().replace('-', "")
}

/// Waits until the volume's device is there.
pub(super) async fn wait_for(roots: &Roots, volume_id: &VolumeId, deadline: Duration) -> Result<Device, DiskFault> {
    let began = Instant::now();
    loop {
        match find_bounded(roots, volume_id).await? {
            Some(device) => return Ok(device),
            None if began.elapsed() >= deadline => {
                let seen = serials(roots).into_keys().collect::<Vec<_>>().join(", ");
                let seen = if seen.is_empty() { "none".to_owned() } else { seen };
                return Err(DiskFault::DeviceMissing { serial: serial(volume_id), waited: deadline, seen });
            }
            None => tokio::time::sleep(POLL_EVERY.min(deadline.saturating_sub(began.elapsed()))).await,
        }
    }
}

/// Looks for the volume's device once; within a bound, as opening a broken device may hang.
pub(super) async fn find_bounded(roots: &Roots, volume_id: &VolumeId) -> Result<Option<Device>, DiskFault> {
    let (roots, volume_id) = (roots.clone(), volume_id.clone());
    aside("looking for the device", Duration::from_secs(30), move || find(&roots, &volume_id)).await
}

/// The volume's device, if it is there and has a size.
fn find(roots: &Roots, volume_id: &VolumeId) -> Result<Option<Device>, DiskFault> {
    let serial = serial(volume_id);
    let known = serials(roots);
    let mut found: BTreeMap<DeviceNumber, Device> = BTreeMap::new();
    let by_serial = known.get(&serial).into_iter().flatten().map(|name| roots.dev.join(name));
    let by_link = links(&roots.by_id, &serial).into_iter().filter(|path| {
        // A link may outlive its device for a moment, while the kernel's name is another volume's already.
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        !known.iter().any(|(other, names)| *other != serial && names.contains(&name))
    });
    for path in by_serial.chain(by_link) {
        if let Some(device) = open_at(&path)? {
            found.insert(device.number, device);
        }
    }
    if found.len() > 1 {
        let paths = found.values().map(|device| device.path.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(DiskFault::DeviceAmbiguous { serial, paths });
    }
    Ok(found.into_values().next())
}

/// The device at a path; none if it isn't there, isn't a block device or has no size yet.
pub(super) fn open_at(path: &Path) -> Result<Option<Device>, DiskFault> {
    let system = |operation, source| DiskFault::System { operation, path: path.to_owned(), source };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) if metadata.file_type().is_block_device() => metadata,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(system("looking at", error)),
    };
    // ENXIO and ENOMEDIUM: the node is there and its device isn't, or not any more.
    let Ok(mut file) = File::open(path) else { return Ok(None) };
    let size_bytes = file.seek(SeekFrom::End(0)).map_err(|error| system("measuring", error))?;
    let kernel_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let number = DeviceNumber::of(metadata.rdev());
    Ok((size_bytes > 0).then(|| Device { path: path.to_owned(), kernel_name, number, size_bytes }))
}

/// The serials of the whole devices that the kernel knows, with their kernel names.
fn serials(roots: &Roots) -> BTreeMap<String, Vec<String>> {
    let mut serials: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(roots.sys.join("class/block")).into_iter().flatten().flatten() {
        let path = entry.path();
        // A hidden node is one path of a multipath device, and has no node in /dev.
        let hidden = std::fs::read_to_string(path.join("hidden")).is_ok_and(|text| text.trim() == "1");
        if hidden || path.join("partition").exists() {
            continue;
        }
        // NVMe has it at its controller, virtio at the disk.
        let serial = ["device/serial", "serial"].iter().find_map(|file| std::fs::read_to_string(path.join(file)).ok());
        if let Some(serial) = serial.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) {
            serials.entry(serial).or_default().push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    serials
}

/// What the links of a serial point to, without those of partitions.
fn links(by_id: &Path, serial: &str) -> Vec<PathBuf> {
    let mut targets: Vec<PathBuf> = std::fs::read_dir(by_id)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| names_serial(&entry.file_name().to_string_lossy(), serial))
        .filter_map(|entry| std::fs::canonicalize(entry.path()).ok())
        .collect();
    targets.sort();
    targets.dedup();
    targets
}

/// Whether a link's name has the serial as a whole word and means the whole device.
fn names_serial(link: &str, serial: &str) -> bool {
    let mut words = link.split(['-', '_', '.', ':']);
    let partition = link
        .rsplit_once("-part")
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    !partition && words.any(|word| word == serial)
}

/// The partitions that the kernel sees on a device, by number.
pub(super) fn partitions(roots: &Roots, device: &Device) -> Result<Vec<Device>, DiskFault> {
    let mut partitions: BTreeMap<u32, Device> = BTreeMap::new();
    for entry in
        std::fs::read_dir(roots.sys.join("class/block").join(&device.kernel_name)).into_iter().flatten().flatten()
    {
        let Ok(text) = std::fs::read_to_string(entry.path().join("partition")) else { continue };
        let Ok(number) = text.trim().parse() else { continue };
        if let Some(partition) = open_at(&roots.dev.join(entry.file_name()))? {
            partitions.insert(number, partition);
        }
    }
    Ok(partitions.into_values().collect())
}

/// A device that nobody else may mount, claim or probe while this lives.
///
/// It is let go before any tool runs: mkfs and e2fsck claim the device themselves, and newer versions lock it, too.
#[derive(Debug)]
pub(super) struct DeviceClaim {
    _exclusive: File,
    _lock: File,
}

impl Device {
    /// Claims it against mounts and other claims, and locks it against udev, which by systemd's convention leaves a locked
    /// device alone, and against a second agent; `None` while somebody else has either.
    pub(super) fn claim_and_lock(&self) -> Result<Option<DeviceClaim>, DiskFault> {
        let Some(exclusive) = self.claim()? else { return Ok(None) };
        let lock = File::open(&self.path).map_err(|source| self.fault("opening", source))?;
        Ok(lock.try_lock().is_ok().then_some(DeviceClaim { _exclusive: exclusive, _lock: lock }))
    }

    /// Opens it for reading and claims it against mounts and other claims; `None` while somebody else has it.
    pub(super) fn claim(&self) -> Result<Option<File>, DiskFault> {
        match OpenOptions::new().read(true).custom_flags(O_EXCL).open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(None),
            Err(source) => Err(self.fault("opening", source)),
        }
    }

    /// Opens it to be read from end to end: past the page cache if it can be, so that the volume is the limit, what is read is what it has,
    /// and the instance's memory is left to others.
    pub(super) fn open_to_read_all(&self) -> Result<File, DiskFault> {
        let direct = OpenOptions::new().read(true).custom_flags(O_DIRECT).open(&self.path);
        direct.or_else(|_| File::open(&self.path)).map_err(|source| self.fault("opening", source))
    }

    /// The fault of an operation on it.
    pub(super) fn fault(&self, operation: &'static str, source: io::Error) -> DiskFault {
        DiskFault::System { operation, path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_every_maker_and_udev_are_known_and_those_of_partitions_left_out() {
        let serial = "vol0123456789abcdef0";
        for link in [
            "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0",
            "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0_1",
            "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0-ns-1",
            "nvme-QEMU_NVMe_Ctrl_vol0123456789abcdef0",
            "nvme-QEMU_NVMe_Ctrl_vol0123456789abcdef0_1",
            "virtio-vol0123456789abcdef0",
        ] {
            assert!(names_serial(link, serial), "{link}");
        }
        for link in [
            "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0-part1",
            "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0_1-part12",
            "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef01",
            "nvme-Amazon_Elastic_Block_Store_xvol0123456789abcdef0",
            "nvme-Amazon_EC2_NVMe_Instance_Storage_AWS22222222222222222",
            "",
        ] {
            assert!(!names_serial(link, serial), "{link}");
        }
    }
}
