//! The very first launch: empty volumes are created, once, and the instance gets them and the address.

use std::collections::BTreeMap;

use super::super::lineage::{blank_tags, client_token, renewed};
use super::super::progress::Progress;
use super::super::view::View;
use super::super::{address, attach};
use crate::ids::{VolumeId, VolumeName};
use crate::ledger::{Change, CurrentVolume, Superseded};
use crate::spec::Blank;
use crate::step::Step;
use crate::world::{DEVICES, Instance, Lineage, Listing, Part, Volume, VolumeRole, VolumeShape, VolumeState};

/// Brings up what the active instance of a group lacks while no failover runs. Says if anything is under way.
pub(in super::super) fn bring_up(view: View<'_>, progress: &mut Progress<'_>) {
    let mut uninitialized = view.ledger.uninitialized.iter().enumerate();
    if uninitialized.len() > 0 {
        uninitialized.by_ref().for_each(|(index, name)| create(view, name, index, progress));
        return;
    }
    let active = view.world.instances.get(&view.ledger.active);
    let Some(instance) = active.filter(|instance| Instance::runs(instance)) else { return };
    // Data in another zone takes a failover.
    if !view.is_far(&view.ledger.active_zone) {
        // One that is on its way, or held by somebody, is not for us to touch.
        let free = |current: &CurrentVolume| view.world.volumes.get(&current.volume).is_some_and(Volume::is_free);
        if view.ledger.current_volumes.values().any(free) {
            attach::attach(view, instance, progress);
        }
    }
    // One that leads elsewhere was led there by somebody, who may have meant it.
    let loose = |id| view.world.addresses.get(id).is_some_and(|address| address.instance.is_none());
    if address::meant(view).iter().any(loose) {
        address::lead(view, progress);
    }
}

/// Copies of data that is said never to have existed: then it is not created empty.
fn copies_of_uninitialized(view: View<'_>, name: &VolumeName) -> bool {
    let is_of = |tags| Lineage::of(tags).name.as_ref() == Some(name);
    view.world.snapshots.iter_known().any(|(_, copy)| is_of(&copy.tags))
        || view.world.volumes.iter_known().any(|(_, volume)| is_of(&volume.tags) && !is_blank(volume))
}

fn is_blank(volume: &Volume) -> bool {
    // Whatever its tags say: what was restored from a backup of one that was empty once has data.
    VolumeRole::of(&volume.tags) == Some(VolumeRole::Blank) && volume.restored_from.is_none()
}

fn create(view: View<'_>, name: &VolumeName, index: usize, progress: &mut Progress<'_>) {
    let Some(blank) = view.spec.volume(name).and_then(|volume| volume.blank.as_ref()) else { return };
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        made(view, name).partition(|(_, volume)| volume.zone == view.ledger.active_zone);
    leave(view, name, &elsewhere, progress);
    if let Some((id, volume)) = here.first() {
        // Its size and zone may still be wrong: EBS can fail it.
        if volume.state == VolumeState::Creating {
            progress.wait(Part::Volumes, view.soon(), format!("{id} ({name}) is being created"));
            return;
        }
        let device = DEVICES.get(index + view.ledger.current_volumes.len()).copied().unwrap_or(DEVICES[0]).to_owned();
        let current =
            CurrentVolume { volume: (*id).clone(), zone: volume.zone.clone(), shape: volume.shape.clone(), device };
        progress.change(Change::Bootstrapped { name: name.clone(), current }, [Part::Volumes]);
        progress.reason(format!("{id} holds {name}, which is empty"));
        return;
    }
    // What can't be seen may be there.
    if is_whole(&view.world.volumes) && is_whole(&view.world.snapshots) && !copies_of_uninitialized(view, name) {
        progress.rest_on([Part::Snapshots]);
        progress.step(step(view, name, blank));
    }
}

/// Read to the end, with nothing in it that could not be read.
fn is_whole<K: Ord, V>(listing: &Listing<K, V>) -> bool {
    listing.is_complete() && listing.items.len() == listing.iter_known().count()
}

/// Volumes that were created empty for what is uninitialized still: none of them was ever attached, since that takes a birth.
fn made<'a>(view: View<'a>, name: &'a VolumeName) -> impl Iterator<Item = (&'a VolumeId, &'a Volume)> {
    view.world.volumes.iter_known().filter(move |(id, volume)| {
        let of_it = Lineage::of(&volume.tags).name.as_ref() == Some(name) && is_blank(volume);
        of_it && !volume.is_lost() && !view.ledger.superseded.contains_key(*id)
    })
}

/// The first instance was lost before the birth, and its replacement is in another zone: an empty volume is not copied, but made anew.
fn leave(view: View<'_>, name: &VolumeName, elsewhere: &[(&VolumeId, &Volume)], progress: &mut Progress<'_>) {
    let Some(last) = view.ledger.last.as_ref().filter(|_| !elsewhere.is_empty()) else { return };
    let record = || Superseded { name: name.clone(), since: view.now, failover: last.id.clone() };
    let left: BTreeMap<VolumeId, Superseded> = elsewhere.iter().map(|(id, _)| ((*id).clone(), record())).collect();
    progress.change(Change::Supersede(left), [Part::Volumes]);
}

fn step(view: View<'_>, name: &VolumeName, blank: &Blank) -> Step {
    let shape = VolumeShape {
        size_gib: u32::try_from(blank.size_gib.get()).unwrap_or(u32::MAX),
        volume_type: blank.volume_type.clone(),
        iops: None,
        throughput_mib_per_second: None,
        encrypted: false,
        kms_key: None,
    };
    let tags = blank_tags(view, name);
    let zone = view.ledger.active_zone.clone();
    // Of everything that the request says, as a restore's.
    let request = format!("{shape:?} {tags:?}");
    let token = |renewals: u32| {
        let parts = [view.spec.service.as_str(), name.as_str(), zone.as_str(), VolumeRole::Blank.as_str(), &request];
        client_token(&[&parts[..], &[&renewals.to_string()]].concat())
    };
    let step = |client_token| Step::CreateBlank {
        name: name.clone(),
        zone: zone.clone(),
        shape: shape.clone(),
        tags: tags.clone(),
        client_token,
    };
    renewed(view, &step, &token)
}
