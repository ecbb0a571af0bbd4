//! Snapshots: `DescribeSnapshots`, of our own account only.

use aws_sdk_ec2::operation::describe_snapshots::DescribeSnapshotsOutput;
use aws_sdk_ec2::types::{Snapshot as Ec2Snapshot, SnapshotState as Ec2SnapshotState, StorageTier};
use failover_core::ids::{SnapshotId, VolumeId};
use failover_core::world::{Listing, Snapshot, SnapshotState};

use super::by_id::limited;
use super::described::{Described, Owners};
use super::interest::Scope;
use super::pages::{self, PAGE};
use crate::clients::Aws;
use crate::convert::{required_timestamp, tags};
use crate::error::{AwsError, failed};

const OPERATION: &str = "DescribeSnapshots";

impl Aws {
    /// A snapshot lives in the region, not in a zone: there is nothing to ask for one by one.
    pub(super) async fn snapshots(&self, scope: Scope<'_>) -> (Listing<SnapshotId, Snapshot>, Owners<SnapshotId>) {
        let call = Box::pin(self.snapshots_by_filters(vec![scope.filter()]));
        match limited(OPERATION, call).await {
            Ok(answer) => answer.into_listing(),
            Err(error) => (Listing::unknown(error.to_string(), self.clock().now()), Owners::new()),
        }
    }

    /// Our snapshots that match every filter.
    pub(crate) async fn snapshots_by_filters(
        &self,
        filters: Vec<aws_sdk_ec2::types::Filter>,
    ) -> Result<Described<SnapshotId, Snapshot>, AwsError> {
        let call = self.ec2().describe_snapshots().owner_ids("self").set_filters(Some(filters)).max_results(PAGE);
        let ask = |token| {
            let call = call.clone().set_next_token(token);
            async move { call.send().await.map_err(failed(OPERATION)) }
        };
        pages::every(self.clock(), ask, DescribeSnapshotsOutput::next_token, |answer, page, at| {
            for snapshot in page.snapshots() {
                answer.take(snapshot.snapshot_id(), &tags(snapshot.tags()), read(snapshot), at);
            }
        })
        .await
    }
}

fn read(snapshot: &Ec2Snapshot) -> Result<Snapshot, String> {
    let volume = snapshot.volume_id().ok_or("no volume")?;
    let state = state(snapshot)?;
    let size = snapshot.volume_size().ok_or("no size")?;
    Ok(Snapshot {
        volume: VolumeId::new(volume).map_err(|error| error.to_string())?,
        state,
        progress_percent: progress(snapshot.progress().unwrap_or_default(), state)?,
        started_at: required_timestamp("start time", snapshot.start_time())?,
        size_gib: u32::try_from(size).map_err(|_| format!("size {size} is negative"))?,
        description: snapshot.description().unwrap_or_default().to_owned(),
        tags: tags(snapshot.tags()),
    })
}

/// No volume can be created from an archived snapshot, nor from one in the recycle bin (aws-facts 2.1).
fn state(snapshot: &Ec2Snapshot) -> Result<SnapshotState, String> {
    let archived = matches!(snapshot.storage_tier(), Some(StorageTier::Archive));
    Ok(match snapshot.state().ok_or("no state")? {
        Ec2SnapshotState::Pending => SnapshotState::Pending,
        Ec2SnapshotState::Completed if archived => SnapshotState::Error,
        Ec2SnapshotState::Completed => SnapshotState::Completed,
        Ec2SnapshotState::Error | Ec2SnapshotState::Recoverable | Ec2SnapshotState::Recovering => SnapshotState::Error,
        other => return Err(format!("snapshot state {:?} is not one that we know", other.as_str())),
    })
}

/// AWS writes it as text such as `80%`; at first it may be empty.
fn progress(text: &str, state: SnapshotState) -> Result<u8, String> {
    match text.trim_end_matches('%') {
        "" if state == SnapshotState::Completed => Ok(100),
        "" => Ok(0),
        digits => digits.parse().map_err(|_| format!("progress {text:?} is no percentage")),
    }
}
