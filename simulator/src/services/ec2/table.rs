//! The operations that are answered, each with its parameters and the bucket that its calls take a token from.

use crate::protocol::operations::{Operation, operation};
use crate::protocol::parameter::{Parameter, default_only, irrelevant, one_of};
use crate::state::throttle::Category::{self, LargeMutating, Launching, Mutating, Read, Tagging};

use super::call::{Call, Done, Handler};
use super::{
    addresses, attributes, create_volume, instances, launch, launch_templates, modify_volume, places, snapshots,
    status, tags, volumes,
};

const fn on(category: Category, run: fn(&mut Call<'_>) -> Done) -> Handler {
    Handler { run, category, smaller_bucket_unfiltered: false }
}

const fn bulk_read(run: fn(&mut Call<'_>) -> Done) -> Handler {
    Handler { run, category: Read, smaller_bucket_unfiltered: true }
}

const NO_LOGIN: &str = "nobody logs in";
const NO_NETWORK: &str = "the region has no networks";
const NO_PERFORMANCE: &str = "I/O takes no time";

/// Sorted by name.
pub(super) const TABLE: &[Operation<Handler>] = &[
    operation(
        "AllocateAddress",
        on(Mutating, addresses::allocate),
        &["DryRun", "TagSpecification[].Tag[].Key", "TagSpecification[].Tag[].Value"],
        &[default_only("Domain", &["vpc"]), one_of("TagSpecification[].ResourceType", &["elastic-ip"])],
    ),
    operation(
        "AssociateAddress",
        on(Mutating, addresses::associate),
        &["DryRun", "AllocationId", "InstanceId", "NetworkInterfaceId", "AllowReassociation", "PrivateIpAddress"],
        &[],
    ),
    operation("AttachVolume", on(Mutating, volumes::attach), &["DryRun", "VolumeId", "InstanceId", "Device"], &[]),
    operation(
        "CreateLaunchTemplate",
        on(Mutating, launch_templates::create),
        &[
            "DryRun",
            "ClientToken",
            "LaunchTemplateName",
            "LaunchTemplateData.ImageId",
            "LaunchTemplateData.InstanceType",
            "LaunchTemplateData.UserData",
            "LaunchTemplateData.DisableApiTermination",
            "LaunchTemplateData.DisableApiStop",
            "LaunchTemplateData.InstanceInitiatedShutdownBehavior",
            "LaunchTemplateData.IamInstanceProfile.Name",
            "LaunchTemplateData.IamInstanceProfile.Arn",
            "LaunchTemplateData.MetadataOptions.InstanceMetadataTags",
            "LaunchTemplateData.BlockDeviceMapping[].DeviceName",
            "LaunchTemplateData.BlockDeviceMapping[].Ebs.DeleteOnTermination",
            "LaunchTemplateData.BlockDeviceMapping[].Ebs.Encrypted",
            "LaunchTemplateData.BlockDeviceMapping[].Ebs.Iops",
            "LaunchTemplateData.BlockDeviceMapping[].Ebs.KmsKeyId",
            "LaunchTemplateData.BlockDeviceMapping[].Ebs.Throughput",
            "LaunchTemplateData.BlockDeviceMapping[].Ebs.VolumeSize",
            "LaunchTemplateData.BlockDeviceMapping[].Ebs.VolumeType",
            "LaunchTemplateData.TagSpecification[].Tag[].Key",
            "LaunchTemplateData.TagSpecification[].Tag[].Value",
            "TagSpecification[].Tag[].Key",
            "TagSpecification[].Tag[].Value",
        ],
        &[
            one_of("TagSpecification[].ResourceType", &["launch-template"]),
            one_of("LaunchTemplateData.TagSpecification[].ResourceType", MADE_BY_A_LAUNCH),
            irrelevant("VersionDescription", "no describe that is modelled shows it"),
            irrelevant("LaunchTemplateData.KeyName", NO_LOGIN),
            irrelevant("LaunchTemplateData.SecurityGroup", NO_NETWORK),
            irrelevant("LaunchTemplateData.SecurityGroupId", NO_NETWORK),
            irrelevant("LaunchTemplateData.EbsOptimized", NO_PERFORMANCE),
            default_only("LaunchTemplateData.Monitoring.Enabled", &["false"]),
            default_only("LaunchTemplateData.Placement.Tenancy", &["default"]),
            default_only("LaunchTemplateData.MetadataOptions.HttpTokens", &["required"]),
            default_only("LaunchTemplateData.MetadataOptions.HttpEndpoint", &["enabled"]),
            irrelevant("LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit", NO_NETWORK),
        ],
    ),
    operation(
        "CreateSnapshot",
        on(LargeMutating, snapshots::create),
        &["DryRun", "VolumeId", "Description", "TagSpecification[].Tag[].Key", "TagSpecification[].Tag[].Value"],
        &[one_of("TagSpecification[].ResourceType", &["snapshot"])],
    ),
    operation(
        "CreateSnapshots",
        on(LargeMutating, snapshots::create_set),
        &[
            "DryRun",
            "InstanceSpecification.InstanceId",
            "InstanceSpecification.ExcludeBootVolume",
            "InstanceSpecification.ExcludeDataVolumeId[]",
            "Description",
            "CopyTagsFromSource",
            "TagSpecification[].Tag[].Key",
            "TagSpecification[].Tag[].Value",
        ],
        &[one_of("TagSpecification[].ResourceType", &["snapshot"])],
    ),
    operation("CreateTags", on(Tagging, tags::create), &["DryRun", "ResourceId[]", "Tag[].Key", "Tag[].Value"], &[]),
    operation(
        "CreateVolume",
        on(LargeMutating, create_volume::create),
        &[
            "DryRun",
            "AvailabilityZone",
            "AvailabilityZoneId",
            "SnapshotId",
            "Size",
            "VolumeType",
            "Iops",
            "Throughput",
            "Encrypted",
            "KmsKeyId",
            "MultiAttachEnabled",
            "VolumeInitializationRate",
            "ClientToken",
            "TagSpecification[].Tag[].Key",
            "TagSpecification[].Tag[].Value",
        ],
        &[one_of("TagSpecification[].ResourceType", &["volume"])],
    ),
    operation(
        "DeleteLaunchTemplate",
        on(Mutating, launch_templates::delete),
        &["DryRun", "LaunchTemplateId", "LaunchTemplateName"],
        &[],
    ),
    operation("DeleteSnapshot", on(LargeMutating, snapshots::delete), &["DryRun", "SnapshotId"], &[]),
    operation("DeleteTags", on(Tagging, tags::delete), &["DryRun", "ResourceId[]", "Tag[].Key", "Tag[].Value"], &[]),
    operation("DeleteVolume", on(LargeMutating, volumes::delete), &["DryRun", "VolumeId"], &[]),
    operation(
        "DescribeAddresses",
        on(Read, addresses::describe),
        &["DryRun", "AllocationId[]", "PublicIp[]", "Filter[].Name", "Filter[].Value[]"],
        &[],
    ),
    operation(
        "DescribeAvailabilityZones",
        on(Read, places::describe_availability_zones),
        &["DryRun", "ZoneName[]", "ZoneId[]", "Filter[].Name", "Filter[].Value[]"],
        &[irrelevant("AllAvailabilityZones", "every zone of the region is opted in")],
    ),
    operation("DescribeInstanceAttribute", on(Read, attributes::describe), &["DryRun", "InstanceId", "Attribute"], &[]),
    operation(
        "DescribeInstanceStatus",
        bulk_read(status::describe_instance_status),
        &[
            "DryRun",
            "InstanceId[]",
            "Filter[].Name",
            "Filter[].Value[]",
            "MaxResults",
            "NextToken",
            "IncludeAllInstances",
        ],
        &[],
    ),
    operation(
        "DescribeInstances",
        bulk_read(instances::describe),
        &["DryRun", "InstanceId[]", "Filter[].Name", "Filter[].Value[]", "MaxResults", "NextToken"],
        &[],
    ),
    operation(
        "DescribeLaunchTemplates",
        on(Read, launch_templates::describe),
        &[
            "DryRun",
            "LaunchTemplateId[]",
            "LaunchTemplateName[]",
            "Filter[].Name",
            "Filter[].Value[]",
            "MaxResults",
            "NextToken",
        ],
        &[],
    ),
    operation(
        "DescribeSnapshots",
        bulk_read(snapshots::describe),
        &["DryRun", "SnapshotId[]", "Filter[].Name", "Filter[].Value[]", "MaxResults", "NextToken", "Owner[]"],
        &[],
    ),
    operation(
        "DescribeSubnets",
        on(Read, places::describe_subnets),
        &["DryRun", "SubnetId[]", "Filter[].Name", "Filter[].Value[]", "MaxResults", "NextToken"],
        &[],
    ),
    operation(
        "DescribeTags",
        on(Read, tags::describe),
        &["DryRun", "Filter[].Name", "Filter[].Value[]", "MaxResults", "NextToken"],
        &[],
    ),
    operation(
        "DescribeVolumeStatus",
        on(Read, status::describe_volume_status),
        &["DryRun", "VolumeId[]", "Filter[].Name", "Filter[].Value[]", "MaxResults", "NextToken"],
        &[],
    ),
    operation(
        "DescribeVolumes",
        bulk_read(volumes::describe),
        &["DryRun", "VolumeId[]", "Filter[].Name", "Filter[].Value[]", "MaxResults", "NextToken"],
        &[],
    ),
    operation(
        "DescribeVolumesModifications",
        on(Read, modify_volume::describe),
        &["DryRun", "VolumeId[]", "Filter[].Name", "Filter[].Value[]", "MaxResults", "NextToken"],
        &[],
    ),
    operation(
        "DetachVolume",
        on(Mutating, volumes::detach),
        &["DryRun", "VolumeId", "InstanceId", "Device", "Force"],
        &[],
    ),
    operation("DisassociateAddress", on(Mutating, addresses::disassociate), &["DryRun", "AssociationId"], &[]),
    operation(
        "ModifyInstanceAttribute",
        on(Mutating, attributes::modify),
        &[
            "DryRun",
            "InstanceId",
            "DisableApiTermination.Value",
            "DisableApiStop.Value",
            "InstanceType.Value",
            "InstanceInitiatedShutdownBehavior.Value",
            "UserData.Value",
            "BlockDeviceMapping[].DeviceName",
            "BlockDeviceMapping[].Ebs.DeleteOnTermination",
        ],
        &[],
    ),
    operation(
        "ModifyVolume",
        on(Mutating, modify_volume::modify),
        &["DryRun", "VolumeId", "Size", "VolumeType", "Iops", "Throughput"],
        &[],
    ),
    operation("RebootInstances", on(Mutating, instances::reboot), &["DryRun", "InstanceId[]"], &[]),
    operation("ReleaseAddress", on(Mutating, addresses::release), &["DryRun", "AllocationId"], &[]),
    operation(
        "RunInstances",
        on(Launching, launch::run_instances),
        &[
            "DryRun",
            "ClientToken",
            "MinCount",
            "MaxCount",
            "SubnetId",
            "Placement.AvailabilityZone",
            "Placement.AvailabilityZoneId",
            "ImageId",
            "InstanceType",
            "UserData",
            "DisableApiTermination",
            "DisableApiStop",
            "InstanceInitiatedShutdownBehavior",
            "IamInstanceProfile.Name",
            "IamInstanceProfile.Arn",
            "MetadataOptions.InstanceMetadataTags",
            "BlockDeviceMapping[].DeviceName",
            "BlockDeviceMapping[].Ebs.DeleteOnTermination",
            "BlockDeviceMapping[].Ebs.Encrypted",
            "BlockDeviceMapping[].Ebs.Iops",
            "BlockDeviceMapping[].Ebs.KmsKeyId",
            "BlockDeviceMapping[].Ebs.SnapshotId",
            "BlockDeviceMapping[].Ebs.Throughput",
            "BlockDeviceMapping[].Ebs.VolumeInitializationRate",
            "BlockDeviceMapping[].Ebs.VolumeSize",
            "BlockDeviceMapping[].Ebs.VolumeType",
            "TagSpecification[].Tag[].Key",
            "TagSpecification[].Tag[].Value",
        ],
        RUN_INSTANCES_OTHERS,
    ),
    operation("StartInstances", on(Launching, instances::start), &["DryRun", "InstanceId[]"], &[]),
    operation(
        "StopInstances",
        on(Mutating, instances::stop),
        &["DryRun", "InstanceId[]", "Force", "SkipOsShutdown"],
        &[default_only("Hibernate", &["false"])],
    ),
    operation(
        "TerminateInstances",
        on(LargeMutating, instances::terminate),
        &["DryRun", "InstanceId[]"],
        // A harsher end than the usual one is not modelled.
        &[default_only("Force", &["false"]), default_only("SkipOsShutdown", &["false"])],
    ),
];

const RUN_INSTANCES_OTHERS: &[Parameter] = &[
    one_of("TagSpecification[].ResourceType", MADE_BY_A_LAUNCH),
    irrelevant("KeyName", NO_LOGIN),
    irrelevant("SecurityGroup", NO_NETWORK),
    irrelevant("SecurityGroupId", NO_NETWORK),
    irrelevant("EbsOptimized", NO_PERFORMANCE),
    default_only("Monitoring.Enabled", &["false"]),
    default_only("Placement.Tenancy", &["default"]),
    // The metadata service of every instance wants a token, and there is no way to switch it off.
    default_only("MetadataOptions.HttpTokens", &["required"]),
    default_only("MetadataOptions.HttpEndpoint", &["enabled"]),
    irrelevant("MetadataOptions.HttpPutResponseHopLimit", NO_NETWORK),
];

/// What `RunInstances` makes and tags.
const MADE_BY_A_LAUNCH: &[&str] = &["instance", "volume"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_as_people_read_it() {
        assert!(TABLE.is_sorted_by_key(|operation| operation.name));
    }
}
