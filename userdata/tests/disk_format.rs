//! A blank volume is formatted exactly once, and a crash at any point of it is recovered without asking.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/loops.rs"]
mod loops;

use std::process::{Command, Stdio};
use std::time::Duration;

use failover_agent::disk::{BroughtUp, DataVolume, DiskFault, DiskTimeouts, Disks, MARKER_FILE_NAME, Roots};
use failover_core::ids::VolumeId;
use failover_core::spec::Filesystem;
use loops::{BOUND, Lab, LoopDisk, MIB, can_run, run, volume_at};

const EXT4_BYTES: u64 = 64 * MIB;
const XFS_BYTES: u64 = 320 * MIB;

/// Where the note of a formatting lies.
fn note_place(size_bytes: u64) -> u64 {
    size_bytes - MIB
}

async fn up(lab: &Lab, volume: &DataVolume) -> BroughtUp {
    lab.disks.bring_up(volume, BOUND).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Mounted, usable, marked, and without the note.
async fn is_complete(lab: &Lab, disk: &LoopDisk, volume: &DataVolume, size_bytes: u64) {
    assert_eq!(disk.read_at(4096, note_place(size_bytes)), vec![0; 4096], "the note is still there");
    let file = lab.mount_point().join("written");
    std::fs::write(&file, "kept").unwrap();
    assert!(lab.mount_point().join(MARKER_FILE_NAME).exists());
    lab.disks.take_down(&volume.mount, BOUND).await.unwrap();
    let again = up(lab, volume).await;
    assert!(!again.formatted && std::fs::read_to_string(&file).unwrap() == "kept");
    lab.disks.take_down(&volume.mount, BOUND).await.unwrap();
    let check: &[&str] = match volume.filesystem {
        Some(Filesystem::Ext4) => &["e2fsck", "-fn", disk.text()],
        _ => &["xfs_repair", "-n", disk.text()],
    };
    run(check[0], &check[1..]);
}

#[tokio::test]
async fn a_blank_ext4_volume_is_formatted_once() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(EXT4_BYTES);
    let volume = lab.blank_volume(Filesystem::Ext4);
    let first = up(&lab, &volume).await;
    assert!(first.formatted && !first.was_mounted && first.marker.is_none() && first.warnings.is_empty(), "{first:?}");
    let second = up(&lab, &volume).await;
    assert!(!second.formatted && second.was_mounted, "{second:?}");
    assert_eq!(second.marker.unwrap().epoch, 7);
    is_complete(&lab, &disk, &volume, EXT4_BYTES).await;
}

#[tokio::test]
async fn a_blank_xfs_volume_is_formatted_once() {
    if !can_run(&["mkfs.xfs"]) {
        return;
    }
    let lab = Lab::new();
    let disk = lab.blank(XFS_BYTES);
    let volume = lab.blank_volume(Filesystem::Xfs);
    let first = up(&lab, &volume).await;
    assert!(first.formatted && first.grown_bytes.is_none(), "{first:?}");
    is_complete(&lab, &disk, &volume, XFS_BYTES).await;
}

/// Ends the real `mkfs` at its n-th write, before it takes place.
fn killed_at_write(lab: &mut Lab, tool: &str, write: u64) {
    let real = run("sh", &["-c", &format!("command -v {tool}")]);
    let script = format!(
        "exec strace -f -qq -o /dev/null -e trace=pwrite64 -e inject=pwrite64:error=EIO:signal=SIGKILL:when={write} {} \"$@\"",
        real.trim()
    );
    lab.replace_tool(tool, &script);
}

/// Ends `mkfs` at each of `writes` and brings the volume up again; returns how often it really was ended.
async fn survives_kills(filesystem: Filesystem, tool: &str, size_bytes: u64, writes: impl Iterator<Item = u64>) -> u32 {
    let mut ended = 0;
    for write in writes {
        let mut lab = Lab::new();
        let disk = lab.blank(size_bytes);
        let volume = lab.blank_volume(filesystem);
        killed_at_write(&mut lab, tool, write);
        let outcome = lab.disks.bring_up(&volume, BOUND).await;
        if outcome.is_ok() {
            // It makes fewer writes than that.
            return ended;
        }
        ended += 1;
        assert!(outcome.unwrap_err().to_string().contains("killed by a signal"), "write {write}");
        // Not allowed any more, it is left alone, half made as it is.
        let before = disk.sha256();
        let error = lab.disks.bring_up(&lab.volume(filesystem), BOUND).await.unwrap_err();
        assert!(matches!(*error.fault, DiskFault::HalfFormatted { .. }), "write {write}: {error}");
        // A copy of it isn't this volume.
        let copy = DataVolume { volume_id: VolumeId::new("vol-0aaaaaaaaaaaaaaa0").unwrap(), ..volume.clone() };
        lab.link(&disk, "nvme-Amazon_Elastic_Block_Store_vol0aaaaaaaaaaaaaaa0");
        let error = lab.disks.bring_up(&copy, BOUND).await.unwrap_err();
        assert!(matches!(*error.fault, DiskFault::HalfFormatted { .. }), "write {write}: {error}");
        assert_eq!(disk.sha256(), before, "write {write}");
        // And ended a second time, a bit later.
        killed_at_write(&mut lab, tool, write + 2);
        let _ = lab.disks.bring_up(&volume, BOUND).await;
        lab.own_tools();
        up(&lab, &volume).await;
        is_complete(&lab, &disk, &volume, size_bytes).await;
    }
    ended
}

#[tokio::test]
async fn an_mkfs_ext4_that_was_killed_is_repeated() {
    if !can_run(&["mkfs.ext4", "strace"]) {
        return;
    }
    // The first writes one by one, then some of the many of the resize inode, and to the last one.
    let ended = survives_kills(Filesystem::Ext4, "mkfs.ext4", EXT4_BYTES, (1..6).chain((6..2_000).step_by(23))).await;
    assert!(ended >= 8, "{ended}");
    println!("mkfs.ext4 was ended at {ended} of its writes");
}

#[tokio::test]
async fn an_mkfs_xfs_that_was_killed_is_repeated() {
    if !can_run(&["mkfs.xfs", "strace"]) {
        return;
    }
    let ended = survives_kills(Filesystem::Xfs, "mkfs.xfs", XFS_BYTES, (1..5).chain((5..200).step_by(9))).await;
    assert!(ended >= 8, "{ended}");
    println!("mkfs.xfs was ended at {ended} of its writes");
}

/// The last write of all is what makes it finished: before it, it is repeated; after it, never.
#[tokio::test]
async fn a_finished_filesystem_is_kept_though_the_note_is_still_there() {
    if !can_run(&["mkfs.ext4", "mkfs.xfs"]) {
        return;
    }
    for (filesystem, tool, size_bytes) in
        [(Filesystem::Ext4, "mkfs.ext4", EXT4_BYTES), (Filesystem::Xfs, "mkfs.xfs", XFS_BYTES)]
    {
        let mut lab = Lab::new();
        let disk = lab.blank(size_bytes);
        let volume = lab.blank_volume(filesystem);
        let real = run("sh", &["-c", &format!("command -v {tool}")]);
        // It ends well, and the agent dies before it hears of it.
        lab.replace_tool(tool, &format!("{} \"$@\"; exit 1", real.trim()));
        lab.disks.bring_up(&volume, BOUND).await.unwrap_err();
        assert_ne!(disk.read_at(512, note_place(size_bytes)), vec![0; 512], "there must be a note");
        // Somebody helps by hand and puts data on it.
        let by_hand = lab.path("by-hand");
        std::fs::create_dir(&by_hand).unwrap();
        run("mount", &[disk.text(), by_hand.to_str().unwrap()]);
        std::fs::write(by_hand.join("precious"), "data").unwrap();
        run("umount", &[by_hand.to_str().unwrap()]);
        lab.own_tools();
        let brought_up = up(&lab, &volume).await;
        assert!(!brought_up.formatted);
        assert_eq!(std::fs::read_to_string(lab.mount_point().join("precious")).unwrap(), "data");
        is_complete(&lab, &disk, &volume, size_bytes).await;
    }
}

/// Grown by hand over the note's sector, the filesystem keeps it.
#[tokio::test]
async fn a_note_that_the_filesystem_has_grown_over_is_not_touched() {
    if !can_run(&["mkfs.ext4", "resize2fs"]) {
        return;
    }
    let mut lab = Lab::new();
    let disk = lab.blank(EXT4_BYTES);
    let volume = lab.blank_volume(Filesystem::Ext4);
    let real = run("sh", &["-c", "command -v mkfs.ext4"]);
    lab.replace_tool("mkfs.ext4", &format!("{} \"$@\"; exit 1", real.trim()));
    lab.disks.bring_up(&volume, BOUND).await.unwrap_err();
    lab.own_tools();
    run("e2fsck", &["-fp", disk.text()]);
    run("resize2fs", &[disk.text()]);
    let note = disk.read_at(512, note_place(EXT4_BYTES));
    assert_ne!(note, vec![0; 512]);
    assert!(!up(&lab, &volume).await.formatted);
    assert_eq!(disk.read_at(512, note_place(EXT4_BYTES)), note);
}

/// What others write over an interrupted formatting is theirs, though our note is still there.
#[tokio::test]
async fn data_over_an_interrupted_formatting_is_not_formatted() {
    if !can_run(&["mkfs.ext4", "mkswap", "strace"]) {
        return;
    }
    let mut lab = Lab::new();
    let disk = lab.blank(EXT4_BYTES);
    let volume = lab.blank_volume(Filesystem::Ext4);
    killed_at_write(&mut lab, "mkfs.ext4", 3);
    lab.disks.bring_up(&volume, BOUND).await.unwrap_err();
    lab.own_tools();
    disk.write_at(b"raw data of somebody's", 0);
    let before = disk.sha256();
    let error = lab.disks.bring_up(&volume, BOUND).await.unwrap_err();
    assert!(matches!(*error.fault, DiskFault::Data { at_byte: 0 }), "{error:?}");
    assert_eq!(disk.sha256(), before);
    disk.write_at(&[0; 4096], 0);
    run("mkswap", &[disk.text()]);
    let before = disk.sha256();
    let error = lab.disks.bring_up(&volume, BOUND).await.unwrap_err();
    assert!(matches!(*error.fault, DiskFault::Foreign { .. }), "{error:?}");
    assert_eq!(disk.sha256(), before);
}

/// Somebody's own filesystem over an interrupted formatting is used, and what is left of the note isn't touched.
#[tokio::test]
async fn a_filesystem_that_somebody_made_by_hand_is_used() {
    if !can_run(&["mkfs.ext4", "strace"]) {
        return;
    }
    let mut lab = Lab::new();
    let disk = lab.blank(EXT4_BYTES);
    let volume = lab.blank_volume(Filesystem::Ext4);
    killed_at_write(&mut lab, "mkfs.ext4", 5);
    lab.disks.bring_up(&volume, BOUND).await.unwrap_err();
    lab.own_tools();
    run("mkfs.ext4", &["-q", "-E", "nodiscard", disk.text()]);
    let note = disk.read_at(512, note_place(EXT4_BYTES));
    assert!(!up(&lab, &volume).await.formatted);
    assert_eq!(disk.read_at(512, note_place(EXT4_BYTES)), note, "that sector is the filesystem's now");
}

/// A note with a single wrong bit is no note: the device isn't blank either, so it is left alone.
#[tokio::test]
async fn a_damaged_note_is_data() {
    if !can_run(&["mkfs.ext4", "strace"]) {
        return;
    }
    let mut lab = Lab::new();
    let disk = lab.blank(EXT4_BYTES);
    let volume = lab.blank_volume(Filesystem::Ext4);
    killed_at_write(&mut lab, "mkfs.ext4", 1);
    lab.disks.bring_up(&volume, BOUND).await.unwrap_err();
    lab.own_tools();
    let mut note = disk.read_at(512, note_place(EXT4_BYTES));
    note[40] ^= 1;
    disk.write_at(&note, note_place(EXT4_BYTES));
    let before = disk.sha256();
    let error = lab.disks.bring_up(&volume, BOUND).await.unwrap_err();
    assert!(matches!(*error.fault, DiskFault::Data { .. }), "{error:?}");
    assert_eq!(disk.sha256(), before);
}

const CHILD: &str = "DISK_FORMAT_CHILD";

/// Not a test of its own: the agent that the next test kills. It is told where by-id links and mount point are.
#[tokio::test]
async fn an_agent_to_be_killed() {
    let Ok(directory) = std::env::var(CHILD) else { return };
    let directory = std::path::PathBuf::from(directory);
    let roots = Roots { by_id: directory.join("by-id"), ..Roots::default() };
    let volume = DataVolume { blank_allowed: true, ..volume_at(directory.join("data"), Filesystem::Ext4) };
    let _ = Disks { roots, limits: DiskTimeouts::default() }.bring_up(&volume, BOUND).await;
}

#[tokio::test]
async fn an_agent_killed_at_any_moment_is_recovered_by_its_successor() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let mut formatted_by_successor = 0;
    for round in 0..16_u64 {
        let lab = Lab::new();
        let disk = lab.blank(EXT4_BYTES);
        let volume = lab.blank_volume(Filesystem::Ext4);
        let mut agent = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "an_agent_to_be_killed"])
            .env(CHILD, lab.dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From before its first look to after its mount, in steps that no two rounds share.
        tokio::time::sleep(Duration::from_micros(4_000 + round * round * 5_503)).await;
        agent.kill().unwrap();
        agent.wait().unwrap();
        // Its mkfs or e2fsck may still run: the successor waits until that lets the device go.
        formatted_by_successor += u32::from(up(&lab, &volume).await.formatted);
        is_complete(&lab, &disk, &volume, EXT4_BYTES).await;
    }
    println!("{formatted_by_successor} of 16 were formatted by the successor");
    assert!(formatted_by_successor > 0, "no agent was killed before it was done: the delays are too long");
}
