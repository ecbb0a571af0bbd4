//! The served region: AWS's part, with the built Lambda behind its event rules.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use failover_tests::tools::{built, succeeded};
use serde::Deserialize;
use serde_json::{Value, json};

/// The service of every scenario of the region.
pub(crate) const SERVICE: &str = "sample";

/// A region that `failover simulate --serve` serves, ended with the story.
pub(crate) struct Region {
    process: Child,
    /// Where.
    pub(crate) address: SocketAddr,
}

/// The region's hardware: `GET /_region/hardware`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Hardware {
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    pub(crate) addresses: BTreeMap<String, Address>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Instance {
    pub(crate) state: String,
    pub(crate) zone: String,
    pub(crate) private_ip: Ipv4Addr,
    pub(crate) condition: Condition,
    pub(crate) stop: Option<Stop>,
    pub(crate) guest: Option<Guest>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Condition {
    pub(crate) host_failed: Option<Value>,
    pub(crate) network_impaired: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stop {
    pub(crate) mode: StopMode,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StopMode {
    pub(crate) skip_os_shutdown: bool,
}

/// The region's own idea of what runs in an instance; the mirror keeps it true.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Guest {
    pub(crate) up: bool,
    pub(crate) quiesced: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Volume {
    pub(crate) size_gib: u64,
    pub(crate) encrypted: bool,
    pub(crate) snapshot: Option<String>,
    pub(crate) attachment: Option<Attachment>,
    /// Which of a service's volumes it is; none for an instance's root disk.
    pub(crate) data: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) instance_id: String,
    pub(crate) state: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) volume: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Address {
    pub(crate) public_ip: Ipv4Addr,
    pub(crate) instance: Option<String>,
    pub(crate) data_path: Option<String>,
}

impl Region {
    /// Serves a scenario. Without a controller no Lambda runs behind it.
    pub(crate) fn start(scenario: &str, speed: u32, controlled: bool, log: &Path) -> Self {
        let mut command = Command::new(built("failover", "failover-cli"));
        command.args(["simulate", "--serve", "127.0.0.1:0", "--output", "json", "--scenario", scenario]);
        command.args(["--speed", &speed.to_string()]);
        if controlled {
            command.arg("--lambda").arg(built("bootstrap", "failover-lambda"));
        }
        let log = File::create(log).unwrap();
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut told = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        while !told.trim_end().ends_with('}') {
            assert!(out.read_line(&mut told).unwrap() > 0, "the region ended: {told}");
        }
        let told: Value = serde_json::from_str(&told).unwrap();
        let address = told["url"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
        Self { process, address }
    }

    pub(crate) fn hardware(&self) -> Hardware {
        serde_json::from_value(self.get("/_region/hardware")).unwrap()
    }

    /// Something happens to it.
    pub(crate) fn inject(&self, fault: &Value) {
        self.post("/_region/fault", fault);
    }

    /// An operator's request reaches the Lambda.
    pub(crate) fn ask(&self, to: &str, drill: bool) {
        self.post("/_region/event", &json!({ "service": SERVICE, "to": to, "drill": drill }));
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.http("GET", path, "", "application/json");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.http("POST", path, &body.to_string(), "application/json");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }

    /// One call of EC2's query protocol, as somebody else than the controller makes it.
    pub(crate) fn ec2(&self, query: &str) -> String {
        self.http("POST", "/", &format!("{query}&Version=2016-11-15"), "application/x-www-form-urlencoded")
    }

    /// One call of Auto Scaling's.
    pub(crate) fn autoscaling(&self, query: &str) -> String {
        self.http("POST", "/", &format!("{query}&Version=2011-01-01"), "application/x-www-form-urlencoded")
    }

    fn http(&self, method: &str, path: &str, body: &str, content_type: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {head}: {body}");
        body.to_owned()
    }

    /// The `failover` command, as its users have it, with this region in AWS's place.
    pub(crate) fn command(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(built("failover", "failover-cli"));
        command.args(arguments).args(["--output", "json"]).env_clear();
        command.envs([
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]);
        command.env("AWS_ENDPOINT_URL", format!("http://{}", self.address));
        let printed = succeeded(&format!("failover {}", arguments.join(" ")), &command.output().unwrap());
        serde_json::from_slice(&printed).unwrap()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
