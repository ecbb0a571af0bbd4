//! What the controller changes in the account, as its calls say: for the judge of what is not the controller's to change.

use std::collections::BTreeSet;

use bytes::Bytes;

/// A call that changes something, with what it names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Changed {
    /// Such as `DeleteSnapshot`.
    pub(crate) action: String,
    /// Ids of instances, volumes and snapshots.
    pub(crate) ids: Vec<String>,
}

/// Everything that was asked for and made, whatever became of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Witness {
    pub(crate) changed: BTreeSet<Changed>,
    /// Volumes and snapshots that the answers name as made.
    pub(crate) made: BTreeSet<String>,
}

impl Witness {
    pub(crate) fn asks(&mut self, request: &http::Request<Bytes>) {
        let form = std::str::from_utf8(request.body()).unwrap_or_default();
        let fields = || form.split('&').filter_map(|field| field.split_once('='));
        let Some((_, action)) = fields().find(|(key, _)| *key == "Action") else { return };
        if action.starts_with("Describe") {
            return;
        }
        // Tags are no target: a snapshot's say of which volume it is.
        let named = fields().filter(|(key, value)| !key.contains("Tag") && is_id(value));
        let ids = named.map(|(_, value)| value.to_owned()).collect();
        self.changed.insert(Changed { action: action.to_owned(), ids });
    }

    pub(crate) fn hears(&mut self, answer: &http::Response<Bytes>) {
        let body = std::str::from_utf8(answer.body()).unwrap_or_default();
        for (answered, tag) in [
            ("<CreateVolumeResponse", "<volumeId>"),
            ("<CreateSnapshotResponse", "<snapshotId>"),
            ("<CreateSnapshotsResponse", "<snapshotId>"),
        ] {
            if body.contains(answered) {
                let ids = body.split(tag).skip(1).filter_map(|rest| rest.split('<').next());
                self.made.extend(ids.map(str::to_owned));
            }
        }
    }

    /// The calls that deleted this, or tried to.
    pub(crate) fn deleted(&self, id: &str) -> bool {
        self.changed.iter().any(|it| it.action.starts_with("Delete") && it.ids.iter().any(|named| named == id))
    }
}

fn is_id(value: &str) -> bool {
    ["i-", "vol-", "snap-"].iter().any(|prefix| value.starts_with(prefix))
}
