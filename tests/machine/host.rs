//! What the guest finds on the host: the seed of its user data, the agent's binary, and the metadata service, all on one loopback port.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Files by path, and the metadata service of one instance of a served region.
pub(crate) struct Host {
    /// Content by path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Where the region is served.
    pub(crate) region: SocketAddr,
    /// Whose metadata service it is.
    pub(crate) instance_id: String,
}

/// A conversation that stands still ends.
const TIMEOUT: Duration = Duration::from_secs(30);
const LARGEST_HEAD_BYTES: usize = 16 * 1024;

impl Host {
    /// Answers until the process ends.
    pub(crate) fn serve(self, listener: TcpListener) {
        let host = Arc::new(self);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let host = Arc::clone(&host);
                // A client that goes away in the middle is no concern of the test's.
                std::thread::spawn(move || drop(host.answer(stream)));
            }
        });
    }

    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let Some(head) = read_head(&mut stream)? else { return Ok(()) };
        let path = head.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/latest/") {
            return self.ask_region(&head, path, &mut stream);
        }
        match self.files.get(path) {
            Some(content) => {
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len())?;
                stream.write_all(content)
            }
            None => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        }
    }

    /// The region has the metadata services of all its instances, each under its id. No request to one has a body.
    fn ask_region(&self, head: &str, path: &str, stream: &mut TcpStream) -> io::Result<()> {
        let head = head.replacen(path, &format!("/_imds/{}{path}", self.instance_id), 1);
        let lines = head.lines().filter(|line| !line.is_empty() && !line.to_lowercase().starts_with("connection:"));
        let request: Vec<&str> = lines.chain(["Connection: close", "", ""]).collect();
        let mut region = TcpStream::connect(self.region)?;
        region.set_read_timeout(Some(TIMEOUT))?;
        region.write_all(request.join("\r\n").as_bytes())?;
        io::copy(&mut region, stream).map(drop)
    }
}

/// Up to the empty line; none if the client left.
fn read_head(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > LARGEST_HEAD_BYTES || stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.extend_from_slice(&byte);
    }
    Ok(String::from_utf8(head).ok())
}
