//! Adoption: the first ledger of a service, from what is tagged; anything doubtful is refused, never guessed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use thiserror::Error;

use crate::ids::{AllocationId, InstanceId, VolumeId, VolumeName};
use crate::ledger::{Head, Ledger, Member};
use crate::spec::{Spec, Topology};
use crate::world::{AttachmentState, InstanceState, Lineage, Volume, World};

/// Why a set-up can't be adopted; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AdoptError {
    /// Something could not be read.
    #[error("{what} could not be read: {why}")]
    Unseen {
        /// What.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// Nothing to adopt.
    #[error("no instance carries the tag failover:service={service}; tag the active instance and its standbys")]
    NoInstance {
        /// The service.
        service: String,
    },
    /// Too few to fail over.
    #[error("only {0} carries the tag failover:service; topology standby needs two or more instances")]
    NoStandby(InstanceId),
    /// Several addresses.
    #[error("several addresses carry the tag failover:service={service} ({}); name one in [[address]]", .addresses.join(", "))]
    AmbiguousAddress {
        /// The service.
        service: String,
        /// The addresses.
        addresses: Vec<String>,
    },
    /// The spec names an address that does not exist.
    #[error("address.allocation_id = {0}: there is no such address")]
    NoAddress(AllocationId),
    /// The spec names a volume that does not exist.
    #[error("volume.volume_id = {0}: there is no such volume")]
    NoSuchVolume(VolumeId),
    /// No group.
    #[error("no Auto Scaling group carries the tag failover:service={service}; tag it, or name it in [group]")]
    NoGroup {
        /// The service.
        service: String,
    },
    /// Several groups.
    #[error("several Auto Scaling groups carry the tag of the service ({}); name the right one in [group]", .0.join(", "))]
    AmbiguousGroup(Vec<String>),
    /// No volume for a name.
    #[error(
        "no volume carries the tags failover:service={service} and failover:volume={name}; tag the volume that holds the data"
    )]
    NoVolume {
        /// The service.
        service: String,
        /// The data.
        name: VolumeName,
    },
    /// Several volumes for a name.
    #[error("several volumes carry the tags of {name}: {}; remove the tag failover:volume from those that are not part of the service", .volumes.join(", "))]
    AmbiguousVolume {
        /// The data.
        name: VolumeName,
        /// The volumes.
        volumes: Vec<String>,
    },
    /// A volume that nobody holds.
    #[error("{volume} ({name}) is not attached to any instance; attach it to the active one")]
    NotAttached {
        /// The volume.
        volume: VolumeId,
        /// The data.
        name: VolumeName,
    },
    /// No or several instances look active.
    #[error(
        "which instance is active is in doubt: {0}. The active one runs, holds every volume of the service and has its address"
    )]
    ActiveInDoubt(String),
}

/// The ledger with which a service begins: epoch 1, active the one running instance that has the address and all volumes.
pub fn adopt(spec: &Spec, world: &World, now: Timestamp) -> Result<Ledger, AdoptError> {
    complete("instances", &world.instances.complete)?;
    complete("volumes", &world.volumes.complete)?;
    complete("addresses", &world.addresses.complete)?;
    let service = spec.service.to_string();
    let members: BTreeMap<InstanceId, Member> = world
        .instances
        .iter_known()
        .filter(|(_, instance)| !matches!(instance.state, InstanceState::Terminated | InstanceState::ShuttingDown))
        .map(|(id, instance)| (id.clone(), Member { zone: instance.zone.clone() }))
        .collect();
    if members.is_empty() {
        return Err(AdoptError::NoInstance { service });
    }
    let addresses = addresses(spec, world)?;
    let volumes = volumes(spec, world)?;
    let unborn: BTreeSet<VolumeName> =
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
        active_zone.ok_or_else(|| AdoptError::ActiveInDoubt(format!("{active} does not carry the service's tag")))?;
    let heads = volumes.into_iter().map(|(name, (id, volume))| {
        let device = volume.attachments.first().map(|attachment| attachment.device.clone()).unwrap_or_default();
        (name, Head { volume: id, zone: volume.zone.clone(), shape: volume.shape.clone(), device })
    });
    Ok(Ledger {
        service: spec.service.clone(),
        epoch: 1,
        active,
        active_zone,
        active_since: now,
        members,
        heads: heads.collect(),
        unborn,
        blank: BTreeSet::new(),
        retired: BTreeSet::new(),
        subnets_before: None,
        addresses,
        paused: None,
        request: None,
        asked: VecDeque::new(),
        suspicion: None,
        refused: None,
        failover: None,
        upkeep: BTreeMap::new(),
        superseded: BTreeMap::new(),
        automatic_starts: VecDeque::new(),
        last: None,
        outbox: VecDeque::new(),
    })
}

fn complete(what: &'static str, seen: &crate::world::Observed<()>) -> Result<(), AdoptError> {
    match seen {
        crate::world::Observed::Known { .. } => Ok(()),
        crate::world::Observed::Unknown { why, .. } => Err(AdoptError::Unseen { what, why: why.clone() }),
    }
}

fn addresses(spec: &Spec, world: &World) -> Result<BTreeSet<AllocationId>, AdoptError> {
    if !spec.addresses.is_empty() {
        let named: BTreeSet<AllocationId> =
            spec.addresses.iter().map(|address| address.allocation_id.clone()).collect();
        return match named.iter().find(|id| world.addresses.get(id).is_none()) {
            Some(missing) => Err(AdoptError::NoAddress(missing.clone())),
            None => Ok(named),
        };
    }
    let tagged: BTreeSet<AllocationId> = world.addresses.iter_known().map(|(id, _)| id.clone()).collect();
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
        if let Some(id) = &wanted.volume_id {
            let volume = world.volumes.get(id).ok_or_else(|| AdoptError::NoSuchVolume(id.clone()))?;
            found.insert(name.clone(), (id.clone(), volume));
            continue;
        }
        let carries = |volume: &Volume| match Lineage::of(&volume.tags).name {
            Some(tagged) => tagged == *name,
            // One volume in the spec: the service's tag is enough.
            None => alone && !volume.tags.contains_key(crate::world::tag::VOLUME),
        };
        let mut candidates: Vec<(&VolumeId, &Volume)> =
            world.volumes.iter_known().filter(|(_, volume)| !volume.is_lost() && carries(volume)).collect();
        // What a controller made and set aside is not the service's data.
        candidates
            .retain(|(_, volume)| volume.tags.get(crate::world::tag::ROLE).is_none_or(|role| role != "superseded"));
        match candidates.as_slice() {
            // A snapshot of it says that it existed: then it is not created empty.
            [] if wanted.blank.is_some() && !has_copy(world, name)? => {}
            [] => return Err(AdoptError::NoVolume { service: spec.service.to_string(), name: name.clone() }),
            [(id, volume)] => drop(found.insert(name.clone(), ((*id).clone(), *volume))),
            several => {
                let volumes = several.iter().map(|(id, _)| id.to_string()).collect();
                return Err(AdoptError::AmbiguousVolume { name: name.clone(), volumes });
            }
        }
    }
    Ok(found)
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
    addresses: &BTreeSet<AllocationId>,
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
    let held = volumes.values().any(|(_, volume)| !volume.attachments.is_empty());
    let led = addresses.iter().any(|id| world.addresses.get(id).is_some_and(|address| address.instance.is_some()));
    if held || led {
        let active = active(world, members, addresses, volumes)?;
        if !group.members.contains_key(&active) {
            return Err(AdoptError::ActiveInDoubt(format!("{active} is not an instance of the group")));
        }
        return Ok(active);
    }
    match (here.next(), here.next()) {
        (Some(one), None) if members.contains_key(one) => Ok(one.clone()),
        (None, _) => Err(AdoptError::NoInstance { service: spec.service.to_string() }),
        _ => Err(AdoptError::ActiveInDoubt(
            "the group has several instances, and none has the data or the address".to_owned(),
        )),
    }
}

fn active(
    world: &World,
    members: &BTreeMap<InstanceId, Member>,
    addresses: &BTreeSet<AllocationId>,
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
    for id in addresses {
        if let Some(instance) = world.addresses.get(id).and_then(|address| address.instance.clone()) {
            claims.entry(instance).or_default().push(format!("has {id}"));
        }
    }
    let doubt = |text: String| Err(AdoptError::ActiveInDoubt(text));
    let told = claims.iter().map(|(id, what)| format!("{id} {}", what.join(", "))).collect::<Vec<_>>().join("; ");
    let mut claimants = claims.into_keys();
    match (claimants.next(), claimants.next()) {
        (None, _) => doubt("no instance has the address or a volume".to_owned()),
        (Some(_), Some(_)) => doubt(told),
        (Some(one), None) if !members.contains_key(&one) => {
            doubt(format!("{told}, but does not carry the service's tag"))
        }
        (Some(one), None) => match world.instances.get(&one).map(|instance| instance.state) {
            Some(InstanceState::Running) => Ok(one),
            Some(state) => doubt(format!("{told}, but is {}", state.as_str())),
            None => doubt(format!("{told}, but can't be seen")),
        },
    }
}
