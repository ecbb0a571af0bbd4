//! Availability Zones on the wire.

use std::collections::BTreeMap;

use crate::model::zone::Zone;
use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::RegionTime;
use crate::timing::distribution::seconds_duration;

use super::call::{Call, Done};
use super::filter::{all_pass, filters};
use super::ids::IdKind;
use super::instances::VPC_ID;
use super::page::Page;

const FILTERS: &[&str] = &["group-name", "opt-in-status", "region-name", "state", "zone-id", "zone-name", "zone-type"];

pub(super) fn describe_availability_zones(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let (names, ids) = (input.texts("ZoneName")?, input.texts("ZoneId")?);
    let filters = filters(input, FILTERS)?;
    let (state, now) = (&*call.state, call.now);
    let is_unknown = |named: &&&str| !state.zones.values().any(|zone| zone.name == **named || zone.id == **named);
    if let Some(unknown) = names.iter().chain(&ids).find(is_unknown) {
        return Err(ApiError::client("InvalidParameterValue", format!("Invalid availability zone: [{unknown}]")).into());
    }
    let no_tags = BTreeMap::new();
    let passes = |zone: &&Zone| {
        let asked_for = (names.is_empty() && ids.is_empty())
            || names.contains(&zone.name.as_str())
            || ids.contains(&zone.id.as_str());
        let values = |name: &str, each: &mut dyn FnMut(&str)| match name {
            "group-name" | "region-name" => each(&state.region_name),
            "opt-in-status" => each("opt-in-not-required"),
            "state" => each(zone_state(state, zone, now)),
            "zone-id" => each(&zone.id),
            "zone-name" => each(&zone.name),
            "zone-type" => each("availability-zone"),
            _ => {}
        };
        asked_for && all_pass(&filters, &no_tags, &values)
    };
    call.xml.element("availabilityZoneInfo", |xml| {
        for zone in state.zones.values().filter(passes) {
            xml.element("item", |xml| {
                xml.text("zoneName", &zone.name);
                xml.text("zoneId", &zone.id);
                xml.text("zoneState", zone_state(state, zone, now));
                xml.text("regionName", &state.region_name);
                xml.text("groupName", &state.region_name);
                xml.text("networkBorderGroup", &state.region_name);
                xml.raw(
                    "<zoneType>availability-zone</zoneType><optInStatus>opt-in-not-required</optInStatus><messageSet/>",
                );
            });
        }
    });
    Ok(())
}

const SUBNET: IdKind = IdKind {
    prefix: "subnet-",
    malformed: "InvalidSubnetID.Malformed",
    not_found: "InvalidSubnetID.NotFound",
    noun: "subnet ID",
    end: "",
};

/// One subnet a zone, as the region has them. Both cross zones in one call, as AWS's control plane of networks is regional.
pub(super) fn describe_subnets(call: &mut Call<'_>) -> Done {
    const FILTERS: &[&str] = &["availability-zone", "availability-zone-id", "state", "subnet-id", "vpc-id"];
    let input = call.input;
    let ids = input.texts("SubnetId")?;
    let filters = filters(input, FILTERS)?;
    let page = Page::read(input, !ids.is_empty())?;
    let state = &*call.state;
    for id in &ids {
        SUBNET.check(id)?;
        if !state.zones.values().any(|zone| zone.subnet_id == *id) {
            return Err(SUBNET.missing(&[id]).into());
        }
    }
    let no_tags = BTreeMap::new();
    let passes = |zone: &&Zone| {
        let values = |name: &str, each: &mut dyn FnMut(&str)| match name {
            "availability-zone" => each(&zone.name),
            "availability-zone-id" => each(&zone.id),
            "state" => each("available"),
            "subnet-id" => each(&zone.subnet_id),
            "vpc-id" => each(VPC_ID),
            _ => {}
        };
        (ids.is_empty() || ids.contains(&zone.subnet_id.as_str())) && all_pass(&filters, &no_tags, &values)
    };
    let (shown, token) = page.cut(state.zones.values().filter(passes).collect(), |zone| &zone.subnet_id);
    call.xml.element("subnetSet", |xml| {
        for zone in shown {
            xml.element("item", |xml| {
                xml.text("subnetId", &zone.subnet_id);
                xml.text("subnetArn", &state.arn("subnet", &zone.subnet_id));
                xml.raw("<state>available</state>");
                xml.text("vpcId", VPC_ID);
                xml.text("ownerId", &state.account_id);
                xml.text("cidrBlock", &format!("10.0.{}.0/20", zone.index % 16 * 16));
                xml.text("availabilityZone", &zone.name);
                xml.text("availabilityZoneId", &zone.id);
                xml.raw("<availableIpAddressCount>4091</availableIpAddressCount><defaultForAz>true</defaultForAz><mapPublicIpOnLaunch>false</mapPublicIpOnLaunch>");
            });
        }
    });
    call.xml.optional("nextToken", token.as_deref());
    Ok(())
}

/// AWS tells of an impaired zone late.
fn zone_state(state: &State, zone: &Zone, now: RegionTime) -> &'static str {
    let reported_after = seconds_duration(state.timing.zone_down.reported_after_seconds);
    match zone.down {
        Some((_, since)) if now.since(since) >= reported_after => "impaired",
        _ => "available",
    }
}
