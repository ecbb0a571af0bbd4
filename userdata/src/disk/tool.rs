//! Running the system's disk tools: in the C locale, without input, within a bound.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::Stdio;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::disks::Roots;

/// A command and the package that brings it on the usual distributions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
}

pub(super) const BLKID: Tool = Tool { name: "blkid", package: "util-linux" };
pub(super) const E2FSCK: Tool = Tool { name: "e2fsck", package: "e2fsprogs" };
pub(super) const MKFS_EXT4: Tool = Tool { name: "mkfs.ext4", package: "e2fsprogs" };
pub(super) const MKFS_XFS: Tool = Tool { name: "mkfs.xfs", package: "xfsprogs" };
pub(super) const MOUNT: Tool = Tool { name: "mount", package: "util-linux" };
pub(super) const RESIZE2FS: Tool = Tool { name: "resize2fs", package: "e2fsprogs" };
pub(super) const SYNC: Tool = Tool { name: "sync", package: "coreutils" };
pub(super) const UMOUNT: Tool = Tool { name: "umount", package: "util-linux" };
pub(super) const XFS_GROWFS: Tool = Tool { name: "xfs_growfs", package: "xfsprogs" };
pub(super) const XFS_REPAIR: Tool = Tool { name: "xfs_repair", package: "xfsprogs" };

/// A service's `PATH` may lack the administrator's directories, where most of these tools are.
const FURTHER_PATH: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// How much of a tool's output is kept: enough for a person, whatever a checker prints about a damaged disk.
const KEPT_OUTPUT_BYTES: usize = 8 * 1024;

/// What the tools say, in the C locale, of a device that somebody else has. They end before they touch it.
const TAKEN: [&str; 7] = [
    // What EBUSY means, to mkfs.xfs, xfs_repair, resize2fs and some versions of the others.
    "resource busy",
    // mkfs.ext4
    "in use by the system",
    // e2fsck
    " is in use.",
    // e2fsck and mkfs.ext4; mkfs.xfs
    " is mounted",
    "contains a mounted filesystem",
    // mount
    "already mounted",
    // xfs_growfs, while another one runs
    "Resource temporarily unavailable",
];

/// A command that ended.
#[derive(Debug)]
pub(super) struct Finished {
    command: String,
    /// Its exit code; none if a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Finished {
    /// What it said, on one line.
    pub(super) fn report(&self) -> String {
        let mut lines: Vec<&str> = Vec::new();
        for line in self.stdout.lines().chain(self.stderr.lines()).map(str::trim) {
            if !line.is_empty() && !lines.contains(&line) {
                lines.push(line);
            }
        }
        if lines.is_empty() { "nothing".to_owned() } else { lines.join("; ") }
    }

    /// The failure that this end is.
    pub(super) fn failed(&self) -> ToolFault {
        let output = self.report();
        if TAKEN.iter().any(|said| output.contains(said)) {
            return ToolFault::Taken { command: self.command.clone(), output };
        }
        let status = self.code.map_or_else(|| "killed by a signal".to_owned(), |code| format!("exit code {code}"));
        ToolFault::Failed { command: self.command.clone(), status, output }
    }

    /// Itself if the exit code was 0.
    pub(super) fn success(self) -> Result<Self, ToolFault> {
        if self.code == Some(0) { Ok(self) } else { Err(self.failed()) }
    }
}

/// A command that didn't do its work.
#[derive(Debug, Error)]
pub enum ToolFault {
    /// It isn't installed.
    #[error("{tool} is not installed; install the package {package}")]
    Missing {
        /// The command.
        tool: &'static str,
        /// Where it comes from.
        package: &'static str,
    },
    /// It didn't end in time and was killed.
    #[error("{command} did not end within {waited:?}")]
    Deadline {
        /// The command line.
        command: String,
        /// How long.
        waited: Duration,
    },
    /// Somebody else has the device: a mount, or a claim.
    #[error("{command} says: {output}")]
    Taken {
        /// The command line.
        command: String,
        /// What it said.
        output: String,
    },
    /// It failed.
    #[error("{command} failed ({status}): {output}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// What it said.
        output: String,
    },
    /// It couldn't be run.
    #[error("{command} can't be run: {source}")]
    Start {
        /// The command line.
        command: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// Runs a tool to its end, or kills it after `deadline`.
///
/// A tool that hangs in the kernel can't be killed before its device answers; it isn't waited for either. Dropping the future
/// kills the tool, too.
pub(super) async fn run<S: AsRef<OsStr>>(
    roots: &Roots,
    tool: Tool,
    arguments: &[S],
    deadline: Duration,
) -> Result<Finished, ToolFault> {
    let mut command_line = tool.name.to_owned();
    for argument in arguments {
        command_line.push(' ');
        command_line.push_str(&argument.as_ref().to_string_lossy());
    }
    tracing::debug!(command = command_line, "running");
    let mut command = Command::new(tool.name);
    command.args(arguments).env("PATH", search_path(roots)).env("LANG", "C").env("LC_ALL", "C").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ToolFault::Missing { tool: tool.name, package: tool.package });
        }
        Err(source) => return Err(ToolFault::Start { command: command_line, source }),
    };
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let ended = tokio::time::timeout(deadline, async {
        let (stdout, stderr) = tokio::join!(capture(stdout), capture(stderr));
        (child.wait().await, stdout, stderr)
    });
    match ended.await {
        Err(_) => Err(ToolFault::Deadline { command: command_line, waited: deadline }),
        Ok((Err(source), ..)) => Err(ToolFault::Start { command: command_line, source }),
        Ok((Ok(status), stdout, stderr)) => Ok(Finished { command: command_line, code: status.code(), stdout, stderr }),
    }
}

fn search_path(roots: &Roots) -> OsString {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let directories = roots
        .tools
        .iter()
        .cloned()
        .chain(std::env::split_paths(&inherited))
        .chain(FURTHER_PATH.iter().map(std::path::PathBuf::from));
    // A directory with a colon in its name can't be in a search path; the system's own directories then are enough.
    std::env::join_paths(directories).unwrap_or_else(|_| FURTHER_PATH.join(":").into())
}

/// Reads to the end, so that the tool never waits for us, and keeps the beginning.
async fn capture(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => {
                let room = KEPT_OUTPUT_BYTES.saturating_sub(kept.len()).min(count);
                kept.extend(buffer.iter().take(room));
            }
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const MISSING: Tool = Tool { name: "mkfs.nobody-has", package: "nobodys-progs" };
    const SHELL: Tool = Tool { name: "sh", package: "dash" };

    #[tokio::test]
    async fn a_missing_tool_is_named_with_its_package() {
        let fault = run(&Roots::default(), MISSING, &["-q"], Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(fault.to_string(), "mkfs.nobody-has is not installed; install the package nobodys-progs");
    }

    #[tokio::test]
    async fn a_tool_that_hangs_is_ended_in_time_and_one_that_floods_is_cut() {
        let began = std::time::Instant::now();
        let fault =
            run(&Roots::default(), SHELL, &["-c", "exec sleep 60"], Duration::from_millis(300)).await.unwrap_err();
        assert!(matches!(fault, ToolFault::Deadline { .. }) && began.elapsed() < Duration::from_secs(10), "{fault}");
        let flood = "head -c 1000000 /dev/zero | tr '\\0' x; echo $LC_ALL >&2; exit 3";
        let finished = run(&Roots::default(), SHELL, &["-c", flood], Duration::from_secs(30)).await.unwrap();
        assert_eq!((finished.code, finished.stdout.len()), (Some(3), KEPT_OUTPUT_BYTES));
        assert_eq!(finished.stderr.trim(), "C");
        assert!(finished.success().unwrap_err().to_string().contains("exit code 3"));
    }
}
