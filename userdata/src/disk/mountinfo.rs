//! What is mounted where, from `/proc/PID/mountinfo` (proc(5)).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A block device's number, the one name that two paths to it share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct DeviceNumber {
    pub(super) major: u64,
    pub(super) minor: u64,
}

impl DeviceNumber {
    /// From `st_rdev`, whose layout is glibc's and musl's `makedev`.
    pub(super) const fn of(rdev: u64) -> Self {
        Self {
            major: ((rdev >> 8) & 0xfff) | ((rdev >> 32) & !0xfff),
            minor: (rdev & 0xff) | ((rdev >> 12) & 0xffff_ff00),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once(':')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mounted {
    pub(super) number: DeviceNumber,
    /// Which part of the filesystem: `/` unless it is a bind mount of a directory.
    pub(super) root: PathBuf,
    pub(super) at: PathBuf,
    pub(super) filesystem: String,
    /// The device's path as it was given to `mount`.
    pub(super) source: PathBuf,
    /// The mount's own options and the filesystem's.
    pub(super) options: String,
    /// Whether one of them says read-only.
    pub(super) read_only: bool,
}

/// The mounts of this process's namespace, in the order of mounting: of several at one place the last one is seen.
pub(super) fn read(proc: &Path) -> io::Result<Vec<Mounted>> {
    of_process(&proc.join("self"))
}

/// The mounts that a process sees.
pub(super) fn of_process(process: &Path) -> io::Result<Vec<Mounted>> {
    let text = std::fs::read(process.join("mountinfo"))?;
    Ok(text.split(|&byte| byte == b'\n').filter_map(parse_line).collect())
}

/// The mounts of every other mount namespace of the machine, as one process of each sees them.
pub(super) fn of_other_namespaces(proc: &Path) -> Vec<Mounted> {
    let namespace = |process: &Path| std::fs::read_link(process.join("ns/mnt")).ok();
    let mut known: BTreeSet<PathBuf> = namespace(&proc.join("self")).into_iter().collect();
    let mut mounts = Vec::new();
    for entry in std::fs::read_dir(proc).into_iter().flatten().flatten() {
        let process = entry.path();
        if namespace(&process).is_some_and(|namespace| known.insert(namespace)) {
            mounts.extend(of_process(&process).unwrap_or_default());
        }
    }
    mounts
}

/// The mount that is seen at `at`.
pub(super) fn seen_at<'a>(mounts: &'a [Mounted], at: &Path) -> Option<&'a Mounted> {
    mounts.iter().rev().find(|mounted| mounted.at == at)
}

fn parse_line(line: &[u8]) -> Option<Mounted> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let separator = fields.iter().position(|field| *field == b"-")?;
    let number = DeviceNumber::parse(std::str::from_utf8(fields.get(2)?).ok()?)?;
    let own = String::from_utf8_lossy(fields.get(5)?).into_owned();
    let of_filesystem = fields.get(separator + 3).map(|field| String::from_utf8_lossy(field).into_owned());
    let options = of_filesystem.map_or_else(|| own.clone(), |more| format!("{own},{more}"));
    Some(Mounted {
        number,
        root: unescaped(fields.get(3)?),
        at: unescaped(fields.get(4)?),
        filesystem: String::from_utf8_lossy(fields.get(separator + 1)?).into_owned(),
        source: unescaped(fields.get(separator + 2)?),
        read_only: options.split(',').any(|option| option == "ro"),
        options,
    })
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(value) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(value);
            rest = tail.get(3..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_a_mount_with_optional_fields_and_escapes() {
        let line =
            br"36 35 259:1 / /srv/a\040b\134c rw,noatime shared:1 master:2 - ext4 /dev/nvme1n1p1 ro,errors=remount-ro";
        let mounted = parse_line(line).unwrap();
        assert_eq!(mounted.number, DeviceNumber { major: 259, minor: 1 });
        assert_eq!(mounted.at, Path::new(r"/srv/a b\c"));
        assert_eq!(mounted.source, Path::new("/dev/nvme1n1p1"));
        assert_eq!(mounted.filesystem, "ext4");
        assert!(mounted.read_only, "the filesystem's own state counts: {}", mounted.options);
        assert_eq!(parse_line(b"garbage"), None);
        assert_eq!(parse_line(b""), None);
    }

    #[test]
    fn the_last_mount_at_a_place_is_the_one_that_is_seen() {
        let first = parse_line(b"1 0 7:1 / /data rw - ext4 /dev/loop1 rw").unwrap();
        let second = parse_line(b"2 1 7:2 / /data rw - xfs /dev/loop2 rw").unwrap();
        let mounts = [first, second.clone()];
        assert_eq!(seen_at(&mounts, Path::new("/data")), Some(&second));
        assert_eq!(seen_at(&mounts, Path::new("/dat")), None);
    }

    #[test]
    fn takes_a_device_number_apart() {
        // makedev(259, 3) and one whose minor needs more than eight bits.
        assert_eq!(DeviceNumber::of(0x10303), DeviceNumber { major: 259, minor: 3 });
        assert_eq!(DeviceNumber::of(0x0010_0801), DeviceNumber { major: 8, minor: 257 });
    }
}
