//! Block device mappings: the volumes that a launch makes.

use std::collections::BTreeSet;

use crate::model::instance::{MappedVolume, Mapping, ROOT_DEVICE};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

use super::call::Call;
use super::tags::tags_at_creation;
use super::volume_spec::{Asked, VolumeSpec, WrongSize};

/// Who asks: a launch can name snapshots, of which it is known at once whether they can be used. A template is refused if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedBy {
    Launch,
    Template,
}

/// `BlockDeviceMapping.N` with the tags of volumes, which reach all of them, the root volume too.
pub(super) fn read(call: &Call<'_>, input: Input<'_>, by: AskedBy) -> Result<Mapping, ApiError> {
    let mut mapping = Mapping { tags: tags_at_creation(input, "volume")?, ..Mapping::default() };
    let mut devices = BTreeSet::new();
    for entry in input.list("BlockDeviceMapping")? {
        let device = entry.filled_text("DeviceName")?;
        if !devices.insert(device) {
            return Err(invalid_mapping(format!(
                "The device '{device}' is used in more than one block-device mapping"
            )));
        }
        if device == ROOT_DEVICE {
            if let Some(ebs) = entry.structure("Ebs")? {
                mapping.root = read_root(call, ebs, &mapping.root, by)?;
            }
        } else {
            mapping.others.push(read_other(call, entry, device, by)?);
        }
    }
    Ok(mapping)
}

/// What is not said of the root volume is the image's to decide.
fn read_root(call: &Call<'_>, ebs: Input<'_>, of_image: &MappedVolume, by: AskedBy) -> Result<MappedVolume, ApiError> {
    if by == AskedBy::Launch && (ebs.has("SnapshotId")? || ebs.has("VolumeInitializationRate")?) {
        return Err(invalid_mapping("snapshotId cannot be modified on root device"));
    }
    let asked = Asked::read(ebs, "VolumeSize", &of_image.volume_type)?.or_size(of_image.size_gib);
    let spec = asked.check(call, |_| invalid_size(ROOT_DEVICE))?;
    let delete = ebs.boolean("DeleteOnTermination")?.unwrap_or(of_image.delete_on_termination);
    Ok(mapped(spec, ROOT_DEVICE, delete))
}

fn read_other(call: &Call<'_>, entry: Input<'_>, device: &str, by: AskedBy) -> Result<MappedVolume, ApiError> {
    let ebs = entry.structure("Ebs")?.ok_or_else(|| invalid_size(device))?;
    let asked = match by {
        AskedBy::Launch => Asked::read_restored(ebs, "VolumeSize", "gp2")?,
        AskedBy::Template => Asked::read(ebs, "VolumeSize", "gp2")?,
    };
    let spec = asked.check(call, |wrong| match wrong {
        WrongSize::Missing => invalid_size(device),
        WrongSize::BelowSnapshot { asked, least, snapshot_id } => invalid_mapping(format!(
            "Volume of size {asked}GB is smaller than snapshot '{snapshot_id}', expect size>= {least}GB"
        )),
    })?;
    // AWS: volumes other than the root survive the instance unless asked otherwise.
    Ok(mapped(spec, device, ebs.flag("DeleteOnTermination")?))
}

fn mapped(spec: VolumeSpec, device: &str, delete_on_termination: bool) -> MappedVolume {
    MappedVolume {
        device: device.to_owned(),
        size_gib: spec.size_gib,
        volume_type: spec.volume_type,
        iops: spec.iops,
        throughput: spec.throughput,
        kms_key_id: spec.kms_key_id,
        snapshot_id: spec.snapshot_id,
        initialization_mib_per_second: spec.initialization_mib_per_second,
        delete_on_termination,
    }
}

fn invalid_size(device: &str) -> ApiError {
    invalid_mapping(format!("The volume size of {device} is invalid"))
}

fn invalid_mapping(message: impl Into<String>) -> ApiError {
    ApiError::client("InvalidBlockDeviceMapping", message)
}
