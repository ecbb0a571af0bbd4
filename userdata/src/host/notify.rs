//! What systemd wants to hear (`Type=notify`, `WatchdogSec`): that the agent watches, and that it still does.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// systemd's socket, if it gave one.
#[derive(Debug, Default)]
pub struct Systemd {
    socket: Option<(UnixDatagram, SocketAddr)>,
}

impl Systemd {
    /// The socket that the environment names.
    pub fn from_environment() -> Self {
        let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return Self::default() };
        Self::at(&path.to_string_lossy())
    }

    /// The socket at `path`; one that begins with `@` has no file.
    pub fn at(path: &str) -> Self {
        let address = match path.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(path),
        };
        let socket = address.and_then(|address| {
            let socket = UnixDatagram::unbound()?;
            // A full socket must not hold the agent up.
            socket.set_nonblocking(true)?;
            Ok((socket, address))
        });
        match socket {
            Ok(socket) => Self { socket: Some(socket) },
            Err(error) => {
                tracing::warn!(%error, path, "systemd is not told that the agent runs");
                Self::default()
            }
        }
    }

    /// The agent watches: what is ordered after it may start. With `watchdog`, systemd takes a silence that long for a hang, whatever the
    /// unit says.
    pub fn ready(&self, watchdog: Option<Duration>) {
        let watchdog = watchdog.map(|it| format!("\nWATCHDOG_USEC={}", it.as_micros()));
        self.say(&format!("READY=1{}", watchdog.unwrap_or_default()));
    }

    /// The agent ends.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// It still works (`WatchdogSec`), and what at.
    pub fn alive(&self, status: &str) {
        self.say(&format!("WATCHDOG=1\nSTATUS={}", status.replace('\n', " ")));
    }

    fn say(&self, message: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            tracing::debug!(%error, "systemd was not told");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn systemd_hears_it_over_a_path_and_over_a_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("failover-agent-test-{}", std::process::id());
        let ends = [
            (UnixDatagram::bind(&path).unwrap(), path.display().to_string()),
            (UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap(), format!("@{name}")),
        ];
        for (end, path) in ends {
            let systemd = Systemd::at(&path);
            systemd.ready(None);
            systemd.ready(Some(Duration::from_secs(30)));
            systemd.alive("serving\nnow");
            let mut buffer = [0; 100];
            for expected in ["READY=1", "READY=1\nWATCHDOG_USEC=30000000", "WATCHDOG=1\nSTATUS=serving now"] {
                let count = end.recv(&mut buffer).unwrap();
                assert_eq!(std::str::from_utf8(&buffer[..count]).unwrap(), expected);
            }
        }
    }

    #[test]
    fn without_systemd_nothing_is_said() {
        Systemd::default().ready(None);
        Systemd::at("/nowhere/at/all").alive("x");
    }
}
