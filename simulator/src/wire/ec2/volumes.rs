//! Volumes on the wire: create, describe, attach, detach, delete.

use crate::model::snapshot::SnapshotState;
use crate::model::volume::{Volume, VolumeRequest};
use crate::protocol::xml::Xml;
use crate::state::State;
use crate::wire::AwsError;
use crate::wire::ec2::filter::{Page, VOLUME, all_pass, filters};
use crate::wire::ec2::params::{Params, invalid_value, missing};
use crate::wire::ec2::{Call, Done, select, write_tags};

const FILTERS: &[&str] = &[
    "attachment.delete-on-termination",
    "attachment.device",
    "attachment.instance-id",
    "attachment.status",
    "availability-zone",
    "encrypted",
    "size",
    "snapshot-id",
    "status",
    "tag-key",
    "tag-value",
    "volume-id",
    "volume-type",
];

pub(crate) fn describe(call: &mut Call<'_>) -> Done {
    let params = call.params;
    let ids = params.list("VolumeId");
    let filters = filters(params, FILTERS)?;
    let page = Page::read(params, !ids.is_empty())?;
    if call.state.timing.zone_down.describe_volumes_alike {
        let zones: Vec<Option<String>> =
            ids.iter().map(|id| call.state.volumes.get(id).map(|volume| volume.zone.clone())).collect();
        call.read_across_zones(&zones.iter().map(Option::as_deref).collect::<Vec<_>>())?;
    }
    let state = &*call.state;
    let passes = |volume: &Volume| all_pass(&filters, &volume.tags, &|name, each| values(volume, name, each));
    let found = select(&state.volumes, &ids, VOLUME, call.as_of, passes)?;
    let (shown, token) = page.cut(found, |volume| &volume.id);
    call.xml.element("volumeSet", |xml| {
        for volume in shown {
            xml.element("item", |xml| write_volume(xml, state, volume));
        }
    });
    call.xml.optional("nextToken", token.as_deref());
    Ok(())
}

fn values(volume: &Volume, name: &str, each: &mut dyn FnMut(&str)) {
    let attachment = volume.attachment.as_ref();
    match (name, attachment) {
        ("attachment.delete-on-termination", Some(attachment)) => each(truth_value(attachment.delete_on_termination)),
        ("attachment.device", Some(attachment)) => each(&attachment.device),
        ("attachment.instance-id", Some(attachment)) => each(&attachment.instance_id),
        ("attachment.status", Some(attachment)) => each(attachment.state.name()),
        ("availability-zone", _) => each(&volume.zone),
        ("encrypted", _) => each(truth_value(volume.kms_key_id.is_some())),
        ("size", _) => each(&volume.size_gib.to_string()),
        ("snapshot-id", _) => each(volume.snapshot_id.as_deref().unwrap_or_default()),
        ("status", _) => each(volume.state.name()),
        ("volume-id", _) => each(&volume.id),
        ("volume-type", _) => each(&volume.volume_type),
        _ => {}
    }
}

pub(crate) const fn truth_value(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn write_volume(xml: &mut Xml, state: &State, volume: &Volume) {
    xml.text("volumeId", &volume.id);
    xml.plain("size", volume.size_gib);
    xml.text("snapshotId", volume.snapshot_id.as_deref().unwrap_or_default());
    xml.text("availabilityZone", &volume.zone);
    if let Some(zone) = state.zones.get(&volume.zone) {
        xml.text("availabilityZoneId", &zone.id);
    }
    xml.text("status", volume.state.name());
    xml.time("createTime", state.clock.wall(volume.created_at));
    xml.element("attachmentSet", |xml| {
        if volume.attachment.is_some() {
            xml.element("item", |xml| {
                write_attachment(xml, state, volume);
            });
        }
    });
    xml.text("volumeType", &volume.volume_type);
    if let Some(iops) = volume.iops {
        xml.plain("iops", iops);
    }
    if let Some(throughput) = volume.throughput {
        xml.plain("throughput", throughput);
    }
    xml.plain("encrypted", volume.kms_key_id.is_some());
    xml.optional("kmsKeyId", volume.kms_key_id.as_deref());
    xml.plain("multiAttachEnabled", volume.multi_attach);
    if let Some(rate) = volume.initialization_mib_per_second {
        xml.plain("volumeInitializationRate", rate);
    }
    write_tags(xml, &volume.tags);
}

fn write_attachment(xml: &mut Xml, state: &State, volume: &Volume) {
    let Some(attachment) = &volume.attachment else { return };
    xml.text("volumeId", &volume.id);
    xml.text("instanceId", &attachment.instance_id);
    xml.text("device", &attachment.device);
    xml.text("status", attachment.state.name());
    xml.time("attachTime", state.clock.wall(attachment.attached_at));
    xml.plain("deleteOnTermination", attachment.delete_on_termination);
}

pub(crate) fn create(call: &mut Call<'_>) -> Done {
    let zone = zone_of_request(call)?;
    if let Some(made) = call.made_before(&zone)? {
        return write_created(call, made.first().map_or("", String::as_str));
    }
    let request = read_request(call, &zone)?;
    call.enter_zone(&zone)?;
    let id = call.state.create_volume(request, call.now);
    call.remember_token(&zone, vec![id.clone()]);
    write_created(call, &id)
}

fn write_created(call: &mut Call<'_>, id: &str) -> Done {
    let state = &*call.state;
    if let Some(volume) = state.volumes.get(id) {
        write_volume(&mut call.xml, state, volume);
        return Ok(());
    }
    // The token's volume is gone: AWS's text for a mismatch covers this case as well.
    Err(AwsError::client(
        "IdempotentParameterMismatch",
        "The client token you have provided is associated with a resource that is already deleted.",
    )
    .into())
}

fn zone_of_request(call: &Call<'_>) -> Result<String, AwsError> {
    let zones = &call.state.zones;
    match (call.params.get("AvailabilityZone"), call.params.get("AvailabilityZoneId")) {
        (Some(name), _) if zones.contains_key(name) => Ok(name.to_owned()),
        (None, Some(id)) if zones.values().any(|zone| zone.id == id) => {
            Ok(zones.values().find(|zone| zone.id == id).map(|zone| zone.name.clone()).unwrap_or_default())
        }
        (None, None) => Err(missing("zone")),
        (name, id) => {
            let named = name.or(id).unwrap_or_default();
            Err(AwsError::client("InvalidZone.NotFound", format!("The zone '{named}' does not exist.")))
        }
    }
}

/// The least size that a volume made from the snapshot may have; the snapshot must be completed.
pub(crate) fn usable_snapshot_size(call: &Call<'_>, id: &str) -> Result<u32, AwsError> {
    call.require_snapshot(id)?;
    match call.state.snapshots.get(id) {
        Some(snapshot) if snapshot.state == SnapshotState::Completed => Ok(snapshot.volume_size_gib),
        Some(snapshot) => {
            Err(AwsError::client("IncorrectState", format!("Snapshot is in invalid state - {}", snapshot.state.name())))
        }
        None => Ok(0),
    }
}

fn read_request(call: &Call<'_>, zone: &str) -> Result<VolumeRequest, AwsError> {
    let params = call.params;
    let snapshot_id = params.get("SnapshotId").filter(|id| !id.is_empty());
    let least = snapshot_id.map(|id| usable_snapshot_size(call, id)).transpose()?;
    let size_gib = match (params.number("Size")?, least) {
        (Some(asked), Some(least)) if asked < least => {
            return Err(AwsError::client(
                "InvalidParameterValue",
                format!(
                    "Volume of {asked}GiB is smaller than snapshot '{}', expect size >= {least}GiB",
                    snapshot_id.unwrap_or_default()
                ),
            ));
        }
        (Some(asked), _) => asked,
        (None, Some(least)) => least,
        (None, None) => return Err(missing("size/snapshot")),
    };
    // AWS: gp2 unless asked otherwise.
    let volume_type = params.get("VolumeType").unwrap_or("gp2");
    check_size(volume_type, size_gib)?;
    let rate = params.number("VolumeInitializationRate")?;
    if let Some(rate) = rate {
        check_initialization_rate(rate, snapshot_id.is_some())?;
    }
    let inherited_key =
        snapshot_id.and_then(|id| call.state.snapshots.get(id)).and_then(|snapshot| snapshot.kms_key_id.clone());
    Ok(VolumeRequest {
        zone: zone.to_owned(),
        size_gib,
        volume_type: volume_type.to_owned(),
        iops: read_iops(params, volume_type)?,
        throughput: read_throughput(params, volume_type)?,
        kms_key_id: read_key(call, inherited_key)?,
        snapshot_id: snapshot_id.map(str::to_owned),
        multi_attach: params.flag("MultiAttachEnabled")?,
        initialization_mib_per_second: rate,
        tags: params.tags_for("volume")?,
    })
}

/// Sizes in GiB by type, as AWS documents them.
fn check_size(volume_type: &str, size_gib: u32) -> Result<(), AwsError> {
    let (least, most) = match volume_type {
        "gp2" => (1, 16_384),
        "gp3" => (1, 65_536),
        "io1" => (4, 16_384),
        "io2" => (4, 65_536),
        "st1" | "sc1" => (125, 16_384),
        "standard" => (1, 1024),
        other => {
            return Err(AwsError::client(
                "UnknownVolumeType",
                format!("Unsupported volume type '{other}' for volume creation."),
            ));
        }
    };
    if (least..=most).contains(&size_gib) {
        Ok(())
    } else {
        Err(invalid_value(
            "size",
            &size_gib.to_string(),
            &format!("Volume of type {volume_type} must be between {least} and {most} GiB."),
        ))
    }
}

fn check_initialization_rate(rate: u32, from_snapshot: bool) -> Result<(), AwsError> {
    if !from_snapshot {
        return Err(AwsError::client("InvalidParameterCombination", "VolumeInitializationRate requires a SnapshotId."));
    }
    if (100..=300).contains(&rate) {
        Ok(())
    } else {
        Err(invalid_value("volumeInitializationRate", &rate.to_string(), "Expecting 100 to 300 MiB/s."))
    }
}

fn read_iops(params: &Params, volume_type: &str) -> Result<Option<u32>, AwsError> {
    let (least, most) = match (volume_type, params.number("Iops")?) {
        ("io1" | "io2", None) => {
            return Err(AwsError::client(
                "MissingParameter",
                format!("The parameter iops must be specified for {volume_type} volumes."),
            ));
        }
        (_, None) => return Ok(None),
        ("gp3", Some(_)) => (3000, 80_000),
        ("io1", Some(_)) => (100, 64_000),
        ("io2", Some(_)) => (100, 256_000),
        (other, Some(_)) => {
            return Err(AwsError::client(
                "InvalidParameterCombination",
                format!("The parameter iops is not supported for {other} volumes."),
            ));
        }
    };
    match params.number("Iops")? {
        Some(iops) if !(least..=most).contains(&iops) => Err(AwsError::client(
            "InvalidParameterValue",
            format!("Volume iops of {iops} is not supported; expecting {least} to {most}."),
        )),
        asked => Ok(asked),
    }
}

fn read_throughput(params: &Params, volume_type: &str) -> Result<Option<u32>, AwsError> {
    match params.number("Throughput")? {
        None => Ok(None),
        Some(_) if volume_type != "gp3" => Err(AwsError::client(
            "InvalidParameterCombination",
            format!("The parameter throughput is not supported for {volume_type} volumes."),
        )),
        Some(asked) if !(125..=2000).contains(&asked) => {
            Err(invalid_value("throughput", &asked.to_string(), "Expecting 125 to 2000 MiB/s."))
        }
        asked => Ok(asked),
    }
}

/// A volume from an encrypted snapshot is encrypted, with the snapshot's key unless another is named.
fn read_key(call: &Call<'_>, inherited: Option<String>) -> Result<Option<String>, AwsError> {
    let (encrypted, named) = (call.params.flag("Encrypted")?, call.params.get("KmsKeyId").map(str::to_owned));
    if named.is_some() && !encrypted && inherited.is_none() {
        return Err(AwsError::client(
            "InvalidParameterDependency",
            "The parameter KmsKeyId requires the parameter Encrypted to be set.",
        ));
    }
    let default_key = || format!("arn:aws:kms:{}:{}:alias/aws/ebs", call.state.region_name, call.state.account_id);
    Ok(named.or(inherited).or_else(|| encrypted.then(default_key)))
}

pub(crate) fn attach(call: &mut Call<'_>) -> Done {
    let params = call.params;
    let (volume_id, instance_id, device) =
        (params.required("VolumeId")?, params.required("InstanceId")?, params.required("Device")?);
    call.require_volume(volume_id)?;
    call.require_instance(instance_id)?;
    if !device.starts_with("/dev/") && !device.starts_with("xvd") {
        return Err(invalid_value("device", device, "It is not a valid device name.").into());
    }
    call.enter_zone_of_volume(volume_id)?;
    call.state.attach_volume(volume_id, instance_id, device, call.now)?;
    let state = &*call.state;
    if let Some(volume) = state.volumes.get(volume_id) {
        write_attachment(&mut call.xml, state, volume);
    }
    Ok(())
}

pub(crate) fn detach(call: &mut Call<'_>) -> Done {
    let params = call.params;
    let volume_id = params.required("VolumeId")?;
    let (instance_id, device, force) = (params.get("InstanceId"), params.get("Device"), params.flag("Force")?);
    call.require_volume(volume_id)?;
    if let Some(instance_id) = instance_id {
        call.require_instance(instance_id)?;
    }
    call.enter_zone_of_volume(volume_id)?;
    call.state.detach_volume(volume_id, instance_id, device, force, call.now)?;
    let state = &*call.state;
    if let Some(volume) = state.volumes.get(volume_id) {
        write_attachment(&mut call.xml, state, volume);
    }
    Ok(())
}

pub(crate) fn delete(call: &mut Call<'_>) -> Done {
    let volume_id = call.params.required("VolumeId")?;
    call.require_volume(volume_id)?;
    call.enter_zone_of_volume(volume_id)?;
    call.state.delete_volume(volume_id, call.now)?;
    call.say_true();
    Ok(())
}
