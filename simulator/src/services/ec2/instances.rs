//! Instances on the wire: describe, start, stop, reboot, terminate.

use crate::model::instance::StopMode;
use crate::model::instance::{Instance, InstanceState};
use crate::state::State;
use crate::time::RegionTime;

use super::call::{Call, Done};
use super::filter::{ANY_TAG, all_pass, filters};
use super::ids::{INSTANCE, select};
use super::page::Page;
use super::words::{invalid_combination, write_tags};
use crate::protocol::error::ApiError;
use crate::protocol::xml::Xml;

const FILTERS: &[&str] = &[
    "availability-zone",
    "block-device-mapping.volume-id",
    "client-token",
    "image-id",
    "instance-id",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "ip-address",
    "network-interface.network-interface-id",
    "private-ip-address",
    "reservation-id",
    "subnet-id",
    ANY_TAG,
    "tag-key",
    "tag-value",
    "vpc-id",
];

pub(super) const VPC_ID: &str = "vpc-0a1b2c3d4e5f60718";

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let ids = input.texts("InstanceId")?;
    let filters = filters(input, FILTERS)?;
    let page = Page::read(input, !ids.is_empty())?;
    let zones: Vec<Option<String>> =
        ids.iter().map(|id| call.state.instances.get(id).map(|instance| instance.zone.clone())).collect();
    // AWS documents exactly this: the call fails as a whole if it names an instance of a zone that is down, or none at all.
    call.read_across_zones(&zones)?;
    let (state, as_of) = (&*call.state, call.as_of);
    let passes = |instance: &Instance| {
        all_pass(&filters, &instance.tags, &|name, each| values(state, instance, as_of, name, each))
    };
    let found = select(&state.instances, &ids, INSTANCE, as_of, passes)?;
    let (shown, token) = page.cut(found, |instance| &instance.id);
    call.xml.element("reservationSet", |xml| {
        for (position, instance) in shown.iter().enumerate() {
            let earlier = shown.get(..position).unwrap_or_default();
            if !earlier.iter().any(|other| other.reservation_id == instance.reservation_id) {
                xml.element("item", |xml| {
                    let members = shown.iter().filter(|other| other.reservation_id == instance.reservation_id);
                    write_reservation(xml, state, members.copied(), &instance.reservation_id, as_of);
                });
            }
        }
    });
    call.xml.optional("nextToken", token.as_deref());
    Ok(())
}

/// The values of an instance under a filter's name.
fn values(state: &State, instance: &Instance, as_of: RegionTime, name: &str, each: &mut dyn FnMut(&str)) {
    match name {
        "availability-zone" => each(&instance.zone),
        "block-device-mapping.volume-id" => {
            attached_as_of(state, &instance.id, as_of).for_each(|volume| each(&volume.id));
        }
        "client-token" => each(&instance.client_token),
        "image-id" => each(&instance.image_id),
        "instance-id" => each(&instance.id),
        "instance-state-code" => each(&instance.state.code().to_string()),
        "instance-state-name" => each(instance.state.name()),
        "instance-type" => each(&instance.instance_type),
        "ip-address" => {
            if let Some(address) = public_address(state, &instance.id, as_of) {
                each(&address.to_string());
            }
        }
        "network-interface.network-interface-id" => each(&instance.network_interface_id),
        "private-ip-address" => each(&instance.private_ip.to_string()),
        "reservation-id" => each(&instance.reservation_id),
        "subnet-id" => each(&instance.subnet_id),
        "vpc-id" => each(VPC_ID),
        _ => {}
    }
}

fn attached_as_of<'s>(
    state: &'s State,
    instance_id: &'s str,
    as_of: RegionTime,
) -> impl Iterator<Item = &'s crate::model::volume::Volume> {
    let candidates = state.attached_to.get(instance_id).into_iter().flatten();
    let attached = move |volume: &&crate::model::volume::Volume| {
        volume.attachment.as_ref().is_some_and(|attachment| attachment.instance_id == instance_id)
    };
    candidates.filter_map(move |id| state.volumes.seen(id, as_of)).filter(attached)
}

fn public_address(state: &State, instance_id: &str, as_of: RegionTime) -> Option<std::net::Ipv4Addr> {
    let holds = |address: &&crate::model::address::Address| {
        address.association.as_ref().is_some_and(|association| association.instance_id == instance_id)
    };
    state.addresses.seen_all(as_of).map(|(_, address)| address).find(holds).map(|address| address.public_ip)
}

/// What is inside a reservation, for `DescribeInstances` and `RunInstances`.
pub(super) fn write_reservation<'i>(
    xml: &mut Xml,
    state: &State,
    instances: impl Iterator<Item = &'i Instance>,
    reservation_id: &str,
    as_of: RegionTime,
) {
    xml.text("reservationId", reservation_id);
    xml.text("ownerId", &state.account_id);
    xml.raw("<groupSet/>");
    xml.element("instancesSet", |xml| {
        for instance in instances {
            xml.element("item", |xml| write_instance(xml, state, instance, as_of));
        }
    });
}

fn write_instance(xml: &mut Xml, state: &State, instance: &Instance, as_of: RegionTime) {
    xml.text("instanceId", &instance.id);
    xml.text("imageId", &instance.image_id);
    write_state(xml, "instanceState", instance.state);
    xml.text("reason", &instance.transition_reason);
    xml.raw("<amiLaunchIndex>0</amiLaunchIndex><productCodes/>");
    xml.text("instanceType", &instance.instance_type);
    xml.time("launchTime", state.clock.wall(instance.launched_at));
    xml.element("placement", |xml| {
        xml.text("availabilityZone", &instance.zone);
        if let Some(zone) = state.zones.get(&instance.zone) {
            xml.text("availabilityZoneId", &zone.id);
        }
        xml.raw("<groupName/><tenancy>default</tenancy>");
    });
    xml.raw("<monitoring><state>disabled</state></monitoring>");
    if instance.state != InstanceState::Terminated {
        write_network(xml, state, instance, as_of);
    }
    xml.raw("<architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType>");
    xml.text("rootDeviceName", instance.root_device);
    xml.element("blockDeviceMapping", |xml| {
        for volume in attached_as_of(state, &instance.id, as_of) {
            if let Some(attachment) = &volume.attachment {
                xml.element("item", |xml| {
                    xml.text("deviceName", &attachment.device);
                    xml.element("ebs", |xml| {
                        xml.text("volumeId", &volume.id);
                        xml.text("status", attachment.state.name());
                        xml.time("attachTime", state.clock.wall(attachment.attached_at));
                        xml.plain("deleteOnTermination", attachment.delete_on_termination);
                    });
                });
            }
        }
    });
    xml.raw("<virtualizationType>hvm</virtualizationType><hypervisor>xen</hypervisor>");
    xml.text("clientToken", &instance.client_token);
    write_tags(xml, &instance.tags);
    if let Some((code, message)) = instance.state_reason {
        xml.element("stateReason", |xml| {
            xml.text("code", code);
            xml.text("message", message);
        });
    }
}

fn write_network(xml: &mut Xml, state: &State, instance: &Instance, as_of: RegionTime) {
    let public = public_address(state, &instance.id, as_of);
    xml.text("subnetId", &instance.subnet_id);
    xml.text("vpcId", VPC_ID);
    xml.plain("privateIpAddress", instance.private_ip);
    if let Some(public) = public {
        xml.plain("ipAddress", public);
    }
    xml.raw("<sourceDestCheck>true</sourceDestCheck><groupSet/>");
    xml.element("networkInterfaceSet", |xml| {
        xml.element("item", |xml| {
            xml.text("networkInterfaceId", &instance.network_interface_id);
            xml.text("subnetId", &instance.subnet_id);
            xml.text("vpcId", VPC_ID);
            xml.text("ownerId", &state.account_id);
            xml.raw("<status>in-use</status>");
            xml.plain("privateIpAddress", instance.private_ip);
            xml.raw("<attachment><deviceIndex>0</deviceIndex><status>attached</status><deleteOnTermination>true</deleteOnTermination></attachment>");
            if let Some(public) = public {
                xml.element("association", |xml| {
                    xml.plain("publicIp", public);
                    xml.text("ipOwnerId", &state.account_id);
                });
            }
        });
    });
}

pub(super) fn write_state(xml: &mut Xml, tag: &str, state: InstanceState) {
    xml.element(tag, |xml| {
        xml.plain("code", state.code());
        xml.text("name", state.name());
    });
}

/// Checks all, then acts on all: no such call has half an effect.
fn act_on_all(
    call: &mut Call<'_>,
    ids: &[String],
    check: impl Fn(&State, &str, RegionTime) -> Result<(), ApiError>,
    act: impl Fn(&mut State, &str, RegionTime),
) -> Done {
    for id in ids {
        call.enter_zone_of_instance(id)?;
    }
    for id in ids {
        check(call.state, id, call.now)?;
    }
    for id in ids {
        act(call.state, id, call.now);
    }
    Ok(())
}

/// The same, with the states before and after as the answer.
fn change_states(
    call: &mut Call<'_>,
    check: impl Fn(&State, &str, RegionTime) -> Result<(), ApiError>,
    act: impl Fn(&mut State, &str, RegionTime),
) -> Done {
    let ids = call.required_instances()?;
    let before: Vec<InstanceState> = ids.iter().map(|id| state_of(call.state, id)).collect();
    act_on_all(call, &ids, check, act)?;
    let state = &*call.state;
    call.xml.element("instancesSet", |xml| {
        for (id, previous) in ids.iter().zip(before) {
            xml.element("item", |xml| {
                xml.text("instanceId", id);
                write_state(xml, "currentState", state_of(state, id));
                write_state(xml, "previousState", previous);
            });
        }
    });
    Ok(())
}

fn state_of(state: &State, id: &str) -> InstanceState {
    state.instances.get(id).map_or(InstanceState::Terminated, |instance| instance.state)
}

pub(super) fn start(call: &mut Call<'_>) -> Done {
    change_states(call, State::check_start, State::start_instance)
}

pub(super) fn stop(call: &mut Call<'_>) -> Done {
    let mode = StopMode { force: call.input.flag("Force")?, skip_os_shutdown: call.input.flag("SkipOsShutdown")? };
    change_states(call, |state, id, _| state.check_stop(id, mode), |state, id, now| state.stop_instance(id, mode, now))
}

pub(super) fn terminate(call: &mut Call<'_>) -> Done {
    // AWS: this one operation words a list of nothing in its own way.
    if call.input.texts("InstanceId")?.is_empty() {
        return Err(invalid_combination("No instances specified").into());
    }
    for id in call.required_instances()? {
        call.state.check_terminate(&id)?;
    }
    change_states(call, |_, _, _| Ok(()), State::terminate_instance)
}

pub(super) fn reboot(call: &mut Call<'_>) -> Done {
    let ids = call.required_instances()?;
    act_on_all(call, &ids, |state, id, _| state.check_reboot(id), State::reboot_instance)?;
    call.say_true();
    Ok(())
}
