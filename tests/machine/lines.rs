//! JSON, a line each way, over a Unix socket: how QEMU's monitor and the agent inside the guest are spoken to.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A conversation.
pub(crate) struct Lines {
    stream: BufReader<UnixStream>,
}

impl Lines {
    /// Connects as soon as somebody listens, which is within `limit`.
    pub(crate) fn connect(path: &Path, limit: Duration) -> Self {
        let began = Instant::now();
        loop {
            match UnixStream::connect(path) {
                Ok(stream) => return Self { stream: BufReader::new(stream) },
                Err(error) => assert!(began.elapsed() < limit, "{}: {error}", path.display()),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a line.
    pub(crate) fn send(&mut self, message: &Value) {
        writeln!(self.stream.get_mut(), "{message}").unwrap();
    }

    /// The next line; none if there is none within `limit`.
    pub(crate) fn receive(&mut self, limit: Duration) -> Option<Value> {
        self.stream.get_ref().set_read_timeout(Some(limit)).unwrap();
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line) {
            Ok(0) => None,
            // The guest's agent marks the beginning of what it says to a new listener with a byte that is in no JSON text.
            Ok(_) => serde_json::from_slice(line.strip_prefix(b"\xff").unwrap_or(&line)).ok(),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(error) => panic!("{error}"),
        }
    }
}
