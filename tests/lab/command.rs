//! Programs of the machine that the lab's hardware is made with.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

/// Runs a program to its end; what it prints. The lab can't do without any of them, so that a failure ends the story.
pub(crate) fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> String {
    let output = output(program, arguments);
    let shown = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    assert!(output.status.success(), "{program}: {}: {shown} {}", output.status, complaint(&output));
    shown
}

/// Runs a program that may fail; whether it did not.
pub(crate) fn succeeds<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> bool {
    output(program, arguments).status.success()
}

fn output<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("{program} can't be run: {error}"))
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim_end().to_owned()
}
