//! `CreateVolume`.

use crate::model::volume::VolumeRequest;
use crate::protocol::error::ApiError;

use super::call::{Call, Done};
use super::tags::tags_at_creation;
use super::volume_spec::{Asked, WrongSize, check_multi_attach};
use super::volumes::write_volume;
use super::words::missing;

pub(super) fn create(call: &mut Call<'_>) -> Done {
    let zone = zone_of_request(call)?;
    if let Some(made) = call.made_before(&zone)? {
        return write_created(call, made.first().map_or("", String::as_str));
    }
    let request = read_request(call, &zone)?;
    call.enter_zone(&zone)?;
    let id = call.state.create_volume(request, call.now);
    call.remember_token(&zone, vec![id.clone()])?;
    write_created(call, &id)
}

fn write_created(call: &mut Call<'_>, id: &str) -> Done {
    let state = &*call.state;
    if let Some(volume) = state.volumes.get(id) {
        write_volume(&mut call.xml, state, volume);
        return Ok(());
    }
    // The token's volume is gone: AWS's text for a mismatch covers this case as well.
    Err(ApiError::client(
        "IdempotentParameterMismatch",
        "The client token you have provided is associated with a resource that is already deleted. Please use a different client token.",
    )
    .into())
}

fn zone_of_request(call: &Call<'_>) -> Result<String, ApiError> {
    let zones = &call.state.zones;
    match (call.input.text("AvailabilityZone")?, call.input.text("AvailabilityZoneId")?) {
        (Some(name), _) if zones.contains_key(name) => Ok(name.to_owned()),
        (None, Some(id)) if zones.values().any(|zone| zone.id == id) => {
            Ok(zones.values().find(|zone| zone.id == id).map(|zone| zone.name.clone()).unwrap_or_default())
        }
        (None, None) => Err(missing("zone")),
        (name, id) => {
            let named = name.or(id).unwrap_or_default();
            Err(ApiError::client("InvalidZone.NotFound", format!("The zone '{named}' does not exist.")))
        }
    }
}

fn read_request(call: &Call<'_>, zone: &str) -> Result<VolumeRequest, ApiError> {
    let input = call.input;
    // AWS: gp2 unless asked otherwise.
    let spec = Asked::read_restored(input, "Size", "gp2")?.check(call, |wrong| match wrong {
        WrongSize::Missing => missing("size/snapshot"),
        WrongSize::BelowSnapshot { asked, least, snapshot_id } => ApiError::client(
            "InvalidParameterValue",
            format!("Volume of {asked}GiB is smaller than snapshot '{snapshot_id}', expect size >= {least}GiB"),
        ),
    })?;
    let multi_attach = input.flag("MultiAttachEnabled")?;
    check_multi_attach(&spec.volume_type, multi_attach)?;
    Ok(VolumeRequest {
        zone: zone.to_owned(),
        size_gib: spec.size_gib,
        volume_type: spec.volume_type,
        iops: spec.iops,
        throughput: spec.throughput,
        kms_key_id: spec.kms_key_id,
        snapshot_id: spec.snapshot_id,
        multi_attach,
        initialization_mib_per_second: spec.initialization_mib_per_second,
        tags: tags_at_creation(input, "volume")?,
    })
}
