//! Looking for who uses a mount or a device.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::aside::aside;
use super::device::Device;
use super::disks::Roots;
use super::error::DiskFault;
use super::holders::{DeviceUser, DeviceUsers};
use super::mountinfo::{self, DeviceNumber, Mounted};

/// What is being held.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// The mount point, if there is one.
    pub(super) mount: Option<PathBuf>,
    /// The device, and its partitions if they count too.
    pub(super) devices: Vec<Device>,
    /// The device's number, where only that is known.
    pub(super) number: DeviceNumber,
}

/// Looks for everybody who holds it. It never fails: names are a help, and what can't be read is left out.
pub(super) async fn find(roots: &Roots, held: Held) -> DeviceUsers {
    let roots = roots.clone();
    let found = aside("looking for who uses it", Duration::from_secs(20), move || {
        let mut holders = Vec::new();
        by_processes(&roots.proc, &held, &mut holders);
        by_kernel(&roots, &held, &mut holders);
        Ok::<_, DiskFault>(DeviceUsers(holders))
    });
    found.await.unwrap_or_default()
}

fn by_processes(proc: &Path, held: &Held, holders: &mut Vec<DeviceUser>) {
    let own_namespace = std::fs::read_link(proc.join("self/ns/mnt")).ok();
    let mut namespaces: BTreeSet<PathBuf> = own_namespace.into_iter().collect();
    let mut processes: Vec<(u32, PathBuf)> = std::fs::read_dir(proc)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    processes.sort();
    for (pid, process) in processes {
        let by = use_of_process(&process, held).or_else(|| {
            // Mounts are per namespace: ours is gone, and a container's copy keeps the filesystem alive.
            let namespace = std::fs::read_link(process.join("ns/mnt")).ok()?;
            let mounts = mountinfo::of_process(&process).ok()?;
            let copy = mounts.iter().find(|mounted| held.is_source_of(mounted))?;
            namespaces.insert(namespace).then(|| format!("mounted at {} in its own namespace", copy.at.display()))
        });
        if let Some(by) = by {
            let name = std::fs::read_to_string(process.join("comm"))
                .map_or_else(|_| "?".to_owned(), |text| text.trim().to_owned());
            holders.push(DeviceUser { pid: Some(pid), name, by });
        }
    }
}

/// The first use that a process makes of it.
fn use_of_process(process: &Path, held: &Held) -> Option<String> {
    for link in ["cwd", "root", "exe"] {
        if let Some(target) = std::fs::read_link(process.join(link)).ok().filter(|target| held.covers(target)) {
            return Some(format!("{link} {}", target.display()));
        }
    }
    for entry in std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten() {
        if let Some(target) = std::fs::read_link(entry.path()).ok().filter(|target| held.covers(target)) {
            return Some(format!("open {}", target.display()));
        }
    }
    // address permissions offset device inode path
    let maps = std::fs::read_to_string(process.join("maps")).ok()?;
    let mapped = maps.lines().filter_map(|line| line.find('/').and_then(|at| line.get(at..)));
    mapped.map(Path::new).find(|path| held.covers(path)).map(|path| format!("mapped {}", path.display()))
}

impl Held {
    /// Whether a path is on the mount, or is the device.
    fn covers(&self, path: &Path) -> bool {
        self.mount.as_ref().is_some_and(|mount| path.starts_with(mount))
            || self.devices.iter().any(|device| path == device.path)
    }

    fn is_source_of(&self, mounted: &Mounted) -> bool {
        mounted.number == self.number || self.devices.iter().any(|device| device.number == mounted.number)
    }
}

/// What holds it without a process: mounts below, swap files, loop devices, device-mapper and md.
fn by_kernel(roots: &Roots, held: &Held, holders: &mut Vec<DeviceUser>) {
    let mut add = |name: &str, by: String| holders.push(DeviceUser { pid: None, name: name.to_owned(), by });
    let below = |path: &Path| held.mount.as_ref().is_some_and(|mount| path != mount && path.starts_with(mount));
    for mounted in mountinfo::read(&roots.proc).unwrap_or_default() {
        if below(&mounted.at) {
            add("a mount below", mounted.at.display().to_string());
        } else if held.is_source_of(&mounted) && held.mount.as_ref() != Some(&mounted.at) {
            add("also mounted", mounted.at.display().to_string());
        }
    }
    for line in std::fs::read_to_string(roots.proc.join("swaps")).unwrap_or_default().lines().skip(1) {
        if let Some(path) = line.split_whitespace().next().map(Path::new).filter(|path| held.covers(path)) {
            add("swap", path.display().to_string());
        }
    }
    for entry in std::fs::read_dir(roots.sys.join("class/block")).into_iter().flatten().flatten() {
        let Ok(backing) = std::fs::read_to_string(entry.path().join("loop/backing_file")) else { continue };
        if below(Path::new(backing.trim())) {
            add("a loop device", format!("{} of {}", entry.file_name().to_string_lossy(), backing.trim()));
        }
    }
    for device in &held.devices {
        let on_top = roots.sys.join("class/block").join(&device.kernel_name).join("holders");
        for entry in std::fs::read_dir(on_top).into_iter().flatten().flatten() {
            add("a device on top", entry.file_name().to_string_lossy().into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_with_the_same_beginning_is_not_covered() {
        let number = DeviceNumber { major: 7, minor: 1 };
        let device = Device { path: "/dev/loop1".into(), kernel_name: "loop1".to_owned(), number, size_bytes: 1 };
        let held = Held { mount: Some("/data".into()), devices: vec![device], number };
        assert!(
            held.covers(Path::new("/data/a/b"))
                && held.covers(Path::new("/data"))
                && held.covers(Path::new("/dev/loop1"))
        );
        assert!(!held.covers(Path::new("/database/a")) && !held.covers(Path::new("/dev/loop10")));
    }
}
