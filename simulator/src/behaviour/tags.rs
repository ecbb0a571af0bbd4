//! Tags of any resource.

use std::collections::BTreeMap;

use crate::state::State;
use crate::time::RegionTime;

impl State {
    /// Sets a tag wherever the id's prefix says; false if there is no such resource.
    pub(crate) fn set_tag(&mut self, resource_id: &str, key: &str, value: &str, now: RegionTime) -> bool {
        let tags = self.tags_of(resource_id, now);
        let found = tags.is_some();
        if let Some(tags) = tags {
            tags.insert(key.to_owned(), value.to_owned());
        }
        found
    }

    /// The tags of a resource, to change.
    pub(crate) fn tags_of(&mut self, resource_id: &str, now: RegionTime) -> Option<&mut BTreeMap<String, String>> {
        match resource_id.split('-').next()? {
            "i" => self.instances.change(resource_id, now).map(|instance| &mut instance.tags),
            "vol" => self.volumes.change(resource_id, now).map(|volume| &mut volume.tags),
            "snap" => self.snapshots.change(resource_id, now).map(|snapshot| &mut snapshot.tags),
            "eipalloc" => self.addresses.change(resource_id, now).map(|address| &mut address.tags),
            _ => None,
        }
    }
}
