//! Adoption: the first ledger of a service, from what is tagged; anything ambiguous is refused, never guessed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use super::adopt_error::AdoptError;
use crate::ids::{AddressId, InstanceId, VolumeId, VolumeName};
use crate::ledger::{CurrentVolume, Ledger, Member};
use crate::spec::{Spec, Topology};
use crate::world::{
    Attachment, AttachmentState, Instance, InstanceState, Lineage, Observed, Volume, VolumeRole, World, tag,
};

/// The names under which EC2's images have their root volumes (aws-facts 2.7).
const ROOT_DEVICES: [&str; 2] = ["/dev/xvda", "/dev/sda1"];

/// The ledger with which a service begins: epoch 1, active the one running instance that has the address and all volumes.
pub fn adopt(spec: &Spec, world: &World, now: Timestamp) -> Result<Ledger, AdoptError> {
    complete("instances", &world.instances.complete)?;
    complete("volumes", &world.volumes.complete)?;
    complete("addresses", &world.addresses.complete)?;
    let service = spec.service.to_string();
    // What is going for good is neither active nor a standby.
    let members: BTreeMap<InstanceId, Member> = world
        .instances
        .iter_known()
        .filter(|(_, instance)| !instance.state.is_gone_or_going())
        .map(|(id, instance)| (id.clone(), Member { zone: instance.zone.clone() }))
        .collect();
    if members.is_empty() {
        return Err(AdoptError::NoInstance { service });
    }
    let addresses = addresses(spec, world)?;
    let volumes = volumes(spec, world)?;
    let uninitialized: BTreeSet<VolumeName> =
        spec.volumes.iter().map(|volume| volume.name.clone()).filter(|name| !volumes.contains_key(name)).collect();
    let active = match spec.topology {
        Topology::Standby => active(world, &members, &addresses, &volumes)?,
        Topology::AutoScaling => in_group(spec, world, &members, &addresses, &volumes)?,
    };
    if spec.topology == Topology::Standby && members.len() < 2 {
        return Err(AdoptError::NoStandby(active));
    }
    let active_zone = members.get(&active).map(|member| member.zone.clone());
    let active_zone =
        active_zone.ok_or_else(|| AdoptError::AmbiguousActive(format!("{active} does not carry the service's tag")))?;
    let current_volumes = volumes.into_iter().map(|(name, (id, volume))| {
        let device = volume.attachments.first().map(|attachment| attachment.device.clone()).unwrap_or_default();
        (name, CurrentVolume { volume: id, zone: volume.zone.clone(), shape: volume.shape.clone(), device })
    });
    Ok(Ledger {
        service: spec.service.clone(),
        epoch: 1,
        active,
        active_zone,
        active_since: now,
        members,
        current_volumes: current_volumes.collect(),
        uninitialized,
        blank: BTreeSet::new(),
        former_actives: BTreeSet::new(),
        subnets_before: None,
        addresses,
        paused: None,
        request: None,
        recent_request_ids: VecDeque::new(),
        suspicion: None,
        unseen_since: None,
        refused: None,
        failover: None,
        maintenance: BTreeMap::new(),
        superseded: BTreeMap::new(),
        former_volumes: BTreeMap::new(),
        refused_maintenance: BTreeMap::new(),
        automatic_starts: VecDeque::new(),
        last: None,
        outbox: VecDeque::new(),
    })
}

fn complete(what: &'static str, seen: &Observed<()>) -> Result<(), AdoptError> {
    match seen {
        Observed::Known { .. } => Ok(()),
        Observed::Unknown { why, .. } => Err(AdoptError::Unseen { what, why: why.clone() }),
    }
}

fn addresses(spec: &Spec, world: &World) -> Result<BTreeSet<AddressId>, AdoptError> {
    if !spec.addresses.is_empty() {
        let named: BTreeSet<AddressId> = spec.address_ids().collect();
        return match named.iter().find(|id| world.addresses.get(id).is_none()) {
            Some(missing) => Err(AdoptError::NoAddress(missing.clone())),
            None => Ok(named),
        };
    }
    // Without a name, a tag has to be unambiguous: whichever of two was taken, clients of the other would be left behind.
    let tagged: BTreeSet<AddressId> = world.addresses.iter_known().map(|(id, _)| id.clone()).collect();
    if tagged.len() > 1 {
        let addresses = tagged.iter().map(ToString::to_string).collect();
        return Err(AdoptError::AmbiguousAddress { service: spec.service.to_string(), addresses });
    }
    Ok(tagged)
}

fn volumes<'a>(spec: &Spec, world: &'a World) -> Result<BTreeMap<VolumeName, (VolumeId, &'a Volume)>, AdoptError> {
    let mut found = BTreeMap::new();
    for wanted in &spec.volumes {
        let name = &wanted.name;
        let alone = spec.volumes.len() == 1;
        // Named by an operator: no tag has to say so.
        if let Some(id) = &wanted.volume_id {
            let volume = world.volumes.get(id).ok_or_else(|| AdoptError::NoSuchVolume(id.clone()))?;
            if let Some(instance) = root_of(world, id, volume) {
                return Err(AdoptError::RootVolume { volume: id.clone(), instance, name: name.clone() });
            }
            found.insert(name.clone(), (id.clone(), volume));
            continue;
        }
        let carries = |volume: &Volume| match Lineage::of(&volume.tags).name {
            Some(tagged) => tagged == *name,
            // One volume in the spec: the service's tag is enough.
            None => alone && !volume.tags.contains_key(tag::VOLUME),
        };
        let mut candidates: Vec<(&VolumeId, &Volume)> =
            world.volumes.iter_known().filter(|(_, volume)| !volume.is_lost() && carries(volume)).collect();
        // What a controller made and set aside is not the service's data.
        candidates.retain(|(_, volume)| VolumeRole::of(&volume.tags) != Some(VolumeRole::Superseded));
        // A launch template tags every volume of an instance: by the service's tag alone the root volume is not meant.
        let root = |id: &VolumeId, volume: &Volume| root_of(world, id, volume);
        candidates.retain(|(id, volume)| volume.tags.contains_key(tag::VOLUME) || root(id, volume).is_none());
        if let Some((id, instance)) = candidates.iter().find_map(|(id, volume)| Some((*id, root(id, volume)?))) {
            return Err(AdoptError::RootVolume { volume: id.clone(), instance, name: name.clone() });
        }
        match candidates.as_slice() {
            // A snapshot of it says that it existed: then it is not created empty.
            [] if wanted.blank.is_some() && !has_copy(world, name)? => {}
            // A service that had data and shows none is not adopted: its data would never be looked for again.
            [] => return Err(AdoptError::NoVolume { service: spec.service.to_string(), name: name.clone() }),
            [(id, volume)] => drop(found.insert(name.clone(), ((*id).clone(), *volume))),
            // One of them is older; to take the wrong one loses what the other has.
            several => {
                let volumes = several.iter().map(|(id, _)| id.to_string()).collect();
                let named = several.iter().any(|(_, volume)| volume.tags.contains_key(tag::VOLUME));
                return Err(AdoptError::AmbiguousVolume { name: name.clone(), volumes, named });
            }
        }
    }
    Ok(found)
}

/// The instance whose root volume it is. A copy of an operating system is no data, and none is attached beside another.
fn root_of(world: &World, id: &VolumeId, volume: &Volume) -> Option<InstanceId> {
    let holder = |attachment: &Attachment| {
        let known = world.instances.get(&attachment.instance);
        let root = known.and_then(|instance| instance.root_device.as_deref());
        // Of an instance that is not known, EC2's usual names say it.
        let is_root = root.map_or(ROOT_DEVICES.contains(&attachment.device.as_str()), |root| root == attachment.device);
        is_root.then(|| attachment.instance.clone())
    };
    let listed = || {
        let is_root = |instance: &Instance| {
            instance.root_device.as_ref().is_some_and(|root| instance.devices.get(root) == Some(id))
        };
        let found = world.instances.iter_known().find(|(_, instance)| is_root(instance));
        found.map(|(instance, _)| instance.clone())
    };
    volume.attachments.iter().find_map(holder).or_else(listed)
}

fn has_copy(world: &World, name: &VolumeName) -> Result<bool, AdoptError> {
    complete("snapshots", &world.snapshots.complete)?;
    Ok(world.snapshots.iter_known().any(|(_, copy)| Lineage::of(&copy.tags).name.as_ref() == Some(name)))
}

/// The one instance of a group. While it has no data and no address, nothing but the group says that it is the active one.
fn in_group(
    spec: &Spec,
    world: &World,
    members: &BTreeMap<InstanceId, Member>,
    addresses: &BTreeSet<AddressId>,
    volumes: &BTreeMap<VolumeName, (VolumeId, &Volume)>,
) -> Result<InstanceId, AdoptError> {
    complete("Auto Scaling groups", &world.groups.complete)?;
    let groups: Vec<_> = world
        .groups
        .iter_known()
        .filter(|(name, _)| spec.group.name.as_ref().is_none_or(|named| named == *name))
        .collect();
    let group = match groups.as_slice() {
        [] => return Err(AdoptError::NoGroup { service: spec.service.to_string() }),
        [(_, group)] => group,
        several => {
            return Err(AdoptError::AmbiguousGroup(several.iter().map(|(name, _)| name.to_string()).collect()));
        }
    };
    let mut here = group.members.iter().filter(|(_, member)| member.lifecycle.is_coming_or_in()).map(|(id, _)| id);
    let held = volumes.values().any(|(_, volume)| !volume.is_held_only_by(|_| false));
    let led = addresses.iter().any(|id| world.addresses.get(id).is_some_and(|address| address.instance.is_some()));
    // Where there is data or an address, it says who is active, as it does without a group.
    if held || led {
        let active = active(world, members, addresses, volumes)?;
        if !group.members.contains_key(&active) {
            return Err(AdoptError::AmbiguousActive(format!("{active} is not an instance of the group")));
        }
        return Ok(active);
    }
    match (here.next(), here.next()) {
        // Nothing can be lost yet: whichever it is begins with an empty volume.
        (Some(one), None) => Ok(one.clone()),
        (None, _) => Err(AdoptError::NoInstance { service: spec.service.to_string() }),
        _ => Err(AdoptError::AmbiguousActive(
            "the group has several instances, and none has the data or the address".to_owned(),
        )),
    }
}

fn active(
    world: &World,
    members: &BTreeMap<InstanceId, Member>,
    addresses: &BTreeSet<AddressId>,
    volumes: &BTreeMap<VolumeName, (VolumeId, &Volume)>,
) -> Result<InstanceId, AdoptError> {
    let mut claims: BTreeMap<InstanceId, Vec<String>> = BTreeMap::new();
    for (name, (id, volume)) in volumes {
        let attached = volume.attachments.iter().find(|attachment| attachment.state == AttachmentState::Attached);
        let Some(attachment) = attached else {
            return Err(AdoptError::NotAttached { volume: id.clone(), name: name.clone() });
        };
        claims.entry(attachment.instance.clone()).or_default().push(format!("holds {id}"));
    }
    // One that leads nowhere claims nothing: it is led to the active instance by the first failover.
    for id in addresses {
        if let Some(instance) = world.addresses.get(id).and_then(|address| address.instance.clone()) {
            claims.entry(instance).or_default().push(format!("has {id}"));
        }
    }
    let ambiguity = |text: String| Err(AdoptError::AmbiguousActive(text));
    let told = claims.iter().map(|(id, what)| format!("{id} {}", what.join(", "))).collect::<Vec<_>>().join("; ");
    let mut claimants = claims.into_keys();
    match (claimants.next(), claimants.next()) {
        (None, _) => ambiguity("no instance has the address or a volume".to_owned()),
        // Half a failover by hand, say: who of them wrote last can't be seen from here.
        (Some(_), Some(_)) => ambiguity(told),
        (Some(one), None) if !members.contains_key(&one) => {
            ambiguity(format!("{told}, but does not carry the service's tag"))
        }
        (Some(one), None) => match world.instances.get(&one).map(|instance| instance.state) {
            Some(InstanceState::Running) => Ok(one),
            // Whoever set it aside may have made another active by hand.
            Some(state) => ambiguity(format!("{told}, but is {}", state.as_str())),
            None => ambiguity(format!("{told}, but can't be observed")),
        },
    }
}
