//! Snapshots on the wire: one, or all of an instance together.

use std::collections::BTreeMap;

use crate::model::snapshot::Snapshot;
use crate::model::volume::AttachmentState;
use crate::state::State;
use crate::time::RegionTime;

use super::call::{Call, Done};
use super::filter::{ANY_TAG, all_pass, filters};
use super::ids::{SNAPSHOT, VOLUME, select};
use super::page::Page;
use super::tags::tags_at_creation;
use super::words::{invalid_value, truth_value, write_tags};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::xml::Xml;

const FILTERS: &[&str] = &[
    "description",
    "encrypted",
    "owner-id",
    "progress",
    "snapshot-id",
    "start-time",
    "status",
    ANY_TAG,
    "tag-key",
    "tag-value",
    "volume-id",
    "volume-size",
];

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let ids = input.texts("SnapshotId")?;
    let filters = filters(input, FILTERS)?;
    let page = Page::read(input, !ids.is_empty())?;
    let state = &*call.state;
    // All snapshots here are the account's own: any other owner has none.
    let owners = input.texts("Owner")?;
    let owned = owners.is_empty() || owners.iter().any(|owner| *owner == "self" || *owner == state.account_id);
    let as_of = call.as_of;
    let passes = |snapshot: &Snapshot| {
        owned && all_pass(&filters, &snapshot.tags, &|name, each| values(state, snapshot, as_of, name, each))
    };
    let found = select(&state.snapshots, &ids, SNAPSHOT, as_of, passes)?;
    let (shown, token) = page.cut(found, |snapshot| &snapshot.id);
    call.xml.element("snapshotSet", |xml| {
        for snapshot in shown {
            xml.element("item", |xml| write_snapshot(xml, state, snapshot, as_of));
        }
    });
    call.xml.optional("nextToken", token.as_deref());
    Ok(())
}

fn values(state: &State, snapshot: &Snapshot, as_of: RegionTime, name: &str, each: &mut dyn FnMut(&str)) {
    match name {
        "description" => each(&snapshot.description),
        "encrypted" => each(truth_value(snapshot.kms_key_id.is_some())),
        "owner-id" => each(&state.account_id),
        "progress" => each(&progress(state, snapshot, as_of)),
        "snapshot-id" => each(&snapshot.id),
        "start-time" => each(&crate::time::timestamp(state.clock.wall(snapshot.started_at))),
        "status" => each(snapshot.state.name()),
        "volume-id" => each(&snapshot.volume_id),
        "volume-size" => each(&snapshot.volume_size_gib.to_string()),
        _ => {}
    }
}

/// While the volume's zone is down nothing is copied: the progress stands where it stood.
fn progress(state: &State, snapshot: &Snapshot, at: RegionTime) -> String {
    let down_since = state.zones.get(&snapshot.zone).and_then(|zone| zone.down).map(|(_, since)| since);
    let counted_to = down_since.map_or(at, |since| since.min(at));
    format!("{}%", snapshot.progress_percent(counted_to))
}

/// A snapshot of a set, with the members that AWS has there: its state is called `state`, everywhere else `status`.
fn write_snapshot_of_set(xml: &mut Xml, state: &State, snapshot: &Snapshot, at: RegionTime) {
    xml.text("state", snapshot.state.name());
    write_common(xml, state, snapshot, at);
}

fn write_snapshot(xml: &mut Xml, state: &State, snapshot: &Snapshot, at: RegionTime) {
    xml.text("status", snapshot.state.name());
    write_common(xml, state, snapshot, at);
    if let Some(completed_at) = snapshot.completed_at {
        xml.time("completionTime", state.clock.wall(completed_at));
    }
    xml.optional("kmsKeyId", snapshot.kms_key_id.as_deref());
    xml.plain("fullSnapshotSizeInBytes", bytes_of_gib(snapshot.full_gib));
    xml.raw("<storageTier>standard</storageTier>");
}

fn write_common(xml: &mut Xml, state: &State, snapshot: &Snapshot, at: RegionTime) {
    xml.text("snapshotId", &snapshot.id);
    xml.text("volumeId", &snapshot.volume_id);
    xml.time("startTime", state.clock.wall(snapshot.started_at));
    xml.text("progress", &progress(state, snapshot, at));
    xml.text("ownerId", &state.account_id);
    xml.plain("volumeSize", snapshot.volume_size_gib);
    xml.text("description", &snapshot.description);
    xml.plain("encrypted", snapshot.kms_key_id.is_some());
    write_tags(xml, &snapshot.tags);
}

/// EBS counts in blocks of 512 KiB.
fn bytes_of_gib(gib: f64) -> u64 {
    const BLOCKS_PER_GIB: f64 = 2048.0;
    const BLOCK_BYTES: u64 = 512 * 1024;
    // Seconds of a Duration are the one exact way from a float to an integer that needs no cast.
    let blocks = std::time::Duration::try_from_secs_f64((gib * BLOCKS_PER_GIB).max(0.0)).unwrap_or_default().as_secs();
    blocks.saturating_mul(BLOCK_BYTES)
}

pub(super) fn create(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let volume_id = input.filled_text("VolumeId")?;
    call.require_volume(volume_id)?;
    let tags = tags_at_creation(input, "snapshot")?;
    call.enter_zone_of_volume(volume_id)?;
    call.state.check_snapshot_allowed(volume_id, call.now)?;
    let description = input.text("Description")?.unwrap_or_default();
    let id = call.state.create_snapshot(volume_id, description, tags, call.now);
    let state = &*call.state;
    if let Some(snapshot) = state.snapshots.get(&id) {
        write_snapshot(&mut call.xml, state, snapshot, call.now);
    }
    Ok(())
}

pub(super) fn create_set(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let set = input.structure("InstanceSpecification")?.ok_or_else(|| input.missing("InstanceSpecification"))?;
    let instance_id = set.filled_text("InstanceId")?;
    call.require_instance(instance_id)?;
    let volumes = volumes_of_set(call, set, instance_id)?;
    let copy_tags = match input.text("CopyTagsFromSource")? {
        None => false,
        Some("volume") => true,
        Some(other) => {
            return Err(invalid_value("copyTagsFromSource", other, "Expecting volume.").into());
        }
    };
    let given = tags_at_creation(input, "snapshot")?;
    call.enter_zone_of_instance(instance_id)?;
    for volume in &volumes {
        call.state.check_snapshot_allowed(volume, call.now)?;
    }
    let description = input.text("Description")?.unwrap_or_default();
    let ids: Vec<String> = volumes
        .iter()
        .map(|volume| {
            let copied = call.state.volumes.get(volume).filter(|_| copy_tags).map(|volume| volume.tags.clone());
            let mut tags: BTreeMap<String, String> = copied.unwrap_or_default();
            tags.extend(given.clone());
            call.state.create_snapshot(volume, description, tags, call.now)
        })
        .collect();
    for id in &ids {
        if let Some(snapshot) = call.state.snapshots.get_mut(id) {
            snapshot.set.clone_from(&ids);
        }
    }
    let state = &*call.state;
    let now = call.now;
    call.xml.element("snapshotSet", |xml| {
        for snapshot in ids.iter().filter_map(|id| state.snapshots.get(id)) {
            xml.element("item", |xml| write_snapshot_of_set(xml, state, snapshot, now));
        }
    });
    Ok(())
}

/// All volumes attached to the instance but those excluded. AWS: the root volume is excluded by its flag, never by its id.
fn volumes_of_set(call: &Call<'_>, set: Input<'_>, instance_id: &str) -> Result<Vec<String>, ApiError> {
    let without_boot = set.flag("ExcludeBootVolume")?;
    let excluded = set.texts("ExcludeDataVolumeId")?;
    let root_device = call.state.instances.get(instance_id).map_or("", |instance| instance.root_device);
    let mut volumes = Vec::new();
    for id in &excluded {
        VOLUME.check(id)?;
        if !call.state.volumes_of(instance_id).any(|(attached, _)| attached == *id) {
            return Err(ApiError::client(
                "InvalidParameterValue",
                format!("Volume '{id}' is not attached to instance '{instance_id}'."),
            ));
        }
    }
    for (id, attachment) in call.state.volumes_of(instance_id) {
        let is_root = attachment.device == root_device;
        if is_root && excluded.contains(&id) {
            return Err(ApiError::client(
                "InvalidParameterValue",
                format!("Volume '{id}' is the root volume; use ExcludeBootVolume."),
            ));
        }
        let unwanted =
            (is_root && without_boot) || excluded.contains(&id) || attachment.state == AttachmentState::Attaching;
        if !unwanted {
            volumes.push(id.to_owned());
        }
    }
    if volumes.is_empty() {
        return Err(ApiError::client(
            "InvalidParameterValue",
            format!("Instance '{instance_id}' has no volume to take a snapshot of."),
        ));
    }
    Ok(volumes)
}

pub(super) fn delete(call: &mut Call<'_>) -> Done {
    let id = call.input.filled_text("SnapshotId")?;
    call.require_snapshot(id)?;
    call.state.delete_snapshot(id, call.now);
    call.say_true();
    Ok(())
}
