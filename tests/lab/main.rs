//! The lab: the agent, the controller and the Lambda together, over real block devices, network namespaces and PostgreSQL.
//!
//! AWS is the served region; its hardware is real. Each instance has a network, a mount and a process namespace, each volume is a loop device
//! that comes and goes, each snapshot a copy of that moment, the Elastic IP an address that a router forwards. The built agent boots in each
//! instance and runs PostgreSQL where it should; a client writes numbered rows through the address all the while. Whatever happens, each
//! row that the client was told is safe must be on the volume of the new server, and no row of the new server on the old one's.
//!
//! A standby's stories begin with a volume that holds data; those of an Auto Scaling group of one begin with nothing, at its first launch.
//! Every story runs in namespaces of its own, side by side with the others: when its process ends, in whatever way, all that it made goes too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod audit;
mod client;
mod command;
mod disks;
mod group;
mod group_stories;
mod guest;
mod hardware;
mod mirror;
mod network;
mod region;
mod spec;
mod stage;
mod stories;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use failover_tests::choice::Choice;
use failover_tests::say;
use failover_tests::tools::{end_of, target_folder};

use command::{run, succeeds};
use stage::{Stage, Told};
use stories::{STORIES, Story};

/// Names the story to the process that plays it.
const STORY: &str = "FAILOVER_LAB_STORY";
const FOLDER: &str = "FAILOVER_LAB_FOLDER";
/// Not a story: the disks alone.
const HARDWARE: &str = "the-hardware-is-as-real-as-it-has-to-be";
/// Set to anything, the logs of a run stay where they are (`target/lab/`), also if nothing failed.
const KEEP: &str = "FAILOVER_LAB_KEEP";
/// A story that stands still is killed, with all that it made.
const LONGEST_STORY: Duration = Duration::from_mins(5);
const POLL_EVERY: Duration = Duration::from_millis(50);
const RESULT: &str = "result.json";
/// Programs without which there is no lab, and Debian's packages that have them.
const NEEDED: [(&str, &str); 10] = [
    ("ip", "iproute2"),
    ("losetup", "mount"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mkfs.xfs", "xfsprogs"),
    ("pgrep", "procps"),
    ("psql", "postgresql"),
    ("setpriv", "util-linux"),
    ("tar", "tar"),
    ("unshare", "util-linux"),
    ("xfs_io", "xfsprogs"),
];

/// Rust's own runner would play a story or two at a time. They mostly wait: they are played all at once.
fn main() {
    if let Ok(name) = std::env::var(STORY) {
        return inside(&name, Path::new(&std::env::var(FOLDER).unwrap()));
    }
    let choice = Choice::of(std::env::args().skip(1));
    let stories: Vec<&Story> = STORIES.iter().filter(|story| choice.is_chosen(story.name)).collect();
    let with_hardware = choice.is_chosen(HARDWARE);
    if choice.list {
        let names = stories.iter().map(|story| story.name).chain(with_hardware.then_some(HARDWARE));
        return names.for_each(|name| say(&format!("{name}: test")));
    }
    if let Some(why) = why_not() {
        return say(&format!("lab: skipped: {why}"));
    }
    if stories.is_empty() && !with_hardware {
        return say("lab: nothing of this name");
    }
    sweep();
    let folder = labs().join(std::process::id().to_string());
    fs::create_dir_all(&folder).unwrap();
    let failed = play_all(&stories, with_hardware, &folder);
    if !failed.is_empty() {
        say(&format!("lab: failed: {}; logs are in {}", failed.join(", "), folder.display()));
        std::process::exit(1);
    }
    if std::env::var_os(KEEP).is_none() {
        fs::remove_dir_all(folder).unwrap();
    }
}

/// Plays the stories, and tries the hardware beside them; the names of those that failed.
fn play_all(stories: &[&'static Story], with_hardware: bool, folder: &Path) -> Vec<&'static str> {
    let began = Instant::now();
    if !stories.is_empty() {
        make_archive(folder, &postgres().unwrap());
    }
    let (ended, hardware) = thread::scope(|scope| {
        let hardware = with_hardware.then(|| scope.spawn(|| in_namespaces(HARDWARE, folder)));
        let playing: Vec<_> = stories.iter().map(|story| scope.spawn(|| (*story, play(story, folder)))).collect();
        let ended: Vec<_> = playing.into_iter().map(|story| story.join().unwrap()).collect();
        (ended, hardware.map(|hardware| hardware.join().unwrap()))
    });
    let mut failed: Vec<_> = ended.iter().filter(|(_, told)| told.is_err()).map(|(story, _)| story.name).collect();
    if !stories.is_empty() {
        say(&table(&ended, began.elapsed().as_secs_f64()));
    }
    if let Some((status, log)) = hardware {
        say(&format!("lab: {HARDWARE}: {status}"));
        if !status.success() {
            say(&log);
            failed.push(HARDWARE);
        }
    }
    failed
}

/// The process of a story, in its namespaces.
fn inside(name: &str, folder: &Path) {
    if name == HARDWARE {
        return hardware::behaves(folder);
    }
    let story = STORIES.iter().find(|story| story.name == name).unwrap();
    let mut stage = Stage::set(story, folder, &postgres().unwrap());
    (story.play)(&mut stage);
    let told = stage.finish();
    fs::write(folder.join(RESULT), serde_json::to_vec(&told).unwrap()).unwrap();
}

/// Plays a story; what it found, or why it failed.
fn play(story: &Story, folder: &Path) -> Result<Told, String> {
    let (status, log) = in_namespaces(story.name, folder);
    let folder = folder.join(story.name);
    let told = fs::read(folder.join(RESULT)).ok().filter(|_| status.success());
    told.map(|told| serde_json::from_slice(&told).unwrap()).ok_or_else(|| format!("{status}\n{log}"))
}

/// Runs this program in new namespaces, for a story and in a folder of its name. All that runs in them is killed with it, and it with this
/// thread.
fn in_namespaces(story: &str, folder: &Path) -> (ExitStatus, String) {
    let folder = folder.join(story);
    fs::create_dir(&folder).unwrap();
    let log = folder.join("story.log");
    let out = File::create(&log).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--propagation", "private"]);
    command.args(["--pid", "--fork", "--kill-child=KILL", "--mount-proc"]).arg(std::env::current_exe().unwrap());
    command.env(STORY, story).env(FOLDER, &folder);
    command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
    let mut process = command.spawn().unwrap();
    let began = Instant::now();
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            // What the volumes held went with the namespaces; the image is of no use any more.
            drop(fs::remove_file(folder.join("pool.img")));
            return (status, end_of(&log));
        }
        if began.elapsed() > LONGEST_STORY {
            process.kill().unwrap();
        }
        thread::sleep(POLL_EVERY);
    }
}

fn table(ended: &[(&Story, Result<Told, String>)], seconds: f64) -> String {
    let head =
        format!("{:<28} {:>7} {:>10} {:>10} {:>10}  {}", "story", "rows", "downtime", "agent", "memory", "remarks");
    let mut lines = vec![format!("lab: {} stories in {seconds:.0} s", ended.len()), head];
    for (story, told) in ended {
        lines.push(match told {
            Ok(told) => format!(
                "{:<28} {:>7} {:>8.1} s {:>10} {:>10}  {}",
                told.story,
                told.acknowledged,
                told.downtime_seconds,
                told.agent_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s")),
                told.agent_resident_kib
                    .map_or_else(|| "-".to_owned(), |kib| format!("{:.1} MB", f64::from(kib) / 1024.0)),
                told.remarks
            ),
            Err(why) => format!("{:<28} FAILED: {why}", story.name),
        });
    }
    lines.join("\n") + "\n"
}

/// Why this machine can't have a lab.
fn why_not() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !status.lines().any(|line| line.starts_with("Uid:\t0\t")) {
        return Some("it makes namespaces and loop devices: only root may".to_owned());
    }
    for (program, package) in NEEDED {
        if !succeeds("sh", ["-c", &format!("command -v {program}")]) {
            return Some(format!("{program} is not there (Debian's package {package})"));
        }
    }
    if postgres().is_none() {
        return Some("no server of PostgreSQL in /usr/lib/postgresql (Debian's package postgresql)".to_owned());
    }
    let namespaces = ["--net", "--uts", "--mount", "--pid", "--fork", "--mount-proc", "true"];
    if !succeeds("unshare", namespaces) {
        return Some("the kernel makes no namespaces here".to_owned());
    }
    if !Path::new("/dev/loop-control").exists() {
        return Some("the kernel has no loop devices here".to_owned());
    }
    None
}

/// The programs of the newest PostgreSQL.
fn postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin"));
    let version = |bin: &PathBuf| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    versions.filter(|bin| bin.join("postgres").exists()).max_by_key(version)
}

fn labs() -> PathBuf {
    target_folder().parent().expect("target/").join("lab")
}

/// What a run left behind that was killed: its namespaces and devices went with it, its files did not.
fn sweep() {
    let Ok(left) = fs::read_dir(labs()) else { return };
    for folder in left.flatten().map(|entry| entry.path()) {
        let pid = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let alive = Path::new("/proc").join(pid).exists();
        if !alive {
            fs::remove_dir_all(folder).unwrap();
        }
    }
}

/// A PostgreSQL that nobody has written to, for every story's first volume: made once, in memory.
fn make_archive(folder: &Path, postgres: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/guest/first-data.sh");
    let arguments = ["--mount", "--propagation", "private", "bash"].map(Path::new);
    let archive = folder.join("pgsql.tar");
    run("unshare", arguments.into_iter().chain([script.as_path(), postgres, &archive]));
}
