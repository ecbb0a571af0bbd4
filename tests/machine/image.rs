//! The image that the machine boots: made once by `image.sh`, kept in cargo's target folder, made again when the script changes.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use failover_tests::tools::{end_of, succeeded};

use crate::folder::kept;

const SCRIPT: &str = include_str!("image.sh");
/// What the script exits with if there is no mirror to install from.
const NO_MIRROR: i32 = 75;

/// A kernel, its initramfs and a root disk. Nothing writes to them.
pub(crate) struct Image {
    folder: PathBuf,
}

impl Image {
    /// The image, made now if it is not there yet; or why this machine can't have it.
    pub(crate) fn find_or_make() -> Result<Self, String> {
        // Its own process, as the kernel shows it: the owner is the effective user.
        if fs::metadata("/proc/self").map_err(|error| format!("no /proc: {error}"))?.uid() != 0 {
            return Err("only root can make a root file system".to_owned());
        }
        for (program, package) in
            [("qemu-system-x86_64", "qemu-system-x86"), ("setpriv", "util-linux"), ("mkfs.ext4", "e2fsprogs")]
        {
            there(program, package)?;
        }
        let folder = kept().join(format!("image-{:016x}", hash(SCRIPT)));
        if !folder.exists() {
            there("debootstrap", "debootstrap")?;
            remove_older();
            make(&folder)?;
        }
        Ok(Self { folder })
    }

    /// A root disk of a machine's own.
    pub(crate) fn copy_disk(&self, to: &Path) {
        let mut cp = Command::new("cp");
        cp.args(["--reflink=auto", "--sparse=always"]).arg(self.file("disk.raw")).arg(to);
        succeeded("cp", &cp.output().unwrap());
    }

    /// A part of it: `vmlinuz`, `initrd.img`, `disk.raw`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn there(program: &str, package: &str) -> Result<(), String> {
    let asked = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    asked.map(drop).map_err(|error| format!("{program} can't be run ({error}); Debian has it in the package {package}"))
}

/// What other versions of the script made: half a gigabyte each.
fn remove_older() {
    for entry in fs::read_dir(kept()).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("image-") {
            // One that can't be removed costs space, nothing else.
            drop(fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path())));
        }
    }
}

fn make(folder: &Path) -> Result<(), String> {
    let log = folder.with_extension("log");
    let file = File::create(&log).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("machine/image.sh");
    let mut command = Command::new("bash");
    command.arg(script).arg(folder).stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
    let ended = command.status().unwrap();
    if ended.code() == Some(NO_MIRROR) {
        return Err(format!("there is no Debian mirror to make the image from: {}", end_of(&log)));
    }
    assert!(ended.success(), "image.sh: {ended}\n{}", end_of(&log));
    Ok(())
}

/// FNV-1a: enough to tell one script from another.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
