//! What is on a volume, read by a PostgreSQL of the auditor's own from a copy, with nobody in between.

use std::fs;
use std::path::Path;
use std::time::Duration;

use failover_tests::rows::Row;

use super::command::{run, succeeds};
use super::disks::{Disks, loop_device};
use super::guest::wait;

const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// PostgreSQL's data directory, below the mount.
pub(crate) const DATA: &str = "pgsql";

/// The rows on a volume as it is now, by number. PostgreSQL recovers from its log first, as it would anywhere.
pub(crate) fn rows_on(volume: &str, disks: &Disks, postgres: &Path) -> Vec<Row> {
    let folder = disks.root().join(format!("audit-{volume}"));
    let (mount, sockets, copy) = (folder.join("mount"), folder.join("run"), folder.join("image"));
    fs::create_dir_all(&mount).unwrap();
    fs::create_dir(&sockets).unwrap();
    run("chown", [Path::new("postgres:postgres"), &sockets]);
    Disks::copy(&disks.volume(volume), &copy);
    let (device, held) = loop_device(&copy);
    // XFS refuses a second file system of the same UUID; the original may be mounted still.
    let mounted = succeeds("mount", [&device, &mount])
        || succeeds("mount", [Path::new("-o"), Path::new("nouuid"), &device, &mount]);
    assert!(mounted, "{volume} can't be mounted");
    drop(held);
    let data = mount.join(DATA);
    let options = format!("-c listen_addresses= -c unix_socket_directories={}", sockets.display());
    let log = sockets.join("log");
    let control = postgres.join("pg_ctl");
    as_postgres([
        control.as_path(),
        "-D".as_ref(),
        &data,
        "-w".as_ref(),
        "-s".as_ref(),
        "-l".as_ref(),
        &log,
        "-o".as_ref(),
        options.as_ref(),
        "start".as_ref(),
    ]);
    let query = "SELECT number, instance, epoch FROM rows ORDER BY number";
    let printed = as_postgres([
        "psql".as_ref(),
        "-X".as_ref(),
        "-A".as_ref(),
        "-t".as_ref(),
        "-h".as_ref(),
        sockets.as_path(),
        "-c".as_ref(),
        query.as_ref(),
    ]);
    let stop =
        ["-D".as_ref(), data.as_path(), "-w".as_ref(), "-s".as_ref(), "-m".as_ref(), "fast".as_ref(), "stop".as_ref()];
    as_postgres([control.as_path()].into_iter().chain(stop));
    // The server's last process is on its way out when `pg_ctl` calls it stopped.
    wait("the auditor's server", ENDS_WITHIN, || succeeds("umount", [&mount]));
    printed.lines().map(|line| Row::parse(line).unwrap_or_else(|| panic!("{volume}: {line}"))).collect()
}

fn as_postgres<'a>(command: impl IntoIterator<Item = &'a Path>) -> String {
    let who = ["--reuid=postgres", "--regid=postgres", "--init-groups", "env", "-C", "/"].map(Path::new);
    run("setpriv", who.into_iter().chain(command))
}
