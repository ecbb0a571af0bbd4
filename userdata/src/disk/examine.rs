//! What `doctor` says of a volume: everything is looked at, nothing is written or mounted.

use std::path::PathBuf;

use super::aside::aside;
use super::bring_up::check_settings;
use super::content::{Content, judge};
use super::device::find_bounded;
use super::disks::Disks;
use super::error::{DiskError, DiskFault, FaultSubject};
use super::marker::{self, Marker};
use super::mount;
use super::mountinfo::seen_at;
use super::volume::DataVolume;

/// What was found of one volume.
#[derive(Debug)]
pub struct Examination {
    /// Its device, if it is attached.
    pub device: Option<PathBuf>,
    /// The device's size.
    pub size_bytes: Option<u64>,
    /// What it holds.
    pub finding: DeviceContent,
    /// Where it is mounted.
    pub mounted_at: Vec<PathBuf>,
    /// The marker, which only a mounted filesystem shows.
    pub marker: Option<Marker>,
    /// What would keep it from being brought up.
    pub problems: Vec<DiskError>,
}

/// What a device holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceContent {
    /// It couldn't be told; the problems say why.
    Unknown,
    /// The filesystem that is expected.
    Filesystem {
        /// `ext4` or `xfs`.
        kind: &'static str,
        /// Its UUID.
        uuid: String,
        /// Its size.
        size_bytes: u64,
    },
    /// A formatting of ours that was interrupted and will be repeated.
    HalfFormatted,
    /// No signature. Whether it is blank is known only once all of it is read, which bringing it up does.
    NoSignature,
}

impl Disks {
    /// Looks at a volume without changing anything: neither device nor mounts.
    pub async fn examine(&self, volume: &DataVolume) -> Examination {
        let mut examination = Examination {
            device: None,
            size_bytes: None,
            finding: DeviceContent::Unknown,
            mounted_at: Vec::new(),
            marker: None,
            problems: Vec::new(),
        };
        let mut subject = FaultSubject::of(volume);
        if let Err(fault) = self.look(volume, &mut subject, &mut examination).await {
            examination.add(&subject, fault);
        }
        examination
    }

    async fn look(
        &self,
        volume: &DataVolume,
        subject: &mut FaultSubject,
        into: &mut Examination,
    ) -> Result<(), DiskFault> {
        check_settings(volume)?;
        let found = find_bounded(&self.roots, &volume.volume_id).await?;
        let Some(device) = found else {
            let serial = super::device::serial(&volume.volume_id);
            return Err(DiskFault::DeviceMissing {
                serial,
                waited: std::time::Duration::ZERO,
                seen: "not looked for".to_owned(),
            });
        };
        subject.device = Some(device.path.clone());
        into.device = Some(device.path.clone());
        into.size_bytes = Some(device.size_bytes);
        match judge(&self.roots, &self.limits, volume, &device).await {
            Ok(Content::Filesystem(holding)) => {
                into.finding = DeviceContent::Filesystem {
                    kind: super::error::filesystem_name(holding.superblock.filesystem),
                    uuid: holding.superblock.uuid,
                    size_bytes: holding.superblock.size_bytes,
                };
            }
            Ok(Content::HalfFormatted(_)) => into.finding = DeviceContent::HalfFormatted,
            Ok(Content::NoSignature) => {
                into.finding = DeviceContent::NoSignature;
                if !volume.blank_allowed {
                    into.add(subject, DiskFault::BlankNotAllowed);
                }
            }
            Err(fault) => into.add(subject, fault),
        }
        let at = mount::resolved(&volume.mount).await?;
        let mounts = mount::mounts(&self.roots)?;
        let mut parts = super::device::partitions(&self.roots, &device)?;
        parts.push(device);
        let ours = |number| parts.iter().any(|part| part.number == number);
        into.mounted_at =
            mounts.iter().filter(|mounted| ours(mounted.number)).map(|mounted| mounted.at.clone()).collect();
        match seen_at(&mounts, &at) {
            Some(mounted) if ours(mounted.number) => {
                if mounted.read_only {
                    into.add(subject, DiskFault::ReadOnly { options: mounted.options.clone() });
                }
                let root = at.clone();
                into.marker = aside("reading the marker", self.limits.stall, move || Ok(marker::read(&root)?)).await?;
                Ok(marker::check(volume, into.marker.as_ref())?)
            }
            Some(other) => Err(DiskFault::MountTaken { mount: at, found: other.source.display().to_string() }),
            None => into.mounted_at.first().map_or(Ok(()), |at| Err(DiskFault::MountedElsewhere { at: at.clone() })),
        }
    }
}

impl Examination {
    fn add(&mut self, subject: &FaultSubject, fault: DiskFault) {
        self.problems.push(DiskError { subject: Box::new(subject.clone()), fault: Box::new(fault) });
    }
}
