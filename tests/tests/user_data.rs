//! User data as it is shipped: its copies agree, the checkers of its formats find nothing, and in a sandbox it installs what it should,
//! or nothing at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use failover_tests::say;
use failover_tests::tools::{python, succeeded, target_folder};

const SCRIPT: &str = include_str!("../../userdata/user-data.sh");
const CLOUD_CONFIG: &str = include_str!("../../userdata/cloud-init.yaml");
const UNIT: &str = include_str!("../../userdata/failover-agent.service");
/// EC2's limit, before Base64.
const MOST_BYTES: usize = 16 * 1024;

#[test]
fn user_data_carries_the_unit_and_the_script_as_they_are() {
    let (_, rest) = SCRIPT.split_once("<<'UNIT'\n").unwrap();
    let (unit, _) = rest.split_once("UNIT\n").unwrap();
    assert_eq!(unit, UNIT, "user-data.sh has another unit than failover-agent.service");
    let (_, rest) = CLOUD_CONFIG.split_once("content: |\n").unwrap();
    let (script, _) = rest.split_once("runcmd:\n").unwrap();
    let script: Vec<&str> = script.lines().map(|line| line.strip_prefix("      ").unwrap_or(line)).collect();
    assert_eq!(script, SCRIPT.lines().collect::<Vec<_>>(), "cloud-init.yaml has another script than user-data.sh");
    for text in [SCRIPT, CLOUD_CONFIG] {
        assert!(text.len() < MOST_BYTES / 2, "{} bytes leave little room for the user's own", text.len());
    }
}

#[test]
fn shellcheck_finds_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let shellcheck = python().with_file_name("shellcheck");
    let scripts = [
        "userdata/user-data.sh",
        "userdata/build.sh",
        "deploy/binary.sh",
        "deploy/package.sh",
        "tests/machine/image.sh",
        "tests/baseline/user-data.sh",
    ];
    let output = Command::new(shellcheck).arg("--external-sources").args(scripts).current_dir(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_file_that_no_instance_could_run_is_not_handed_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (script, option) in [("userdata/build.sh", "--binary"), ("deploy/package.sh", "--bootstrap")] {
        let mut command = Command::new("bash");
        command.arg(script).args([option, "README.md", "--out", "/nowhere/at-all"]).current_dir(root);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("README.md is no x86-64 Linux binary"), "{told}");
        assert!(!Path::new("/nowhere").exists());
    }
}

#[test]
fn cloud_init_knows_every_key() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../userdata/cloud-init.yaml");
    let mut command = Command::new("cloud-init");
    match command.args(["schema", "--config-file"]).arg(file).stdin(Stdio::null()).output() {
        Err(error) => say(&format!(
            "cloud_init_knows_every_key: skipped, cloud-init can't be run: {error} (the machine test asks it, too)"
        )),
        Ok(output) => {
            let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success() && told.contains("Valid"), "{told}");
        }
    }
}

/// What answers to `--version`: all that the script asks of the binary.
const BINARY: &str = "#!/bin/bash\necho agent of the sandbox \"$@\"\n";
const INSTALLED: &str = "/usr/local/bin/failover-agent";

#[test]
fn it_installs_from_the_web_enables_and_starts() {
    let Some(sandbox) = Sandbox::make("web", BINARY) else { return };
    let digest = sandbox.digest();
    let told = sandbox.run(&[
        ("AGENT_URL", "https://example.com/agent"),
        ("AGENT_SHA256", &digest),
        ("SERVICE", "billing-db"),
    ]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.printed.contains("agent of the sandbox --version"), "{told:?}");
    assert_eq!(told.files["agent.toml"], "service = \"billing-db\"\ntable = \"failover\"\n");
    assert_eq!(told.files["failover-agent.service"], UNIT);
    assert_eq!(told.files["failover-agent"], BINARY);
    let wanted = "daemon-reload\nenable failover-agent.service\nstart --no-block failover-agent.service\n";
    assert_eq!(told.files["systemctl.log"], wanted);
    assert!(told.files["fetch.log"].starts_with("curl --fail"), "{told:?}");
}

#[test]
fn it_installs_from_s3_and_leaves_the_service_to_the_tag() {
    let Some(sandbox) = Sandbox::make("s3", BINARY) else { return };
    let digest = sandbox.digest();
    let told = sandbox.run(&[("AGENT_URL", "s3://bucket/agent"), ("AGENT_SHA256", &digest), ("TABLE", "")]);
    assert_eq!(told.code, 0, "{told:?}");
    assert_eq!(told.files["agent.toml"], "", "no table: the agent is standalone; no service: the tag names it");
    assert!(
        told.files["fetch.log"].starts_with("aws s3 cp --only-show-errors s3://bucket/agent /usr/local/bin/"),
        "{told:?}"
    );
}

#[test]
fn it_takes_the_binary_of_the_image() {
    let Some(sandbox) = Sandbox::make("image", BINARY) else { return };
    fs::write(sandbox.folder.join("in-image"), "").unwrap();
    let told = sandbox.run(&[]);
    assert_eq!(told.code, 0, "{told:?}");
    assert_eq!(told.files["failover-agent"], BINARY);
    let told = sandbox.run(&[("AGENT_SHA256", &"0".repeat(64))]);
    told.refused_with(&format!("the SHA-256 of {INSTALLED} is {}, not {}", sandbox.digest(), "0".repeat(64)));
}

#[test]
fn it_installs_nothing_that_it_can_not_trust_or_run() {
    let Some(sandbox) = Sandbox::make("refused", BINARY) else { return };
    let url = ("AGENT_URL", "https://example.com/agent");
    let digest = sandbox.digest();
    let good = ("AGENT_SHA256", digest.as_str());
    let zeros = "0".repeat(64);
    let wrong = format!("the SHA-256 of https://example.com/agent is {digest}, not {zeros}");
    sandbox.run(&[url, ("AGENT_SHA256", &zeros)]).refused_with(&wrong);
    sandbox.run(&[url]).refused_with("AGENT_SHA256 is empty");
    sandbox.run(&[]).refused_with("AGENT_URL is empty, and the image has no /usr/local/bin/failover-agent");
    sandbox.run(&[("AGENT_URL", "bucket/agent"), good]).refused_with("it begins with https://, http:// or s3://");
    fs::remove_file(sandbox.folder.join("tools/aws")).unwrap();
    sandbox.run(&[("AGENT_URL", "s3://bucket/agent"), good]).refused_with("needs the AWS CLI, which this image lacks");

    let Some(sandbox) = Sandbox::make("foreign", "#!/bin/bash\nexit 126\n") else { return };
    sandbox.run(&[url, ("AGENT_SHA256", &sandbox.digest())]).refused_with("does not run on this machine");
    fs::remove_file(sandbox.folder.join("agent")).unwrap();
    let told = sandbox.run(&[url, ("AGENT_SHA256", &zeros)]);
    told.refused_with("https://example.com/agent can't be had");
    assert_eq!(told.files["fetch.log"].lines().count(), 6, "it is tried again: {told:?}");
}

/// A mount namespace in which `/etc` and `/usr/local` are empty, and only these tools are there.
struct Sandbox {
    folder: PathBuf,
}

/// Everything that the script may need of an image, besides systemctl and something to download with.
const TOOLS: [&str; 13] =
    ["bash", "cat", "chmod", "cut", "echo", "id", "mkdir", "mktemp", "mount", "mv", "rm", "sha256sum", "timeout"];
/// Both write what they were called with to a log.
const SYSTEMCTL: &str = "#!/bin/bash\necho \"$@\" >>\"$SANDBOX/out/systemctl.log\"\n";
/// The destination is the last argument, or the one of `--output`.
const FETCH: &str = "#!/bin/bash
echo \"${0##*/} $*\" >>\"$SANDBOX/out/fetch.log\"
while (($# > 0)); do
    [ \"$1\" != --output ] || { to=$2; break; }
    to=$1
    shift
done
cat \"$SANDBOX/agent\" >\"$to\"
";
const ENTER: &str = "set -e
mount -t tmpfs none /etc
mount -t tmpfs none /usr/local
mkdir -p /etc/systemd/system /usr/local/bin
if [ -e \"$SANDBOX/in-image\" ]; then
    cat \"$SANDBOX/agent\" >/usr/local/bin/failover-agent
    chmod 0755 /usr/local/bin/failover-agent
fi
code=0
PATH=$SANDBOX/tools bash \"$SANDBOX/user-data.sh\" || code=$?
for file in /etc/failover/* /etc/systemd/system/* /usr/local/bin/*; do
    [ ! -e \"$file\" ] || cat \"$file\" >\"$SANDBOX/out/${file##*/}\"
done
exit $code
";

/// What a run in the sandbox came to.
#[derive(Debug)]
struct Told {
    code: i32,
    printed: String,
    /// What it left, and what it called.
    files: BTreeMap<String, String>,
    /// Whether the image has the binary.
    in_image: bool,
}

impl Told {
    fn refused_with(&self, why: &str) {
        assert_eq!(self.code, 1, "{self:?}");
        assert!(self.printed.contains("failover-agent was not installed: "), "{self:?}");
        assert!(self.printed.contains(why), "{why}: {self:?}");
        // The image's own stays; no other, no configuration, no unit, nothing half downloaded.
        let own = |name: &str| name == "fetch.log" || (self.in_image && name == "failover-agent");
        assert!(self.files.keys().all(|name| own(name)), "{self:?}");
    }
}

impl Sandbox {
    /// None, with the reason printed, where namespaces can't be made.
    fn make(name: &str, binary: &str) -> Option<Self> {
        let folder = target_folder().parent().unwrap().join(format!("user-data-{name}-{}", std::process::id()));
        let sandbox = Self { folder };
        let tools = sandbox.folder.join("tools");
        fs::create_dir_all(&tools).unwrap();
        for tool in TOOLS {
            let found = succeeded(tool, &Command::new("which").arg(tool).output().unwrap());
            let found = String::from_utf8(found).unwrap();
            std::os::unix::fs::symlink(found.trim(), tools.join(tool)).unwrap();
        }
        // Nobody waits between tries.
        let scripts = [("systemctl", SYSTEMCTL), ("curl", FETCH), ("aws", FETCH), ("sleep", "#!/bin/bash\n")];
        for (tool, script) in scripts {
            write_executable(&tools.join(tool), script);
        }
        write_executable(&sandbox.folder.join("agent"), binary);
        let tried = sandbox.enter("true");
        if !tried.status.success() {
            let why = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
            say(&format!("user_data: skipped, there is no namespace to try it in: {why}"));
            return None;
        }
        Some(sandbox)
    }

    /// Runs the script with its variables filled in.
    fn run(&self, variables: &[(&str, &str)]) -> Told {
        let mut script = SCRIPT.to_owned();
        for (name, value) in variables {
            let line = script.lines().find(|line| line.starts_with(&format!("{name}="))).unwrap().to_owned();
            script = script.replacen(&line, &format!("{name}=\"{value}\""), 1);
        }
        fs::write(self.folder.join("user-data.sh"), script).unwrap();
        let out = self.folder.join("out");
        if out.exists() {
            fs::remove_dir_all(&out).unwrap();
        }
        fs::create_dir(&out).unwrap();
        let output = self.enter(ENTER);
        let files = fs::read_dir(out).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
        });
        let files = files.collect();
        let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Told {
            code: output.status.code().unwrap_or(-1),
            printed,
            files,
            in_image: self.folder.join("in-image").exists(),
        }
    }

    fn enter(&self, script: &str) -> Output {
        let mut command = Command::new("unshare");
        // Root of a namespace of its own, so that it works for everybody whose kernel allows it.
        command.args(["--user", "--map-root-user", "--mount", "bash", "-c", script]);
        command.env("SANDBOX", &self.folder).stdin(Stdio::null()).output().expect("util-linux")
    }

    fn digest(&self) -> String {
        let printed =
            succeeded("sha256sum", &Command::new("sha256sum").arg(self.folder.join("agent")).output().unwrap());
        String::from_utf8(printed).unwrap().split(' ').next().unwrap().to_owned()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn write_executable(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
