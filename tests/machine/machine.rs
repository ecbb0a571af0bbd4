//! A virtual machine under QEMU, without hardware virtualization: it runs wherever QEMU does.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use failover_tests::tools::end_of;
use serde_json::{Value, json};

use crate::folder::RunFolder;
use crate::guest::Guest;
use crate::image::Image;
use crate::lines::Lines;

/// A machine that runs; it ends with this value.
pub(crate) struct Machine {
    process: Child,
    monitor: Lines,
    /// What runs inside.
    pub(crate) guest: Guest,
    console: PathBuf,
    errors: PathBuf,
}

impl Machine {
    /// A machine that is off. `root` is its root disk; `host_port` is a port of this host's loopback that the guest reaches as 10.0.2.2 and,
    /// for the paths of the metadata service, at 169.254.169.254; `environment` is what all units of the guest get.
    pub(crate) fn assemble(
        image: &Image,
        root: &Path,
        folder: &RunFolder,
        host_port: u16,
        environment: &[(&str, &str)],
    ) -> Self {
        let console = folder.file("console.log");
        let errors = folder.file("qemu.log");
        let error_file = File::create(&errors).unwrap();
        // A test that is killed takes its machine with it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
        // A plain processor is emulated faster than one with everything. A reboot ends QEMU: what it had translated for the first boot makes
        // the second three times as slow.
        command.args(["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "qemu64", "-smp", "2", "-m", "1024"]);
        command.args(["-S", "-no-reboot", "-display", "none", "-nodefaults", "-no-user-config"]);
        command.arg("-kernel").arg(image.file("vmlinuz")).arg("-initrd").arg(image.file("initrd.img"));
        command.args(["-append", &kernel_command_line(host_port, environment)]);
        // What is lost when this host loses power is of no use to anybody.
        command.arg("-drive").arg(format!("file={},if=virtio,format=raw,cache=unsafe", root.display()));
        command.args(["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net"]);
        // Where a data volume is plugged in.
        command.args(["-device", "pcie-root-port,id=bay,chassis=1"]);
        command.args(["-object", "rng-builtin,id=rng", "-device", "virtio-rng-pci,rng=rng"]);
        command.arg("-serial").arg(format!("file:{}", console.display()));
        let monitor = folder.file("monitor");
        let agent = folder.file("guest");
        command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", monitor.display()));
        command.arg("-chardev").arg(format!("socket,id=agent,path={},server=on,wait=off", agent.display()));
        command.args(["-device", "virtio-serial", "-device"]);
        command.arg("virtserialport,chardev=agent,name=org.qemu.guest_agent.0");
        command.stdin(Stdio::null()).stdout(error_file.try_clone().unwrap()).stderr(error_file);
        let process = command.spawn().unwrap();
        let mut monitor = Lines::connect(&monitor, Duration::from_secs(10));
        monitor.receive(Duration::from_secs(10)).expect("QEMU's greeting");
        let mut machine = Self { process, monitor, guest: Guest::new(&agent), console, errors };
        machine.tell("qmp_capabilities", &json!({}));
        machine
    }

    /// Powers it on.
    pub(crate) fn power_on(&mut self) {
        self.tell("cont", &json!({}));
    }

    /// Attaches a file as EBS volumes appear: an `NVMe` disk whose serial number is the volume's id without its dash.
    pub(crate) fn attach(&mut self, volume_id: &str, file: &Path) {
        let file = json!({"driver": "file", "filename": file});
        self.tell("blockdev-add", &json!({"driver": "raw", "node-name": "volume", "file": file}));
        let serial = volume_id.replacen('-', "", 1);
        let device = json!({"driver": "nvme", "id": "volume", "serial": serial, "drive": "volume", "bus": "bay"});
        self.tell("device_add", &device);
    }

    /// Waits until it has powered itself off, or is about to boot again.
    pub(crate) fn wait_until_off(&mut self, limit: Duration) {
        let began = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < limit, "the machine is not off after {limit:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn tell(&mut self, command: &str, arguments: &Value) {
        self.monitor.send(&json!({"execute": command, "arguments": arguments}));
        loop {
            let answer =
                self.monitor.receive(Duration::from_secs(10)).unwrap_or_else(|| panic!("{command}: no answer"));
            assert!(answer.get("error").is_none(), "{command}: {answer}");
            // Events come in between.
            if answer.get("return").is_some() {
                return;
            }
        }
    }
}

fn kernel_command_line(host_port: u16, environment: &[(&str, &str)]) -> String {
    let mut words = vec![
        "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet systemd.show_status=false".to_owned(),
        // An emulated processor has nothing to protect, and is slow at it.
        "mitigations=off random.trust_cpu=on".to_owned(),
        format!("ds=nocloud-net;s=http://10.0.2.2:{host_port}/seed/"),
        format!("systemd.setenv=METADATA=10.0.2.2:{host_port}"),
    ];
    words.extend(environment.iter().map(|(name, value)| format!("systemd.setenv={name}={value}")));
    words.join(" ")
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        if std::thread::panicking() {
            let (qemu, console) = (end_of(&self.errors), end_of(&self.console));
            eprintln!("QEMU: {qemu}\nthe console ({}):\n{console}", self.console.display());
        }
    }
}
