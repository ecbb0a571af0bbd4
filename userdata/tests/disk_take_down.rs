//! Taken down means written, and mounted nowhere any more; who is in the way is named.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/loops.rs"]
mod loops;

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use failover_agent::disk::DiskFault;
use failover_core::spec::Filesystem;
use loops::{BOUND, Lab, LoopDisk, MIB, can_run, run};

const SHORT: Duration = Duration::from_millis(800);

/// A process that is ended with the test.
struct Process(Child);

impl Process {
    /// Returns when it says something, which is once it is where it should be.
    fn start(program: &str, arguments: &[&str]) -> Self {
        let child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = Self(child.unwrap());
        let said = process.0.stdout.as_mut().unwrap().read(&mut [0; 16]).unwrap();
        assert!(said > 0, "{program} ended");
        process
    }

    fn pid(&self) -> String {
        format!("pid {}", self.0.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn mounted(lab: &Lab) -> LoopDisk {
    let disk = lab.blank(64 * MIB);
    lab.disks.bring_up(&lab.blank_volume(Filesystem::Ext4), BOUND).await.unwrap();
    disk
}

async fn is_busy(lab: &Lab, expected: &[&str]) {
    let error = lab.disks.take_down(&lab.mount_point(), SHORT).await.unwrap_err();
    assert!(matches!(*error.fault, DiskFault::Busy { .. }) && error.may_pass(), "{error:?}");
    let text = error.to_string();
    assert!(expected.iter().all(|part| text.contains(part)), "{expected:?} in {text}");
    println!("{text}");
}

#[tokio::test]
async fn what_is_not_mounted_is_down_already() {
    let lab = Lab::new();
    lab.disks.take_down(&lab.mount_point(), SHORT).await.unwrap();
    std::fs::create_dir(lab.mount_point()).unwrap();
    lab.disks.take_down(&lab.mount_point(), SHORT).await.unwrap();
}

#[tokio::test]
async fn processes_in_the_way_are_named_and_once_gone_it_comes_down() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let disk = mounted(&lab).await;
    let file = lab.mount_point().join("file");
    std::fs::write(&file, "content").unwrap();
    let open = Process::start("sh", &["-c", &format!("exec 7<{}; echo there; read nothing", file.display())]);
    let inside =
        Process::start("sh", &["-c", &format!("cd {}; echo there; read nothing", lab.mount_point().display())]);
    is_busy(&lab, &[&open.pid(), &inside.pid(), "open ", "cwd ", disk.text()]).await;
    assert!(file.exists(), "still mounted");
    drop(open);
    is_busy(&lab, &[&inside.pid()]).await;
    drop(inside);
    lab.disks.take_down(&lab.mount_point(), BOUND).await.unwrap();
    assert!(!file.exists());
    lab.disks.take_down(&lab.mount_point(), BOUND).await.unwrap();
}

#[tokio::test]
async fn a_process_that_ends_in_time_does_not_matter() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let _disk = mounted(&lab).await;
    let command = format!("cd {}; echo there; sleep 1", lab.mount_point().display());
    let _process = Process::start("sh", &["-c", &command]);
    lab.disks.take_down(&lab.mount_point(), BOUND).await.unwrap();
}

#[tokio::test]
async fn a_mount_below_is_named() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let _disk = mounted(&lab).await;
    let below = lab.mount_point().join("below");
    std::fs::create_dir(&below).unwrap();
    run("mount", &["-t", "tmpfs", "none", below.to_str().unwrap()]);
    is_busy(&lab, &["a mount below", below.to_str().unwrap()]).await;
    run("umount", &[below.to_str().unwrap()]);
    lab.disks.take_down(&lab.mount_point(), BOUND).await.unwrap();
}

/// A container's copy of the mount goes on writing though ours is gone: that is not down.
#[tokio::test]
async fn a_copy_in_another_mount_namespace_is_not_down() {
    if !can_run(&["mkfs.ext4", "unshare"]) {
        return;
    }
    let mut lab = Lab::new();
    lab.disks.limits.release = SHORT;
    let disk = mounted(&lab).await;
    // Of this mount alone: copies of the other tests' would keep those from coming down.
    let script = format!(
        "while read -r source at rest; do\n\
         case $at in {}) ;; */disk-test-*) umount --lazy \"$at\" ;; esac\n\
         done < /proc/self/mounts\n\
         echo there; read nothing",
        lab.mount_point().display()
    );
    let container = Process::start("unshare", &["--mount", "--propagation", "private", "sh", "-c", &script]);
    is_busy(&lab, &[&container.pid(), "in its own namespace", disk.text()]).await;
    // Ours is off by now, but as long as the other is there it is said again.
    is_busy(&lab, &[&container.pid(), "in its own namespace"]).await;
    let error = lab.disks.released(&lab.volume(Filesystem::Ext4)).await.unwrap_err();
    assert!(error.to_string().contains(&container.pid()), "{error}");
    drop(container);
    lab.disks.limits.release = BOUND;
    lab.disks.take_down(&lab.mount_point(), BOUND).await.unwrap();
    lab.disks.released(&lab.volume(Filesystem::Ext4)).await.unwrap();
}

#[tokio::test]
async fn stacked_mounts_are_all_taken_off() {
    if !can_run(&["mkfs.ext4"]) {
        return;
    }
    let lab = Lab::new();
    let disk = mounted(&lab).await;
    let at = lab.mount_point();
    run("mount", &["--bind", at.to_str().unwrap(), at.to_str().unwrap()]);
    lab.disks.take_down(&lab.mount_point(), BOUND).await.unwrap();
    assert!(!disk.is_mounted());
}
