//! Elastic IP addresses on the wire.

use crate::model::address::Address;
use crate::protocol::xml::Xml;
use crate::state::State;
use crate::wire::AwsError;
use crate::wire::ec2::filter::{ALLOCATION, ASSOCIATION, NETWORK_INTERFACE, all_pass, filters};
use crate::wire::ec2::params::missing;
use crate::wire::ec2::{Call, Done, select, write_tags};

const FILTERS: &[&str] = &[
    "allocation-id",
    "association-id",
    "domain",
    "instance-id",
    "network-interface-id",
    "private-ip-address",
    "public-ip",
    "tag-key",
    "tag-value",
];

/// AWS's default quota.
const ADDRESSES_PER_REGION: usize = 5;

pub(crate) fn describe(call: &mut Call<'_>) -> Done {
    let params = call.params;
    let ids = params.list("AllocationId");
    let public_ips = params.list("PublicIp");
    let filters = filters(params, FILTERS)?;
    let state = &*call.state;
    let passes = |address: &Address| {
        let named = public_ips.is_empty() || public_ips.contains(&address.public_ip.to_string().as_str());
        named && all_pass(&filters, &address.tags, &|name, each| values(state, address, name, each))
    };
    let found = select(&state.addresses, &ids, ALLOCATION, call.as_of, passes)?;
    if let Some(absent) =
        public_ips.iter().find(|ip| !found.iter().any(|address| address.public_ip.to_string() == **ip))
    {
        return Err(AwsError::client("InvalidAddress.NotFound", format!("Address '{absent}' not found.")).into());
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

pub(crate) fn allocate(call: &mut Call<'_>) -> Done {
    let tags = call.params.tags_for("elastic-ip")?;
    if call.state.addresses.iter().count() >= ADDRESSES_PER_REGION {
        return Err(
            AwsError::client("AddressLimitExceeded", "The maximum number of addresses has been reached.").into()
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

pub(crate) fn associate(call: &mut Call<'_>) -> Done {
    let params = call.params;
    let allocation_id = params.required("AllocationId")?;
    call.require_address(allocation_id)?;
    let (instance_id, by_interface) = holder_of_request(call)?;
    // AWS: an address moves from its present holder unless the caller forbids that.
    let allow_reassociation = params.boolean("AllowReassociation")?.unwrap_or(true);
    call.enter_zone_of_instance(&instance_id)?;
    let association_id =
        call.state.associate_address(allocation_id, &instance_id, by_interface, allow_reassociation, call.now)?;
    call.say_true();
    call.xml.text("associationId", &association_id);
    Ok(())
}

/// The instance meant, by its id or by its one interface.
fn holder_of_request(call: &Call<'_>) -> Result<(String, bool), AwsError> {
    let params = call.params;
    match (params.get("InstanceId"), params.get("NetworkInterfaceId")) {
        (Some(instance_id), None) => {
            call.require_instance(instance_id)?;
            Ok((instance_id.to_owned(), false))
        }
        (None, Some(interface)) => {
            NETWORK_INTERFACE.check(interface)?;
            let owner = call.state.instances.iter().find(|(_, instance)| instance.network_interface_id == interface);
            owner.map(|(id, _)| (id.to_owned(), true)).ok_or_else(|| NETWORK_INTERFACE.missing(&[interface]))
        }
        (Some(_), Some(_)) => Err(AwsError::client(
            "InvalidParameterCombination",
            "You may specify either an instance id or a network interface id, not both.",
        )),
        (None, None) => Err(missing("InstanceId or NetworkInterfaceId")),
    }
}

pub(crate) fn disassociate(call: &mut Call<'_>) -> Done {
    let association_id = call.params.required("AssociationId")?;
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

pub(crate) fn release(call: &mut Call<'_>) -> Done {
    let allocation_id = call.params.required("AllocationId")?;
    call.require_address(allocation_id)?;
    call.state.release_address(allocation_id, call.now)?;
    call.say_true();
    Ok(())
}
