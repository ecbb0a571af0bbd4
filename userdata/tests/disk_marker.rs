//! The marker binds data to its service and its epoch; what doesn't fit is unmounted again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/loops.rs"]
mod loops;

use std::io::Write;
use std::path::Path;

use failover_agent::disk::{DataVolume, DiskFault, MARKER_FILE_NAME, Marker, MarkerFault};
use failover_core::ids::{ServiceName, VolumeId, VolumeName};
use failover_core::spec::Filesystem;
use loops::{BOUND, Lab, LoopDisk, MIB, can_run, run};

/// A volume that served under epoch 7 and is down.
async fn served(lab: &Lab, filesystem: Filesystem, size_bytes: u64) -> LoopDisk {
    let disk = lab.blank(size_bytes);
    let volume = lab.blank_volume(filesystem);
    lab.disks.bring_up(&volume, BOUND).await.unwrap();
    lab.disks.take_down(&volume.mount, BOUND).await.unwrap();
    disk
}

fn marker_at(root: &Path) -> Marker {
    serde_json::from_slice(&std::fs::read(root.join(MARKER_FILE_NAME)).unwrap()).unwrap()
}

/// Changes the filesystem behind the agent's back.
fn by_hand(lab: &Lab, disk: &LoopDisk, change: impl FnOnce(&Path)) {
    let at = lab.path("by-hand");
    std::fs::create_dir_all(&at).unwrap();
    run("mount", &[disk.text(), at.to_str().unwrap()]);
    change(&at);
    run("umount", &[at.to_str().unwrap()]);
}

async fn refused(lab: &Lab, volume: &DataVolume) -> MarkerFault {
    let error = lab.disks.bring_up(volume, BOUND).await.expect_err("must be refused");
    println!("{error}");
    assert!(!std::fs::read_to_string("/proc/self/mounts").unwrap().contains(lab.mount_point().to_str().unwrap()));
    match *error.fault {
        DiskFault::Marker(fault) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whose_data_it_is_and_since_when() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let disk = served(&lab, Filesystem::Ext4, 64 * MIB).await;
    let volume = lab.volume(Filesystem::Ext4);
    let other_service = DataVolume { service: ServiceName::new("shop").unwrap(), ..volume.clone() };
    assert!(matches!(refused(&lab, &other_service).await, MarkerFault::Other { .. }));
    let other_name = DataVolume { name: VolumeName::new("log").unwrap(), ..volume.clone() };
    assert!(matches!(refused(&lab, &other_name).await, MarkerFault::Other { .. }));
    let older_ledger = DataVolume { epoch: 6, ..volume.clone() };
    assert!(matches!(refused(&lab, &older_ledger).await, MarkerFault::Later { found: 7, ledger: 6 }));
    let older_copy = DataVolume { epoch: 9, oldest_epoch: 8, ..volume.clone() };
    assert!(matches!(refused(&lab, &older_copy).await, MarkerFault::Older { oldest_allowed: 8, .. }));
    // None of them changed it.
    by_hand(&lab, &disk, |root| assert_eq!(marker_at(root).epoch, 7));
    // The copy on another volume, in a later epoch, is the service's data.
    lab.link(&disk, "nvme-Amazon_Elastic_Block_Store_vol0bbbbbbbbbbbbbbb0");
    let volume_id = VolumeId::new("vol-0bbbbbbbbbbbbbbb0").unwrap();
    let next = DataVolume { epoch: 8, oldest_epoch: 7, volume_id: volume_id.clone(), ..volume };
    let brought_up = lab.disks.bring_up(&next, BOUND).await.unwrap();
    assert_eq!(brought_up.marker.unwrap().epoch, 7);
    let now = marker_at(&lab.mount_point());
    assert_eq!((now.epoch, now.volume_id), (8, volume_id));
    assert_eq!(std::fs::metadata(lab.mount_point().join(MARKER_FILE_NAME)).unwrap().len(), 512);
    assert!(!lab.mount_point().join(".failover.json.new").exists());
}

#[tokio::test]
async fn no_marker_counts_as_epoch_0() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(64 * MIB);
    run("mkfs.ext4", &["-q", disk.text()]);
    let volume = lab.volume(Filesystem::Ext4);
    let after_one = DataVolume { oldest_epoch: 1, ..volume.clone() };
    let fault = refused(&lab, &after_one).await;
    assert!(matches!(fault, MarkerFault::Older { .. }) && fault.to_string().contains("it has no marker"), "{fault}");
    lab.disks.bring_up(&volume, BOUND).await.unwrap();
}

#[tokio::test]
async fn what_is_no_marker_is_refused() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let disk = served(&lab, Filesystem::Ext4, 64 * MIB).await;
    let volume = lab.volume(Filesystem::Ext4);
    for content in
        ["", "{", "[]", "\0\0\0", r#"{"service":"billing-db"}"#, r#"{"service":"B!","volume":"data","epoch":1}"#]
    {
        by_hand(&lab, &disk, |root| std::fs::write(root.join(MARKER_FILE_NAME), content).unwrap());
        assert!(matches!(refused(&lab, &volume).await, MarkerFault::Garbage { .. }), "{content:?}");
    }
    by_hand(&lab, &disk, |root| {
        let path = root.join(MARKER_FILE_NAME);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
    });
    assert!(matches!(refused(&lab, &volume).await, MarkerFault::Garbage { .. }));
}

/// Keys of a later version do no harm.
#[tokio::test]
async fn a_later_versions_marker_is_read() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let disk = served(&lab, Filesystem::Ext4, 64 * MIB).await;
    by_hand(&lab, &disk, |root| {
        let mut marker = serde_json::to_value(marker_at(root)).unwrap();
        marker["later"] = true.into();
        std::fs::write(root.join(MARKER_FILE_NAME), marker.to_string()).unwrap();
    });
    let brought_up = lab.disks.bring_up(&lab.volume(Filesystem::Ext4), BOUND).await.unwrap();
    assert_eq!(brought_up.marker.unwrap().epoch, 7);
}

/// Fills a filesystem to its last block.
fn fill(root: &Path) {
    let mut file = std::fs::File::create(root.join("filling")).unwrap();
    let mut size = 1024 * 1024;
    while size >= 512 {
        if file.write_all(&vec![1; size]).is_err() {
            size /= 2;
        }
    }
    let _ = file.sync_all();
    for number in 0..10_000 {
        if std::fs::write(root.join(format!("small-{number}")), [1; 4096]).is_err() {
            return;
        }
    }
    panic!("it doesn't get full");
}

#[tokio::test]
async fn a_full_disk_still_gets_its_marker() {
    if !can_run(&["mkfs.ext4", "mkfs.xfs"]) {
        return;
    }
    for (filesystem, size_bytes) in [(Filesystem::Ext4, 64 * MIB), (Filesystem::Xfs, 320 * MIB)] {
        let lab = Lab::new();
        let disk = served(&lab, filesystem, size_bytes).await;
        by_hand(&lab, &disk, fill);
        let next = DataVolume { epoch: 8, ..lab.volume(filesystem) };
        lab.disks.bring_up(&next, BOUND).await.unwrap_or_else(|error| panic!("{filesystem:?}: {error}"));
        assert_eq!(marker_at(&lab.mount_point()).epoch, 8, "{filesystem:?}");
        lab.disks.take_down(&lab.mount_point(), BOUND).await.unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_without_a_marker_is_refused() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(64 * MIB);
    run("mkfs.ext4", &["-q", disk.text()]);
    by_hand(&lab, &disk, fill);
    assert!(matches!(refused(&lab, &lab.volume(Filesystem::Ext4)).await, MarkerFault::NoSpace { .. }));
}
