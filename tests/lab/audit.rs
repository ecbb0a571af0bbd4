//! What is on a volume, read by a PostgreSQL of the auditor's own from a copy, with nobody in between.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::client::{Acknowledged, Row};
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

/// Every row that was acknowledged must be there, as it was acknowledged.
pub(crate) fn lost<'a>(acknowledged: &'a [Acknowledged], rows: &[Row]) -> Vec<&'a Row> {
    let there =
        |row: &Row| rows.binary_search_by_key(&row.number, |row| row.number).is_ok_and(|at| rows.get(at) == Some(row));
    acknowledged.iter().map(|acknowledged| &acknowledged.row).filter(|row| !there(row)).collect()
}

/// Rows by a server whose time was over: under a lower epoch than one before it, or by another server under the same epoch.
pub(crate) fn by_two_writers(rows: &[Row]) -> Vec<String> {
    let pairs = rows.iter().zip(rows.iter().skip(1));
    let wrong = pairs
        .filter(|(one, next)| next.epoch < one.epoch || (next.epoch == one.epoch && next.instance != one.instance));
    wrong.map(|(one, next)| format!("{one:?} and then {next:?}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64, instance: &str, epoch: u64) -> Row {
        Row { number, instance: instance.to_owned(), epoch }
    }

    fn told(row: Row) -> Acknowledged {
        Acknowledged { row, at: Duration::ZERO }
    }

    #[test]
    fn the_auditor_sees_what_is_lost_and_who_should_not_have_written() {
        let rows = [row(1, "i-1", 1), row(3, "i-1", 1), row(4, "i-2", 2)];
        assert_eq!(lost(&[told(row(1, "i-1", 1)), told(row(4, "i-2", 2))], &rows), Vec::<&Row>::new());
        let gone = [told(row(2, "i-1", 1)), told(row(4, "i-1", 1)), told(row(5, "i-2", 2))];
        assert_eq!(lost(&gone, &rows).len(), 3, "missing, other than acknowledged, or not reached");
        assert_eq!(by_two_writers(&rows), Vec::<String>::new());
        assert_eq!(by_two_writers(&[row(1, "i-2", 2), row(2, "i-1", 1)]).len(), 1, "the old server wrote again");
        assert_eq!(by_two_writers(&[row(1, "i-1", 1), row(2, "i-2", 1)]).len(), 1, "two servers in one epoch");
    }
}
