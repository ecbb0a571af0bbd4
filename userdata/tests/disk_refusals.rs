//! What isn't surely blank is never written to: each image is the same, bit by bit, before and after the refusal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/loops.rs"]
mod loops;

use std::time::Duration;

use failover_agent::disk::{DataVolume, DiskError, DiskFault};
use failover_core::spec::Filesystem;
use loops::{BOUND, Lab, LoopDisk, MIB, can_run, run, try_run};

/// Brings it up with everything allowed that the ledger can allow, and checks that it is refused and untouched.
async fn refused(lab: &Lab, disk: &LoopDisk, volume: &DataVolume) -> DiskError {
    let before = disk.sha256();
    let error = lab.disks.bring_up(volume, BOUND).await.expect_err("must be refused");
    assert_eq!(disk.sha256(), before, "it was written to, though {error}");
    let examination = lab.disks.examine(volume).await;
    assert_eq!(disk.sha256(), before, "doctor wrote to it: {examination:?}");
    let text = error.to_string();
    assert!(text.contains("data of billing-db (vol-0123456789abcdef0)") && text.contains(disk.text()), "{text}");
    assert!(!disk.is_mounted(), "it is mounted");
    println!("{text}");
    error
}

/// Makes content by a command whose last argument is the device, and expects a refusal that says `expected`.
async fn refuses_what(size_bytes: u64, tools: &[&str], command: &[&str], expected: &str) {
    if !can_run(tools) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(size_bytes);
    let (program, arguments) = command.split_first().unwrap();
    run(program, &[arguments, &[disk.text()]].concat());
    let error = refused(&lab, &disk, &lab.blank_volume(Filesystem::Xfs)).await;
    assert!(matches!(*error.fault, DiskFault::Foreign { .. }), "{error:?}");
    assert!(error.to_string().contains(expected), "{error}");
}

#[tokio::test]
async fn another_filesystem() {
    refuses_what(32 * MIB, &["mkfs.ext4"], &["mkfs.ext4", "-q"], "a ext4 filesystem").await;
    refuses_what(32 * MIB, &["mkfs.ext3"], &["mkfs.ext3", "-q"], "a ext3 filesystem").await;
    refuses_what(128 * MIB, &["mkfs.btrfs"], &["mkfs.btrfs", "-q"], "a btrfs filesystem").await;
}

#[tokio::test]
async fn swap_space() {
    refuses_what(32 * MIB, &["mkswap"], &["mkswap"], "swap space").await;
}

#[tokio::test]
async fn a_luks_container() {
    let make = "echo secret | cryptsetup luksFormat --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $0 -";
    refuses_what(32 * MIB, &["cryptsetup"], &["sh", "-c", make], "a LUKS container").await;
}

#[tokio::test]
async fn an_lvm_physical_volume() {
    // Descriptors of the test runner would make LVM complain.
    let make = "pvcreate -q --driverloaded n $0 >&2";
    refuses_what(32 * MIB, &["pvcreate"], &["sh", "-c", make], "an LVM physical volume").await;
}

/// An md superblock of version 1.2, since mdadm makes one only with the kernel's help. Layout: the kernel's `mdp_superblock_1`.
fn md_superblock(size_bytes: u64) -> Vec<u8> {
    let mut block = vec![0_u8; 4096];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &0xa92b_4efc_u32.to_le_bytes());
    put(4, &1_u32.to_le_bytes());
    put(16, &[0x5a; 16]);
    put(72, &1_u32.to_le_bytes());
    put(80, &(size_bytes / 512 - 2048).to_le_bytes());
    put(92, &2_u32.to_le_bytes());
    put(128, &2048_u64.to_le_bytes());
    put(136, &(size_bytes / 512 - 2048).to_le_bytes());
    put(144, &8_u64.to_le_bytes());
    put(220, &2_u32.to_le_bytes());
    put(256, &[0, 0, 1, 0]);
    let words = block[..260].chunks_exact(4).map(|word| u64::from(u32::from_le_bytes(word.try_into().unwrap())));
    let sum: u64 = words.sum();
    let checksum = u32::try_from((sum & 0xffff_ffff) + (sum >> 32)).unwrap();
    block[216..220].copy_from_slice(&checksum.to_le_bytes());
    block
}

#[tokio::test]
async fn a_member_of_a_raid() {
    if !can_run(&[]) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(32 * MIB);
    disk.write_at(&md_superblock(32 * MIB), 4096);
    let error = refused(&lab, &disk, &lab.blank_volume(Filesystem::Ext4)).await;
    assert!(error.to_string().contains("a member of an md RAID"), "{error}");
}

#[tokio::test]
async fn partition_tables_without_one_filesystem_to_use() {
    if !can_run(&["sgdisk", "partx", "mkfs.ext4", "mkswap"]) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(32 * MIB);
    let volume = lab.blank_volume(Filesystem::Ext4);
    run("sgdisk", &["--clear", disk.text()]);
    let error = refused(&lab, &disk, &volume).await;
    assert!(error.to_string().contains("gpt partition table with 0 partitions"), "{error}");
    run("sgdisk", &["--new=1:2048:30000", "--new=2:32768:0", disk.text()]);
    disk.show_partitions();
    let error = refused(&lab, &disk, &volume).await;
    assert!(error.to_string().contains("gpt partition table with 2 partitions and no filesystem"), "{error}");
    run("mkfs.ext4", &["-q", disk.partition(1).to_str().unwrap()]);
    run("mkswap", &[disk.partition(2).to_str().unwrap()]);
    let error = refused(&lab, &disk, &volume).await;
    assert!(error.to_string().contains("several partitions in use"), "{error}");
}

#[tokio::test]
async fn a_filesystem_and_a_partition_table_at_once() {
    if !can_run(&["mkfs.ext4", "sgdisk"]) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(32 * MIB);
    run("mkfs.ext4", &["-q", disk.text()]);
    // A table's boot sector in the bytes that ext4 leaves to others.
    let mut sector = [0_u8; 512];
    sector[446..462].copy_from_slice(&[0x80, 0, 2, 0, 0x83, 0, 3, 0, 0, 8, 0, 0, 0, 0x10, 0, 0]);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    disk.write_at(&sector, 0);
    let error = refused(&lab, &disk, &lab.blank_volume(Filesystem::Ext4)).await;
    assert!(matches!(*error.fault, DiskFault::Unclear { .. }), "{error}");
}

#[tokio::test]
async fn a_zeroed_head_with_data_behind() {
    if !can_run(&[]) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(32 * MIB);
    for at_byte in [32 * MIB - 1, 17 * MIB + 12_345, 4096] {
        disk.write_at(b"x", at_byte);
        let error = refused(&lab, &disk, &lab.blank_volume(Filesystem::Ext4)).await;
        assert!(matches!(*error.fault, DiskFault::Data { at_byte: found } if found == at_byte), "{error:?}");
        // Not allowed to be blank, it isn't read to the end; nothing is written all the same.
        refused(&lab, &disk, &lab.volume(Filesystem::Ext4)).await;
    }
}

#[tokio::test]
async fn blank_but_nobody_said_so() {
    if !can_run(&[]) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(32 * MIB);
    let error = refused(&lab, &disk, &lab.volume(Filesystem::Ext4)).await;
    assert!(matches!(*error.fault, DiskFault::BlankNotAllowed), "{error:?}");
    let unspecified = DataVolume { filesystem: None, ..lab.blank_volume(Filesystem::Ext4) };
    let error = refused(&lab, &disk, &unspecified).await;
    assert!(matches!(*error.fault, DiskFault::BlankUnspecified), "{error:?}");
}

#[tokio::test]
async fn sectors_that_cannot_be_read() {
    if !can_run(&[]) {
        return;
    }
    let lab = Lab::new();
    let image = lab.image("volume.img", 32 * MIB);
    // Past the backing file's end a loop device with direct I/O answers EIO.
    let disk = LoopDisk::attach(&image, &["--direct-io=on"]);
    lab.link(&disk, "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0");
    std::fs::File::options().write(true).open(&image).unwrap().set_len(16 * MIB).unwrap();
    if try_run("dd", &[&format!("if={}", disk.text()), "of=/dev/null", "bs=1M"]).status.success() {
        println!("skipped: this kernel reads zeros past the end of a loop device's file");
        return;
    }
    let error = lab.disks.bring_up(&lab.blank_volume(Filesystem::Ext4), BOUND).await.unwrap_err();
    assert!(matches!(*error.fault, DiskFault::Unreadable { .. }), "{error:?}");
    assert!(error.to_string().contains("can't be read at byte"), "{error}");
    assert_eq!(std::fs::metadata(&image).unwrap().len(), 16 * MIB, "written to");
}

#[tokio::test]
async fn a_filesystem_whose_end_is_missing() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let image = lab.image("volume.img", 32 * MIB);
    run("mkfs.ext4", &["-q", image.to_str().unwrap()]);
    std::fs::File::options().write(true).open(&image).unwrap().set_len(20 * MIB).unwrap();
    let disk = lab.attach(&image);
    let error = refused(&lab, &disk, &lab.blank_volume(Filesystem::Ext4)).await;
    assert!(matches!(*error.fault, DiskFault::CutOff { .. }), "{error:?}");
}

#[tokio::test]
async fn a_device_that_somebody_holds() {
    if !can_run(&["mkfs.ext4", "mkswap"]) {
        return;
    }
    let mut lab = Lab::new();
    let disk = lab.blank(32 * MIB);
    run("mkfs.ext4", &["-q", disk.text()]);
    lab.disks.limits.release = Duration::from_secs(1);
    let lock = std::fs::File::open(&disk.path).unwrap();
    lock.try_lock().unwrap();
    let error = refused(&lab, &disk, &lab.volume(Filesystem::Ext4)).await;
    assert!(matches!(*error.fault, DiskFault::InUse { .. }) && error.may_pass(), "{error:?}");
    assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "names who holds it: {error}");
}

#[tokio::test]
async fn a_volume_that_never_comes_is_an_error_in_time() {
    let lab = Lab::new();
    let began = std::time::Instant::now();
    let error = lab.disks.bring_up(&lab.volume(Filesystem::Xfs), Duration::from_millis(600)).await.unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(600) && began.elapsed() < Duration::from_secs(5));
    assert!(matches!(*error.fault, DiskFault::DeviceMissing { .. }) && error.may_pass(), "{error:?}");
    assert!(error.to_string().contains("serial vol0123456789abcdef0"), "{error}");
}

#[tokio::test]
async fn two_devices_with_one_serial() {
    if !can_run(&[]) {
        return;
    }
    let lab = Lab::new();
    let _one = lab.blank(32 * MIB);
    let other = LoopDisk::attach(&lab.image("other.img", 32 * MIB), &[]);
    lab.link(&other, "nvme-QEMU_NVMe_Ctrl_vol0123456789abcdef0");
    let error = lab.disks.bring_up(&lab.blank_volume(Filesystem::Ext4), BOUND).await.unwrap_err();
    assert!(matches!(*error.fault, DiskFault::DeviceAmbiguous { .. }), "{error:?}");
}

#[tokio::test]
async fn settings_that_cannot_be_meant() {
    let lab = Lab::new();
    let good = lab.volume(Filesystem::Xfs);
    for wrong in [
        DataVolume { mount: "data".into(), ..good.clone() },
        DataVolume { mount: "/".into(), ..good.clone() },
        DataVolume { mount: "/srv/../etc".into(), ..good.clone() },
        DataVolume { options: vec!["noatime,loop".into()], ..good.clone() },
        DataVolume { oldest_epoch: 8, ..good.clone() },
    ] {
        let error = lab.disks.bring_up(&wrong, BOUND).await.unwrap_err();
        assert!(matches!(*error.fault, DiskFault::Settings { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_tool_that_fails_is_named_with_what_it_said() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let mut lab = Lab::new();
    let disk = lab.blank(32 * MIB);
    run("mkfs.ext4", &["-q", disk.text()]);
    lab.replace_tool("e2fsck", "echo broken >&2; exit 8");
    let error = refused(&lab, &disk, &lab.volume(Filesystem::Ext4)).await;
    assert!(error.to_string().contains("e2fsck -p") && error.to_string().contains("exit code 8): broken"), "{error}");
}
