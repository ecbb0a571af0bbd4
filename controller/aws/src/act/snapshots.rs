//! Snapshots: calls without a client token, made safe by the tags that they give at creation and by reading before (aws-facts 2.1).

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, InstanceSpecification, ResourceType};
use failover_core::ids::{SnapshotId, VolumeId};
use failover_core::step::{FailureClass, SnapshotSource, Together};
use failover_core::world::{Observed, SnapshotState, Tags, tag};

use super::{Made, Run, or_done_already, unreadable};
use crate::convert::{ec2_tags, filter, tag_specification};
use crate::error::{AwsError, code, failed};

/// A snapshot that a step has made, now or at an earlier try.
#[derive(Debug, Clone)]
struct Taken {
    snapshot: String,
    volume: String,
    tags: Tags,
}

impl Run<'_> {
    /// Snapshots every source that has none from this step yet.
    ///
    /// Caveat: a snapshot that was just made may not show yet in a read. EBS itself then refuses a second one of the same volume for
    /// 15 seconds (aws-facts 2.1), longer than reads lag.
    pub(super) async fn take_snapshots(
        &self,
        sources: &[SnapshotSource],
        together: Option<&Together>,
    ) -> Result<Made, AwsError> {
        let there = self.made_before(sources).await?;
        let missing: Vec<&SnapshotSource> =
            sources.iter().filter(|source| !there.iter().any(|taken| taken.volume == source.volume.as_str())).collect();
        let mut taken = match together {
            // Only for all of them is one point in time of use.
            Some(together) if missing.len() > 1 && missing.len() == sources.len() => {
                match self.create_together(sources, together).await {
                    Ok(taken) => taken,
                    // Whether AWS accepts `CreateSnapshots` on a stopped instance is not documented (aws-facts 11): where its state is
                    // in the way, each volume can still be copied on its own, since nothing is written meanwhile.
                    Err(error) if together.or_each && error.class == FailureClass::Conflict => {
                        self.create_one_by_one(&missing).await?
                    }
                    Err(error) => return Err(error),
                }
            }
            _ => self.create_one_by_one(&missing).await?,
        };
        taken.extend(there);
        self.complete_tags(sources, &taken).await?;
        Ok(taken.into_iter().map(|taken| taken.snapshot).collect())
    }

    /// What an earlier try of the same step made: by failover and volume, and no other attempt's.
    async fn made_before(&self, sources: &[SnapshotSource]) -> Result<Vec<Taken>, AwsError> {
        const OPERATION: &str = "DescribeSnapshots";
        let Some(id) = sources.first().and_then(|source| source.tags.get(tag::ID)) else {
            let message = format!("a snapshot without the tag {} could be made twice", tag::ID);
            let code = code::NOT_SENT.to_owned();
            return Err(AwsError { operation: OPERATION, class: FailureClass::Invalid, code, message });
        };
        let volumes = sources.iter().map(|source| source.volume.to_string()).collect();
        let volumes = Filter::builder().name("volume-id").set_values(Some(volumes)).build();
        self.reads();
        let answer = self.aws.snapshots_by_filters(vec![filter(format!("tag:{}", tag::ID), id), volumes]).await?;
        if let Some(why) = answer.flaw {
            return Err(AwsError {
                operation: OPERATION,
                class: FailureClass::Retryable,
                code: code::UNREADABLE.to_owned(),
                message: why,
            });
        }
        let snapshots = answer.items.iter().filter_map(|(id, observed)| Some((id, Observed::known(observed)?)));
        let of_this_step = snapshots.filter(|(_, snapshot)| {
            let source = sources.iter().find(|source| source.volume == snapshot.volume);
            snapshot.state != SnapshotState::Error && source.is_some_and(|it| agrees(&snapshot.tags, &it.tags))
        });
        // Of two, the older: its point in time is the one that the step was first tried for.
        let mut oldest: BTreeMap<&VolumeId, _> = BTreeMap::new();
        for (id, snapshot) in of_this_step {
            let entry = oldest.entry(&snapshot.volume).or_insert((id, snapshot));
            if snapshot.started_at < entry.1.started_at {
                *entry = (id, snapshot);
            }
        }
        Ok(oldest
            .into_values()
            .map(|(id, snapshot)| Taken {
                snapshot: id.to_string(),
                volume: snapshot.volume.to_string(),
                tags: snapshot.tags.clone(),
            })
            .collect())
    }

    /// `CreateSnapshots` over the instance: one point in time for all volumes. It gives every snapshot the same tags.
    async fn create_together(&self, sources: &[SnapshotSource], together: &Together) -> Result<Vec<Taken>, AwsError> {
        const OPERATION: &str = "CreateSnapshots";
        let mut common = common_tags(sources);
        common.insert(tag::TOGETHER.to_owned(), together.instance.to_string());
        let excluded = together.exclude.iter().map(ToString::to_string).collect();
        let instance = InstanceSpecification::builder()
            .instance_id(together.instance.as_str())
            .exclude_boot_volume(true)
            .set_exclude_data_volume_ids(Some(excluded))
            .build();
        let call = self.aws.ec2_effects().create_snapshots().instance_specification(instance);
        let call = call.set_description(tag::description(&common));
        let call = call.tag_specifications(tag_specification(ResourceType::Snapshot, &common));
        let made = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await?;
        let taken = |info: &aws_sdk_ec2::types::SnapshotInfo| {
            Some(Taken {
                snapshot: info.snapshot_id()?.to_owned(),
                volume: info.volume_id()?.to_owned(),
                tags: common.clone(),
            })
        };
        let taken: Option<Vec<Taken>> = made.snapshots().iter().map(taken).collect();
        taken.ok_or_else(|| unreadable(OPERATION, "snapshot id or volume id"))
    }

    /// `CreateSnapshot` of each, side by side. One failure fails the step; the next try finds what this one made.
    async fn create_one_by_one(&self, sources: &[&SnapshotSource]) -> Result<Vec<Taken>, AwsError> {
        let calls = sources.iter().map(|source| self.create_one(source));
        self.effects(calls).await.into_iter().collect()
    }

    async fn create_one(&self, source: &SnapshotSource) -> Result<Taken, AwsError> {
        const OPERATION: &str = "CreateSnapshot";
        let call = self.aws.ec2_effects().create_snapshot().volume_id(source.volume.as_str());
        let call = call.set_description(tag::description(&source.tags));
        let call = call.tag_specifications(tag_specification(ResourceType::Snapshot, &source.tags));
        let made = call.send().await.map_err(failed(OPERATION))?;
        let snapshot = made.snapshot_id.ok_or_else(|| unreadable(OPERATION, "snapshot id"))?;
        Ok(Taken { snapshot, volume: source.volume.to_string(), tags: source.tags.clone() })
    }

    /// The tags that a snapshot could not be given at creation, or that an earlier try did not get to.
    async fn complete_tags(&self, sources: &[SnapshotSource], taken: &[Taken]) -> Result<(), AwsError> {
        let incomplete: Vec<(&Taken, Tags)> = taken
            .iter()
            .filter_map(|taken| {
                let source = sources.iter().find(|source| source.volume.as_str() == taken.volume)?;
                let missing: Tags = source
                    .tags
                    .iter()
                    .filter(|(key, value)| taken.tags.get(*key) != Some(*value))
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                (!missing.is_empty()).then_some((taken, missing))
            })
            .collect();
        let calls = incomplete.iter().map(|(taken, tags)| self.tag_snapshot(&taken.snapshot, tags));
        self.effects(calls).await.into_iter().collect()
    }

    async fn tag_snapshot(&self, snapshot: &str, tags: &Tags) -> Result<(), AwsError> {
        let call = self.aws.ec2_effects().create_tags().resources(snapshot).set_tags(Some(ec2_tags(tags)));
        call.send().await.map(drop).map_err(failed("CreateTags"))
    }

    /// A snapshot that AWS does not know is deleted.
    pub(super) async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Result<Made, AwsError> {
        const OPERATION: &str = "DeleteSnapshot";
        let call = self.aws.ec2_effects().delete_snapshot().snapshot_id(snapshot.as_str());
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        or_done_already(sent, |error| error.class == FailureClass::Gone)
    }
}

/// Whether a snapshot's tags are those of a source, as far as it has them: some are given only after creation.
fn agrees(snapshot: &Tags, source: &Tags) -> bool {
    source.iter().all(|(key, value)| snapshot.get(key).is_none_or(|there| there == value))
}

/// What every source has.
fn common_tags(sources: &[SnapshotSource]) -> Tags {
    let Some((first, rest)) = sources.split_first() else { return Tags::new() };
    let in_all = |key: &String, value: &String| rest.iter().all(|source| source.tags.get(key) == Some(value));
    first
        .tags
        .iter()
        .filter(|(key, value)| in_all(key, value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
