//! The marker file at the filesystem's root: it binds the data to a service and says in which epoch it served last.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use failover_core::ids::{ServiceName, VolumeId, VolumeName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::volume::DataVolume;

/// The marker's name.
pub const FILE_NAME: &str = ".failover.json";

const NEW_NAME: &str = ".failover.json.new";

/// Always this long, padded with blanks: one sector, so that it can be overwritten in place when the disk is full.
const FILE_BYTES: usize = 512;

/// What is read of a file that is no marker of ours.
const LARGEST_BYTES: u64 = 64 * 1024;

/// What the marker says. Keys that a later version adds are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Whose data it is.
    pub service: ServiceName,
    /// Which of its volumes.
    pub volume: VolumeName,
    /// The EBS volume that carried the data when the marker was written; a copy of it has another.
    pub volume_id: VolumeId,
    /// The epoch in which the data was last served.
    pub epoch: u64,
    /// When the marker was written.
    pub written_at: Timestamp,
}

/// Data that may not be served here and now.
#[derive(Debug, Error)]
pub enum MarkerFault {
    /// Another service's or another volume's data.
    #[error("its marker says that it holds volume {volume} of {service} (as {volume_id}); attach the right volume")]
    Other {
        /// Whose.
        service: ServiceName,
        /// Which.
        volume: VolumeName,
        /// On what.
        volume_id: VolumeId,
    },
    /// The data knows a later epoch than the ledger.
    #[error(
        "its marker says that it served under epoch {found}, later than the ledger's {ledger}: the ledger is older than \
         the data; find out which ledger is right before anything serves"
    )]
    Later {
        /// The marker's epoch.
        found: u64,
        /// The ledger's.
        ledger: u64,
    },
    /// An older copy of the data than the one that served last.
    #[error(
        "it holds an older copy of the data: {found}, but a later one served under epoch {oldest_allowed}; attach the newest \
         volume, or accept the loss with `failover --accept-data-loss`"
    )]
    Older {
        /// What the marker says.
        found: String,
        /// The lowest epoch that is accepted.
        oldest_allowed: u64,
    },
    /// A file of that name that is no marker.
    #[error("{path} is no marker: {found}; allowed is one that the agent wrote, or none", path = path.display())]
    Garbage {
        /// The file.
        path: PathBuf,
        /// Why.
        found: String,
    },
    /// No room for the marker.
    #[error("there is no space for the marker {path}; free some space or enlarge the volume", path = path.display())]
    NoSpace {
        /// The file.
        path: PathBuf,
    },
    /// It can't be read or written.
    #[error("{operation} the marker {path}: {source}", path = path.display())]
    System {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// The marker at a filesystem's root; none if there is no such file.
pub(super) fn read(root: &Path) -> Result<Option<Marker>, MarkerFault> {
    let path = root.join(FILE_NAME);
    let failed = |source| MarkerFault::System { operation: "reading", path: path.clone(), source };
    let garbage = |found: String| MarkerFault::Garbage { path: path.clone(), found };
    match std::fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.is_file() => return Err(garbage("it isn't a regular file".to_owned())),
        Ok(_) => {}
    }
    let mut text = Vec::new();
    File::open(&path).and_then(|file| file.take(LARGEST_BYTES).read_to_end(&mut text)).map_err(failed)?;
    serde_json::from_slice(&text).map(Some).map_err(|error| garbage(error.to_string()))
}

/// Whether data with this marker may be served by the volume's service in the ledger's epoch.
pub(super) fn check(volume: &DataVolume, marker: Option<&Marker>) -> Result<(), MarkerFault> {
    if let Some(marker) = marker {
        if marker.service != volume.service || marker.volume != volume.name {
            return Err(MarkerFault::Other {
                service: marker.service.clone(),
                volume: marker.volume.clone(),
                volume_id: marker.volume_id.clone(),
            });
        }
        if marker.epoch > volume.epoch {
            return Err(MarkerFault::Later { found: marker.epoch, ledger: volume.epoch });
        }
    }
    // Data without a marker has never been served by an agent.
    if marker.map_or(0, |marker| marker.epoch) < volume.oldest_epoch {
        let found = marker.map_or_else(
            || "it has no marker".to_owned(),
            |marker| format!("its marker is of epoch {} ({})", marker.epoch, marker.written_at),
        );
        return Err(MarkerFault::Older { found, oldest_allowed: volume.oldest_epoch });
    }
    Ok(())
}

/// Writes the marker of the ledger's epoch, durably; does nothing if it is there already.
pub(super) fn write(
    root: &Path,
    volume: &DataVolume,
    found: Option<&Marker>,
    now: Timestamp,
) -> Result<(), MarkerFault> {
    if found.is_some_and(|marker| marker.epoch == volume.epoch && marker.volume_id == volume.volume_id) {
        return Ok(());
    }
    let marker = Marker {
        service: volume.service.clone(),
        volume: volume.name.clone(),
        volume_id: volume.volume_id.clone(),
        epoch: volume.epoch,
        written_at: now,
    };
    let path = root.join(FILE_NAME);
    let failed = |source| MarkerFault::System { operation: "writing", path: path.clone(), source };
    let mut text = serde_json::to_vec(&marker).map_err(|error| failed(error.into()))?;
    text.resize(text.len().max(FILE_BYTES - 1), b' ');
    text.push(b'\n');
    match replace(root, &text) {
        Err(error) if is_no_space(&error) => match overwrite(&path, &text) {
            Err(error) if is_no_space(&error) || error.kind() == io::ErrorKind::NotFound => {
                Err(MarkerFault::NoSpace { path })
            }
            done => done.map_err(failed),
        },
        done => done.map_err(failed),
    }
}

fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A new file in the old one's place: after a crash it is either one or the other.
fn replace(root: &Path, text: &[u8]) -> io::Result<()> {
    let new = root.join(NEW_NAME);
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&new).and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        });
    if let Err(error) = written.and_then(|()| std::fs::rename(&new, root.join(FILE_NAME))) {
        // Left over, it would take the place that is short.
        let _ = std::fs::remove_file(&new);
        return Err(error);
    }
    File::open(root)?.sync_all()
}

/// The same file's one sector again: needs no space, and a sector is written whole or not at all.
fn overwrite(path: &Path, text: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    if file.metadata()?.len() != text.len() as u64 || text.len() != FILE_BYTES {
        return Err(io::ErrorKind::StorageFull.into());
    }
    file.write_all_at(text, 0)?;
    file.sync_all()
}
