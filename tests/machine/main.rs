//! A real machine, as far as there is one without AWS: Debian under QEMU boots with the user data as shipped, gets its volume as an `NVMe`
//! disk that is plugged in while it runs, and its service comes up; again after a reboot; and it stops cleanly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod folder;
mod guest;
mod host;
mod image;
mod lines;
mod machine;
mod region;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use failover_core::agent::AgentState;
use failover_tests::say;
use failover_tests::tools::{built, succeeded};

use crate::folder::RunFolder;
use crate::guest::Guest;
use crate::host::Host;
use crate::image::Image;
use crate::machine::Machine;
use crate::region::Region;

const TEMPLATE: &str = include_str!("../../userdata/cloud-init.yaml");
const BINARY: &str = "/usr/local/bin/failover-agent";
const INSTALLER: &str = "/usr/local/sbin/install-failover-agent";
/// What is on the volume before the machine sees it.
const CONTENT: &str = "what the last instance wrote";

/// How large the volume is: more than its file system was made for.
const VOLUME_BYTES: u64 = 320 << 20;

/// A boot takes half a minute here; a slow or busy machine may need much longer.
const BOOT: Duration = Duration::from_mins(15);
/// The volume is there: a probe, a check, a mount, a unit.
const SERVE: Duration = Duration::from_mins(5);

#[test]
fn user_data_brings_the_service_up_at_every_boot() {
    let image = match Image::find_or_make() {
        Ok(image) => image,
        Err(why) => return say(&format!("machine: skipped: {why}")),
    };
    let region = Region::serve();
    let folder = RunFolder::make();
    let volume = Volume::make(&folder);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    seed(&region, port).serve(listener);
    let endpoint = format!("http://10.0.2.2:{}", region.address().port());
    let root = folder.file("root.raw");
    image.copy_disk(&root);
    let assemble = || Machine::assemble(&image, &root, &folder, port, &[("AWS_ENDPOINT_URL", &endpoint)]);
    let mut machine = assemble();

    let began = Instant::now();
    machine.power_on();
    region.wait_for("installed by user data", BOOT, |report| report.epoch == 1 && report.state != AgentState::Ready);
    let booted = began.elapsed();

    let began = Instant::now();
    machine.attach(&region.sample.volume, &volume.file);
    region.wait_for("ready", SERVE, |report| report.state == AgentState::Ready);
    let served = began.elapsed();
    machine.guest.wait_until_up(BOOT);
    serves_from_its_volume(&mut machine.guest, &region.sample.volume);
    nothing_is_wrong(&mut machine.guest);
    machine.guest.output("echo kept >/srv/data/later");

    let boot = machine.guest.output("cat /proc/sys/kernel/random/boot_id");
    let began = Instant::now();
    machine.guest.shut_down("reboot");
    machine.wait_until_off(SERVE);
    let quiet = region.report().unwrap();
    assert_eq!(quiet.state, AgentState::Quiesced, "a reboot takes the service down first");
    drop(machine);
    machine = assemble();
    machine.attach(&region.sample.volume, &volume.file);
    machine.power_on();
    region.wait_for("ready again", BOOT, |report| report.state == AgentState::Ready && report.at > quiet.at);
    let rebooted = began.elapsed();
    machine.guest.wait_until_up(BOOT);
    assert_ne!(machine.guest.output("cat /proc/sys/kernel/random/boot_id"), boot, "it did not boot again");
    serves_from_its_volume(&mut machine.guest, &region.sample.volume);
    assert_eq!(machine.guest.output("cat /srv/data/later"), "kept");

    refuses_another_binary(&mut machine.guest);

    machine.guest.shut_down("powerdown");
    machine.wait_until_off(SERVE);
    assert_eq!(region.report().unwrap().state, AgentState::Quiesced);
    volume.was_left_clean();
    say(&format!(
        "machine: user data had the agent running {:.0} s after power-on; {:.1} s from the plugged-in volume to ready; \
         {:.0} s from the request to reboot to ready again",
        booted.as_secs_f64(),
        served.as_secs_f64(),
        rebooted.as_secs_f64()
    ));
}

/// The user data as shipped, with its variables filled in.
fn seed(region: &Region, port: u16) -> Host {
    let agent = built("failover-agent", "failover-agent");
    let digest = sha256(&agent);
    let mut user_data = TEMPLATE.to_owned();
    let values = [
        ("AGENT_URL", format!("http://10.0.2.2:{port}/failover-agent")),
        ("AGENT_SHA256", digest),
        ("SERVICE", "sample".to_owned()),
    ];
    for (name, value) in values {
        let empty = format!("{name}=\"\"");
        assert_eq!(user_data.matches(&empty).count(), 1, "{empty}");
        user_data = user_data.replace(&empty, &format!("{name}=\"{value}\""));
    }
    let files = [
        ("/failover-agent", fs::read(agent).unwrap()),
        ("/seed/user-data", user_data.into_bytes()),
        ("/seed/meta-data", format!("instance-id: {}\n", region.sample.active).into_bytes()),
        ("/seed/vendor-data", Vec::new()),
    ];
    let files = BTreeMap::from(files.map(|(path, content)| (path.to_owned(), content)));
    Host { files, region: region.address(), instance_id: region.sample.active.clone() }
}

fn serves_from_its_volume(guest: &mut Guest, volume_id: &str) {
    let serial = guest.output("cat /sys/class/block/$(basename $(findmnt -no SOURCE /srv/data))/device/serial");
    assert_eq!(serial, volume_id.replacen('-', "", 1), "another disk is mounted");
    // Through the workload, which the agent started after the mount.
    assert_eq!(guest.output("curl -sf http://127.0.0.1:5432/content"), CONTENT);
    assert_eq!(guest.output("systemctl is-enabled failover-agent.service"), "enabled");
}

/// cloud-init ran all of the user data and knows every key of it; the agent finds no fault with the machine.
fn nothing_is_wrong(guest: &mut Guest) {
    let result: serde_json::Value = serde_json::from_str(&guest.output("cat /run/cloud-init/result.json")).unwrap();
    assert_eq!(result["v1"]["errors"], serde_json::json!([]), "{result}");
    let told = guest.output("cloud-init schema --system");
    assert!(told.contains("Valid cloud-config"), "{told}");
    guest.output("set -a; eval \"$(systemctl show-environment)\"; failover-agent doctor");
}

/// The installer, run again with another checksum, says what is wrong and leaves everything as it was.
fn refuses_another_binary(guest: &mut Guest) {
    let before = guest.output(&format!("ls -l {BINARY}* && sha256sum {BINARY}"));
    let other = "0".repeat(64);
    let with_other =
        format!("sed 's/^AGENT_SHA256=.*/AGENT_SHA256={other}/' {INSTALLER} >/tmp/other && bash /tmp/other");
    let ran = guest.run(&with_other);
    assert_eq!(ran.code, 1, "{}", ran.printed);
    assert!(ran.printed.contains("failover-agent was not installed: the SHA-256 of http://"), "{}", ran.printed);
    assert!(ran.printed.contains(&format!("not {other}")), "{}", ran.printed);
    assert_eq!(guest.output(&format!("ls -l {BINARY}* && sha256sum {BINARY}")), before);
    assert_eq!(guest.output("systemctl is-active failover-agent.service"), "active");
}

/// An EBS volume's content: a file with a file system that the last instance left.
struct Volume {
    file: PathBuf,
}

impl Volume {
    fn make(folder: &RunFolder) -> Self {
        let content = folder.file("content");
        fs::create_dir(&content).unwrap();
        fs::write(content.join("content"), CONTENT).unwrap();
        let file = folder.file("volume.raw");
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-F", "-b", "4096", "-d"]).arg(&content).arg(&file).arg("256M");
        succeeded("mkfs.ext4", &mkfs.output().unwrap());
        // The volume was made larger since; its file system was not.
        File::options().write(true).open(&file).unwrap().set_len(VOLUME_BYTES).unwrap();
        Self { file }
    }

    /// As a snapshot would find it: unmounted, nothing to recover, as large as the volume, the agent's marker at its root.
    fn was_left_clean(&self) {
        let header = self.read("dumpe2fs", &["-h"]);
        assert!(header.contains("Filesystem state:         clean"), "{header}");
        assert!(!header.contains("needs_recovery"), "{header}");
        let blocks = header.lines().find_map(|line| line.strip_prefix("Block count:")).unwrap().trim();
        assert_eq!(blocks.parse::<u64>().unwrap() * 4096, VOLUME_BYTES, "the file system did not grow: {header}");
        let marker: serde_json::Value =
            serde_json::from_str(&self.read("debugfs", &["-R", "cat /.failover.json"])).unwrap();
        assert_eq!(marker["service"], "sample", "{marker}");
        assert_eq!(marker["epoch"], 1, "{marker}");
    }

    fn read(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).arg(&self.file).stdin(Stdio::null()).output();
        String::from_utf8(succeeded(program, &output.unwrap())).unwrap()
    }
}

fn sha256(file: &Path) -> String {
    let printed = succeeded("sha256sum", &Command::new("sha256sum").arg(file).output().unwrap());
    String::from_utf8(printed).unwrap().split(' ').next().unwrap().to_owned()
}
