//! The actions that are answered, with the bucket each takes its token from and the parameters that mean something here.

use crate::state::throttle::Category::{self, LargeMutating, Launching, Mutating, Read, Tagging};
use crate::wire::ec2::{
    Call, Done, addresses, attributes, instances, launch, launch_templates, places, snapshots, status, tags, volumes,
};

/// One action.
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) category: Category,
    /// Without filter, ids and pages it takes from a smaller bucket.
    pub(crate) smaller_bucket_unfiltered: bool,
    /// Top-level parameters that are modelled, or that change nothing here.
    pub(crate) parameters: &'static [&'static str],
    pub(crate) handler: fn(&mut Call<'_>) -> Done,
}

pub(crate) fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.binary_search_by(|action| action.name.cmp(name)).ok().and_then(|index| ACTIONS.get(index))
}

const fn action(
    name: &'static str,
    category: Category,
    parameters: &'static [&'static str],
    handler: fn(&mut Call<'_>) -> Done,
) -> Action {
    Action { name, category, smaller_bucket_unfiltered: false, parameters, handler }
}

const fn bulk_read(
    name: &'static str,
    parameters: &'static [&'static str],
    handler: fn(&mut Call<'_>) -> Done,
) -> Action {
    Action { name, category: Read, smaller_bucket_unfiltered: true, parameters, handler }
}

/// Sorted by name.
static ACTIONS: &[Action] = &[
    action("AllocateAddress", Mutating, &["Domain", "TagSpecification"], addresses::allocate),
    action(
        "AssociateAddress",
        Mutating,
        &["AllocationId", "InstanceId", "NetworkInterfaceId", "AllowReassociation", "PrivateIpAddress"],
        addresses::associate,
    ),
    action("AttachVolume", Mutating, &["VolumeId", "InstanceId", "Device"], volumes::attach),
    action(
        "CreateLaunchTemplate",
        Mutating,
        &["LaunchTemplateName", "LaunchTemplateData", "VersionDescription", "ClientToken", "TagSpecification"],
        launch_templates::create,
    ),
    action("CreateSnapshot", LargeMutating, &["VolumeId", "Description", "TagSpecification"], snapshots::create),
    action(
        "CreateSnapshots",
        LargeMutating,
        &["InstanceSpecification", "Description", "TagSpecification", "CopyTagsFromSource"],
        snapshots::create_set,
    ),
    action("CreateTags", Tagging, &["ResourceId", "Tag"], tags::create),
    action(
        "CreateVolume",
        LargeMutating,
        &[
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
            "TagSpecification",
        ],
        volumes::create,
    ),
    action("DeleteLaunchTemplate", Mutating, &["LaunchTemplateId", "LaunchTemplateName"], launch_templates::delete),
    action("DeleteSnapshot", LargeMutating, &["SnapshotId"], snapshots::delete),
    action("DeleteTags", Tagging, &["ResourceId", "Tag"], tags::delete),
    action("DeleteVolume", LargeMutating, &["VolumeId"], volumes::delete),
    action("DescribeAddresses", Read, &["AllocationId", "PublicIp", "Filter"], addresses::describe),
    action(
        "DescribeAvailabilityZones",
        Read,
        &["ZoneName", "ZoneId", "Filter", "AllAvailabilityZones"],
        places::describe_availability_zones,
    ),
    action("DescribeInstanceAttribute", Read, &["InstanceId", "Attribute"], attributes::describe),
    bulk_read(
        "DescribeInstanceStatus",
        &["InstanceId", "Filter", "MaxResults", "NextToken", "IncludeAllInstances"],
        status::describe_instance_status,
    ),
    bulk_read("DescribeInstances", &["InstanceId", "Filter", "MaxResults", "NextToken"], instances::describe),
    action(
        "DescribeLaunchTemplates",
        Read,
        &["LaunchTemplateId", "LaunchTemplateName", "Filter", "MaxResults", "NextToken"],
        launch_templates::describe,
    ),
    bulk_read(
        "DescribeSnapshots",
        &["SnapshotId", "Filter", "MaxResults", "NextToken", "Owner", "RestorableBy"],
        snapshots::describe,
    ),
    action("DescribeSubnets", Read, &["SubnetId", "Filter", "MaxResults", "NextToken"], places::describe_subnets),
    action("DescribeTags", Read, &["Filter", "MaxResults", "NextToken"], tags::describe),
    action(
        "DescribeVolumeStatus",
        Read,
        &["VolumeId", "Filter", "MaxResults", "NextToken"],
        status::describe_volume_status,
    ),
    bulk_read("DescribeVolumes", &["VolumeId", "Filter", "MaxResults", "NextToken"], volumes::describe),
    action("DetachVolume", Mutating, &["VolumeId", "InstanceId", "Device", "Force"], volumes::detach),
    action("DisassociateAddress", Mutating, &["AssociationId", "PublicIp"], addresses::disassociate),
    action(
        "ModifyInstanceAttribute",
        Mutating,
        &[
            "InstanceId",
            "DisableApiTermination",
            "DisableApiStop",
            "InstanceType",
            "InstanceInitiatedShutdownBehavior",
            "UserData",
            "BlockDeviceMapping",
        ],
        attributes::modify,
    ),
    action("RebootInstances", Mutating, &["InstanceId"], instances::reboot),
    action("ReleaseAddress", Mutating, &["AllocationId"], addresses::release),
    action(
        "RunInstances",
        Launching,
        &[
            "ImageId",
            "InstanceType",
            "MinCount",
            "MaxCount",
            "SubnetId",
            "Placement",
            "ClientToken",
            "BlockDeviceMapping",
            "TagSpecification",
            "UserData",
            "DisableApiTermination",
            "InstanceInitiatedShutdownBehavior",
            // The metadata service shows these two.
            "IamInstanceProfile",
            "MetadataOptions",
            // These change nothing here: there are no networks in the region.
            "KeyName",
            "SecurityGroup",
            "SecurityGroupId",
            "Monitoring",
            "EbsOptimized",
        ],
        launch::run_instances,
    ),
    action("StartInstances", Launching, &["InstanceId"], instances::start),
    action("StopInstances", Mutating, &["InstanceId", "Force", "SkipOsShutdown"], instances::stop),
    action("TerminateInstances", LargeMutating, &["InstanceId", "Force", "SkipOsShutdown"], instances::terminate),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_action_is_found() {
        assert!(ACTIONS.is_sorted_by_key(|action| action.name));
        assert!(ACTIONS.iter().all(|action| find(action.name).is_some()));
        assert!(find("DescribeUnicorns").is_none());
    }
}
