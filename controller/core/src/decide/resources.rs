//! Which resources are meant: exactly these, or a refusal that names the doubt.

use std::collections::BTreeSet;

use super::group;
use super::lineage::own_volume;
use super::view::View;
use crate::ids::{VolumeId, VolumeName};
use crate::verdict::Refusal;
use crate::world::{Lineage, Volume, tag};

/// Whether it is unambiguous which address and which volumes are meant.
pub(super) fn ambiguity(view: View<'_>) -> Option<Refusal> {
    let resources = ambiguous_addresses(view).or_else(|| differing_volumes(view)).or_else(|| ambiguous_volumes(view));
    resources.or_else(|| group::ambiguity(view))
}

fn ambiguous_addresses(view: View<'_>) -> Option<Refusal> {
    // Named, nothing else can be meant.
    if !view.spec.addresses.is_empty() {
        return None;
    }
    let mut meant = view.ledger.addresses.clone();
    let tagged =
        view.world.addresses.iter_known().filter(|(_, address)| {
            address.tags.get(tag::SERVICE).is_some_and(|value| value == view.spec.service.as_str())
        });
    meant.extend(tagged.map(|(id, _)| id.clone()));
    let ambiguous = meant.len() > view.ledger.addresses.len();
    ambiguous.then(|| Refusal::AmbiguousAddress(meant.into_iter().collect()))
}

/// Whoever changed the parameter by hand: the ledger can't learn of a volume, or forget one, in the middle of its life.
fn differing_volumes(view: View<'_>) -> Option<Refusal> {
    let spec: BTreeSet<&VolumeName> = view.spec.volumes.iter().map(|volume| &volume.name).collect();
    let ledger: BTreeSet<&VolumeName> = view.ledger.current_volumes.keys().chain(&view.ledger.uninitialized).collect();
    let text = |names: &BTreeSet<&VolumeName>| match names.len() {
        0 => "none".to_owned(),
        _ => names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", "),
    };
    (spec != ledger).then(|| Refusal::VolumesDiffer { spec: text(&spec), ledger: text(&ledger) })
}

fn ambiguous_volumes(view: View<'_>) -> Option<Refusal> {
    view.ledger.current_volumes.iter().find_map(|(name, current)| {
        let strangers = view.world.volumes.iter_known().filter(|(id, volume)| is_stranger(view, name, id, volume));
        let mut volumes: Vec<VolumeId> = strangers.map(|(id, _)| id.clone()).collect();
        if volumes.is_empty() {
            return None;
        }
        volumes.insert(0, current.volume.clone());
        Some(Refusal::AmbiguousVolume { name: name.clone(), volumes })
    })
}

/// A volume that says it carries the data, that the ledger has never heard of and no failover made, and that may have taken the place of
/// the current one. Backups and what people restore from them carry our tags as well; where the current volume is where it belongs, they
/// are nobody's business.
fn is_stranger(view: View<'_>, name: &VolumeName, id: &VolumeId, volume: &Volume) -> bool {
    Lineage::of(&volume.tags).name.as_ref() == Some(name)
        && own_volume(volume).is_none()
        && !volume.is_lost()
        && !view.ledger.is_current_volume(id)
        && !view.ledger.superseded.contains_key(id)
        && (volume.attachment_to(&view.ledger.active).is_some() || is_out_of_sight(view, name))
}

/// Whether the current volume can't be seen, or is lost: somebody may have put another in its place.
fn is_out_of_sight(view: View<'_>, name: &VolumeName) -> bool {
    let current = view.ledger.current_volumes.get(name);
    let known = current.and_then(|current| view.world.volumes.get(&current.volume));
    known.is_none_or(Volume::is_lost)
}
