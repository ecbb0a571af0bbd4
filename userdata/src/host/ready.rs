//! Readiness: one probe, as the spec says it.

use std::time::Duration;

use failover_core::spec::Ready;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::command::{HostError, run, shell};

/// The longest status line that is read.
const STATUS_LINE_BYTES: u64 = 1024;

/// Asks once.
pub async fn probe(ready: &Ready, within: Duration) -> Result<(), HostError> {
    match ready {
        Ready::Command(line) => shell(line, &[], within).await,
        Ready::Http(url) if url.starts_with("https://") => over_tls(url, within).await,
        Ready::Tcp(endpoint) => bounded(endpoint, within, connect(endpoint)).await.map(drop),
        Ready::Http(url) => bounded(url, within, get(url)).await,
    }
}

async fn bounded<T>(
    what: &str,
    within: Duration,
    asked: impl Future<Output = Result<T, HostError>>,
) -> Result<T, HostError> {
    let too_late = || not_ready(what, format!("no answer within {} s", within.as_secs_f32()));
    tokio::time::timeout(within, asked).await.unwrap_or_else(|_| Err(too_late()))
}

fn not_ready(what: &str, why: impl std::fmt::Display) -> HostError {
    HostError::NotReady(format!("{what}: {why}"))
}

async fn connect(endpoint: &str) -> Result<TcpStream, HostError> {
    TcpStream::connect(endpoint).await.map_err(|error| not_ready(endpoint, error))
}

/// A GET whose answer is 2xx. A health check on this machine needs no more of HTTP than its status line.
async fn get(url: &str) -> Result<(), HostError> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let endpoint = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    let mut stream = connect(&endpoint).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: failover-agent\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    let failed = |error: std::io::Error| not_ready(url, error);
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut line = Vec::new();
    let mut limited = stream.take(STATUS_LINE_BYTES);
    while !line.contains(&b'\n') {
        let mut buffer = [0; 256];
        match limited.read(&mut buffer).await.map_err(failed)? {
            0 => break,
            count => line.extend(buffer.iter().take(count)),
        }
    }
    let line = String::from_utf8_lossy(&line);
    let line = line.lines().next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/"));
    match words.next().and_then(|word| word.parse::<u16>().ok()).filter(|_| is_http) {
        Some(200..=299) => Ok(()),
        Some(status) => Err(not_ready(url, format!("HTTP {status}"))),
        None => Err(not_ready(url, format!("{line:?} is no answer of HTTP"))),
    }
}

/// TLS takes a client that knows the machine's certificates: `curl`.
async fn over_tls(url: &str, within: Duration) -> Result<(), HostError> {
    let seconds = within.as_secs().max(1).to_string();
    let arguments = ["--fail", "--silent", "--show-error", "--output", "/dev/null", "--max-time", &seconds, "--", url];
    match run("curl", arguments, &[], within + Duration::from_secs(1)).await {
        Err(HostError::NotStarted { why, .. }) => {
            Err(not_ready(url, format!("curl could not be started ({why}): install the package curl")))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_millis(500);

    /// Answers once, with `answer`; none: never.
    async fn server(answer: Option<&'static str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let _ = stream.read(&mut request).await;
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => std::future::pending().await,
            }
        });
        address
    }

    #[tokio::test]
    async fn only_a_status_of_2xx_is_ready() {
        let table = [
            (Some("HTTP/1.1 200 OK\r\n\r\n"), Ok(())),
            (Some("HTTP/1.0 204 No Content\r\n\r\n"), Ok(())),
            (Some("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Err("HTTP 503")),
            (Some("HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n"), Err("HTTP 301")),
            (Some("SSH-2.0-OpenSSH\r\n"), Err("is no answer of HTTP")),
            (Some(""), Err("is no answer of HTTP")),
            (None, Err("no answer within")),
        ];
        for (answer, expected) in table {
            let url = format!("http://{}/health?a=b", server(answer).await);
            match (probe(&Ready::Http(url), SOON).await, expected) {
                (Ok(()), Ok(())) => {}
                (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{answer:?}: {error}"),
                (got, _) => panic!("{answer:?}: {got:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_port_is_ready_when_it_accepts() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Ready::Tcp(listener.local_addr().unwrap().to_string());
        assert_eq!(probe(&endpoint, SOON).await, Ok(()));
        drop(listener);
        assert!(probe(&endpoint, SOON).await.is_err());
    }
}
