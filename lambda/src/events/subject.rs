//! From the resources that events name to subjects.

use failover_core::ids::{InstanceId, SnapshotId, VolumeId};
use failover_engine::Subject;

/// A subject from a resource's id or ARN; nothing for kinds of resources that a service does not consist of.
///
/// Some ARNs of EC2's events are odd: the zone in place of the region and no account (spot warnings), the region one field too late
/// (snapshots). The id is always what follows the last slash (aws-facts 1.6, 2.8).
pub(super) fn resource(arn_or_id: &str) -> Option<Subject> {
    let id = arn_or_id.rsplit('/').next().unwrap_or_default();
    let known = InstanceId::new(id).is_ok() || VolumeId::new(id).is_ok() || SnapshotId::new(id).is_ok();
    known.then(|| Subject::Resource(id.to_owned()))
}

/// What is expected where [`resource`] must find one.
pub(super) const RESOURCE: &str = "the id or ARN of an instance, a volume or a snapshot";
