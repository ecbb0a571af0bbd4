//! Elastic IP addresses on the wire.

use crate::model::address::Address;
use crate::protocol::error::ApiError;
use crate::protocol::xml::Xml;
use crate::state::State;

use super::call::{Call, Done};
use super::filter::{ANY_TAG, all_pass, filters};
use super::ids::{ALLOCATION, ASSOCIATION, NETWORK_INTERFACE, select};
use super::tags::tags_at_creation;
use super::words::{invalid_combination, invalid_value, missing, write_tags};

const FILTERS: &[&str] = &[
    "allocation-id",
    "association-id",
    "domain",
    "instance-id",
    "network-interface-id",
    "private-ip-address",
    "public-ip",
    ANY_TAG,
    "tag-key",
    "tag-value",
];

/// AWS's default quota.
const ADDRESSES_PER_REGION: usize = 5;

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let ids = input.texts("AllocationId")?;
    let public_ips = input.texts("PublicIp")?;
    let filters = filters(input, FILTERS)?;
    let state = &*call.state;
    let passes = |address: &Address| {
        let named = public_ips.is_empty() || public_ips.contains(&address.public_ip.to_string().as_str());
        named && all_pass(&filters, &address.tags, &|name, each| values(state, address, name, each))
    };
    let found = select(&state.addresses, &ids, ALLOCATION, call.as_of, passes)?;
    if let Some(absent) =
        public_ips.iter().find(|ip| !found.iter().any(|address| address.public_ip.to_string() == **ip))
    {
        return Err(ApiError::client("InvalidAddress.NotFound", format!("Address '{absent}' not found.")).into());
    }
    call.xml.element("addressesSet", |xml| {
        for address in found {
            xml.element("item", |xml| write_address(xml, state, address));
        }
    });
    Ok(())
}

fn values(state: &State, address: &Address, name: &str, each: &mut dyn FnMut(&str)) {
    let association = address.association.as_ref();
    let holder = association.and_then(|association| state.instances.get(&association.instance_id));
    match (name, association, holder) {
        ("allocation-id", _, _) => each(&address.allocation_id),
        ("association-id", Some(association), _) => each(&association.association_id),
        ("domain", _, _) => each("vpc"),
        ("instance-id", Some(association), _) => each(&association.instance_id),
        ("network-interface-id", _, Some(holder)) => each(&holder.network_interface_id),
        ("private-ip-address", _, Some(holder)) => each(&holder.private_ip.to_string()),
        ("public-ip", _, _) => each(&address.public_ip.to_string()),
        _ => {}
    }
}

fn write_address(xml: &mut Xml, state: &State, address: &Address) {
    xml.plain("publicIp", address.public_ip);
    xml.text("allocationId", &address.allocation_id);
    xml.raw("<domain>vpc</domain>");
    xml.text("networkBorderGroup", &state.region_name);
    xml.raw("<publicIpv4Pool>amazon</publicIpv4Pool>");
    if let Some(association) = &address.association {
        xml.text("associationId", &association.association_id);
        xml.text("instanceId", &association.instance_id);
        if let Some(instance) = state.instances.get(&association.instance_id) {
            xml.text("networkInterfaceId", &instance.network_interface_id);
            xml.text("networkInterfaceOwnerId", &state.account_id);
            xml.plain("privateIpAddress", instance.private_ip);
        }
    }
    write_tags(xml, &address.tags);
}

pub(super) fn allocate(call: &mut Call<'_>) -> Done {
    let tags = tags_at_creation(call.input, "elastic-ip")?;
    if call.state.addresses.iter().count() >= ADDRESSES_PER_REGION {
        return Err(
            ApiError::client("AddressLimitExceeded", "The maximum number of addresses has been reached.").into()
        );
    }
    let id = call.state.allocate_address(None, tags, call.now);
    let state = &*call.state;
    if let Some(address) = state.addresses.get(&id) {
        call.xml.plain("publicIp", address.public_ip);
        call.xml.text("allocationId", &id);
        call.xml.text("networkBorderGroup", &state.region_name);
        call.xml.raw("<domain>vpc</domain><publicIpv4Pool>amazon</publicIpv4Pool>");
    }
    Ok(())
}

pub(super) fn associate(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let allocation_id = input.filled_text("AllocationId")?;
    call.require_address(allocation_id)?;
    let (instance_id, by_interface) = holder_of_request(call)?;
    check_private_address(call, &instance_id)?;
    // AWS: an address moves from its present holder unless the caller forbids that.
    let allow_reassociation = input.boolean("AllowReassociation")?.unwrap_or(true);
    call.enter_zone_of_instance(&instance_id)?;
    let association_id =
        call.state.associate_address(allocation_id, &instance_id, by_interface, allow_reassociation, call.now)?;
    call.xml.text("associationId", &association_id);
    Ok(())
}

/// An instance has one interface with one private address here: another cannot be meant.
fn check_private_address(call: &Call<'_>, instance_id: &str) -> Result<(), ApiError> {
    let Some(asked) = call.input.text("PrivateIpAddress")? else { return Ok(()) };
    match call.state.instances.get(instance_id) {
        Some(instance) if instance.private_ip.to_string() != asked => {
            Err(invalid_value("privateIpAddress", asked, "The address is not assigned to the interface."))
        }
        _ => Ok(()),
    }
}

/// The instance meant, by its id or by its one interface.
fn holder_of_request(call: &Call<'_>) -> Result<(String, bool), ApiError> {
    let input = call.input;
    match (input.text("InstanceId")?, input.text("NetworkInterfaceId")?) {
        (Some(instance_id), None) => {
            call.require_instance(instance_id)?;
            Ok((instance_id.to_owned(), false))
        }
        (None, Some(interface)) => {
            NETWORK_INTERFACE.check(interface)?;
            let owner = call.state.instances.iter().find(|(_, instance)| instance.network_interface_id == interface);
            owner.map(|(id, _)| (id.to_owned(), true)).ok_or_else(|| NETWORK_INTERFACE.missing(&[interface]))
        }
        (Some(_), Some(_)) => {
            Err(invalid_combination("You may specify either an instance id or a network interface id, not both."))
        }
        (None, None) => Err(missing("InstanceId or NetworkInterfaceId")),
    }
}

pub(super) fn disassociate(call: &mut Call<'_>) -> Done {
    let association_id = call.input.filled_text("AssociationId")?;
    ASSOCIATION.check(association_id)?;
    let holds = |address: &Address| {
        address.association.as_ref().is_some_and(|association| association.association_id == association_id)
    };
    let allocation_id = call.state.addresses.iter().find(|(_, address)| holds(address)).map(|(id, _)| id.to_owned());
    let allocation_id = allocation_id.ok_or_else(|| ASSOCIATION.missing(&[association_id]))?;
    call.state.disassociate_address(&allocation_id, call.now);
    call.say_true();
    Ok(())
}

pub(super) fn release(call: &mut Call<'_>) -> Done {
    let allocation_id = call.input.filled_text("AllocationId")?;
    call.require_address(allocation_id)?;
    call.state.release_address(allocation_id, call.now)?;
    call.say_true();
    Ok(())
}
