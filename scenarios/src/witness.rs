//! What the controllers do in the account, as their calls say: for the judge of what is not theirs to change, and of how they share the work.

use std::collections::{BTreeMap, BTreeSet};

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
    /// Calls that changed something while somebody else, or nobody, held the lease.
    pub(crate) without_lease: Vec<String>,
    lease: Lease,
    /// How many writes of each version of the ledger succeeded.
    versions: BTreeMap<u64, u32>,
}

/// Who holds the lease, as far as answers say.
#[derive(Debug, Clone, Default)]
enum Lease {
    /// Nobody has asked for it yet: what is done before is the service's adoption.
    #[default]
    NeverAskedFor,
    Free,
    Held {
        by: String,
        until_milliseconds: u64,
    },
    /// An answer was lost.
    Unknown,
}

/// What was asked of the table, until its answer is there.
#[derive(Debug)]
pub(crate) struct Asked {
    by: String,
    version: Option<u64>,
    until_milliseconds: Option<u64>,
    takes: bool,
    releases: bool,
}

impl Witness {
    /// A call leaves the controller that `by` names in leases, at a moment of the region's wall clock.
    pub(crate) fn asks(&mut self, by: &str, request: &http::Request<Bytes>, at_milliseconds: u64) -> Option<Asked> {
        let form = std::str::from_utf8(request.body()).unwrap_or_default();
        let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
        if target.is_some_and(|target| target.ends_with(".UpdateItem")) {
            return Some(Asked {
                by: by.to_owned(),
                version: number(form, ":next"),
                until_milliseconds: number(form, ":until"),
                takes: form.contains("SET lease_holder"),
                releases: form.contains("REMOVE lease_holder"),
            });
        }
        let fields = || form.split('&').filter_map(|field| field.split_once('='));
        let (_, action) = fields().find(|(key, _)| *key == "Action")?;
        if action.starts_with("Describe") || action == "Publish" {
            return None;
        }
        // Tags are no target (a snapshot's say of which volume it is), and neither is what is to be left out.
        let is_target = |key: &str| !key.contains("Tag") && !key.contains("Exclude");
        let named = fields().filter(|(key, value)| is_target(key) && is_id(value));
        let ids: Vec<String> = named.map(|(_, value)| value.to_owned()).collect();
        let allowed = match &self.lease {
            Lease::NeverAskedFor | Lease::Unknown => true,
            Lease::Free => false,
            Lease::Held { by: holder, until_milliseconds } => holder == by && *until_milliseconds > at_milliseconds,
        };
        if !allowed {
            self.without_lease.push(format!("{by}: {action} {} ({:?})", ids.join(" "), self.lease));
        }
        self.changed.insert(Changed { action: action.to_owned(), ids });
        None
    }

    /// The answer; none if there is none.
    pub(crate) fn hears(&mut self, asked: Option<Asked>, answer: Option<&http::Response<Bytes>>) {
        match (asked, answer) {
            (Some(asked), Some(answer)) if answer.status().is_success() => self.wrote(asked),
            (Some(asked), None) if asked.takes || asked.releases => self.lease = Lease::Unknown,
            (Some(_), _) | (None, None) => {}
            (None, Some(answer)) => self.made.extend(made(answer)),
        }
    }

    fn wrote(&mut self, asked: Asked) {
        if let Some(version) = asked.version {
            *self.versions.entry(version).or_default() += 1;
        }
        let is_holders = matches!(&self.lease, Lease::Held { by, .. } if *by == asked.by);
        match asked.until_milliseconds {
            Some(until_milliseconds) if asked.takes || is_holders => {
                self.lease = Lease::Held { by: asked.by, until_milliseconds };
            }
            None if asked.releases && is_holders => self.lease = Lease::Free,
            Some(_) | None => {}
        }
    }

    /// Versions of the ledger that were written more than once: what one of the writers knew is lost.
    pub(crate) fn lost_versions(&self) -> impl Iterator<Item = u64> {
        self.versions.iter().filter(|(_, writes)| **writes > 1).map(|(version, _)| *version)
    }

    /// The calls that deleted this, or tried to.
    pub(crate) fn deleted(&self, id: &str) -> bool {
        self.changed.iter().any(|it| it.action.starts_with("Delete") && it.ids.iter().any(|named| named == id))
    }
}

fn made(answer: &http::Response<Bytes>) -> Vec<String> {
    let body = std::str::from_utf8(answer.body()).unwrap_or_default();
    let tag = match body {
        body if body.contains("<CreateVolumeResponse") => "<volumeId>",
        body if body.contains("<CreateSnapshotResponse") || body.contains("<CreateSnapshotsResponse") => "<snapshotId>",
        _ => return Vec::new(),
    };
    body.split(tag).skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect()
}

/// The number of a value of an expression: `":next":{"N":"5"}`.
fn number(body: &str, value: &str) -> Option<u64> {
    let (_, rest) = body.split_once(&format!("\"{value}\":{{\"N\":\""))?;
    rest.split('"').next()?.parse().ok()
}

fn is_id(value: &str) -> bool {
    ["i-", "vol-", "snap-"].iter().any(|prefix| value.starts_with(prefix))
}
