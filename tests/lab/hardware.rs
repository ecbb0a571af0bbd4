//! Whether the lab's hardware does what EC2's does: without that the stories would show nothing.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::command::{run, succeeds};
use super::disks::{Disks, loop_device};

const VOLUME: &str = "vol-1";

/// In the namespaces of a story, without a region: a disk that is cut, copied and taken away while somebody writes to it.
pub(crate) fn behaves(folder: &Path) {
    let disks = Disks::make(&folder.join("pool.img"), Path::new("/mnt"));
    disks.create(VOLUME, 1, None, false);
    run("mkfs.ext4", ["-q", disks.volume(VOLUME).to_str().unwrap()]);
    let dev = disks.root().join("dev");
    fs::create_dir(&dev).unwrap();
    let device = disks.attach(VOLUME, &dev);
    let node = dev.join("disk/by-id/nvme-Amazon_Elastic_Block_Store_vol1");
    assert!(node.exists(), "the link by the serial");
    let mount = disks.root().join("mounted");
    fs::create_dir(&mount).unwrap();
    run("mount", [&node, &mount]);
    let loop_file = PathBuf::from("/dev").join(device.name());

    write(&mount, "synced", true);
    disks.take_snapshot("snap-1", VOLUME);
    write(&mount, "after-snapshot", true);
    write(&mount, "in-memory", false);
    disks.cut(VOLUME);
    // Whoever held the volume still believes in it, as a guest does whose host is cut off.
    write(&mount, "after-cut", true);

    let there = names(&disks, &disks.volume(VOLUME));
    assert!(there.contains(&"synced".to_owned()) && there.contains(&"after-snapshot".to_owned()), "{there:?}");
    assert!(!there.contains(&"after-cut".to_owned()), "a write reached a volume that was taken away: {there:?}");
    let in_memory = contents(&disks, &disks.volume(VOLUME), "in-memory");
    assert_ne!(in_memory, "in-memory", "what was never synced survived the loss of power");
    disks.create("vol-2", 2, Some("snap-1"), false);
    let there = names(&disks, &disks.volume("vol-2"));
    assert_eq!(there, ["lost+found", "synced"], "a restored volume is the snapshot's moment");
    unwritten_blocks(&disks);

    assert!(succeeds("xfs_io", [Path::new("-x"), Path::new("-c"), Path::new("shutdown"), &mount]));
    assert!(File::create(mount.join("late")).is_err(), "a volume that was taken by force still took a write");
    device.remove();
    assert!(!node.exists(), "the link went with the volume");
    run("umount", [&mount]);
    super::guest::wait("the end of the loop device", std::time::Duration::from_secs(5), || {
        !succeeds("losetup", [&loop_file])
    });
}

/// What nobody has written is zeros, and noise on an encrypted volume: at first, and beyond the snapshot that it was made from.
fn unwritten_blocks(disks: &Disks) {
    disks.create("vol-plain", 1, None, false);
    assert_eq!(gibs_of_zeros(disks, "vol-plain"), [true]);
    disks.create("vol-noise", 1, None, true);
    assert_eq!(gibs_of_zeros(disks, "vol-noise"), [false]);
    disks.take_snapshot("snap-noise", "vol-noise");
    disks.create("vol-restored", 3, Some("snap-noise"), true);
    assert_eq!(gibs_of_zeros(disks, "vol-restored"), [false, false, false]);
    disks.take_snapshot("snap-plain", "vol-plain");
    disks.create("vol-half", 2, Some("snap-plain"), true);
    assert_eq!(gibs_of_zeros(disks, "vol-half"), [true, false], "what a snapshot holds stays as it is");
}

/// Of each GiB of a volume, whether it is zeros (true) or not at all; of every 64 MiB one is read.
fn gibs_of_zeros(disks: &Disks, volume: &str) -> Vec<bool> {
    const PIECE: usize = 1 << 20;
    const PIECES_OF_A_GIB: u64 = 16;
    let file = File::open(disks.volume(volume)).unwrap();
    let pieces = (file.metadata().unwrap().len() >> 30) * PIECES_OF_A_GIB;
    let is_zero = |number: u64| {
        let mut piece = vec![0; PIECE];
        file.read_exact_at(&mut piece, number * ((1 << 30) / PIECES_OF_A_GIB)).unwrap();
        piece.iter().all(|byte| *byte == 0)
    };
    let seen: Vec<bool> = (0..pieces).map(is_zero).collect();
    let gibs = seen.chunks(usize::try_from(PIECES_OF_A_GIB).unwrap());
    gibs.map(|gib| {
        assert!(gib.iter().all(|zero| *zero == gib[0]), "a GiB of {volume} is in part zeros: {seen:?}");
        gib[0]
    })
    .collect()
}

fn write(mount: &Path, name: &str, sync: bool) {
    let mut file = File::create(mount.join(name)).unwrap();
    file.write_all(name.as_bytes()).unwrap();
    if sync {
        file.sync_all().unwrap();
        File::open(mount).unwrap().sync_all().unwrap();
    }
}

/// What is on an image, seen by somebody who mounts a copy of it.
fn look<T>(disks: &Disks, image: &Path, seen: impl Fn(&Path) -> T) -> T {
    let (copy, mount) = (disks.root().join("copy"), disks.root().join("look"));
    Disks::copy(image, &copy);
    fs::create_dir_all(&mount).unwrap();
    let (device, held) = loop_device(&copy);
    run("mount", [&device, &mount]);
    drop(held);
    let found = seen(&mount);
    run("umount", [&mount]);
    found
}

fn names(disks: &Disks, image: &Path) -> Vec<String> {
    look(disks, image, |mount| {
        let mut names: Vec<String> =
            fs::read_dir(mount).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    })
}

fn contents(disks: &Disks, image: &Path, name: &str) -> String {
    look(disks, image, |mount| fs::read_to_string(mount.join(name)).unwrap_or_default())
}
