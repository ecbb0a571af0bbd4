//! Real block devices for the disk tests: loop devices over sparse files, cleaned up whatever happens.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

use std::fs::File;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use failover_agent::disk::{DataVolume, DiskTimeouts, Disks, Roots};
use failover_core::ids::{ServiceName, VolumeId, VolumeName};
use failover_core::spec::Filesystem;
use tempfile::TempDir;

pub const MIB: u64 = 1024 * 1024;
pub const VOLUME_ID: &str = "vol-0123456789abcdef0";

/// Loop devices need root and tools; says what is missing and whether to go on.
pub fn can_run(tools: &[&str]) -> bool {
    let root = std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")));
    if !root || !Path::new("/dev/loop-control").exists() {
        println!("skipped: needs root and loop devices");
        return false;
    }
    let missing: Vec<_> =
        ["losetup", "blkid", "mount", "sha256sum"].iter().chain(tools).filter(|tool| !has(tool)).collect();
    if !missing.is_empty() {
        println!("skipped: needs {missing:?}");
    }
    missing.is_empty()
}

fn has(tool: &str) -> bool {
    Command::new("sh").args(["-c", "command -v \"$0\"", tool]).output().is_ok_and(|output| output.status.success())
}

pub fn try_run(command: &str, arguments: &[&str]) -> Output {
    Command::new(command)
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// Runs a command that must go well.
///
/// The tests are threads of one process, and each starts programs: until such a program really runs, it has what any other
/// test has open, a claim on a device among it. Who finds a device busy for that reason finds it free a moment later.
pub fn run(command: &str, arguments: &[&str]) -> String {
    let busy = |output: &Output| {
        let said = String::from_utf8_lossy(&output.stderr);
        !output.status.success() && ["busy", "in use"].iter().any(|word| said.contains(word))
    };
    let mut output = try_run(command, arguments);
    for _ in 0..100 {
        if !busy(&output) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        output = try_run(command, arguments);
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command} {arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// A loop device over a sparse file. Dropped, it is unmounted and detached.
pub struct LoopDisk {
    pub image: PathBuf,
    pub path: PathBuf,
}

impl LoopDisk {
    pub fn attach(image: &Path, options: &[&str]) -> Self {
        let mut arguments = vec!["--find", "--show"];
        arguments.extend(options);
        arguments.push(image.to_str().unwrap());
        let path = PathBuf::from(run("losetup", &arguments).trim());
        Self { image: image.to_owned(), path }
    }

    pub fn text(&self) -> &str {
        self.path.to_str().unwrap()
    }

    pub fn name(&self) -> &str {
        self.path.file_name().unwrap().to_str().unwrap()
    }

    /// Of the device's content, as everybody who reads it sees it.
    pub fn sha256(&self) -> String {
        run("sha256sum", &[self.text()]).split_whitespace().next().unwrap().to_owned()
    }

    pub fn write_at(&self, bytes: &[u8], at_byte: u64) {
        let file = File::options().write(true).open(&self.path).unwrap();
        file.write_all_at(bytes, at_byte).unwrap();
        file.sync_all().unwrap();
    }

    pub fn read_at(&self, count: usize, at_byte: u64) -> Vec<u8> {
        let mut bytes = vec![0; count];
        File::open(&self.path).unwrap().read_exact_at(&mut bytes, at_byte).unwrap();
        bytes
    }

    /// The device itself: `/dev/loop1` is not `/dev/loop10`, which another test may have mounted.
    pub fn is_mounted(&self) -> bool {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        mounts.lines().any(|line| line.split(' ').next() == Some(self.text()))
    }

    /// Grows the device as `ModifyVolume` does.
    pub fn grow_to(&self, size_bytes: u64) {
        File::options().write(true).open(&self.image).unwrap().set_len(size_bytes).unwrap();
        run("losetup", &["--set-capacity", self.text()]);
    }

    /// Makes the kernel see the partitions, also one that doesn't read tables itself.
    pub fn show_partitions(&self) {
        if !self.partition(1).exists() {
            run("partx", &["--add", self.text()]);
        }
    }

    pub fn partition(&self, number: u32) -> PathBuf {
        PathBuf::from(format!("{}p{number}", self.text()))
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        for line in mounts.lines().rev() {
            let mut fields = line.split(' ');
            let source = fields.next().unwrap_or_default();
            let ours =
                source == self.text() || source.strip_prefix(self.text()).is_some_and(|rest| rest.starts_with('p'));
            if let Some(at) = fields.next().filter(|_| ours) {
                try_run("umount", &["--lazy", at]);
            }
        }
        try_run("partx", &["--delete", self.text()]);
        try_run("losetup", &["--detach", self.text()]);
    }
}

/// A directory of its own with images, mount points and a by-id directory.
pub struct Lab {
    pub dir: TempDir,
    pub disks: Disks,
}

impl Lab {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("disk-test-").tempdir().unwrap();
        let by_id = dir.path().join("by-id");
        std::fs::create_dir(&by_id).unwrap();
        Self { disks: Disks { roots: Roots { by_id, ..Roots::default() }, limits: DiskTimeouts::default() }, dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn image(&self, name: &str, size_bytes: u64) -> PathBuf {
        let path = self.path(name);
        File::create(&path).unwrap().set_len(size_bytes).unwrap();
        path
    }

    /// A blank device under the volume's by-id name.
    pub fn blank(&self, size_bytes: u64) -> LoopDisk {
        self.attach(&self.image("volume.img", size_bytes))
    }

    pub fn attach(&self, image: &Path) -> LoopDisk {
        let disk = LoopDisk::attach(image, &["--partscan"]);
        self.link(&disk, "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0");
        disk
    }

    pub fn link(&self, disk: &LoopDisk, name: &str) {
        let link = self.disks.roots.by_id.join(name);
        let _ = std::fs::remove_file(&link);
        symlink(&disk.path, link).unwrap();
    }

    pub fn mount_point(&self) -> PathBuf {
        self.path("data")
    }

    pub fn volume(&self, filesystem: Filesystem) -> DataVolume {
        volume_at(self.mount_point(), filesystem)
    }

    pub fn blank_volume(&self, filesystem: Filesystem) -> DataVolume {
        DataVolume { blank_allowed: true, ..self.volume(filesystem) }
    }

    /// Puts a command before the system's own.
    pub fn replace_tool(&mut self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let directory = self.path("tools");
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        self.disks.roots.tools = vec![directory];
    }

    pub fn own_tools(&mut self) {
        self.disks.roots.tools.clear();
    }
}

/// For what goes well: no test waits for it, and a busy machine needs it.
pub const BOUND: Duration = Duration::from_secs(30);

/// The volume of the tests: not blank, in epoch 7.
pub fn volume_at(mount: PathBuf, filesystem: Filesystem) -> DataVolume {
    DataVolume {
        service: ServiceName::new("billing-db").unwrap(),
        name: VolumeName::new("data").unwrap(),
        volume_id: VolumeId::new(VOLUME_ID).unwrap(),
        mount,
        filesystem: Some(filesystem),
        blank_allowed: false,
        epoch: 7,
        oldest_epoch: 0,
        options: Vec::new(),
    }
}
