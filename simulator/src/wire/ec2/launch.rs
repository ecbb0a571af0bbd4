//! `RunInstances`.

use crate::model::instance::{Launch, RootDisk};
use crate::model::volume::{AttachmentState, VolumeRequest, VolumeState};
use crate::wire::AwsError;
use crate::wire::ec2::instances::write_reservation;
use crate::wire::ec2::params::{invalid_value, missing};
use crate::wire::ec2::{Call, Done};

/// More instances than any failover needs.
const MOST_INSTANCES: u32 = 20;

/// A data volume that the launch makes.
struct LaunchVolume {
    device: String,
    size_gib: u32,
    volume_type: String,
    snapshot_id: Option<String>,
    delete_on_termination: bool,
}

pub(crate) fn run_instances(call: &mut Call<'_>) -> Done {
    let zone = choose_zone(call)?;
    // AWS: a request that names a zone or a subnet has a zonal token, another one a regional one.
    let named_zone = call.params.get("SubnetId").is_some() || call.params.get("Placement.AvailabilityZone").is_some();
    let scope = if named_zone { zone.clone() } else { "region".to_owned() };
    if let Some(made) = call.made_before(&scope)? {
        write_answer(call, &made);
        return Ok(());
    }
    let (count, launch) = read_launch(call, &zone)?;
    let volumes = read_volumes(call, &launch)?;
    call.enter_zone(&zone)?;
    call.state.check_capacity(None, &zone, &launch.instance_type, call.now)?;
    let reservation_id = call.state.ids.id("r");
    let volume_tags = call.params.tags_for("volume")?;
    let mut made = Vec::new();
    for _ in 0..count {
        let id = call.state.launch(launch.clone(), &reservation_id, call.now);
        for volume in &volumes {
            put_launch_volume(call, &id, &zone, volume, volume_tags.clone());
        }
        made.push(id);
    }
    call.remember_token(&scope, made.clone());
    write_answer(call, &made);
    Ok(())
}

fn choose_zone(call: &Call<'_>) -> Result<String, AwsError> {
    let zones = &call.state.zones;
    if let Some(subnet) = call.params.get("SubnetId") {
        return zones.values().find(|zone| zone.subnet_id == subnet).map(|zone| zone.name.clone()).ok_or_else(|| {
            AwsError::client("InvalidSubnetID.NotFound", format!("The subnet ID '{subnet}' does not exist"))
        });
    }
    match call.params.get("Placement.AvailabilityZone") {
        Some(zone) if zones.contains_key(zone) => Ok(zone.to_owned()),
        Some(zone) => Err(AwsError::client("InvalidParameterValue", format!("Invalid availability zone: [{zone}]"))),
        None => zones.keys().next().cloned().ok_or_else(|| missing("Placement.AvailabilityZone")),
    }
}

fn read_launch(call: &Call<'_>, zone: &str) -> Result<(u32, Launch), AwsError> {
    let params = call.params;
    let image_id = params.required("ImageId")?;
    if !image_id.starts_with("ami-") {
        return Err(AwsError::client(
            "InvalidAMIID.Malformed",
            format!("Invalid id: \"{image_id}\" (expecting \"ami-...\")"),
        ));
    }
    let least = params.number("MinCount")?.ok_or_else(|| missing("MinCount"))?;
    let most = params.number("MaxCount")?.ok_or_else(|| missing("MaxCount"))?;
    if least == 0 || most < least || most > MOST_INSTANCES {
        return Err(invalid_value("maxCount", &most.to_string(), "Expecting MinCount <= MaxCount <= 20."));
    }
    let terminate_on_shutdown = match params.get("InstanceInitiatedShutdownBehavior") {
        None | Some("stop") => false,
        Some("terminate") => true,
        Some(other) => {
            return Err(invalid_value("instanceInitiatedShutdownBehavior", other, "Expecting stop or terminate."));
        }
    };
    let launch = Launch {
        zone: zone.to_owned(),
        instance_type: params.get("InstanceType").unwrap_or("m1.small").to_owned(),
        image_id: image_id.to_owned(),
        tags: params.tags_for("instance")?,
        client_token: params.get("ClientToken").unwrap_or_default().to_owned(),
        user_data: params.get("UserData").map(str::to_owned),
        disable_api_termination: params.flag("DisableApiTermination")?,
        terminate_on_shutdown,
        workload: None,
        root: read_root(call)?,
        profile: profile_name(params.get("IamInstanceProfile.Name"), params.get("IamInstanceProfile.Arn")),
        metadata_tags: params.get("MetadataOptions.InstanceMetadataTags") == Some("enabled"),
    };
    Ok((most, launch))
}

/// A profile is given by its name or by an ARN that ends with it.
pub(crate) fn profile_name(name: Option<&str>, arn: Option<&str>) -> Option<String> {
    name.or_else(|| arn.and_then(|arn| arn.rsplit('/').next())).map(str::to_owned)
}

fn read_root(call: &Call<'_>) -> Result<RootDisk, AwsError> {
    let mut root = RootDisk::default();
    let params = call.params;
    for prefix in params.structures("BlockDeviceMapping") {
        if params.get(&format!("{prefix}DeviceName")) == Some(RootDisk::DEVICE) {
            root.size_gib = params.number(&format!("{prefix}Ebs.VolumeSize"))?.unwrap_or(root.size_gib);
            root.delete_on_termination = params.boolean(&format!("{prefix}Ebs.DeleteOnTermination"))?.unwrap_or(true);
        }
    }
    Ok(root)
}

fn read_volumes(call: &Call<'_>, launch: &Launch) -> Result<Vec<LaunchVolume>, AwsError> {
    let params = call.params;
    let mut volumes = Vec::new();
    for prefix in params.structures("BlockDeviceMapping") {
        let device = params.required(&format!("{prefix}DeviceName"))?;
        if device == RootDisk::DEVICE {
            continue;
        }
        let snapshot_id = params.get(&format!("{prefix}Ebs.SnapshotId")).map(str::to_owned);
        let least = match &snapshot_id {
            Some(id) => crate::wire::ec2::volumes::usable_snapshot_size(call, id)?,
            None => 0,
        };
        let size_gib = params.number(&format!("{prefix}Ebs.VolumeSize"))?.unwrap_or(least);
        if size_gib == 0 || size_gib < least {
            return Err(AwsError::client(
                "InvalidBlockDeviceMapping",
                format!("The volume size of {device} is invalid for {}", launch.image_id),
            ));
        }
        volumes.push(LaunchVolume {
            device: device.to_owned(),
            size_gib,
            volume_type: params.get(&format!("{prefix}Ebs.VolumeType")).unwrap_or("gp2").to_owned(),
            snapshot_id,
            // AWS: volumes other than the root survive the instance unless asked otherwise.
            delete_on_termination: params.flag(&format!("{prefix}Ebs.DeleteOnTermination"))?,
        });
    }
    Ok(volumes)
}

fn put_launch_volume(
    call: &mut Call<'_>,
    instance_id: &str,
    zone: &str,
    volume: &LaunchVolume,
    tags: std::collections::BTreeMap<String, String>,
) {
    let request = VolumeRequest {
        zone: zone.to_owned(),
        size_gib: volume.size_gib,
        volume_type: volume.volume_type.clone(),
        iops: None,
        throughput: None,
        kms_key_id: None,
        snapshot_id: volume.snapshot_id.clone(),
        multi_attach: false,
        initialization_mib_per_second: None,
        tags,
    };
    let now = call.now;
    let id = call.state.put_volume(request, VolumeState::InUse, now);
    call.state.put_attachment(&id, instance_id, &volume.device, AttachmentState::Attached, now);
    call.state.set_delete_on_termination(instance_id, &volume.device, volume.delete_on_termination, now);
}

fn write_answer(call: &mut Call<'_>, ids: &[String]) {
    let state = &*call.state;
    let instances: Vec<_> = ids.iter().filter_map(|id| state.instances.get(id)).collect();
    let reservation_id = instances.first().map(|instance| instance.reservation_id.clone()).unwrap_or_default();
    write_reservation(&mut call.xml, state, instances.into_iter(), &reservation_id, call.now);
}
