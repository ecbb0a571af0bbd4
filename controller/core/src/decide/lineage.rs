//! What tells volumes and snapshots of the service's data from others: tags and client tokens, both given at creation.

use super::view::View;
use crate::ids::VolumeName;
use crate::ledger::Failover;
use crate::world::{Lineage, Role, Tags, tag};

/// Whether a failover made it, for this data.
pub(super) fn is_ours(failover: &Failover, name: &VolumeName, tags: &Tags) -> bool {
    let lineage = Lineage::of(tags);
    lineage.failover.as_ref() == Some(&failover.id) && lineage.name.as_ref() == Some(name)
}

/// The tags of what a failover makes.
pub(super) fn failover_tags(view: View<'_>, failover: &Failover, name: &VolumeName, source: Option<&Tags>) -> Tags {
    let mut tags = lineage_tags(view, name, failover.id.as_str(), Role::Failover, source);
    tags.insert(tag::FENCE.to_owned(), failover.fences.to_string());
    tags
}

/// A resource takes 50 tags; the others are left to the controller's.
const MOST_OWN_TAGS: usize = 40;

/// The operator's own tags of what is copied: bills and policies rest on them. AWS's own (`aws:`) can't be given by anybody else.
fn own_tags(source: Option<&Tags>) -> impl Iterator<Item = (String, String)> + '_ {
    let all = source.into_iter().flatten();
    all.filter(|(key, _)| !key.starts_with("aws:") && !key.starts_with("failover:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .take(MOST_OWN_TAGS)
}

/// The tags that everything of a lineage carries from its creation, with those of what it is a copy of.
pub(super) fn lineage_tags(view: View<'_>, name: &VolumeName, id: &str, role: Role, source: Option<&Tags>) -> Tags {
    let ours = [
        (tag::SERVICE, view.spec.service.as_str()),
        (tag::VOLUME, name.as_str()),
        (tag::ID, id),
        (tag::EPOCH, &(view.ledger.epoch + 1).to_string()),
        (tag::ROLE, role.as_str()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    own_tags(source).chain(ours).collect()
}

/// A client token (at most 64 ASCII characters): equal for equal parts, different otherwise. FNV-1a, twice, is enough
/// to tell a handful of attempts of one failover apart; the failover's own id makes it unique beyond that.
pub(super) fn client_token(parts: &[&str]) -> String {
    let hash = |seed: u64| {
        parts
            .iter()
            .flat_map(|part| part.bytes().chain([0]))
            .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    format!("failover-{:016x}{:016x}", hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4))
}
