//! A region that `failover simulate --serve` serves, and what asks it over the wire: control endpoints here, boto3 in `wire/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::must_use_candidate,
    clippy::missing_panics_doc
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::tools::{built, python};

/// A served region, ended with the test.
pub struct Served {
    process: Child,
    /// What `AWS_ENDPOINT_URL` has to be.
    pub url: String,
}

impl Served {
    /// Serves a region on a free port, with more arguments of `failover simulate`.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(built("failover", "failover-cli"));
        command.args(["simulate", "--serve", "127.0.0.1:0", "--output", "json"]).args(arguments);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut told = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        while !told.trim_end().ends_with('}') {
            assert!(out.read_line(&mut told).unwrap() > 0, "it ended: {told}");
        }
        let told: Value = serde_json::from_str(&told).unwrap();
        Self { process, url: told["url"].as_str().unwrap().to_owned() }
    }

    /// The same with the built Lambda behind the region's rules.
    pub fn with_lambda(arguments: &[&str]) -> Self {
        let bootstrap = built("bootstrap", "failover-lambda");
        let lambda = ["--lambda", bootstrap.to_str().expect("a path in UTF-8")];
        Self::start(&[arguments, &lambda].concat())
    }

    /// What a control endpoint answers.
    pub fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// How many checks of a script in `wire/` passed; none may fail.
pub fn asked_by(script: &str, arguments: &[&str]) -> usize {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("wire").join(script);
    let output = Command::new(python()).arg("-B").arg(script).args(arguments).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    let last = printed.lines().last().unwrap_or_default();
    println!("{last}");
    last.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
}
