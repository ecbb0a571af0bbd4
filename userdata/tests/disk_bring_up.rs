//! From an attached volume to a mounted and marked one: found late or under other names, checked, grown, next to its copies.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/loops.rs"]
mod loops;

use std::path::Path;
use std::time::Duration;

use failover_agent::disk::{BroughtUp, DataVolume, DeviceContent, DiskFault};
use failover_core::spec::Filesystem;
use loops::{BOUND, Lab, LoopDisk, MIB, can_run, run, try_run};

async fn up(lab: &Lab, volume: &DataVolume) -> BroughtUp {
    lab.disks.bring_up(volume, BOUND).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn fault(lab: &Lab, volume: &DataVolume) -> (DiskFault, String) {
    let error = lab.disks.bring_up(volume, BOUND).await.expect_err("must be refused");
    let text = error.to_string();
    println!("{text}");
    (*error.fault, text)
}

fn mounted_at(path: &Path) -> bool {
    std::fs::read_to_string("/proc/self/mounts").unwrap().contains(&format!(" {} ", path.display()))
}

/// A volume with an ext4 that was made elsewhere.
fn ext4(lab: &Lab) -> LoopDisk {
    let disk = lab.blank(64 * MIB);
    run("mkfs.ext4", &["-q", disk.text()]);
    disk
}

fn xfs(lab: &Lab) -> LoopDisk {
    let disk = lab.blank(320 * MIB);
    run("mkfs.xfs", &["-q", disk.text()]);
    disk
}

#[tokio::test]
async fn the_only_used_partition_serves() {
    if !can_run(&["sgdisk", "partx", "mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(64 * MIB);
    run("sgdisk", &["--new=1:2048:+1M", "--new=2:8192:0", disk.text()]);
    disk.show_partitions();
    run("mkfs.ext4", &["-q", disk.partition(2).to_str().unwrap()]);
    let volume = lab.volume(Filesystem::Ext4);
    let brought_up = up(&lab, &volume).await;
    assert_eq!(brought_up.device, disk.partition(2));
    assert!(up(&lab, &volume).await.was_mounted);
    lab.disks.take_down(&volume.mount, BOUND).await.unwrap();
    // A mount of the partition claims the whole device, too.
    lab.disks.released(&volume).await.unwrap();
}

#[tokio::test]
async fn a_volume_that_comes_late_is_waited_for() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let image = lab.image("volume.img", 64 * MIB);
    run("mkfs.ext4", &["-q", image.to_str().unwrap()]);
    let volume = lab.volume(Filesystem::Ext4);
    let late = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        lab.attach(&image)
    };
    let began = std::time::Instant::now();
    let (brought_up, _disk) = tokio::join!(lab.disks.bring_up(&volume, Duration::from_secs(20)), late);
    brought_up.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(2) && began.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn every_makers_link_is_known_and_a_partitions_is_not_the_volume() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    for name in [
        "nvme-QEMU_NVMe_Ctrl_vol0123456789abcdef0",
        "nvme-QEMU_NVMe_Ctrl_vol0123456789abcdef0_1",
        "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0_1",
        "virtio-vol0123456789abcdef0",
    ] {
        let lab = Lab::new();
        let disk = LoopDisk::attach(&lab.image("volume.img", 64 * MIB), &[]);
        run("mkfs.ext4", &["-q", disk.text()]);
        lab.link(&disk, name);
        lab.link(&disk, &format!("{name}-part1"));
        assert_eq!(up(&lab, &lab.volume(Filesystem::Ext4)).await.device, disk.path, "{name}");
    }
    let lab = Lab::new();
    let disk = LoopDisk::attach(&lab.image("volume.img", 64 * MIB), &[]);
    lab.link(&disk, "nvme-QEMU_NVMe_Ctrl_vol0123456789abcdef0-part1");
    let outcome = lab.disks.bring_up(&lab.volume(Filesystem::Ext4), Duration::from_millis(300)).await;
    assert!(matches!(*outcome.unwrap_err().fault, DiskFault::DeviceMissing { .. }));
}

/// `/sys` says which serial a device has; a link that says otherwise is left over from another volume.
#[tokio::test]
async fn the_serial_counts_more_than_a_stale_link() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let mut lab = Lab::new();
    let disk = LoopDisk::attach(&lab.image("volume.img", 64 * MIB), &[]);
    run("mkfs.ext4", &["-q", disk.text()]);
    let entry = lab.path("sys/class/block").join(disk.name());
    std::fs::create_dir_all(entry.join("device")).unwrap();
    std::fs::write(entry.join("device/serial"), "vol0fffffffffffffff0\n").unwrap();
    lab.disks.roots.sys = lab.path("sys");
    lab.link(&disk, "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0");
    let outcome = lab.disks.bring_up(&lab.volume(Filesystem::Ext4), Duration::from_millis(300)).await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(*error.fault, DiskFault::DeviceMissing { .. }) && error.to_string().contains("vol0fffffffffffffff0"),
        "{error}"
    );
    // NVMe pads its serials with blanks.
    std::fs::write(entry.join("device/serial"), "vol0123456789abcdef0   \n").unwrap();
    assert_eq!(up(&lab, &lab.volume(Filesystem::Ext4)).await.device, disk.path);
}

#[tokio::test]
async fn another_device_at_the_mount_point_is_refused_and_so_is_another_place() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let disk = ext4(&lab);
    let volume = lab.volume(Filesystem::Ext4);
    std::fs::create_dir(lab.mount_point()).unwrap();
    let at = lab.mount_point();
    run("mount", &["-t", "tmpfs", "somebody", at.to_str().unwrap()]);
    let (fault_found, text) = fault(&lab, &volume).await;
    run("umount", &[at.to_str().unwrap()]);
    assert!(matches!(fault_found, DiskFault::MountTaken { .. }) && text.contains("somebody is mounted at"), "{text}");
    let elsewhere = lab.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    run("mount", &[disk.text(), elsewhere.to_str().unwrap()]);
    let (fault_found, text) = fault(&lab, &volume).await;
    assert!(matches!(fault_found, DiskFault::MountedElsewhere { .. }), "{text}");
    let examination = lab.disks.examine(&volume).await;
    assert_eq!(examination.mounted_at, [elsewhere]);
    assert_eq!(examination.problems.len(), 1, "{examination:?}");
}

#[tokio::test]
async fn what_the_mount_hides_is_told_and_a_file_is_no_mount_point() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let _disk = ext4(&lab);
    let mut volume = lab.volume(Filesystem::Ext4);
    std::fs::create_dir(lab.mount_point()).unwrap();
    std::fs::write(lab.mount_point().join("left-behind"), "").unwrap();
    // Through a symbolic link, the mount is found all the same.
    std::os::unix::fs::symlink(lab.mount_point(), lab.path("link")).unwrap();
    volume.mount = lab.path("link");
    let brought_up = up(&lab, &volume).await;
    assert!(brought_up.warnings.iter().any(|warning| warning.contains("left-behind")), "{brought_up:?}");
    assert!(mounted_at(&lab.mount_point()) && up(&lab, &volume).await.was_mounted);
    lab.disks.take_down(&volume.mount, BOUND).await.unwrap();
    assert!(!mounted_at(&lab.mount_point()));
    volume.mount = lab.mount_point().join("left-behind");
    assert!(matches!(fault(&lab, &volume).await.0, DiskFault::MountPoint { .. }));
}

#[tokio::test]
async fn an_ext4_that_was_not_unmounted_is_replayed() {
    if !can_run(&["mkfs.ext4", "e2fsck"]) {
        return;
    }
    let lab = Lab::new();
    let disk = ext4(&lab);
    let before = lab.path("before");
    std::fs::create_dir(&before).unwrap();
    run("mount", &[disk.text(), before.to_str().unwrap()]);
    std::fs::write(before.join("durable"), "kept").unwrap();
    run("sync", &[before.join("durable").to_str().unwrap(), before.to_str().unwrap()]);
    let copy = lab.path("copy.img");
    // As a snapshot of a volume that is being written.
    run("cp", &["--sparse=always", disk.text(), copy.to_str().unwrap()]);
    drop(disk);
    let _disk = lab.attach(&copy);
    let brought_up = up(&lab, &lab.volume(Filesystem::Ext4)).await;
    assert!(
        brought_up.repaired.as_ref().is_some_and(|text| text.contains("recovering journal"))
            || brought_up.repaired.is_none()
    );
    assert_eq!(std::fs::read_to_string(lab.mount_point().join("durable")).unwrap(), "kept");
}

#[tokio::test]
async fn what_e2fsck_may_repair_is_repaired_and_what_not_is_left() {
    if !can_run(&["mkfs.ext4", "e2fsck", "debugfs"]) {
        return;
    }
    let lab = Lab::new();
    let disk = ext4(&lab);
    run("debugfs", &["-w", "-R", "ssv free_blocks_count 1", disk.text()]);
    run("debugfs", &["-w", "-R", "ssv state 0", disk.text()]);
    let volume = lab.volume(Filesystem::Ext4);
    let brought_up = up(&lab, &volume).await;
    assert!(brought_up.repaired.is_some(), "{brought_up:?}");
    lab.disks.take_down(&volume.mount, BOUND).await.unwrap();
    run("debugfs", &["-w", "-R", "clri <2>", disk.text()]);
    run("debugfs", &["-w", "-R", "ssv state 0", disk.text()]);
    let (found, text) = fault(&lab, &volume).await;
    assert!(matches!(found, DiskFault::Damaged { tool: "e2fsck", .. }), "{text}");
    assert!(!mounted_at(&lab.mount_point()));
}

#[tokio::test]
async fn an_xfs_replays_its_log_and_a_damaged_one_is_only_reported() {
    if !can_run(&["mkfs.xfs", "xfs_io", "xfs_repair"]) {
        return;
    }
    let lab = Lab::new();
    let disk = xfs(&lab);
    let volume = lab.volume(Filesystem::Xfs);
    up(&lab, &volume).await;
    std::fs::write(lab.mount_point().join("durable"), "kept").unwrap();
    // Cut off with its log written and not yet applied.
    run("xfs_io", &["-x", "-c", "fsync", "-c", "shutdown -f", lab.mount_point().to_str().unwrap()]);
    run("umount", &[lab.mount_point().to_str().unwrap()]);
    up(&lab, &volume).await;
    assert!(lab.mount_point().join("durable").exists());
    lab.disks.take_down(&volume.mount, BOUND).await.unwrap();
    disk.write_at(&[0xff; 512], 512);
    let (found, text) = fault(&lab, &volume).await;
    assert!(matches!(found, DiskFault::Damaged { tool: "xfs_repair -n", .. }), "{text}");
    assert_eq!(disk.read_at(512, 512), [0xff; 512], "it was repaired unasked");
}

#[tokio::test]
async fn a_larger_volume_makes_a_larger_filesystem() {
    if !can_run(&["mkfs.ext4", "mkfs.xfs", "resize2fs", "xfs_growfs"]) {
        return;
    }
    for filesystem in [Filesystem::Xfs, Filesystem::Ext4] {
        let lab = Lab::new();
        let disk = lab.blank(320 * MIB);
        let volume = lab.blank_volume(filesystem);
        assert_eq!(up(&lab, &volume).await.grown_bytes, None, "what formatting leaves free isn't worth growing into");
        lab.disks.take_down(&volume.mount, BOUND).await.unwrap();
        disk.grow_to(448 * MIB);
        let grown = up(&lab, &volume).await;
        if filesystem == Filesystem::Ext4 && !has_resource_capability() {
            // It serves with the size that it has, and says so.
            assert!(grown.warnings.iter().any(|warning| warning.contains("wasn't grown")), "{grown:?}");
            println!("skipped: growing a mounted ext4 needs CAP_SYS_RESOURCE");
            return;
        }
        assert_eq!(grown.grown_bytes, Some((319 * MIB, 448 * MIB)), "{grown:?}");
        assert!(free_bytes(&lab) > 330 * MIB, "{}", free_bytes(&lab));
        // And while it is mounted.
        disk.grow_to(576 * MIB);
        assert!(up(&lab, &volume).await.grown_bytes.is_some());
        assert!(free_bytes(&lab) > 450 * MIB, "{}", free_bytes(&lab));
        assert_eq!(up(&lab, &volume).await.warnings, Vec::<String>::new());
    }
}

/// `CAP_SYS_RESOURCE`, which a container's root may lack, is bit 24.
fn has_resource_capability() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap().trim();
    u64::from_str_radix(effective, 16).unwrap() & (1 << 24) != 0
}

fn free_bytes(lab: &Lab) -> u64 {
    let text = run("stat", &["--file-system", "--format=%b %S", lab.mount_point().to_str().unwrap()]);
    let (blocks, size) = text.trim().split_once(' ').unwrap();
    blocks.parse::<u64>().unwrap() * size.parse::<u64>().unwrap()
}

#[tokio::test]
async fn a_copy_of_an_xfs_is_mounted_next_to_its_original() {
    if !can_run(&["mkfs.xfs"]) {
        return;
    }
    let lab = Lab::new();
    let image = lab.image("original.img", 320 * MIB);
    run("mkfs.xfs", &["-q", image.to_str().unwrap()]);
    let original = LoopDisk::attach(&image, &[]);
    let copy = lab.path("copy.img");
    run("cp", &["--sparse=always", image.to_str().unwrap(), copy.to_str().unwrap()]);
    let beside = lab.path("beside");
    std::fs::create_dir(&beside).unwrap();
    run("mount", &[original.text(), beside.to_str().unwrap()]);
    let disk = lab.attach(&copy);
    assert!(
        !try_run("mount", &[disk.text(), beside.to_str().unwrap()]).status.success(),
        "XFS refuses a twin by itself"
    );
    assert_eq!(up(&lab, &lab.volume(Filesystem::Xfs)).await.device, disk.path);
}

#[tokio::test]
async fn options_are_the_mounts_and_read_only_is_an_error() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let _disk = ext4(&lab);
    let volume = DataVolume { options: vec!["noatime".into(), "commit=7".into()], ..lab.volume(Filesystem::Ext4) };
    up(&lab, &volume).await;
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let line = mounts.lines().find(|line| line.contains(lab.mount_point().to_str().unwrap())).unwrap();
    assert!(line.contains("noatime") && line.contains("commit=7"), "{line}");
    // As after an error of the disk.
    run("mount", &["-o", "remount,ro", lab.mount_point().to_str().unwrap()]);
    assert!(matches!(fault(&lab, &volume).await.0, DiskFault::ReadOnly { .. }));
    run("umount", &[lab.mount_point().to_str().unwrap()]);
    let wrong = DataVolume { options: vec!["no-such-option".into()], ..volume };
    let (found, text) = fault(&lab, &wrong).await;
    assert!(matches!(found, DiskFault::Tool(_)) && text.contains("mount -t ext4 -o no-such-option"), "{text}");
    assert!(!mounted_at(&lab.mount_point()));
}

#[tokio::test]
async fn examining_says_what_there_is() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let volume = lab.volume(Filesystem::Ext4);
    let nothing = lab.disks.examine(&volume).await;
    assert!(nothing.device.is_none() && nothing.problems.len() == 1, "{nothing:?}");
    let disk = ext4(&lab);
    let before = disk.sha256();
    let examination = lab.disks.examine(&volume).await;
    assert!(
        matches!(examination.finding, DeviceContent::Filesystem { kind: "ext4", size_bytes, .. } if size_bytes == 64 * MIB)
    );
    assert!(examination.problems.is_empty() && examination.mounted_at.is_empty(), "{examination:?}");
    assert_eq!(disk.sha256(), before);
    up(&lab, &volume).await;
    let examination = lab.disks.examine(&volume).await;
    assert_eq!(examination.marker.unwrap().epoch, 7);
    assert_eq!(examination.mounted_at, [lab.mount_point()]);
}

/// The agent's futures run on a runtime of several threads.
#[test]
fn the_futures_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    let lab = Lab::new();
    let volume = lab.volume(Filesystem::Ext4);
    is_send(&lab.disks.bring_up(&volume, BOUND));
    is_send(&lab.disks.take_down(&volume.mount, BOUND));
    is_send(&lab.disks.examine(&volume));
    is_send(&lab.disks.released(&volume));
}
