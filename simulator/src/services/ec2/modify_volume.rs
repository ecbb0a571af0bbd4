//! `ModifyVolume`, and what `DescribeVolumesModifications` tells of it.

use std::ops::RangeInclusive;

use crate::model::modification::{Modification, Shape};
use crate::model::volume::Volume;
use crate::protocol::error::ApiError;
use crate::protocol::xml::Xml;
use crate::state::State;
use crate::time::{RegionTime, timestamp};

use super::call::{Call, Done};
use super::filter::{all_pass, filters};
use super::ids::{VOLUME, select};
use super::page::Page;
use super::volume_spec::{Asked, check_multi_attach};
use super::words::missing;

const FILTERS: &[&str] = &[
    "modification-state",
    "original-iops",
    "original-size",
    "original-volume-type",
    "start-time",
    "target-iops",
    "target-size",
    "target-volume-type",
    "volume-id",
];

/// AWS: up to 500 a page.
const PAGE_SIZES: RangeInclusive<u32> = 1..=500;

pub(super) fn modify(call: &mut Call<'_>) -> Done {
    let id = call.input.filled_text("VolumeId")?;
    call.require_volume(id)?;
    let Some(volume) = call.state.volumes.get(id) else { return Ok(()) };
    let target = read_target(call, volume)?;
    call.enter_zone_of_volume(id)?;
    call.state.modify_volume(id, target, call.now)?;
    let state = &*call.state;
    if let Some((volume, modification)) = state.volumes.get(id).and_then(modified) {
        call.xml.element("volumeModification", |xml| write(xml, state, volume, modification, call.now));
    }
    Ok(())
}

fn read_target(call: &Call<'_>, volume: &Volume) -> Result<Shape, ApiError> {
    let spec = Asked::read_modified(call.input, volume)?.check(call, |_| missing("size"))?;
    if spec.size_gib < volume.size_gib {
        return Err(ApiError::client("InvalidParameterValue", "New size cannot be smaller than existing size"));
    }
    check_multi_attach(&spec.volume_type, volume.multi_attach)?;
    Ok(Shape::provisioned(spec.size_gib, spec.volume_type, spec.iops, spec.throughput))
}

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let ids = input.texts("VolumeId")?;
    let filters = filters(input, FILTERS)?;
    let page = Page::read_sized(input, !ids.is_empty(), PAGE_SIZES)?;
    let (state, as_of) = (&*call.state, call.as_of);
    let named = select(&state.volumes, &ids, VOLUME, as_of, |_| true)?;
    if let Some(never) = named.iter().find(|volume| !ids.is_empty() && volume.modification.is_none()) {
        return Err(ApiError::client(
            "InvalidVolumeModification.NotFound",
            format!("Modification for volume '{}' does not exist.", never.id),
        )
        .into());
    }
    let passes = |(volume, modification): &(&Volume, &Modification)| {
        let tags = std::collections::BTreeMap::new();
        all_pass(&filters, &tags, &|name, each| values(state, volume, modification, name, each))
    };
    let found = named.into_iter().filter_map(modified).filter(passes).collect();
    let (shown, token) = page.cut(found, |(volume, _)| &volume.id);
    call.xml.element("volumeModificationSet", |xml| {
        for (volume, modification) in shown {
            xml.element("item", |xml| write(xml, state, volume, modification, as_of));
        }
    });
    call.xml.optional("nextToken", token.as_deref());
    Ok(())
}

fn modified(volume: &Volume) -> Option<(&Volume, &Modification)> {
    Some((volume, volume.modification.as_ref()?))
}

fn values(state: &State, volume: &Volume, modification: &Modification, name: &str, each: &mut dyn FnMut(&str)) {
    let Modification { original, target, .. } = modification;
    let count = |count: Option<u32>| count.map(|count| count.to_string()).unwrap_or_default();
    match name {
        "modification-state" => each(modification.phase.name()),
        "original-iops" => each(&count(original.iops)),
        "original-size" => each(&original.size_gib.to_string()),
        "original-volume-type" => each(&original.volume_type),
        "start-time" => each(&timestamp(state.clock.wall(modification.started_at))),
        "target-iops" => each(&count(target.iops)),
        "target-size" => each(&target.size_gib.to_string()),
        "target-volume-type" => each(&target.volume_type),
        "volume-id" => each(&volume.id),
        _ => {}
    }
}

fn write(xml: &mut Xml, state: &State, volume: &Volume, modification: &Modification, as_of: RegionTime) {
    xml.text("volumeId", &volume.id);
    xml.text("modificationState", modification.phase.name());
    if modification.ended_at.is_some() && modification.will_fail {
        xml.raw("<statusMessage>The modification failed. Try it again.</statusMessage>");
    }
    for (prefix, shape) in [("target", &modification.target), ("original", &modification.original)] {
        xml.plain(&format!("{prefix}Size"), shape.size_gib);
        xml.text(&format!("{prefix}VolumeType"), &shape.volume_type);
        if let Some(iops) = shape.iops {
            xml.plain(&format!("{prefix}Iops"), iops);
        }
        if let Some(throughput) = shape.throughput {
            xml.plain(&format!("{prefix}Throughput"), throughput);
        }
        xml.plain(&format!("{prefix}MultiAttachEnabled"), volume.multi_attach);
    }
    xml.plain("progress", modification.progress_percent(as_of));
    xml.time("startTime", state.clock.wall(modification.started_at));
    if let Some(ended_at) = modification.ended_at {
        xml.time("endTime", state.clock.wall(ended_at));
    }
}

#[cfg(test)]
mod tests;
