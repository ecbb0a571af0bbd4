//! The network between instances, clients and AWS: a router (the story's own network namespace) with a cable to each instance.
//!
//! The router is where clients are, where the Elastic IP is routed to whoever has it, and where each instance finds its metadata service
//! and AWS's API: both are passed on to the region, which serves on the router's loopback.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::command::{run, succeeds};

/// The router, as instances see it.
pub(crate) const ROUTER: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);
/// AWS's API, as instances see it.
pub(crate) const API: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 255, 255, 1)), 8000);
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// AWS's longest answer from the metadata service is user data of 16 KiB; a request is a head without a body.
const LONGEST_HEAD_BYTES: usize = 16 * 1024;
const STALLED: Duration = Duration::from_secs(20);

/// The router's side of it all.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// Who has which private address.
    names: Arc<Mutex<BTreeMap<Ipv4Addr, String>>>,
    routed: Arc<Mutex<BTreeMap<Ipv4Addr, Option<Ipv4Addr>>>>,
}

impl Network {
    /// Turns this process's network namespace, which must be a new one, into the router.
    pub(crate) fn start(region: SocketAddr) -> Self {
        run("ip", ["link", "set", "lo", "up"]);
        for address in [ROUTER, METADATA] {
            run("ip", ["addr", "add", &format!("{address}/32"), "dev", "lo"]);
        }
        run("ip", ["addr", "add", &format!("{}/32", API.ip()), "dev", "lo"]);
        let network = Self { names: Arc::default(), routed: Arc::default() };
        let names = Arc::clone(&network.names);
        listen((METADATA, 80).into(), move |instance, peer| ask_metadata(instance, peer, region, &names));
        listen(API, move |instance, _| pass_on(instance, region));
        network
    }

    /// Puts a cable between the router and an instance's new network namespace, which the process `pid` is in.
    pub(crate) fn plug(&self, instance: &str, private_ip: Ipv4Addr, pid: u32) {
        let (ours, theirs) = (cable(private_ip), format!("t{}", cable(private_ip)));
        run("ip", ["link", "add", &ours, "type", "veth", "peer", "name", &theirs]);
        run("ip", ["link", "set", &ours, "up"]);
        run("ip", ["link", "set", &theirs, "netns", &pid.to_string(), "name", "eth0"]);
        run("ip", ["route", "replace", &format!("{private_ip}/32"), "dev", &ours, "src", &ROUTER.to_string()]);
        lock(&self.names).insert(private_ip, instance.to_owned());
        // What was routed there went with the old cable.
        lock(&self.routed).retain(|_, to| *to != Some(private_ip));
    }

    /// Pulls the cable: not one packet more leaves the instance.
    pub(crate) fn unplug(&self, private_ip: Ipv4Addr) {
        succeeds("ip", ["link", "delete", &cable(private_ip)]);
        lock(&self.routed).retain(|_, to| *to != Some(private_ip));
    }

    /// Sends what comes for a public address to the instance with this private one, or nowhere.
    pub(crate) fn route(&self, public_ip: Ipv4Addr, to: Option<Ipv4Addr>) {
        if lock(&self.routed).get(&public_ip) == Some(&to) {
            return;
        }
        let destination = format!("{public_ip}/32");
        let plugged = to.filter(|to| lock(&self.names).contains_key(to)).is_some_and(|to| {
            succeeds("ip", ["route", "replace", &destination, "dev", &cable(to), "src", &ROUTER.to_string()])
        });
        if !plugged {
            run("ip", ["route", "replace", "blackhole", &destination]);
        }
        lock(&self.routed).insert(public_ip, to);
    }
}

/// The router's end of an instance's cable. Interface names have fifteen letters at most.
fn cable(private_ip: Ipv4Addr) -> String {
    let [_, b, c, d] = private_ip.octets();
    format!("v{b:02x}{c:02x}{d:02x}")
}

/// Serves each connection on a thread of its own; all of them end with the story's process.
fn listen(address: SocketAddr, serve: impl Fn(TcpStream, SocketAddr) + Send + Sync + 'static) {
    let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for instance in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || {
                if let Ok(peer) = instance.peer_addr() {
                    serve(instance, peer);
                }
            });
        }
    });
}

/// One request of an instance to its own metadata service: the region has one for each instance under a path of its own.
fn ask_metadata(
    mut instance: TcpStream,
    peer: SocketAddr,
    region: SocketAddr,
    names: &Mutex<BTreeMap<Ipv4Addr, String>>,
) {
    let IpAddr::V4(private_ip) = peer.ip() else { return };
    let Some(id) = lock(names).get(&private_ip).cloned() else { return };
    let Some(head) = read_head(&mut instance) else { return };
    let Some((method, rest)) = head.split_once(' ') else { return };
    let Some((first, headers)) = rest.split_once("\r\n") else { return };
    let request = format!("{method} /_imds/{id}{first}\r\nConnection: close\r\n{headers}");
    let Ok(mut upstream) = TcpStream::connect(region) else { return };
    if upstream.write_all(request.as_bytes()).is_ok() {
        copy(upstream, instance);
    }
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(STALLED)).ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if head.len() >= LONGEST_HEAD_BYTES || stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).ok()
}

/// Both directions of a connection, until either side ends it.
fn pass_on(instance: TcpStream, region: SocketAddr) {
    let Ok(upstream) = TcpStream::connect(region) else { return };
    let (Ok(from), Ok(to)) = (upstream.try_clone(), instance.try_clone()) else { return };
    thread::spawn(move || copy(from, to));
    copy(instance, upstream);
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    // Both ends close at their leisure: what was passed on until then counts.
    let _ended = std::io::copy(&mut from, &mut to);
    let _closed = to.shutdown(Shutdown::Write);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
