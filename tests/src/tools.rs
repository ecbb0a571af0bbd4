//! Programs that tests run: those of this workspace, and Python with what `requirements.txt` pins.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::must_use_candidate,
    clippy::missing_panics_doc
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The folder that this test was built into.
pub fn target_folder() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(2).expect("tests are built into deps/").to_owned()
}

/// A program of the workspace that was built along with this test.
pub fn built(program: &str, package: &str) -> PathBuf {
    let path = target_folder().join(program);
    assert!(path.exists(), "{} is not there: run `cargo test --workspace`, which builds {package}", path.display());
    path
}

/// Python with what `tests/requirements.txt` pins, in a virtual environment that is made once.
pub fn python() -> PathBuf {
    // Tests of one program run side by side.
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(make_python).clone()
}

fn make_python() -> PathBuf {
    let folder = target_folder().parent().expect("target/").join("python");
    let python = folder.join("bin/python");
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).unwrap();
    let marker = folder.join("requirements.installed");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) && python.exists() {
        return python;
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).output();
    let made = made.unwrap_or_else(|error| {
        panic!("python3 can't be run ({error}): this test needs Python 3.10 or newer with its venv module")
    });
    succeeded("python3 -m venv (Debian has it in the package python3-venv)", &made);
    let install = Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements).output();
    succeeded("pip install -r tests/requirements.txt", &install.unwrap());
    fs::write(marker, wanted).unwrap();
    python
}

/// What a program printed, if it succeeded; otherwise the test fails with what it complained of.
pub fn succeeded(what: &str, output: &Output) -> Vec<u8> {
    assert!(output.status.success(), "{what}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output.stdout.clone()
}

/// The last lines of a log.
pub fn end_of(log: &Path) -> String {
    const LINES: usize = 60;
    let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
