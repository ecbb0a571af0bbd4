//! Somebody else has the device when a tool wants it for itself: for a moment, which is waited for, or for good, which is told.
//! Who mounts it or formats it in that moment is not overrun.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/loops.rs"]
mod loops;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use failover_agent::disk::DiskFault;
use failover_core::spec::Filesystem;
use loops::{BOUND, Lab, LoopDisk, MIB, can_run, run, try_run};

const HELD: &str = "DISK_IN_USE_HELD";
const FOR_MILLISECONDS: &str = "DISK_IN_USE_FOR_MILLISECONDS";
const NOTE: &str = "DISK_IN_USE_NOTE";

/// The device is given up after so long a time in use.
const RELEASE: Duration = Duration::from_secs(3);
/// Well within it.
const A_MOMENT: Duration = Duration::from_millis(700);
const FOR_GOOD: Duration = Duration::from_mins(1);

/// Not a test of its own: another program that claims the device, as e2fsck and others do, and leaves a note of its pid.
#[test]
fn a_program_that_holds_the_device() {
    const O_EXCL: i32 = 0o200;
    let Ok(path) = std::env::var(HELD) else { return };
    let _held = OpenOptions::new().read(true).custom_flags(O_EXCL).open(path).unwrap();
    std::fs::write(std::env::var(NOTE).unwrap(), format!("{}\n", std::process::id())).unwrap();
    std::thread::sleep(Duration::from_millis(std::env::var(FOR_MILLISECONDS).unwrap().parse().unwrap()));
}

/// The other program, which comes right before the first run of a tool, after the agent has let the device go.
struct Other {
    note: PathBuf,
}

impl Other {
    fn before(lab: &mut Lab, disk: &LoopDisk, tool: &str, holds_for: Duration) -> Self {
        Self::before_running(lab, disk, tool, holds_for, &format!("exec {} \"$@\"", real(tool)))
    }

    /// `then`: what runs in the tool's place.
    fn before_running(lab: &mut Lab, disk: &LoopDisk, tool: &str, holds_for: Duration, then: &str) -> Self {
        let note = lab.path("held");
        let script = format!(
            "if [ ! -e {note} ]; then\n\
             {HELD}={} {FOR_MILLISECONDS}={} {NOTE}={note} {} --exact a_program_that_holds_the_device >/dev/null 2>&1 &\n\
             while [ ! -s {note} ]; do sleep 0.02; done\n\
             fi\n\
             {then}",
            disk.text(),
            holds_for.as_millis(),
            std::env::current_exe().unwrap().display(),
            note = note.display(),
        );
        lab.replace_tool(tool, &script);
        Self { note }
    }

    fn pid(&self) -> String {
        std::fs::read_to_string(&self.note).expect("nobody ever held the device").trim().to_owned()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(&self.note) {
            try_run("kill", &["-KILL", pid.trim()]);
        }
    }
}

fn real(tool: &str) -> String {
    run("sh", &["-c", &format!("command -v {tool}")]).trim().to_owned()
}

/// Says for the first time what the real tool says when it is refused; `before`: what happens at that moment.
fn refused_once(lab: &mut Lab, tool: &str, before: &str, says: &str, code: u32) {
    let calls = lab.path("calls");
    let script = format!(
        "echo call >> {calls}\n\
         if [ $(wc -l < {calls}) = 1 ]; then {before}\necho '{says}' >&2\nexit {code}\nfi\n\
         exec {} \"$@\"",
        real(tool),
        calls = calls.display(),
    );
    lab.replace_tool(tool, &script);
}

fn calls(lab: &Lab) -> usize {
    std::fs::read_to_string(lab.path("calls")).unwrap().lines().count()
}

fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.disks.limits.release = RELEASE;
    lab
}

fn formatted(lab: &Lab, filesystem: Filesystem) -> LoopDisk {
    let (tool, size_bytes) = match filesystem {
        Filesystem::Ext4 => ("mkfs.ext4", 64 * MIB),
        Filesystem::Xfs => ("mkfs.xfs", 320 * MIB),
    };
    let disk = lab.blank(size_bytes);
    run(tool, &["-q", disk.text()]);
    disk
}

fn is_mounted(lab: &Lab) -> bool {
    std::fs::read_to_string("/proc/self/mounts").unwrap().contains(lab.mount_point().to_str().unwrap())
}

/// Which tools want the device for themselves, and for which filesystem.
const EXCLUSIVE: [(&str, Filesystem); 3] =
    [("e2fsck", Filesystem::Ext4), ("mount", Filesystem::Ext4), ("mount", Filesystem::Xfs)];

#[tokio::test]
async fn who_holds_it_for_a_moment_is_waited_for() {
    if !can_run(&["mkfs.ext4", "e2fsck", "mkfs.xfs"]) {
        return;
    }
    for (tool, filesystem) in EXCLUSIVE {
        let mut lab = lab();
        let disk = formatted(&lab, filesystem);
        let other = Other::before(&mut lab, &disk, tool, A_MOMENT);
        let brought_up = lab.disks.bring_up(&lab.volume(filesystem), BOUND).await;
        let brought_up = brought_up.unwrap_or_else(|error| panic!("{tool} {filesystem:?}: {error}"));
        assert!(!brought_up.was_mounted && is_mounted(&lab), "{brought_up:?}");
        println!("{tool} waited for pid {}", other.pid());
    }
    for (tool, filesystem, size_bytes) in
        [("mkfs.ext4", Filesystem::Ext4, 64 * MIB), ("mkfs.xfs", Filesystem::Xfs, 320 * MIB)]
    {
        let mut lab = lab();
        let disk = lab.blank(size_bytes);
        let _other = Other::before(&mut lab, &disk, tool, A_MOMENT);
        let brought_up = lab.disks.bring_up(&lab.blank_volume(filesystem), BOUND).await;
        assert!(brought_up.unwrap_or_else(|error| panic!("{tool}: {error}")).formatted);
    }
}

#[tokio::test]
async fn who_never_lets_go_is_named_in_time() {
    if !can_run(&["mkfs.ext4", "e2fsck", "mkfs.xfs", "xfs_repair"]) {
        return;
    }
    for (tool, filesystem) in EXCLUSIVE {
        let mut lab = lab();
        let disk = formatted(&lab, filesystem);
        let other = Other::before(&mut lab, &disk, tool, FOR_GOOD);
        let began = Instant::now();
        let error = lab.disks.bring_up(&lab.volume(filesystem), BOUND).await.unwrap_err();
        let text = error.to_string();
        println!("{text}");
        assert!(matches!(*error.fault, DiskFault::InUse { .. }) && error.may_pass(), "{error:?}");
        assert!(text.contains(&format!("pid {}: open {}", other.pid(), disk.text())), "{text}");
        assert!(began.elapsed() >= RELEASE && began.elapsed() < FOR_GOOD / 2, "{:?}", began.elapsed());
        assert!(!is_mounted(&lab));
    }
}

/// A predecessor's mkfs that was still under way has finished: from then on there may be data.
#[tokio::test]
async fn who_formats_it_meanwhile_is_not_formatted_over() {
    if !can_run(&["mkfs.ext4", "mkfs.xfs"]) {
        return;
    }
    for (filesystem, tool, size_bytes, says) in [
        (
            Filesystem::Ext4,
            "mkfs.ext4",
            64 * MIB,
            "/dev/x is apparently in use by the system; will not make a filesystem here!",
        ),
        (Filesystem::Xfs, "mkfs.xfs", 320 * MIB, "mkfs.xfs: cannot open /dev/x: Device or resource busy"),
    ] {
        let mut lab = lab();
        let disk = lab.blank(size_bytes);
        refused_once(&mut lab, tool, &format!("{} \"$@\"", real(tool)), says, 1);
        lab.disks
            .bring_up(&lab.blank_volume(filesystem), BOUND)
            .await
            .unwrap_or_else(|error| panic!("{tool}: {error}"));
        assert_eq!(calls(&lab), 1, "{tool} ran over a finished filesystem");
        assert_eq!(disk.read_at(512, size_bytes - MIB), [0; 512], "the note is still there");
    }
}

/// A predecessor's mount that was still under way has gone through.
#[tokio::test]
async fn who_mounts_it_meanwhile_has_done_the_work() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let mut lab = lab();
    let _disk = formatted(&lab, Filesystem::Ext4);
    let says = "mount: /data: /dev/x already mounted or mount point busy.";
    refused_once(&mut lab, "mount", &format!("{} \"$@\"", real("mount")), says, 32);
    let brought_up = lab.disks.bring_up(&lab.volume(Filesystem::Ext4), BOUND).await.unwrap();
    assert!(brought_up.was_mounted && calls(&lab) == 1, "{brought_up:?}");
}

/// util-linux on the newer mount calls says no more than this, and the kernel tells why.
#[tokio::test]
async fn a_mount_that_only_says_that_it_cannot_open_the_device_is_tried_again() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let mut lab = lab();
    let disk = formatted(&lab, Filesystem::Ext4);
    let then = format!(
        "{} \"$@\" 2>/dev/null && exit 0\necho \"mount: /data: fsconfig() failed: /dev/x: Can't open blockdev.\" >&2\nexit 32",
        real("mount")
    );
    let other = Other::before_running(&mut lab, &disk, "mount", A_MOMENT, &then);
    lab.disks.bring_up(&lab.volume(Filesystem::Ext4), BOUND).await.unwrap();
    println!("waited for pid {}", other.pid());
}

#[tokio::test]
async fn a_filesystem_that_somebody_is_growing_is_grown_after_that() {
    if !can_run(&["mkfs.xfs", "xfs_growfs"]) {
        return;
    }
    let mut lab = lab();
    let disk = formatted(&lab, Filesystem::Xfs);
    disk.grow_to(448 * MIB);
    let says = "xfs_growfs: XFS_IOC_FSGROWFSDATA xfsctl failed: Resource temporarily unavailable";
    refused_once(&mut lab, "xfs_growfs", "", says, 1);
    let brought_up = lab.disks.bring_up(&lab.volume(Filesystem::Xfs), BOUND).await.unwrap();
    assert_eq!(brought_up.grown_bytes, Some((320 * MIB, 448 * MIB)), "{brought_up:?}");
    assert!(brought_up.warnings.is_empty() && calls(&lab) == 2, "{brought_up:?}");
}

/// What is refused after its mount is unmounted again, also when somebody has just looked into it.
#[tokio::test]
async fn who_looks_into_a_refused_mount_does_not_keep_it() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let mut lab = lab();
    let _disk = formatted(&lab, Filesystem::Ext4);
    refused_once(&mut lab, "umount", "", "umount: /data: target is busy.", 32);
    let mut volume = lab.volume(Filesystem::Ext4);
    volume.oldest_epoch = 1;
    let error = lab.disks.bring_up(&volume, BOUND).await.unwrap_err();
    assert!(matches!(*error.fault, DiskFault::Marker(_)), "{error:?}");
    assert!(!is_mounted(&lab) && calls(&lab) == 2);
}
