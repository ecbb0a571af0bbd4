//! Running a command: bounded in time and in what it may say. What does not end in time is killed, with what it started.

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

/// Output that is kept, from each end of a command; the rest is read and dropped, so that the command is not blocked.
const KEPT_BYTES: usize = 4 * 1024;
/// A command's children may hold its output open after it ended: they are not waited for.
const OUTPUT_TIMEOUT: Duration = Duration::from_millis(200);
/// How long a killed command may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// Something that this machine did not do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostError {
    /// The program could not be started.
    #[error("{program} could not be started: {why}")]
    NotStarted {
        /// Which.
        program: String,
        /// Why.
        why: String,
    },
    /// It did not end in time, and was killed.
    #[error("{program} did not end within {seconds} s{}", said(output))]
    TooLong {
        /// Which.
        program: String,
        /// How long it had.
        seconds: u64,
        /// What it said.
        output: String,
    },
    /// It ended, but not well.
    #[error("{program} ended with {status}{}", said(output))]
    Failed {
        /// Which.
        program: String,
        /// How.
        status: String,
        /// Its exit code, if it had one.
        code: Option<i32>,
        /// What it said.
        output: String,
    },
    /// The service is not ready.
    #[error("{0}")]
    NotReady(String),
}

fn said(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!(": {output}") }
}

/// Runs a program and waits for its end. Its output goes into the error, shortened.
pub async fn run<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
    environment: &[(&str, String)],
    within: Duration,
) -> Result<(), HostError> {
    answer(program, arguments, environment, within).await.map(drop)
}

/// The same, and what it said, shortened.
pub async fn answer<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
    environment: &[(&str, String)],
    within: Duration,
) -> Result<String, HostError> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that what it starts can be killed with it.
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| HostError::NotStarted { program: program.to_owned(), why: error.to_string() })?;
    let output = tokio::spawn(gather(child.stdout.take(), child.stderr.take()));
    let ended = tokio::time::timeout(within, child.wait()).await;
    let Ok(status) = ended else {
        kill(&mut child).await;
        let output = text(output).await;
        return Err(HostError::TooLong { program: program.to_owned(), seconds: within.as_secs(), output });
    };
    let output = text(output).await;
    match status {
        Ok(status) if status.success() => Ok(output),
        Ok(status) => Err(failed(program, status, output)),
        Err(error) => Err(HostError::NotStarted { program: program.to_owned(), why: error.to_string() }),
    }
}

/// Runs a line as `sh -c` does.
pub async fn shell(line: &str, environment: &[(&str, String)], within: Duration) -> Result<(), HostError> {
    run("sh", ["-c", line], environment, within).await
}

fn failed(program: &str, status: ExitStatus, output: String) -> HostError {
    HostError::Failed { program: program.to_owned(), status: status.to_string(), code: status.code(), output }
}

/// Kills a command and its process group. Sending a signal to a group takes `kill`: there is no safe call for it.
async fn kill(child: &mut Child) {
    if let Some(id) = child.id() {
        let group = format!("-{id}");
        let sent = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        if !tokio::time::timeout(KILL_TIMEOUT, sent).await.is_ok_and(|sent| sent.is_ok_and(|status| status.success())) {
            tracing::debug!(id, "the process group could not be killed");
        }
    }
    if child.start_kill().is_ok() {
        // One that hangs in the kernel is left to it.
        let _gone = tokio::time::timeout(KILL_TIMEOUT, child.wait()).await;
    }
}

async fn gather(stdout: Option<impl AsyncRead + Unpin>, stderr: Option<impl AsyncRead + Unpin>) -> String {
    let both = tokio::join!(first_bytes(stdout), first_bytes(stderr));
    let lines = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().replace('\n', "; ");
    let (out, err) = (lines(both.0), lines(both.1));
    [err, out].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The beginning of a stream, read to its end, or for as long as it is quiet.
async fn first_bytes(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return kept };
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let room = KEPT_BYTES.saturating_sub(kept.len()).min(count);
        kept.extend(buffer.iter().take(room));
    }
    kept
}

async fn text(gathered: tokio::task::JoinHandle<String>) -> String {
    let abort = gathered.abort_handle();
    let Ok(text) = tokio::time::timeout(OUTPUT_TIMEOUT, gathered).await else {
        abort.abort();
        return String::new();
    };
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::time::Instant;

    use super::*;

    const SOON: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn what_a_command_said_is_told() {
        let said = answer("sh", ["-c", "echo static"], &[], Duration::from_secs(5)).await.unwrap();
        assert_eq!(said, "static");
    }

    #[tokio::test]
    async fn what_a_command_says_is_in_the_error_and_bounded() {
        let error = shell("echo out; echo err >&2; exit 3", &[], Duration::from_secs(10)).await.unwrap_err();
        assert_eq!(error.to_string(), "sh ended with exit status: 3: err; out");
        let error = shell("yes | head -c 10000000; exit 1", &[], Duration::from_secs(10)).await.unwrap_err();
        assert!(error.to_string().len() < 3 * KEPT_BYTES, "{}", error.to_string().len());
        assert_eq!(shell("test \"$A\" = b", &[("A", "b".to_owned())], Duration::from_secs(10)).await, Ok(()));
    }

    #[tokio::test]
    async fn what_does_not_end_is_killed_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let mark = directory.path().join("mark");
        let began = Instant::now();
        let line = format!("(sleep 1; touch {}) & sleep 60", mark.display());
        let error = shell(&line, &[], SOON).await.unwrap_err();
        assert!(matches!(error, HostError::TooLong { .. }), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(!mark.exists(), "the child went on");
    }

    #[tokio::test]
    async fn a_child_that_holds_the_output_open_is_not_waited_for() {
        let began = Instant::now();
        shell("sleep 5 & exit 0", &[], Duration::from_secs(10)).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(3));
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = run("no-such-program", ["x"], &[], SOON).await.unwrap_err();
        assert!(error.to_string().starts_with("no-such-program could not be started: "), "{error}");
    }
}
