//! A client that writes numbered rows through the service's address, and keeps what was acknowledged.
//!
//! Each row says which server wrote it, under which epoch of the ledger: the server's own settings, not the client's belief.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use failover_tests::rows::{Acknowledged, Row};

use super::mirror::PORT;

/// How long a client waits for a connection, and for an answer, before it tries again.
const CONNECTS_WITHIN: Duration = Duration::from_millis(250);
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// The client at work, until it is stopped.
pub(crate) struct Client {
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    /// Writes from now on. Times count from `began`.
    pub(crate) fn start(address: Ipv4Addr, began: Instant) -> Self {
        let acknowledged: Arc<Mutex<Vec<Acknowledged>>> = Arc::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (kept, ended) = (Arc::clone(&acknowledged), Arc::clone(&stop));
        let thread = thread::spawn(move || write(address, began, &kept, &ended));
        Self { acknowledged, stop, thread: Some(thread) }
    }

    /// What was acknowledged so far.
    pub(crate) fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who wrote the last row, and when.
    pub(crate) fn last(&self) -> Option<Acknowledged> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }

    /// Stops it; all that was acknowledged.
    pub(crate) fn stop(mut self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        self.acknowledged()
    }
}

fn write(address: Ipv4Addr, began: Instant, kept: &Mutex<Vec<Acknowledged>>, ended: &AtomicBool) {
    let mut number = 0;
    while !ended.load(Ordering::Relaxed) {
        // psql itself waits for a connection no less than two seconds.
        if TcpStream::connect_timeout(&SocketAddr::from((address, PORT)), CONNECTS_WITHIN).is_err() {
            thread::sleep(PAUSE);
            continue;
        }
        let mut session = Session::open(address);
        while !ended.load(Ordering::Relaxed) {
            // A number is never used twice: whether a row that was not acknowledged is there nobody knows.
            number += 1;
            let Some(row) = session.write(number) else { break };
            assert_eq!(row.number, number, "an answer to something else");
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(Acknowledged { row, at: began.elapsed() });
            thread::sleep(PAUSE);
        }
    }
}

/// One connection.
struct Session {
    process: Child,
    statements: ChildStdin,
    answers: Receiver<String>,
}

impl Session {
    fn open(address: Ipv4Addr) -> Self {
        let to = format!(
            "host={address} port={PORT} user=postgres dbname=postgres connect_timeout=2 tcp_user_timeout={}",
            ANSWERS_WITHIN.as_millis()
        );
        let mut command = Command::new("psql");
        command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", &to]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let (statements, printed) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (told, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(printed).lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    return;
                }
            }
        });
        Self { process, statements, answers }
    }

    /// None if there is no answer in time: the row may have been written all the same.
    fn write(&mut self, number: u64) -> Option<Row> {
        let statement = format!(
            "INSERT INTO rows VALUES ({number}, current_setting('lab.instance'), current_setting('lab.epoch')::bigint) \
             RETURNING number, instance, epoch;\n"
        );
        self.statements.write_all(statement.as_bytes()).ok()?;
        Row::parse(&self.answers.recv_timeout(ANSWERS_WITHIN).ok()?)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
