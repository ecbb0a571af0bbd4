//! The inside of a story: a region, its hardware, a client, and what happens.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use failover_tests::rows::{self, Acknowledged};
use failover_tests::say;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::audit::{self, DATA};
use super::client::Client;
use super::command::run;
use super::disks::{Disks, loop_device};
use super::group;
use super::guest::Image;
use super::mirror::{Mirror, Mirroring};
use super::network::Network;
use super::region::{Hardware, Region, SERVICE};
use super::spec::failover_toml;
use super::stories::{Story, Topology};

/// AWS's durations shrink by this; the agent's, PostgreSQL's and the controller's own do not.
const SPEED: u32 = 20;
const POLL_EVERY: Duration = Duration::from_millis(50);
/// How much of a log a failure shows.
const LINES: usize = 25;
/// A command is a process of its own.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// The first start, on a machine that is busy with all the other stories.
const SERVES_WITHIN: Duration = Duration::from_mins(1);
/// A group reacts within ten seconds of the region's time.
const LAUNCHES_WITHIN: Duration = Duration::from_secs(10);
/// How long the client goes on after the failover is done.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// What a story found, for the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) story: String,
    /// Rows that the client was told are safe.
    pub(crate) acknowledged: usize,
    /// The longest time without an acknowledged row from the last one of the old server to the first of the new.
    pub(crate) downtime_seconds: f64,
    /// From the volume's appearance in the new instance to the agent's word that it is ready, without PostgreSQL's own start.
    pub(crate) agent_seconds: Option<f64>,
    /// The watching agent's resident memory.
    pub(crate) agent_resident_kib: Option<u32>,
    pub(crate) remarks: String,
}

/// A story under way.
pub(crate) struct Stage {
    pub(crate) region: Arc<Region>,
    pub(crate) hardware: Mirroring,
    client: Client,
    disks: Disks,
    image: Image,
    began: Instant,
    began_at: SystemTime,
    story: &'static Story,
    /// The service's volume at first.
    pub(crate) volume: Option<String>,
    /// The instance that serves at first.
    pub(crate) first: String,
    pub(crate) remarks: Vec<String>,
}

impl Stage {
    /// Sets the scene in the namespaces that this process was given, and waits until the service serves.
    pub(crate) fn set(story: &'static Story, folder: &Path, postgres: &Path) -> Self {
        let disks = Disks::make(&folder.join("pool.img"), Path::new("/mnt"));
        run("ip", ["link", "set", "lo", "up"]);
        let region = Region::start(story.scenario, SPEED, story.controlled, &folder.join("region.log"));
        // An operating system takes real time to shut down, however fast the region's clock is.
        region.post(
            "/_region/timing",
            &json!({
                "instances": { "graceful_stop": seconds(6), "terminate": seconds(6) },
                "guests": { "shutdown_share": 0.9 },
            }),
        );
        if story.topology == Topology::AutoScaling {
            group::make_address(&region);
        }
        let seen = region.hardware();
        let volume = seen.volumes.iter().find(|(_, volume)| volume.data.is_some());
        if let Some((id, volume)) = volume {
            disks.create(id, volume.size_gib, None, volume.encrypted);
            fill(&disks.volume(id), story.filesystem, folder, &disks);
        }
        let volume = volume.map(|(id, _)| id.clone());
        let address = seen.addresses.values().next().unwrap();
        let public_ip = address.public_ip;
        let image = Image {
            folder: folder.to_owned(),
            postgres: postgres.to_owned(),
            agent_toml: story.agent_toml().to_owned(),
            failover_toml: failover_toml(story),
            data: (!story.controlled).then(|| folder.with_file_name("pgsql.tar")),
            public_ip,
        };
        if story.controlled {
            let file = folder.join("failover.toml");
            fs::write(&file, failover_toml(story)).unwrap();
            region.command(&["apply", file.to_str().unwrap()]);
        }
        (story.before)(&region);
        let network = Network::start(region.address);
        network.route(public_ip, None);
        let (began, began_at) = (Instant::now(), SystemTime::now());
        let mirror = Mirror::new(disks.clone(), network, image.clone(), story.controlled);
        let region = Arc::new(region);
        let hardware = Mirroring::start(mirror, Arc::clone(&region));
        let client = Client::start(public_ip, began);
        let first = address.instance.clone().unwrap_or_else(|| launch_first(&region));
        Self { region, hardware, client, disks, image, began, began_at, story, volume, first, remarks: Vec::new() }
    }

    /// Time since the story's beginning.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits; the failure says what the agents and the controller had come to.
    pub(crate) fn until<T>(&self, what: &str, within: Duration, come: impl Fn() -> Option<T>) -> T {
        self.until_by(POLL_EVERY, what, within, come)
    }

    fn until_by<T>(&self, every: Duration, what: &str, within: Duration, come: impl Fn() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = come() {
                return found;
            }
            assert!(began.elapsed() < within, "{what}: not within {within:?}\n{}", self.so_far());
            std::thread::sleep(every);
        }
    }

    /// What the hardware did, and when.
    fn timeline(mirror: &Mirror) -> String {
        let lines = mirror.log.iter().map(|(at, what)| format!("{:8.2} {what}", at.as_secs_f64()));
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }

    fn so_far(&self) -> String {
        let mirror = self.hardware.now();
        let status = if self.story.controlled {
            self.region.command(&["status", "--service", SERVICE]).to_string()
        } else {
            String::new()
        };
        let inside = mirror.guests.values().map(|guest| {
            let log = |text: String| {
                let mut last: Vec<_> = text.lines().rev().take(LINES).map(|line| format!("  {line}")).collect();
                last.reverse();
                last.join("\n")
            };
            let database = self.disks.root().join(&guest.id).join("var/log/postgresql/postgresql.log");
            let database = fs::read_to_string(database).unwrap_or_default();
            format!(
                "\n{}\n{} agent:\n{}{} database:\n{}",
                guest.units_log(),
                guest.id,
                log(guest.agent_log()),
                guest.id,
                log(database)
            )
        });
        let inside: String = inside.collect();
        format!("{}\nlast row: {:?}\n{status}{inside}", Self::timeline(&mirror), self.client.last())
    }

    /// Waits until a client's row is acknowledged by such an instance, after a moment.
    pub(crate) fn until_written_by(
        &self,
        what: &str,
        after: Duration,
        within: Duration,
        who: impl Fn(&str) -> bool,
    ) -> String {
        self.until(what, within, || {
            self.client.last().filter(|last| last.at > after && who(&last.row.instance)).map(|last| last.row.instance)
        })
    }

    /// Waits until the first instance serves.
    pub(crate) fn until_it_serves(&self) {
        self.until_written_by("the first server", Duration::ZERO, SERVES_WITHIN, |who| who == self.first);
    }

    /// Waits until another instance than the first serves, and the controller calls the failover done; its report.
    pub(crate) fn until_taken_over(&self, within: Duration) -> (String, Value) {
        let second = self.until_written_by("another server", Duration::ZERO, within, |who| who != self.first);
        let report = self.until_by(ASK_EVERY, "a failover that is done", within, || {
            let reports = self.region.command(&["history", "--service", SERVICE]);
            reports.as_array()?.first().filter(|report| report["outcome"] == "done").cloned()
        });
        assert_eq!(report["to"]["instance_id"], second.as_str(), "{report}");
        assert_eq!(report["data_loss_seconds"], 0, "{report}");
        (second, report)
    }

    /// What the region shows.
    pub(crate) fn seen(&self) -> Hardware {
        self.region.hardware()
    }

    /// Ends the story: what the client was promised must be on the new volume, and nothing of the new server on the old one.
    pub(crate) fn finish(self) -> Told {
        std::thread::sleep(AFTERWARDS);
        let resident = self.resident_kib();
        let timeline = Self::timeline(&self.hardware.now());
        say(&format!("{timeline}{}", self.agents()));
        let acknowledged = self.client.stop();
        let findings = std::mem::take(&mut self.hardware.now().findings);
        assert!(findings.is_empty(), "{findings:#?}");
        let last = &acknowledged.last().expect("the client was served").row;
        let was_taken_over = last.instance != self.first;
        let mut remarks = self.remarks;
        let figures = {
            let mirror = self.hardware.now();
            let attached = format!(" is in {}", last.instance);
            let attached =
                mirror.log.iter().rev().find(|(_, what)| what.starts_with("vol-") && what.ends_with(&attached));
            let guest = mirror.guests.get(&last.instance).map(|guest| (guest.agent_log(), guest.units_log()));
            guest.zip(attached.map(|(at, _)| self.began_at + *at))
        };
        if let Some(old) = &self.volume {
            let seen = self.region.hardware();
            let is_of = |id: &&String| {
                let attachment = seen.volumes[*id].attachment.as_ref();
                attachment.is_some_and(|attachment| attachment.instance_id == last.instance)
            };
            let data = seen.volumes.iter().filter(|(_, volume)| volume.data.is_some()).map(|(id, _)| id);
            let new = data.clone().find(is_of).expect("the server has its volume");
            let rows = audit::rows_on(new, &self.disks, &self.image.postgres);
            let missing = rows::lost(&acknowledged, &rows);
            let (count, first) = (missing.len(), missing.first());
            assert!(
                missing.is_empty(),
                "{count} of {} acknowledged rows are lost, first {first:?}",
                acknowledged.len()
            );
            assert_eq!(rows::by_two_writers(&rows), Vec::<String>::new());
            for other in data.filter(|id| *id != new) {
                let rows = audit::rows_on(other, &self.disks, &self.image.postgres);
                let late: Vec<_> =
                    rows.iter().filter(|row| row.epoch >= last.epoch || row.instance != self.first).collect();
                assert!(late.is_empty(), "{other} was written to after the fence: {late:?}");
                remarks.push(format!("{other} holds {} rows of the old server only", rows.len()));
            }
            if was_taken_over {
                remarks.push(if new == old { "the volume moved" } else { "the volume was copied" }.to_owned());
            }
        }
        // What a first launch takes is the reading and formatting of its volume.
        let figures = figures.filter(|_| was_taken_over);
        let agent_seconds = figures.and_then(|(guest, attached)| since_attached(&guest, attached));
        Told {
            story: self.story.name.to_owned(),
            acknowledged: acknowledged.len(),
            downtime_seconds: downtime(&acknowledged).as_secs_f64(),
            agent_seconds,
            agent_resident_kib: resident,
            remarks: remarks.join("; "),
        }
    }

    /// What all agents logged.
    fn agents(&self) -> String {
        let mirror = self.hardware.now();
        let logs = mirror.guests.values().map(|guest| format!("{}:\n{}", guest.id, guest.agent_log()));
        logs.collect::<Vec<_>>().join("\n")
    }

    fn resident_kib(&self) -> Option<u32> {
        let server = self.client.last()?.row.instance;
        let agent = self.hardware.now().guests.get(&server)?.agent()?;
        let status = fs::read_to_string(format!("/proc/{agent}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }
}

/// From the volume's appearance to the agent's "ready", less what PostgreSQL itself took to start.
fn since_attached((agent, units): &(String, String), attached: SystemTime) -> Option<f64> {
    let ready = agent.lines().rev().find(|line| line.contains("step=\"ready\""))?;
    let ready: Timestamp = ready.split_whitespace().next()?.parse().ok()?;
    let at = |what: &str| {
        let line = units.lines().rev().find(|line| line.ends_with(what))?;
        line.split(' ').next()?.parse::<i64>().ok()
    };
    let all = ready.as_millisecond() - Timestamp::try_from(attached).ok()?.as_millisecond();
    Some(SignedDuration::from_millis(all - (at(" started")? - at(" starting")?)).as_secs_f64())
}

/// The longest time between a server's last acknowledged row and the next server's first.
fn downtime(acknowledged: &[Acknowledged]) -> Duration {
    let pairs = acknowledged.iter().zip(acknowledged.iter().skip(1));
    let changes = pairs.filter(|(one, next)| one.row.instance != next.row.instance);
    changes.map(|(one, next)| next.at.saturating_sub(one.at)).max().unwrap_or_default()
}

/// A duration of so many real seconds.
fn seconds(real: u32) -> Value {
    json!({ "fixed": { "seconds": f64::from(real * SPEED) } })
}

/// A group begins to be, and with it the service.
fn launch_first(region: &Region) -> String {
    group::make(region);
    let began = Instant::now();
    loop {
        if let Some((first, _)) = region.hardware().instances.into_iter().next() {
            return first;
        }
        assert!(began.elapsed() < LAUNCHES_WITHIN, "the group launches nothing");
        std::thread::sleep(POLL_EVERY);
    }
}

/// The volume as it was before it came under control: a file system with PostgreSQL's data on it.
fn fill(volume: &Path, filesystem: &str, folder: &Path, disks: &Disks) {
    match filesystem {
        // Few inodes: tables of millions, which the kernel fills with zeros later on, are of no use here.
        "ext4" => run("mkfs.ext4", ["-q", "-N", "65536", volume.to_str().unwrap()]),
        _ => run("mkfs.xfs", ["-q", volume.to_str().unwrap()]),
    };
    let mount = disks.root().join("first");
    fs::create_dir(&mount).unwrap();
    let (device, held) = loop_device(volume);
    run("mount", [&device, &mount]);
    drop(held);
    let archive = folder.with_file_name("pgsql.tar");
    run("tar", [Path::new("-C"), &mount, Path::new("-xf"), &archive]);
    assert!(mount.join(DATA).join("PG_VERSION").exists(), "no PostgreSQL on the first volume");
    run("umount", [&mount]);
}
