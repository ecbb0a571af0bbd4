//! Volumes and snapshots: sparse files on an XFS of the story's own, whose reflinks copy a file at one point in time, as EBS does.
//!
//! A volume that an instance has is a loop device over its file. When it is taken from the instance, in whatever way, the file is replaced
//! by a copy of that moment: what the old side's kernel still holds in memory goes to a file that nobody sees any more.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::command::run;

const GIB: u64 = 1 << 30;
/// Sparse: it takes what is written.
const POOL_GIB: u64 = 200;
/// A whole number of these makes a GiB.
const NOISE_MIB: u64 = 64;

const NOISE: &str = "noise";

/// Where the story has its volumes, snapshots and the instances' root disks.
#[derive(Debug, Clone)]
pub(crate) struct Disks {
    root: PathBuf,
}

/// A volume in an instance's hands.
#[derive(Debug)]
pub(crate) struct Device {
    node: PathBuf,
    link: PathBuf,
    /// The last hand on the loop device: with it the device goes, also if the story is killed.
    held: File,
}

impl Disks {
    /// Makes the XFS and mounts it, in the mount namespace of the story.
    pub(crate) fn make(image: &Path, root: &Path) -> Self {
        File::create(image).unwrap().set_len(POOL_GIB * GIB).unwrap();
        run("mkfs.xfs", [Path::new("-q"), Path::new("-m"), Path::new("reflink=1"), image]);
        let (device, held) = loop_device(image);
        run("mount", [&device, root]);
        drop(held);
        for folder in ["volumes", "snapshots"] {
            fs::create_dir(root.join(folder)).unwrap();
        }
        let mut random = File::open("/dev/urandom").unwrap().take(NOISE_MIB << 20);
        io::copy(&mut random, &mut File::create(root.join(NOISE)).unwrap()).unwrap();
        Self { root: root.to_owned() }
    }

    /// The story's folder on the XFS.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A volume's content.
    pub(crate) fn volume(&self, id: &str) -> PathBuf {
        self.root.join("volumes").join(id)
    }

    fn snapshot(&self, id: &str) -> PathBuf {
        self.root.join("snapshots").join(id)
    }

    /// A volume appears: what its snapshot holds, or nothing. Nobody has written the rest, which reads as zeros; on an encrypted volume EBS
    /// decrypts it all the same, and it reads as noise.
    pub(crate) fn create(&self, volume: &str, size_gib: u64, snapshot: Option<&str>, encrypted: bool) {
        let path = self.volume(volume);
        if let Some(snapshot) = snapshot {
            Self::copy(&self.snapshot(snapshot), &path);
        }
        let file = File::options().append(true).create(true).open(&path).unwrap();
        let held = file.metadata().unwrap().len();
        file.set_len(size_gib * GIB).unwrap();
        if encrypted {
            self.put_noise(&path, held, size_gib * GIB);
        }
    }

    /// Shares the blocks of one piece of noise as often as it takes: no more is written, however large the volume is.
    fn put_noise(&self, file: &Path, from: u64, to: u64) {
        let (noise, length) = (self.root.join(NOISE), NOISE_MIB << 20);
        for offset in (from..to).step_by(usize::try_from(length).unwrap()) {
            let reflink = format!("reflink {} 0 {offset} {length}", noise.display());
            run("xfs_io", [Path::new("-c"), Path::new(&reflink), file]);
        }
    }

    /// A snapshot appears: its volume at this moment, whoever writes to it.
    pub(crate) fn take_snapshot(&self, snapshot: &str, volume: &str) {
        Self::copy(&self.volume(volume), &self.snapshot(snapshot));
    }

    /// Has a snapshot been taken?
    pub(crate) fn has_snapshot(&self, snapshot: &str) -> bool {
        self.snapshot(snapshot).exists()
    }

    /// From this moment on nobody who held the volume reaches it any more.
    pub(crate) fn cut(&self, volume: &str) {
        let copy = self.root.join("volumes").join(format!("{volume}.new"));
        Self::copy(&self.volume(volume), &copy);
        fs::rename(copy, self.volume(volume)).unwrap();
    }

    /// A copy of this moment: XFS holds off writers while it shares the blocks, and writes back what is in memory before.
    pub(crate) fn copy(from: &Path, to: &Path) {
        run("cp", [Path::new("--reflink=always"), from, to]);
    }

    /// Puts a volume into an instance whose devices are in `dev`.
    pub(crate) fn attach(&self, volume: &str, dev: &Path) -> Device {
        let (device, held) = loop_device(&self.volume(volume));
        let name = device.file_name().unwrap();
        let minor = name.to_str().unwrap().trim_start_matches("loop").to_owned();
        let node = dev.join(name);
        run("mknod", [node.to_str().unwrap(), "b", "7", &minor]);
        let by_id = dev.join("disk/by-id");
        fs::create_dir_all(&by_id).unwrap();
        // As the udev rules of Amazon's images name it: by the serial, which is the volume's id without the dash.
        let link = by_id.join(format!("nvme-Amazon_Elastic_Block_Store_{}", volume.replacen('-', "", 1)));
        std::os::unix::fs::symlink(Path::new("../..").join(name), &link).unwrap();
        Device { node, link, held }
    }
}

impl Device {
    /// Its name in `/dev`.
    pub(crate) fn name(&self) -> &std::ffi::OsStr {
        self.node.file_name().unwrap()
    }

    /// The device is gone from the instance.
    pub(crate) fn remove(self) {
        for path in [&self.link, &self.node] {
            fs::remove_file(path).unwrap();
        }
        drop(self.held);
    }
}

/// A loop device that goes by itself as soon as nobody has it open or mounted.
pub(crate) fn loop_device(file: &Path) -> (PathBuf, File) {
    let device = PathBuf::from(run("losetup", [Path::new("--find"), Path::new("--show"), file]));
    let held = File::open(&device).unwrap();
    run("losetup", [Path::new("--detach"), &device]);
    (device, held)
}
