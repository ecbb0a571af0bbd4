//! What an instance is made of: namespaces of its own in which the boot agent and PostgreSQL run.
//!
//! Its root disk is this machine's, with what it changes in `/etc` and `/var` kept apart; so it survives a stop and a start, as on EBS.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use failover_tests::tools::built;

use super::command::{run, succeeds};
use super::disks::{Device, Disks};
use super::network::{API, Network, ROUTER};

/// Where the service's data is mounted.
pub(crate) const MOUNT: &str = "/var/lib/sample";
const BOOTS_WITHIN: Duration = Duration::from_secs(10);
const ENDS_WITHIN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);
/// Devices that a system has without any hardware: name, major and minor number.
const DEVICES: [(&str, &str, &str); 6] = [
    ("null", "1", "3"),
    ("zero", "1", "5"),
    ("full", "1", "7"),
    ("random", "1", "8"),
    ("urandom", "1", "9"),
    ("tty", "5", "0"),
];

/// How the story's instances are set up, all alike.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// Where the story keeps logs.
    pub(crate) folder: PathBuf,
    /// PostgreSQL's programs.
    pub(crate) postgres: PathBuf,
    /// `/etc/failover/agent.toml`.
    pub(crate) agent_toml: String,
    /// `/etc/failover/failover.toml`, for agents without a controller.
    pub(crate) failover_toml: String,
    /// What is on the root disk where the service has no volume.
    pub(crate) data: Option<PathBuf>,
    /// The service's address, which every instance would answer to.
    pub(crate) public_ip: Ipv4Addr,
}

/// One instance.
#[derive(Debug)]
pub(crate) struct Guest {
    /// Its id.
    pub(crate) id: String,
    /// Its private address.
    pub(crate) private_ip: Ipv4Addr,
    folder: PathBuf,
    process: Option<Child>,
    /// The operating system has been asked to shut down.
    pub(crate) shutting_down: bool,
    /// Its volumes.
    pub(crate) devices: BTreeMap<String, Device>,
}

impl Guest {
    /// A machine that is off.
    pub(crate) fn new(id: &str, private_ip: Ipv4Addr, image: &Image, disks: &Disks) -> Self {
        let folder = image.folder.join(id);
        let dev = folder.join("dev");
        fs::create_dir_all(&dev).unwrap();
        run("mount", ["-t", "tmpfs", "-o", "mode=755", "tmpfs", dev.to_str().unwrap()]);
        for (name, major, minor) in DEVICES {
            run("mknod", ["-m", "666", dev.join(name).to_str().unwrap(), "c", major, minor]);
        }
        std::os::unix::fs::symlink("/proc/self/fd", dev.join("fd")).unwrap();
        fs::create_dir(dev.join("shm")).unwrap();
        run("chmod", ["1777", dev.join("shm").to_str().unwrap()]);
        for part in ["etc", "etc.work", "var", "var.work"] {
            fs::create_dir_all(disks.root().join(id).join(part)).unwrap();
        }
        let config = disks.root().join(id).join("etc/failover");
        fs::create_dir(&config).unwrap();
        fs::write(config.join("agent.toml"), &image.agent_toml).unwrap();
        fs::write(config.join("failover.toml"), &image.failover_toml).unwrap();
        if let Some(archive) = &image.data {
            let home = disks.root().join(id).join(MOUNT.trim_start_matches('/'));
            fs::create_dir_all(&home).unwrap();
            run("tar", [Path::new("-C"), &home, Path::new("-xf"), archive]);
        }
        Self { id: id.to_owned(), private_ip, folder, process: None, shutting_down: false, devices: BTreeMap::new() }
    }

    /// Where its devices are.
    pub(crate) fn dev(&self) -> PathBuf {
        self.folder.join("dev")
    }

    /// Whether anything runs in it.
    pub(crate) fn is_on(&self) -> bool {
        self.process.is_some()
    }

    /// Boots it.
    pub(crate) fn boot(&mut self, image: &Image, disks: &Disks, network: &Network) {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/guest");
        let console = File::options().create(true).append(true).open(self.folder.join("console.log")).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--net", "--uts", "--mount", "--propagation", "private", "--pid", "--fork"]);
        command.args(["--kill-child=KILL", "--mount-proc", "bash"]).arg(here.join("init.sh"));
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").envs([
            ("LAB_INSTANCE", self.id.as_str()),
            ("LAB_MOUNT", MOUNT),
            ("LAB_GUEST", self.folder.to_str().unwrap()),
            ("LAB_DISK", disks.root().join(&self.id).to_str().unwrap()),
            ("LAB_TOOLS", here.to_str().unwrap()),
            ("LAB_AGENT", built("failover-agent", "failover-agent").to_str().unwrap()),
            ("LAB_POSTGRES", image.postgres.to_str().unwrap()),
            ("LAB_PRIVATE_IP", &self.private_ip.to_string()),
            ("LAB_PUBLIC_IP", &image.public_ip.to_string()),
            ("LAB_ROUTER_IP", &ROUTER.to_string()),
            ("AWS_ENDPOINT_URL", &format!("http://{API}")),
        ]);
        command.stdin(Stdio::null()).stdout(console.try_clone().unwrap()).stderr(console);
        let process = command.spawn().unwrap();
        let pid = process.id();
        let own = namespace("self", "net");
        wait("its namespaces", BOOTS_WITHIN, || namespace(&pid.to_string(), "net").is_some_and(|net| Some(net) != own));
        network.plug(&self.id, self.private_ip, pid);
        self.process = Some(process);
        self.shutting_down = false;
    }

    /// The power button: the operating system shuts down, if it can.
    pub(crate) fn shut_down(&mut self) {
        self.shutting_down = true;
        if let Some(init) = self.init() {
            succeeds("kill", ["-TERM", &init.to_string()]);
        }
    }

    /// Whether it has shut down by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.try_wait().unwrap().is_some())
    }

    /// It is off from this moment on, in whatever it was: not a packet leaves it, not a block is written any more.
    pub(crate) fn cut(&mut self, disks: &Disks, network: &Network) {
        let Some(mut process) = self.process.take() else { return };
        network.unplug(self.private_ip);
        self.devices.keys().for_each(|volume| disks.cut(volume));
        let inside = namespace(&process.id().to_string(), "pid_for_children");
        // With its first process everything in it ends; `unshare` has waited for that one only, and ends after it.
        match first_of(&process) {
            Some(init) => drop(succeeds("kill", ["-KILL", &init.to_string()])),
            None => drop(process.kill()),
        }
        process.wait().unwrap();
        for device in std::mem::take(&mut self.devices).into_values() {
            device.remove();
        }
        if let Some(inside) = inside {
            wait("its end", ENDS_WITHIN, || processes(&inside).is_empty());
        }
    }

    /// A volume is taken from it, held or not. I/O to a volume that is gone fails: nobody is told any more that something was written.
    pub(crate) fn lose(&mut self, volume: &str, disks: &Disks) {
        let Some(device) = self.devices.remove(volume) else { return };
        if let Some(mounted) = self.mounted().filter(|_| self.holds(&device)) {
            succeeds("xfs_io", [Path::new("-x"), Path::new("-c"), Path::new("shutdown"), &mounted]);
        }
        disks.cut(volume);
        device.remove();
    }

    fn holds(&self, device: &Device) -> bool {
        self.mount_source().is_some_and(|source| Path::new(&source).file_name() == Some(device.name()))
    }

    /// The service's file system in it, as seen from outside.
    fn mounted(&self) -> Option<PathBuf> {
        self.mount_source()?;
        let init = self.init()?;
        Some(PathBuf::from(format!("/proc/{init}/root{MOUNT}")))
    }

    /// Whether it has the service's data mounted.
    pub(crate) fn has_mounted(&self) -> bool {
        self.mount_source().is_some()
    }

    /// Whether it has a volume mounted.
    pub(crate) fn has_mounted_volume(&self, volume: &str) -> bool {
        self.devices.get(volume).is_some_and(|device| self.holds(device))
    }

    fn mount_source(&self) -> Option<String> {
        let pid = self.process.as_ref()?.id();
        let mounts = fs::read_to_string(format!("/proc/{pid}/mounts")).ok()?;
        let mount = mounts.lines().find(|line| line.split(' ').nth(1) == Some(MOUNT))?;
        mount.split(' ').next().map(str::to_owned)
    }

    /// Its first process, by its number outside.
    fn init(&self) -> Option<u32> {
        self.process.as_ref().and_then(first_of)
    }

    /// The agent in it, by its number outside.
    pub(crate) fn agent(&self) -> Option<u32> {
        let process = self.process.as_ref()?;
        let inside = namespace(&process.id().to_string(), "pid_for_children")?;
        let is_agent = |pid: &u32| {
            fs::read_link(format!("/proc/{pid}/exe"))
                .is_ok_and(|exe| exe.file_name() == Some("failover-agent".as_ref()))
        };
        processes(&inside).into_iter().find(is_agent)
    }

    /// The agent is killed, and what it runs with it, as systemd does (`KillMode=mixed`).
    pub(crate) fn kill_agent(&self) {
        let agent = self.agent().expect("the agent runs").to_string();
        // Nothing is found where it runs nothing.
        let begun = Command::new("pgrep").args(["--parent", &agent]).output().unwrap().stdout;
        let begun = String::from_utf8(begun).unwrap();
        assert!(succeeds("kill", ["-KILL", &agent].into_iter().chain(begun.lines())), "the agent ended by itself");
    }

    /// Whether making a file system takes its time in it.
    pub(crate) fn set_slow_mkfs(&self, is_slow: bool) {
        let switch = self.folder.join("slow-mkfs");
        if is_slow { fs::write(switch, "").unwrap() } else { fs::remove_file(switch).unwrap() }
    }

    /// What its agent has logged.
    pub(crate) fn agent_log(&self) -> String {
        fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default()
    }

    /// When its unit was started and stopped.
    pub(crate) fn units_log(&self) -> String {
        fs::read_to_string(self.folder.join("units.log")).unwrap_or_default()
    }
}

/// The first process of what `unshare` made.
fn first_of(unshare: &Child) -> Option<u32> {
    let inside = namespace(&unshare.id().to_string(), "pid_for_children")?;
    processes(&inside).into_iter().min()
}

/// A process's namespace of a kind, as the kernel numbers it.
fn namespace(pid: &str, kind: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()
}

/// The processes of a process namespace.
fn processes(inside: &Path) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| namespace(&pid.to_string(), "pid").as_deref() == Some(inside)).collect()
}

/// Waits for what comes by itself within a moment.
pub(crate) fn wait(what: &str, within: Duration, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < within, "{what} did not come within {within:?}");
        std::thread::sleep(PAUSE);
    }
}
