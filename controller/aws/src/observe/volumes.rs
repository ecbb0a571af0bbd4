//! Volumes: `DescribeVolumes`, whose attachments are the truth where it and `DescribeInstances` disagree (aws-facts 2.3).

use std::collections::BTreeSet;

use aws_sdk_ec2::operation::describe_volumes::DescribeVolumesOutput;
use aws_sdk_ec2::types::{Volume as Ec2Volume, VolumeAttachment, VolumeAttachmentState, VolumeState as Ec2VolumeState};
use failover_core::ids::{InstanceId, SnapshotId, VolumeId, Zone};
use failover_core::world::{Attachment, AttachmentState, Listing, Volume, VolumeShape, VolumeState};

use super::by_id::by_tag_then_id;
use super::described::{Described, Owners};
use super::interest::Scope;
use super::pages::{self, PAGE};
use crate::clients::Aws;
use crate::convert::{required_timestamp, tags};
use crate::error::{AwsError, failed};

const OPERATION: &str = "DescribeVolumes";

impl Aws {
    pub(super) async fn volumes(
        &self,
        scope: Scope<'_>,
        known: &BTreeSet<VolumeId>,
    ) -> (Listing<VolumeId, Volume>, Owners<VolumeId>) {
        let by_id = |id| self.volume_by_id(id);
        Box::pin(by_tag_then_id(self.clock(), OPERATION, known, self.volumes_by_tag(scope), by_id)).await
    }

    async fn volumes_by_tag(&self, scope: Scope<'_>) -> Result<Described<VolumeId, Volume>, AwsError> {
        let call = self.ec2().describe_volumes().filters(scope.filter()).max_results(PAGE);
        let ask = |token| {
            let call = call.clone().set_next_token(token);
            async move { call.send().await.map_err(failed(OPERATION)) }
        };
        pages::every(self.clock(), ask, DescribeVolumesOutput::next_token, |answer, page, at| {
            for volume in page.volumes() {
                answer.take(volume.volume_id(), &tags(volume.tags()), read(volume), at);
            }
        })
        .await
    }

    pub(crate) async fn volume_by_id(&self, id: VolumeId) -> Result<Described<VolumeId, Volume>, AwsError> {
        let page = self.ec2().describe_volumes().volume_ids(id).send().await.map_err(failed(OPERATION))?;
        let at = self.clock().now();
        let mut answer = Described::new(at);
        for volume in page.volumes() {
            answer.take(volume.volume_id(), &tags(volume.tags()), read(volume), at);
        }
        Ok(answer)
    }
}

fn read(volume: &Ec2Volume) -> Result<Volume, String> {
    let zone = volume.availability_zone().ok_or("no Availability Zone")?;
    let restored_from = volume.snapshot_id().filter(|id| !id.is_empty());
    Ok(Volume {
        zone: Zone::new(zone).map_err(|error| error.to_string())?,
        state: state(volume.state().ok_or("no state")?)?,
        shape: VolumeShape {
            size_gib: number("size", volume.size().ok_or("no size")?)?,
            volume_type: volume.volume_type().ok_or("no type")?.as_str().to_owned(),
            iops: volume.iops().map(|iops| number("IOPS", iops)).transpose()?,
            throughput_mib_per_second: volume.throughput().map(|rate| number("throughput", rate)).transpose()?,
            encrypted: volume.encrypted().unwrap_or(false),
            kms_key: volume.kms_key_id().map(str::to_owned),
        },
        attachments: volume.attachments().iter().map(attachment).collect::<Result<_, _>>()?,
        restored_from: restored_from.map(SnapshotId::new).transpose().map_err(|error| error.to_string())?,
        created_at: required_timestamp("creation time", volume.create_time())?,
        tags: tags(volume.tags()),
    })
}

fn number(what: &str, value: i32) -> Result<u32, String> {
    u32::try_from(value).map_err(|_| format!("{what} {value} is negative"))
}

fn state(state: &Ec2VolumeState) -> Result<VolumeState, String> {
    Ok(match state {
        Ec2VolumeState::Creating => VolumeState::Creating,
        Ec2VolumeState::Available => VolumeState::Available,
        Ec2VolumeState::InUse => VolumeState::InUse,
        Ec2VolumeState::Deleting => VolumeState::Deleting,
        Ec2VolumeState::Deleted => VolumeState::Deleted,
        Ec2VolumeState::Error => VolumeState::Error,
        other => return Err(format!("volume state {:?} is not one that we know", other.as_str())),
    })
}

/// A volume may also be attached to a resource that AWS manages; what that means for our data can't be said.
fn attachment(attachment: &VolumeAttachment) -> Result<Attachment, String> {
    let instance = attachment.instance_id().ok_or("attached to something that is no instance")?;
    Ok(Attachment {
        instance: InstanceId::new(instance).map_err(|error| error.to_string())?,
        device: attachment.device().unwrap_or_default().to_owned(),
        state: match attachment.state().ok_or("no attachment state")? {
            VolumeAttachmentState::Attaching => AttachmentState::Attaching,
            VolumeAttachmentState::Attached => AttachmentState::Attached,
            VolumeAttachmentState::Detaching => AttachmentState::Detaching,
            VolumeAttachmentState::Detached => AttachmentState::Detached,
            VolumeAttachmentState::Busy => AttachmentState::Busy,
            other => return Err(format!("attachment state {:?} is not one that we know", other.as_str())),
        },
    })
}
