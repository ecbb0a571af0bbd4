//! Keeps the hardware as the region says it is: looks many times a second and does what has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;

use super::disks::Disks;
use super::guest::{Guest, Image};
use super::network::Network;
use super::region::{Hardware, Instance, Region};

const POLL_EVERY: Duration = Duration::from_millis(50);
const ANSWERS_WITHIN: Duration = Duration::from_millis(100);
/// PostgreSQL's.
pub(crate) const PORT: u16 = 5432;

/// The hardware.
pub(crate) struct Mirror {
    disks: Disks,
    network: Network,
    image: Image,
    /// The instances.
    pub(crate) guests: BTreeMap<String, Guest>,
    volumes: BTreeSet<String>,
    isolated: BTreeSet<String>,
    /// What must never be.
    pub(crate) findings: Vec<String>,
    /// What happened, and when, since the story's beginning.
    pub(crate) log: Vec<(Duration, String)>,
    began: Instant,
    /// Whether two databases at a time are one too many: without a volume each has its own.
    one_at_a_time: bool,
}

/// The mirror at work, until it is dropped.
pub(crate) struct Mirroring {
    /// The hardware.
    pub(crate) mirror: Arc<Mutex<Mirror>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// What an instance should be doing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    /// As it is, until the region cuts it: somebody asked for a stop without telling the operating system.
    Kept,
    ShuttingDown,
    Off,
}

fn power(instance: &Instance) -> Power {
    let up = instance.guest.as_ref().is_some_and(|guest| guest.up) && instance.condition.host_failed.is_none();
    match instance.state.as_str() {
        _ if !up => Power::Off,
        "stopping" if instance.stop.as_ref().is_some_and(|stop| stop.mode.skip_os_shutdown) => Power::Kept,
        "stopping" | "shutting-down" => Power::ShuttingDown,
        _ => Power::On,
    }
}

impl Mirror {
    /// No hardware yet.
    pub(crate) fn new(disks: Disks, network: Network, image: Image, one_at_a_time: bool) -> Self {
        Self {
            disks,
            network,
            image,
            guests: BTreeMap::new(),
            volumes: BTreeSet::new(),
            isolated: BTreeSet::new(),
            findings: Vec::new(),
            log: Vec::new(),
            began: Instant::now(),
            one_at_a_time,
        }
    }

    /// Brings the hardware to where the region is.
    pub(crate) fn follow(&mut self, seen: &Hardware, region: &Region) {
        // First what ends, then what is copied, then what begins: nobody is given what somebody else still has.
        self.power_down(seen);
        self.isolate(seen);
        self.take_snapshots(seen);
        self.detach(seen);
        self.create_volumes(seen);
        self.power_up(seen);
        self.attach(seen);
        self.route(seen);
        self.look_inside(seen, region);
    }

    fn power_down(&mut self, seen: &Hardware) {
        let Self { guests, disks, network, .. } = self;
        let mut happened = Vec::new();
        let mut wrong = Vec::new();
        for guest in guests.values_mut().filter(|guest| guest.is_on()) {
            let wanted = seen.instances.get(&guest.id).map_or(Power::Off, power);
            if wanted == Power::Off {
                let how = if guest.has_ended() { "is off" } else { "is cut" };
                guest.cut(disks, network);
                happened.push(format!("{} {how}", guest.id));
            } else if wanted == Power::ShuttingDown && !guest.shutting_down {
                guest.shut_down();
                happened.push(format!("{} shuts down", guest.id));
            } else if wanted == Power::On && guest.has_ended() {
                guest.cut(disks, network);
                wrong.push(format!("the first process of {} ended", guest.id));
            }
        }
        for what in happened {
            self.note(what);
        }
        self.findings.extend(wrong);
    }

    /// An instance whose network fails lives on, and writes; nothing leaves it, not even to its metadata service.
    fn isolate(&mut self, seen: &Hardware) {
        for (id, _) in seen.instances.iter().filter(|(_, instance)| instance.condition.network_impaired) {
            if let Some(guest) = self.guests.get(id).filter(|guest| self.isolated.insert(guest.id.clone())) {
                self.network.unplug(guest.private_ip);
                self.log.push((self.began.elapsed(), format!("{id} is cut off")));
            }
        }
    }

    /// No story asks for periodic snapshots: each is one that a failover rests on.
    fn take_snapshots(&mut self, seen: &Hardware) {
        for (id, snapshot) in &seen.snapshots {
            if self.volumes.contains(&snapshot.volume) && !self.disks.has_snapshot(id) {
                let holder = self.guests.values().find(|guest| guest.has_mounted_volume(&snapshot.volume));
                self.findings
                    .extend(holder.map(|guest| format!("{id} of {}, which {} has mounted", snapshot.volume, guest.id)));
                self.disks.take_snapshot(id, &snapshot.volume);
                self.note(format!("{id} of {}", snapshot.volume));
            }
        }
    }

    fn detach(&mut self, seen: &Hardware) {
        let mut happened = Vec::new();
        for guest in self.guests.values_mut() {
            let gone: Vec<String> = guest.devices.keys().filter(|id| !seen.gives(id, &guest.id)).cloned().collect();
            for volume in gone {
                guest.lose(&volume, &self.disks);
                happened.push(format!("{volume} left {}", guest.id));
            }
        }
        for what in happened {
            self.note(what);
        }
    }

    fn create_volumes(&mut self, seen: &Hardware) {
        for (id, volume) in &seen.volumes {
            if volume.data.is_some() && !self.volumes.contains(id) {
                // The first volume is there already: the story made it, with what the service had before it came under control.
                if !self.disks.volume(id).exists() {
                    self.disks.create(id, volume.size_gib, volume.snapshot.as_deref(), volume.encrypted);
                    self.note(format!("{id} from {}", volume.snapshot.as_deref().unwrap_or("nothing")));
                }
                self.volumes.insert(id.clone());
            }
        }
    }

    fn power_up(&mut self, seen: &Hardware) {
        for (id, instance) in seen.instances.iter().filter(|(_, instance)| power(instance) == Power::On) {
            let new = || Guest::new(id, instance.private_ip, &self.image, &self.disks);
            let guest = self.guests.entry(id.clone()).or_insert_with(new);
            if !guest.is_on() {
                guest.boot(&self.image, &self.disks, &self.network);
                self.log.push((self.began.elapsed(), format!("{id} boots")));
            }
        }
    }

    fn attach(&mut self, seen: &Hardware) {
        let mut happened = Vec::new();
        for guest in self.guests.values_mut().filter(|guest| guest.is_on()) {
            for id in self.volumes.iter().filter(|id| seen.gives(id, &guest.id)) {
                if !guest.devices.contains_key(id) {
                    let device = self.disks.attach(id, &guest.dev());
                    guest.devices.insert(id.clone(), device);
                    happened.push(format!("{id} is in {}", guest.id));
                }
            }
        }
        for what in happened {
            self.note(what);
        }
    }

    fn route(&mut self, seen: &Hardware) {
        for address in seen.addresses.values() {
            let holder = address.data_path.as_ref().and_then(|id| self.guests.get(id)).filter(|guest| guest.is_on());
            self.network.route(address.public_ip, holder.map(|guest| guest.private_ip));
        }
    }

    /// Tells the region which guests hold the data, and sees to it that it is one at most.
    fn look_inside(&mut self, seen: &Hardware, region: &Region) {
        let mut holders = Vec::new();
        for (id, instance) in &seen.instances {
            let Some(inside) = instance.guest.as_ref().filter(|guest| guest.up) else { continue };
            let holds = self.guests.get(id).is_some_and(|guest| guest.is_on() && guest.has_mounted());
            if holds {
                holders.push(id.as_str());
            }
            if holds == inside.quiesced {
                let hand = if holds { "resume" } else { "quiesce" };
                region.inject(&json!({ "instance": { "name": id, "fault": hand } }));
                self.log.push((self.began.elapsed(), format!("{id} {}", if holds { "mounts" } else { "unmounts" })));
            }
        }
        if holders.len() > 1 {
            self.findings.push(format!("mounted by two: {}", holders.join(", ")));
        }
    }

    /// When something was noted for the first time after a moment.
    pub(crate) fn when(&self, after: Duration, what: impl Fn(&str) -> bool) -> Option<Duration> {
        self.log.iter().find(|(at, noted)| *at >= after && what(noted)).map(|(at, _)| *at)
    }

    fn note(&mut self, what: String) {
        self.log.push((self.began.elapsed(), what));
    }
}

impl Hardware {
    /// Whether an instance has a volume: also while it is being detached, for a guest that holds it keeps it.
    fn gives(&self, volume: &str, instance: &str) -> bool {
        let attachment = self.volumes.get(volume).and_then(|volume| volume.attachment.as_ref());
        attachment.is_some_and(|attachment| attachment.instance_id == instance && attachment.state != "attaching")
    }
}

impl Mirroring {
    /// Mirrors the region from now on, and knocks at every instance's database.
    pub(crate) fn start(mirror: Mirror, region: Arc<Region>) -> Self {
        let mirror = Arc::new(Mutex::new(mirror));
        let stop = Arc::new(AtomicBool::new(false));
        let (hardware, ended) = (Arc::clone(&mirror), Arc::clone(&stop));
        let follow = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let seen = region.hardware();
                lock(&hardware).follow(&seen, &region);
                thread::sleep(POLL_EVERY);
            }
        });
        let (hardware, ended) = (Arc::clone(&mirror), Arc::clone(&stop));
        let knock = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                knock(&hardware);
                thread::sleep(POLL_EVERY);
            }
        });
        Self { mirror, stop, threads: vec![follow, knock] }
    }

    /// The hardware, for a moment.
    pub(crate) fn now(&self) -> MutexGuard<'_, Mirror> {
        assert!(self.threads.iter().all(|thread| !thread.is_finished()), "the mirror broke");
        lock(&self.mirror)
    }
}

impl Drop for Mirroring {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

/// Two databases that take connections at the same time are one too many. The first is asked again after the second.
fn knock(mirror: &Mutex<Mirror>) {
    let guests: Vec<_> = lock(mirror).guests.values().map(|guest| (guest.id.clone(), guest.private_ip)).collect();
    let answers = |(_, ip): &&(String, std::net::Ipv4Addr)| {
        TcpStream::connect_timeout(&SocketAddr::from((*ip, PORT)), ANSWERS_WITHIN).is_ok()
    };
    let serving: Vec<_> = guests.iter().filter(answers).collect();
    if serving.len() > 1 {
        let still: Vec<&str> = serving.into_iter().filter(answers).map(|(id, _)| id.as_str()).collect();
        let mut mirror = lock(mirror);
        if still.len() > 1 && mirror.one_at_a_time {
            mirror.findings.push(format!("two serve: {}", still.join(", ")));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
