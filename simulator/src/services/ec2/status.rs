//! Status on the wire: of instances and of volumes.

use crate::model::instance::{Instance, InstanceState};
use crate::model::status::Check;
use crate::model::volume::{Volume, VolumeState};
use crate::state::State;
use crate::time::RegionTime;

use super::call::{Call, Done};
use super::filter::{all_pass, filters};
use super::ids::{INSTANCE, VOLUME, select};
use super::instances::write_state;
use super::page::Page;
use crate::protocol::error::ApiError;
use crate::protocol::xml::Xml;

const INSTANCE_FILTERS: &[&str] = &[
    "attached-ebs-status.status",
    "availability-zone",
    "instance-state-code",
    "instance-state-name",
    "instance-status.reachability",
    "instance-status.status",
    "system-status.reachability",
    "system-status.status",
];

/// AWS: at most 100 explicit ids.
const MOST_IDS: usize = 100;

pub(super) fn describe_instance_status(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let ids = input.texts("InstanceId")?;
    if ids.len() > MOST_IDS {
        return Err(ApiError::client("InvalidParameterValue", "At most 100 instance ids may be given.").into());
    }
    let filters = filters(input, INSTANCE_FILTERS)?;
    let page = Page::read(input, !ids.is_empty())?;
    let include_all = input.flag("IncludeAllInstances")?;
    if call.state.timing.zone_down.describe_instance_status_alike {
        let zones: Vec<Option<String>> =
            ids.iter().map(|id| call.state.instances.get(id).map(|instance| instance.zone.clone())).collect();
        call.read_across_zones(&zones)?;
    }
    let state = &*call.state;
    let passes = |instance: &Instance| {
        let wanted = include_all || instance.state == InstanceState::Running;
        wanted && all_pass(&filters, &instance.tags, &|name, each| instance_values(instance, name, each))
    };
    let found = select(&state.instances, &ids, INSTANCE, call.as_of, passes)?;
    let (shown, token) = page.cut(found, |instance| &instance.id);
    call.xml.element("instanceStatusSet", |xml| {
        for instance in shown {
            xml.element("item", |xml| write_instance_status(xml, state, instance));
        }
    });
    call.xml.optional("nextToken", token.as_deref());
    Ok(())
}

fn instance_values(instance: &Instance, name: &str, each: &mut dyn FnMut(&str)) {
    match name {
        "attached-ebs-status.status" => each(instance.status.attached_ebs.summary()),
        "availability-zone" => each(&instance.zone),
        "instance-state-code" => each(&instance.state.code().to_string()),
        "instance-state-name" => each(instance.state.name()),
        "instance-status.reachability" => each(instance.status.instance.reachability().unwrap_or_default()),
        "instance-status.status" => each(instance.status.instance.summary()),
        "system-status.reachability" => each(instance.status.system.reachability().unwrap_or_default()),
        "system-status.status" => each(instance.status.system.summary()),
        _ => {}
    }
}

fn write_instance_status(xml: &mut Xml, state: &State, instance: &Instance) {
    xml.text("instanceId", &instance.id);
    xml.text("availabilityZone", &instance.zone);
    if let Some(zone) = state.zones.get(&instance.zone) {
        xml.text("availabilityZoneId", &zone.id);
    }
    write_state(xml, "instanceState", instance.state);
    write_check(xml, state, "systemStatus", instance.status.system);
    write_check(xml, state, "instanceStatus", instance.status.instance);
    write_check(xml, state, "attachedEbsStatus", instance.status.attached_ebs);
}

fn write_check(xml: &mut Xml, state: &State, tag: &str, check: Check) {
    xml.element(tag, |xml| {
        xml.text("status", check.summary());
        if let Some(reachability) = check.reachability() {
            xml.element("details", |xml| {
                xml.element("item", |xml| {
                    xml.raw("<name>reachability</name>");
                    xml.text("status", reachability);
                    if let Check::Failed { since } = check {
                        xml.time("impairedSince", state.clock.wall(since));
                    }
                });
            });
        }
    });
}

const VOLUME_FILTERS: &[&str] =
    &["availability-zone", "volume-status.details-name", "volume-status.details-status", "volume-status.status"];

pub(super) fn describe_volume_status(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let ids = input.texts("VolumeId")?;
    let filters = filters(input, VOLUME_FILTERS)?;
    let page = Page::read(input, !ids.is_empty())?;
    let state = &*call.state;
    let passes = |volume: &Volume| {
        let values = |name: &str, each: &mut dyn FnMut(&str)| match name {
            "availability-zone" => each(&volume.zone),
            "volume-status.status" => each(volume_status(state, volume)),
            "volume-status.details-name" => each("io-enabled"),
            "volume-status.details-status" => each(io_enabled(state, volume)),
            _ => {}
        };
        all_pass(&filters, &volume.tags, &values)
    };
    let found = select(&state.volumes, &ids, VOLUME, call.as_of, passes)?;
    let (shown, token) = page.cut(found, |volume| &volume.id);
    let now = call.now;
    call.xml.element("volumeStatusSet", |xml| {
        for volume in shown {
            xml.element("item", |xml| write_volume_status(xml, state, volume, now));
        }
    });
    call.xml.optional("nextToken", token.as_deref());
    Ok(())
}

fn impaired(state: &State, volume: &Volume) -> bool {
    let holder = volume.attachment.as_ref().and_then(|attachment| state.instances.get(&attachment.instance_id));
    state.zone_loss(&volume.zone).is_some() || holder.is_some_and(|instance| instance.condition.ebs_impaired)
}

fn volume_status(state: &State, volume: &Volume) -> &'static str {
    if volume.state == VolumeState::Creating {
        "insufficient-data"
    } else if impaired(state, volume) {
        "impaired"
    } else {
        "ok"
    }
}

fn io_enabled(state: &State, volume: &Volume) -> &'static str {
    if impaired(state, volume) { "failed" } else { "passed" }
}

fn write_volume_status(xml: &mut Xml, state: &State, volume: &Volume, now: RegionTime) {
    xml.text("volumeId", &volume.id);
    xml.text("availabilityZone", &volume.zone);
    xml.element("volumeStatus", |xml| {
        xml.text("status", volume_status(state, volume));
        xml.element("details", |xml| {
            xml.element("item", |xml| {
                xml.raw("<name>io-enabled</name>");
                xml.text("status", io_enabled(state, volume));
            });
        });
    });
    if volume.snapshot_id.is_some() {
        write_initialization(xml, state, volume, now);
    }
}

/// A restored volume is usable at once and read in full in the background.
fn write_initialization(xml: &mut Xml, state: &State, volume: &Volume, now: RegionTime) {
    let default_rate = state.timing.volumes.default_initialization_mib_per_second.max(1.0);
    let rate = volume.initialization_mib_per_second.map_or(default_rate, f64::from);
    let total = crate::timing::distribution::seconds_duration(volume.used_gib * 1024.0 / rate);
    let passed = now.since(volume.created_at);
    let percent = passed.as_millis().saturating_mul(100).checked_div(total.as_millis()).unwrap_or(100).min(100);
    xml.element("initializationStatusDetails", |xml| {
        xml.text(
            "initializationType",
            if volume.initialization_mib_per_second.is_some() { "provisioned-rate" } else { "default" },
        );
        xml.plain("progress", percent);
        if volume.initialization_mib_per_second.is_some() {
            xml.plain("estimatedTimeToCompleteInSeconds", total.saturating_sub(passed).as_secs());
        }
    });
}
