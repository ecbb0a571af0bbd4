//! The built `bootstrap` against moto, an emulator of AWS that others wrote, through documented events and Lambda's Runtime API.
//!
//! What our own simulated region gets wrong in the same way as our own code would go unseen without it. It is a check of the wire,
//! of names and of parameters, not of timing: moto's states are final at the next look. Where it differs from AWS:
//!
//! - Instances stop and start at once, snapshots complete at once, and status checks are always `ok`: a failure is shown by stopping
//!   the instance, and nothing here speaks of how long anything takes.
//! - CloudWatch's protocol of the Rust SDK is not served: alarms are `Unknown`, and the alarm's event only says when to look.
//! - Client tokens of EC2 are ignored, and attaching is not checked for zone, state or device: that these are right is asserted
//!   from what was made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use failover_tests::tools::{built, end_of, python, succeeded, target_folder};

/// moto loads botocore's models at its start.
const LONGEST_START: Duration = Duration::from_mins(1);

struct Case {
    service: &'static str,
    zones: &'static str,
    standby: &'static str,
    trigger: &'static str,
}

const CASES: [Case; 5] = [
    Case { service: "warm-same", zones: "same", standby: "warm", trigger: "state-change" },
    Case { service: "cold-same", zones: "same", standby: "cold", trigger: "state-change" },
    Case { service: "warm-other", zones: "other", standby: "warm", trigger: "state-change" },
    Case { service: "cold-other", zones: "other", standby: "cold", trigger: "alarm" },
    Case { service: "drill-same", zones: "same", standby: "warm", trigger: "drill" },
];

/// Each case has an emulator of its own, so that they can go on side by side: they mostly wait, and a tick looks at all services there are.
#[test]
fn failovers_against_an_emulator_that_others_wrote() {
    let programs = Programs {
        bootstrap: built("bootstrap", "failover-lambda"),
        failover: built("failover", "failover-cli"),
        python: python(),
    };
    let files = target_folder().join("tmp");
    fs::create_dir_all(&files).unwrap();
    // All are bound before the first is let go: no port is given out twice.
    let ports =
        CASES.map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).map(|listener| listener.local_addr().unwrap().port());
    thread::scope(|scope| {
        let (programs, files) = (&programs, &files);
        for (case, port) in CASES.iter().zip(ports) {
            scope.spawn(move || plays(case, port, programs, files));
        }
    });
}

/// What the cases run.
struct Programs {
    bootstrap: PathBuf,
    failover: PathBuf,
    python: PathBuf,
}

/// The service is prepared, put under control and failed over.
fn plays(case: &Case, port: u16, programs: &Programs, files: &Path) {
    let Programs { bootstrap, failover, python } = programs;
    let began = Instant::now();
    let moto = Moto::start(python, port, &files.join(format!("moto-{}.log", case.service)));
    let prepare = ["prepare", &moto.endpoint, case.service, case.zones, case.standby];
    let made = succeeded("prepare", &script(python, &prepare, b""));
    let spec: serde_json::Value = serde_json::from_slice(&made).unwrap();
    let spec = spec["spec"].as_str().expect("the script prints the spec");
    let file = files.join(format!("{}.toml", case.service));
    fs::write(&file, spec).unwrap();
    let mut apply = Command::new(failover);
    succeeded("failover apply", &with_aws(&mut apply, &moto.endpoint).arg("apply").arg(&file).output().unwrap());
    let log = files.join(format!("bootstrap-{}.log", case.service));
    let [bootstrap, log_path] = [bootstrap, &log].map(|path| path.to_str().expect("a path in UTF-8"));
    let played = script(python, &["play", &moto.endpoint, bootstrap, log_path, case.trigger], &made);
    assert!(
        played.status.success(),
        "{}\n{}\nthe function's log ends:\n{}",
        case.service,
        String::from_utf8_lossy(&played.stderr),
        end_of(&log)
    );
    println!("{}: {:.1} s", case.service, began.elapsed().as_secs_f64());
}

/// moto's server, ended with the test.
struct Moto {
    process: Child,
    endpoint: String,
}

impl Moto {
    fn start(python: &Path, port: u16, log: &Path) -> Self {
        let file = fs::File::create(log).unwrap();
        let process = Command::new(python.with_file_name("moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .expect("moto_server starts");
        let mut moto = Self { process, endpoint: format!("http://127.0.0.1:{port}") };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = moto.process.try_wait().unwrap() {
                panic!("moto_server ended with {status}:\n{}", end_of(log));
            }
            assert!(began.elapsed() < LONGEST_START, "moto_server does not answer");
            thread::sleep(Duration::from_millis(50));
        }
        moto
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn script(python: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("moto/emulated.py");
    let mut command = Command::new(python);
    // No caches beside the sources.
    command.arg("-B").arg(script).args(arguments);
    with_input(&mut command, input)
}

fn with_aws<'a>(command: &'a mut Command, endpoint: &str) -> &'a mut Command {
    command.env_clear().envs([
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", endpoint),
    ])
}

fn with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // Small enough for the pipe; whoever does not read it says why on standard error.
    drop(child.stdin.take().expect("a pipe").write_all(input));
    child.wait_with_output().unwrap()
}
