//! What a volume is asked to be, and what AWS makes of that: of `CreateVolume`, of a launch's mapping, of a launch template's, of `ModifyVolume`.

use crate::model::modification::{GP3_BASE_IOPS, GP3_BASE_THROUGHPUT};
use crate::model::snapshot::SnapshotState;
use crate::model::volume::Volume;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

use super::call::Call;
use super::words::{count, invalid_combination, invalid_value};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    size_gib: Option<u32>,
    volume_type: &'a str,
    iops: Option<u32>,
    throughput: Option<u32>,
    encrypted: bool,
    kms_key_id: Option<&'a str>,
    snapshot_id: Option<&'a str>,
    initialization_mib_per_second: Option<u32>,
}

/// What is possible.
#[derive(Debug, Clone)]
pub(super) struct VolumeSpec {
    pub(super) size_gib: u32,
    pub(super) volume_type: String,
    pub(super) iops: Option<u32>,
    pub(super) throughput: Option<u32>,
    pub(super) kms_key_id: Option<String>,
    pub(super) snapshot_id: Option<String>,
    pub(super) initialization_mib_per_second: Option<u32>,
}

/// Why a size is none, which operations word each in their own way.
#[derive(Debug, Clone, Copy)]
pub(super) enum WrongSize<'a> {
    Missing,
    BelowSnapshot { asked: u32, least: u32, snapshot_id: &'a str },
}

impl<'a> Asked<'a> {
    pub(super) fn read(input: Input<'a>, size_name: &str, usual_type: &'a str) -> Result<Self, ApiError> {
        Ok(Self {
            size_gib: count(input, size_name)?,
            volume_type: input.text("VolumeType")?.unwrap_or(usual_type),
            iops: count(input, "Iops")?,
            throughput: count(input, "Throughput")?,
            encrypted: input.flag("Encrypted")?,
            kms_key_id: input.text("KmsKeyId")?,
            snapshot_id: None,
            initialization_mib_per_second: None,
        })
    }

    /// The same with what only a volume that is made now can be asked.
    pub(super) fn read_restored(input: Input<'a>, size_name: &str, usual_type: &'a str) -> Result<Self, ApiError> {
        Ok(Self {
            snapshot_id: input.text("SnapshotId")?.filter(|id| !id.is_empty()),
            initialization_mib_per_second: count(input, "VolumeInitializationRate")?,
            ..Self::read(input, size_name, usual_type)?
        })
    }

    /// What a volume that is there is asked to become. What is not named stays; a new type comes with AWS's performance for it, and from gp2 to
    /// gp3 with no less than before.
    pub(super) fn read_modified(input: Input<'a>, volume: &'a Volume) -> Result<Self, ApiError> {
        let (size_gib, kind) = (count(input, "Size")?, input.text("VolumeType")?);
        let (iops, throughput) = (count(input, "Iops")?, count(input, "Throughput")?);
        if size_gib.is_none() && kind.is_none() && iops.is_none() && throughput.is_none() {
            let text = "Invalid input: Must specify at least one of size, type, iops, throughput or multi-attach.";
            return Err(ApiError::client("InvalidParameterValue", text));
        }
        let volume_type = kind.unwrap_or(&volume.volume_type);
        let (usual_iops, usual_throughput) = match (volume.volume_type.as_str(), volume_type) {
            ("gp3", "gp3") | ("io1", "io1") | ("io2", "io2") => (volume.iops, volume.throughput),
            ("gp2", "gp3") => {
                let before = gp2_throughput(volume.size_gib);
                (volume.iops.max(Some(GP3_BASE_IOPS)), Some(before.max(GP3_BASE_THROUGHPUT)))
            }
            (_, "gp3") => (Some(GP3_BASE_IOPS), Some(GP3_BASE_THROUGHPUT)),
            (_, "io1" | "io2") => (Some(GP3_BASE_IOPS), None),
            _ => (None, None),
        };
        Ok(Self {
            size_gib: size_gib.or(Some(volume.size_gib)),
            volume_type,
            iops: iops.or(usual_iops),
            throughput: throughput.or(usual_throughput),
            encrypted: false,
            kms_key_id: None,
            snapshot_id: None,
            initialization_mib_per_second: None,
        })
    }

    /// The same with a size for a volume of which none is said.
    pub(super) fn or_size(self, size_gib: u32) -> Self {
        Self { size_gib: self.size_gib.or(Some(size_gib)), ..self }
    }

    pub(super) fn check(
        self,
        call: &Call<'_>,
        wrong_size: impl Fn(WrongSize<'a>) -> ApiError,
    ) -> Result<VolumeSpec, ApiError> {
        let least = self.snapshot_id.map(|id| usable_snapshot_size(call, id)).transpose()?;
        let size_gib = self.size(least).map_err(wrong_size)?;
        check_size(self.volume_type, size_gib)?;
        self.check_initialization_rate()?;
        self.check_iops(size_gib)?;
        self.check_throughput()?;
        Ok(VolumeSpec {
            size_gib,
            volume_type: self.volume_type.to_owned(),
            iops: self.iops,
            throughput: self.throughput,
            kms_key_id: self.key(call)?,
            snapshot_id: self.snapshot_id.map(str::to_owned),
            initialization_mib_per_second: self.initialization_mib_per_second,
        })
    }

    fn size(self, least: Option<u32>) -> Result<u32, WrongSize<'a>> {
        match (self.size_gib, least) {
            (Some(asked), Some(least)) if asked < least => {
                let snapshot_id = self.snapshot_id.unwrap_or_default();
                Err(WrongSize::BelowSnapshot { asked, least, snapshot_id })
            }
            (Some(size), _) | (None, Some(size)) => Ok(size),
            (None, None) => Err(WrongSize::Missing),
        }
    }

    fn check_initialization_rate(self) -> Result<(), ApiError> {
        match self.initialization_mib_per_second {
            Some(_) if self.snapshot_id.is_none() => {
                Err(invalid_combination("VolumeInitializationRate requires a SnapshotId."))
            }
            Some(rate) if !(100..=300).contains(&rate) => {
                Err(invalid_value("volumeInitializationRate", &rate.to_string(), "Expecting 100 to 300 MiB/s."))
            }
            _ => Ok(()),
        }
    }

    fn check_iops(self, size_gib: u32) -> Result<(), ApiError> {
        let kind = self.volume_type;
        // AWS: least and most IOPS of the type, and most a GiB. Every gp3 volume has the least, however small it is.
        let (least, most, most_per_gib) = match kind {
            "gp3" => (3000, 80_000, 500),
            "io1" => (100, 64_000, 50),
            "io2" => (100, 256_000, 1000),
            _ if self.iops.is_some() => {
                return Err(invalid_combination(format!("The parameter iops is not supported for {kind} volumes.")));
            }
            _ => return Ok(()),
        };
        match self.iops {
            None if kind == "gp3" => Ok(()),
            None => Err(ApiError::client(
                "MissingParameter",
                format!("The parameter iops must be specified for {kind} volumes."),
            )),
            Some(iops) if !(least..=most).contains(&iops) => Err(ApiError::client(
                "InvalidParameterValue",
                format!("Volume iops of {iops} is not supported; expecting {least} to {most}."),
            )),
            Some(iops) if iops > least.max(size_gib.saturating_mul(most_per_gib)) => Err(ApiError::client(
                "InvalidParameterValue",
                format!(
                    "Iops to volume size ratio of {:.6} is too high; maximum is {most_per_gib}",
                    f64::from(iops) / f64::from(size_gib)
                ),
            )),
            Some(_) => Ok(()),
        }
    }

    fn check_throughput(self) -> Result<(), ApiError> {
        const MOST_PER_IOPS: f64 = 0.25;
        let Some(throughput) = self.throughput else { return Ok(()) };
        if self.volume_type != "gp3" {
            return Err(invalid_combination(format!(
                "The parameter throughput is not supported for {} volumes.",
                self.volume_type
            )));
        }
        if !(125..=2000).contains(&throughput) {
            return Err(invalid_value("throughput", &throughput.to_string(), "Expecting 125 to 2000 MiB/s."));
        }
        let ratio = f64::from(throughput) / f64::from(self.iops.unwrap_or(GP3_BASE_IOPS));
        if ratio > MOST_PER_IOPS {
            return Err(ApiError::client(
                "InvalidParameterValue",
                format!(
                    "Throughput (MiBps) to iops ratio of {ratio:.6} is too high; maximum is {MOST_PER_IOPS:.6} MiBps per iops"
                ),
            ));
        }
        Ok(())
    }

    /// A volume from an encrypted snapshot is encrypted, with the snapshot's key unless another is named.
    fn key(self, call: &Call<'_>) -> Result<Option<String>, ApiError> {
        let snapshot = self.snapshot_id.and_then(|id| call.state.snapshots.get(id));
        let inherited = snapshot.and_then(|snapshot| snapshot.kms_key_id.clone());
        if self.kms_key_id.is_some() && !self.encrypted && inherited.is_none() {
            return Err(ApiError::client(
                "InvalidParameterDependency",
                "The parameter KmsKeyId requires the parameter Encrypted to be set.",
            ));
        }
        let default_key = || format!("arn:aws:kms:{}:{}:alias/aws/ebs", call.state.region_name, call.state.account_id);
        let named = self.kms_key_id.map(str::to_owned);
        Ok(named.or(inherited).or_else(|| self.encrypted.then(default_key)))
    }
}

/// The least size that a volume made from the snapshot may have; the snapshot must be completed.
fn usable_snapshot_size(call: &Call<'_>, id: &str) -> Result<u32, ApiError> {
    call.require_snapshot(id)?;
    match call.state.snapshots.get(id) {
        Some(snapshot) if snapshot.state == SnapshotState::Completed => Ok(snapshot.volume_size_gib),
        Some(snapshot) => {
            Err(ApiError::client("IncorrectState", format!("Snapshot is in invalid state - {}", snapshot.state.name())))
        }
        None => Ok(0),
    }
}

/// AWS: what a gp2 volume of this size can do at best, in MiB/s.
const fn gp2_throughput(size_gib: u32) -> u32 {
    if size_gib <= 170 { 128 } else { 250 }
}

/// Sizes in GiB by type, as AWS documents them.
fn check_size(volume_type: &str, size_gib: u32) -> Result<(), ApiError> {
    let (least, most) = match volume_type {
        "gp2" => (1, 16_384),
        "gp3" => (1, 65_536),
        "io1" => (4, 16_384),
        "io2" => (4, 65_536),
        "st1" | "sc1" => (125, 16_384),
        "standard" => (1, 1024),
        other => {
            return Err(ApiError::client(
                "UnknownVolumeType",
                format!("Unsupported volume type '{other}' for volume creation."),
            ));
        }
    };
    if (least..=most).contains(&size_gib) {
        Ok(())
    } else {
        let why = format!("Volume of type {volume_type} must be between {least} and {most} GiB.");
        Err(invalid_value("size", &size_gib.to_string(), &why))
    }
}

/// AWS: volumes that several instances may attach are of two types.
pub(super) fn check_multi_attach(volume_type: &str, multi_attach: bool) -> Result<(), ApiError> {
    if multi_attach && !matches!(volume_type, "io1" | "io2") {
        return Err(invalid_combination(format!(
            "The parameter multiAttachEnabled is not supported for {volume_type} volumes."
        )));
    }
    Ok(())
}
