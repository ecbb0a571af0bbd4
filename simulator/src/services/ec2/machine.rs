//! What an instance is to be like: as a launch says it, and as a launch template does.

use std::collections::BTreeMap;

use crate::model::instance::Mapping;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

use super::attributes::terminates_on_shutdown;
use super::call::Call;
use super::mapping::{self, AskedBy};
use super::tags::tags_at_creation;

#[expect(clippy::struct_excessive_bools, reason = "EC2's own switches")]
pub(super) struct Machine {
    pub(super) instance_type: String,
    pub(super) user_data: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) disable_api_termination: bool,
    pub(super) disable_api_stop: bool,
    pub(super) terminate_on_shutdown: bool,
    pub(super) profile: Option<String>,
    pub(super) metadata_tags: bool,
    pub(super) mapping: Mapping,
}

pub(super) fn read(call: &Call<'_>, input: Input<'_>, by: AskedBy) -> Result<Machine, ApiError> {
    let shutdown = input.text("InstanceInitiatedShutdownBehavior")?;
    let metadata = input.structure("MetadataOptions")?;
    let metadata_tags = metadata.map_or(Ok(None), |options| options.text("InstanceMetadataTags"))?;
    Ok(Machine {
        instance_type: input.text("InstanceType")?.unwrap_or("m1.small").to_owned(),
        user_data: input.text("UserData")?.map(str::to_owned),
        tags: tags_at_creation(input, "instance")?,
        disable_api_termination: input.flag("DisableApiTermination")?,
        disable_api_stop: input.flag("DisableApiStop")?,
        terminate_on_shutdown: shutdown.map_or(Ok(false), terminates_on_shutdown)?,
        profile: input.structure("IamInstanceProfile")?.map_or(Ok(None), profile_name)?,
        metadata_tags: metadata_tags == Some("enabled"),
        mapping: mapping::read(call, input, by)?,
    })
}

/// A profile is given by its name or by an ARN that ends with it.
fn profile_name(profile: Input<'_>) -> Result<Option<String>, ApiError> {
    let by_arn = profile.text("Arn")?.and_then(|arn| arn.rsplit('/').next());
    Ok(profile.text("Name")?.or(by_arn).map(str::to_owned))
}
