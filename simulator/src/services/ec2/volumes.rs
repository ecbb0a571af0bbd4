//! Volumes on the wire: describe, attach, detach, delete.

use crate::model::volume::Volume;
use crate::protocol::xml::Xml;
use crate::state::State;

use super::call::{Call, Done};
use super::filter::{ANY_TAG, all_pass, filters};
use super::ids::{VOLUME, select};
use super::page::Page;
use super::words::{invalid_value, truth_value, write_tags};

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
    ANY_TAG,
    "tag-key",
    "tag-value",
    "volume-id",
    "volume-type",
];

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let ids = input.texts("VolumeId")?;
    let filters = filters(input, FILTERS)?;
    let page = Page::read(input, !ids.is_empty())?;
    if call.state.timing.zone_down.describe_volumes_alike {
        let zones: Vec<Option<String>> =
            ids.iter().map(|id| call.state.volumes.get(id).map(|volume| volume.zone.clone())).collect();
        call.read_across_zones(&zones)?;
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

pub(super) fn write_volume(xml: &mut Xml, state: &State, volume: &Volume) {
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

pub(super) fn attach(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let (volume_id, instance_id, device) =
        (input.filled_text("VolumeId")?, input.filled_text("InstanceId")?, input.filled_text("Device")?);
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

pub(super) fn detach(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let volume_id = input.filled_text("VolumeId")?;
    let (instance_id, device, force) = (input.text("InstanceId")?, input.text("Device")?, input.flag("Force")?);
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

pub(super) fn delete(call: &mut Call<'_>) -> Done {
    let volume_id = call.input.filled_text("VolumeId")?;
    call.require_volume(volume_id)?;
    call.enter_zone_of_volume(volume_id)?;
    call.state.delete_volume(volume_id, call.now)?;
    call.say_true();
    Ok(())
}
