//! The metadata service as it may be on a bad day, over real sockets: each ends in a clear error within a bound, or recovers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use failover_aws::{Metadata, MetadataError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const ID: &str = "i-0123456789abcdef0";
/// One fact may take this long, whatever the service does.
const BOUND: Duration = Duration::from_secs(10);

/// What is answered to the nth request for a fact; and to requests for tokens, `token`.
type Rule = fn(usize) -> Say;

#[derive(Clone, Copy)]
enum Say {
    Status(u16, &'static str),
    /// Bytes that are no HTTP.
    Garbage,
    /// It takes the request, and says nothing.
    Silence,
    /// It hangs up.
    HangUp,
    /// A body that ends before its length.
    Cut,
    After(u64, &'static str),
}

fn fine(_: usize) -> Say {
    Say::Status(200, "the-token")
}

async fn say(mut stream: TcpStream, what: Say, is_token: bool) {
    let ttl = if is_token { "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n" } else { "" };
    let answer = |status: u16, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status} X\r\n{ttl}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    };
    let text = match what {
        Say::Status(status, body) => answer(status, body),
        Say::Garbage => "\u{1}\u{2}not http at all\r\n\r\n".to_owned(),
        Say::Silence => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            return;
        }
        Say::HangUp => return,
        Say::Cut => "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ni-01".to_owned(),
        Say::After(milliseconds, body) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            answer(200, body)
        }
    };
    // A client that gave up needs no answer.
    let _sent = stream.write_all(text.as_bytes()).await;
}

/// A metadata service that answers by rules.
async fn serve(token: Rule, fact: Rule) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counts = Arc::clone(&counts);
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let count = stream.read(&mut request).await.unwrap_or(0);
                let is_token = request[..count].starts_with(b"PUT /latest/api/token");
                let rule = if is_token { token } else { fact };
                let nth = counts[usize::from(is_token)].fetch_add(1, Ordering::Relaxed);
                say(stream, rule(nth), is_token).await;
            });
        }
    });
    url
}

async fn asked(token: Rule, fact: Rule) -> Result<String, MetadataError> {
    let metadata = Metadata::at(&serve(token, fact).await).unwrap();
    let began = Instant::now();
    let answer = metadata.instance_id().await.map(|id| id.to_string());
    assert!(began.elapsed() < BOUND, "it took {:?}", began.elapsed());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_waited_for() {
    let good: [(Rule, Rule); 4] = [
        (fine, |_| Say::Status(200, ID)),
        // Overloaded for a while.
        (fine, |nth| if nth < 2 { Say::Status(503, "") } else { Say::Status(200, ID) }),
        // A token that ran out.
        (fine, |nth| if nth == 0 { Say::Status(401, "") } else { Say::Status(200, ID) }),
        (|_| Say::After(900, "slow-token"), |_| Say::After(900, ID)),
    ];
    for (index, (token, fact)) in good.into_iter().enumerate() {
        assert_eq!(asked(token, fact).await.as_deref(), Ok(ID), "case {index}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pass_is_told_apart() {
    let path = "instance-id";
    assert_eq!(asked(fine, |_| Say::Status(401, "")).await, Err(MetadataError::Unauthorized { path }));
    assert_eq!(asked(fine, |_| Say::Status(403, "")).await, Err(MetadataError::Forbidden { path }));
    assert_eq!(asked(|_| Say::Status(403, ""), fine).await, Err(MetadataError::Forbidden { path }));
    assert_eq!(asked(fine, |_| Say::Status(404, "")).await, Err(MetadataError::Absent { path }));
    assert_eq!(asked(fine, |_| Say::Status(503, "")).await, Err(MetadataError::Overloaded { path, status: 503 }));
    assert_eq!(asked(fine, |_| Say::Status(418, "")).await, Err(MetadataError::Status { path, status: 418 }));
    let error = asked(fine, |_| Say::Status(200, "<html>not an id</html>")).await.unwrap_err();
    assert!(matches!(&error, MetadataError::Unreadable { value, .. } if value.contains("<html>")), "{error}");
    let bad: [(&str, Rule, Rule); 9] = [
        ("silence", fine, |_| Say::Silence),
        ("silence for the token", |_| Say::Silence, fine),
        ("garbage", fine, |_| Say::Garbage),
        ("garbage for the token", |_| Say::Garbage, fine),
        ("hanging up", fine, |_| Say::HangUp),
        ("hanging up at the token", |_| Say::HangUp, fine),
        ("a cut body", fine, |_| Say::Cut),
        ("a token that is none", |_| Say::Status(200, "line\nbreak"), fine),
        ("too slow", fine, |_| Say::After(30_000, ID)),
    ];
    // Each waits as long as the agent is patient: side by side.
    let mut asking = JoinSet::new();
    for (what, token, fact) in bad {
        asking.spawn(async move { (what, asked(token, fact).await) });
    }
    for (what, answer) in asking.join_all().await {
        let error = answer.unwrap_err();
        assert!(matches!(error, MetadataError::NoAnswer { .. }), "{what}: {error:?}");
        assert!(
            error.to_string().contains("the metadata service does not answer for instance-id: "),
            "{what}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_home_is_said_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let began = Instant::now();
    let error = Metadata::at(&url).unwrap().instance_id().await.unwrap_err();
    assert!(matches!(&error, MetadataError::NoAnswer { .. }), "{error}");
    assert!(began.elapsed() < BOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_absent_is_not_what_can_t_be_read() {
    let absent = Metadata::at(&serve(fine, |_| Say::Status(404, "")).await).unwrap();
    assert_eq!(absent.service_tag().await, Ok(None));
    assert_eq!(absent.target_lifecycle_state().await, Ok(None));
    assert_eq!(absent.spot_action().await, Ok(None));
    assert_eq!(absent.rebalance_recommendation().await, Ok(None));
    let spot =
        Metadata::at(&serve(fine, |_| Say::Status(200, r#"{"action":"stop","time":"2026-01-05T09:00:00Z"}"#)).await);
    assert_eq!(spot.unwrap().spot_action().await.unwrap().unwrap().action, "stop");
    let garbage = Metadata::at(&serve(fine, |_| Say::Status(200, "{")).await).unwrap();
    assert!(matches!(garbage.spot_action().await, Err(MetadataError::Unreadable { .. })));
    assert!(matches!(garbage.target_lifecycle_state().await, Err(MetadataError::Unreadable { .. })));
}

/// The program itself, pointed to such a service by AWS's own variable.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_is_wrong_with_the_metadata_service() {
    for (fact, words) in [
        ((|_| Say::Status(403, "")) as Rule, "HTTP 403"),
        (|_| Say::HangUp, "does not answer"),
        (|_| Say::Status(200, "nonsense"), "nonsense"),
    ] {
        let url = serve(fine, fact).await;
        let output = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_failover-agent"));
            command.arg("doctor").env("AWS_EC2_METADATA_SERVICE_ENDPOINT", url).env("AWS_CONFIG_FILE", "/dev/null");
            command.output().unwrap()
        });
        let output = output.await.unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(printed.lines().any(|line| line.starts_with("WRONG") && line.contains(words)), "{printed}");
    }
}
