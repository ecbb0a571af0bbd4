//! `RunInstances`.

use crate::model::instance::Launch;
use crate::model::zone::Zone;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

use super::call::{Call, Done};
use super::instances::write_reservation;
use super::machine;
use super::mapping::AskedBy;
use super::words::{count, invalid_value, missing};

/// More instances than any failover needs.
const MOST_INSTANCES: u32 = 20;

pub(super) fn run_instances(call: &mut Call<'_>) -> Done {
    let named = named_zone(call)?;
    // AWS: a request that names a zone or a subnet has a zonal token, another one a regional one.
    let scope = named.clone().unwrap_or_else(|| "region".to_owned());
    if let Some(made) = call.made_before(&scope)? {
        write_answer(call, &made);
        return Ok(());
    }
    let any = || call.state.zones.keys().next().cloned();
    let zone = named.or_else(any).ok_or_else(|| missing("Placement.AvailabilityZone"))?;
    let instances = read_count(call.input)?;
    let launch = read_launch(call, &zone)?;
    call.enter_zone(&zone)?;
    call.state.check_capacity(None, &zone, &launch.instance_type, call.now)?;
    let reservation_id = call.state.ids.id("r");
    let mut made = Vec::new();
    for _ in 0..instances {
        made.push(call.state.launch(launch.clone(), &reservation_id, call.now));
    }
    call.remember_token(&scope, made.clone())?;
    write_answer(call, &made);
    Ok(())
}

/// The zone that the request names, by a subnet, by its name or by its id.
fn named_zone(call: &Call<'_>) -> Result<Option<String>, ApiError> {
    let zones = &call.state.zones;
    let placement = call.input.structure("Placement")?;
    let name = placement.map_or(Ok(None), |placement| placement.text("AvailabilityZone"))?;
    let id = placement.map_or(Ok(None), |placement| placement.text("AvailabilityZoneId"))?;
    if let Some(subnet) = call.input.text("SubnetId")? {
        let zone = zones.values().find(|zone| zone.subnet_id == subnet).ok_or_else(|| {
            ApiError::client("InvalidSubnetID.NotFound", format!("The subnet ID '{subnet}' does not exist"))
        })?;
        return Ok(Some(zone.name.clone()));
    }
    let Some(asked) = name.or(id) else { return Ok(None) };
    let fits = |zone: &&Zone| name.is_none_or(|name| zone.name == name) && id.is_none_or(|id| zone.id == id);
    let zone = zones
        .values()
        .find(fits)
        .ok_or_else(|| ApiError::client("InvalidParameterValue", format!("Invalid availability zone: [{asked}]")))?;
    Ok(Some(zone.name.clone()))
}

fn read_count(input: Input<'_>) -> Result<u32, ApiError> {
    let least = count(input, "MinCount")?.ok_or_else(|| missing("MinCount"))?;
    let most = count(input, "MaxCount")?.ok_or_else(|| missing("MaxCount"))?;
    if least == 0 || most < least || most > MOST_INSTANCES {
        return Err(invalid_value("maxCount", &most.to_string(), "Expecting MinCount <= MaxCount <= 20."));
    }
    Ok(most)
}

fn read_launch(call: &Call<'_>, zone: &str) -> Result<Launch, ApiError> {
    let image_id = call.input.filled_text("ImageId")?;
    if !image_id.starts_with("ami-") {
        return Err(ApiError::client(
            "InvalidAMIID.Malformed",
            format!("Invalid id: \"{image_id}\" (expecting \"ami-...\")"),
        ));
    }
    let machine = machine::read(call, call.input, AskedBy::Launch)?;
    Ok(Launch {
        zone: zone.to_owned(),
        instance_type: machine.instance_type,
        image_id: image_id.to_owned(),
        tags: machine.tags,
        client_token: call.input.text("ClientToken")?.unwrap_or_default().to_owned(),
        user_data: machine.user_data,
        disable_api_termination: machine.disable_api_termination,
        disable_api_stop: machine.disable_api_stop,
        terminate_on_shutdown: machine.terminate_on_shutdown,
        workload: None,
        mapping: machine.mapping,
        profile: machine.profile,
        metadata_tags: machine.metadata_tags,
    })
}

fn write_answer(call: &mut Call<'_>, ids: &[String]) {
    let state = &*call.state;
    let instances: Vec<_> = ids.iter().filter_map(|id| state.instances.get(id)).collect();
    let reservation_id = instances.first().map(|instance| instance.reservation_id.clone()).unwrap_or_default();
    write_reservation(&mut call.xml, state, instances.into_iter(), &reservation_id, call.now);
}
