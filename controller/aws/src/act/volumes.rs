//! Effects on volumes.

use aws_sdk_ec2::operation::create_volume::builders::CreateVolumeFluentBuilder;
use aws_sdk_ec2::types::{ResourceType, VolumeType};
use failover_core::ids::{InstanceId, VolumeId, Zone};
use failover_core::step::{FailureClass, Step};
use failover_core::world::{AttachmentState, Observed, Tags, VolumeRole, VolumeShape, tag};

use super::{Made, Run, invalid, or_done_already, unreadable};
use crate::convert::{ec2_tags, tag_specification};
use crate::error::{AwsError, failed};

const CREATE_VOLUME: &str = "CreateVolume";

impl Run<'_> {
    /// `CreateVolume` from a snapshot. Its client token makes the call safe to repeat: the same token never makes a second volume
    /// (aws-facts 2.9). The token belongs to these parameters; others with it are refused.
    pub(super) async fn restore_volume(&self, step: &Step) -> Result<Made, AwsError> {
        let Step::RestoreVolume {
            snapshot, zone, shape, initialization_rate_mib_per_second, tags, client_token, ..
        } = step
        else {
            return Err(invalid(CREATE_VOLUME, format!("{step} restores nothing")));
        };
        let call = self.create_volume(zone, shape, tags, client_token)?;
        let call = call
            .snapshot_id(snapshot.as_str())
            .set_volume_initialization_rate(number(CREATE_VOLUME, *initialization_rate_mib_per_second)?);
        self.send_creation(call).await
    }

    /// `CreateVolume` without a snapshot: an empty volume, for a service that never had one. Its client token protects it as it does a
    /// restore.
    pub(super) async fn create_blank(
        &self,
        zone: &Zone,
        shape: &VolumeShape,
        tags: &Tags,
        client_token: &str,
    ) -> Result<Made, AwsError> {
        let call = self.create_volume(zone, shape, tags, client_token)?;
        self.send_creation(call).await
    }

    /// What every new volume has.
    fn create_volume(
        &self,
        zone: &Zone,
        shape: &VolumeShape,
        tags: &Tags,
        client_token: &str,
    ) -> Result<CreateVolumeFluentBuilder, AwsError> {
        // The default type would be gp2, whatever the source's was (aws-facts 2.2): the type is always named.
        let volume_type = VolumeType::from(shape.volume_type.as_str());
        let throughput = shape.throughput_mib_per_second.filter(|_| volume_type == VolumeType::Gp3);
        let call = self.aws.ec2_effects().create_volume();
        Ok(call
            .availability_zone(zone.as_str())
            .size(api_number(CREATE_VOLUME, shape.size_gib)?)
            .set_iops(number(CREATE_VOLUME, shape.iops.filter(|_| takes_iops(&volume_type)))?)
            .set_throughput(number(CREATE_VOLUME, throughput)?)
            .volume_type(volume_type)
            .set_encrypted(shape.encrypted.then_some(true))
            .set_kms_key_id(kms_key(shape))
            .tag_specifications(tag_specification(ResourceType::Volume, tags))
            .client_token(client_token))
    }

    async fn send_creation(&self, call: CreateVolumeFluentBuilder) -> Result<Made, AwsError> {
        let made = self.effect(async { call.send().await.map_err(failed(CREATE_VOLUME)) }).await?;
        Ok(vec![made.volume_id.ok_or_else(|| unreadable(CREATE_VOLUME, "volume id"))?])
    }

    /// A volume that is attached nowhere answers `IncorrectState` "… is in the 'available' state" (aws-facts 2.3).
    pub(super) async fn detach_volume(
        &self,
        volume: &VolumeId,
        instance: &InstanceId,
        force: bool,
    ) -> Result<Made, AwsError> {
        const OPERATION: &str = "DetachVolume";
        let call = self.aws.ec2_effects().detach_volume().volume_id(volume.as_str()).instance_id(instance.as_str());
        let call = call.set_force(force.then_some(true));
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        or_done_already(sent, |error| error.code == "IncorrectState" && error.message.contains("'available'"))
    }

    /// A volume that is in use may be so where it shall be: one observation tells.
    pub(super) async fn attach_volume(
        &self,
        volume: &VolumeId,
        instance: &InstanceId,
        device: &str,
    ) -> Result<Made, AwsError> {
        const OPERATION: &str = "AttachVolume";
        let call = self.aws.ec2_effects().attach_volume();
        let call = call.volume_id(volume.as_str()).instance_id(instance.as_str()).device(device);
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        match sent {
            // A device name is taken also when it is taken by this very volume.
            Err(error) if error.class == FailureClass::Conflict => {
                let there = self.is_attached_to(volume, instance).await;
                or_done_already(Err(error), |_| there)
            }
            other => or_done_already(other, |_| false),
        }
    }

    /// For people: the controller itself reads the ledger.
    pub(super) async fn mark_superseded(&self, volume: &VolumeId) -> Result<Made, AwsError> {
        const OPERATION: &str = "CreateTags";
        let tags = [(tag::ROLE.to_owned(), VolumeRole::Superseded.as_str().to_owned())].into();
        let call = self.aws.ec2_effects().create_tags().resources(volume.as_str()).set_tags(Some(ec2_tags(&tags)));
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        or_done_already(sent, |_| false)
    }

    /// A volume that AWS does not know is deleted.
    pub(super) async fn delete_volume(&self, volume: &VolumeId) -> Result<Made, AwsError> {
        const OPERATION: &str = "DeleteVolume";
        let call = self.aws.ec2_effects().delete_volume().volume_id(volume.as_str());
        let sent = self.effect(async { call.send().await.map_err(failed(OPERATION)) }).await.map(drop);
        or_done_already(sent, |error| error.class == FailureClass::Gone)
    }

    async fn is_attached_to(&self, volume: &VolumeId, instance: &InstanceId) -> bool {
        self.reads();
        let Ok(answer) = self.aws.volume_by_id(volume.clone()).await else { return false };
        let seen = answer.items.get(volume).and_then(Observed::known);
        let attachment = seen.and_then(|volume| volume.attachment_to(instance));
        attachment.is_some_and(|it| matches!(it.state, AttachmentState::Attaching | AttachmentState::Attached))
    }
}

/// IOPS may be given for these types only; gp2 and the magnetic ones report some all the same.
fn takes_iops(volume_type: &VolumeType) -> bool {
    matches!(volume_type, VolumeType::Gp3 | VolumeType::Io1 | VolumeType::Io2)
}

/// The key may be named only for an encrypted volume. Unnamed, the snapshot's own key is taken (aws-facts 2.6).
fn kms_key(shape: &VolumeShape) -> Option<String> {
    shape.kms_key.clone().filter(|_| shape.encrypted)
}

fn api_number(operation: &'static str, value: u32) -> Result<i32, AwsError> {
    i32::try_from(value).map_err(|_| invalid(operation, format!("{value} is too large a number")))
}

fn number(operation: &'static str, value: Option<u32>) -> Result<Option<i32>, AwsError> {
    value.map(|value| api_number(operation, value)).transpose()
}
