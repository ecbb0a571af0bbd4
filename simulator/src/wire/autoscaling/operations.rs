//! The operations that are answered, with the top-level parameters that mean something here, or change nothing.

use super::{Call, Done, describe, groups, hooks, members, tags};

/// One operation.
pub(super) struct Operation {
    name: &'static str,
    pub(super) parameters: &'static [&'static str],
    pub(super) handler: fn(&mut Call<'_>) -> Done,
}

pub(super) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

const fn operation(
    name: &'static str,
    parameters: &'static [&'static str],
    handler: fn(&mut Call<'_>) -> Done,
) -> Operation {
    Operation { name, parameters, handler }
}

static OPERATIONS: &[Operation] = &[
    operation(
        "CompleteLifecycleAction",
        &["LifecycleHookName", "AutoScalingGroupName", "LifecycleActionToken", "LifecycleActionResult", "InstanceId"],
        hooks::complete,
    ),
    operation(
        "CreateAutoScalingGroup",
        &[
            "AutoScalingGroupName",
            "LaunchTemplate",
            "MinSize",
            "MaxSize",
            "DesiredCapacity",
            "DefaultCooldown",
            "AvailabilityZones",
            "VPCZoneIdentifier",
            "HealthCheckType",
            "HealthCheckGracePeriod",
            "NewInstancesProtectedFromScaleIn",
            "LifecycleHookSpecificationList",
            "Tags",
            "MaxInstanceLifetime",
            "InstanceMaintenancePolicy",
            "AvailabilityZoneDistribution",
            "InstanceLifecyclePolicy",
            "DeletionProtection",
        ],
        groups::create,
    ),
    operation("CreateOrUpdateTags", &["Tags"], tags::put),
    operation("DeleteAutoScalingGroup", &["AutoScalingGroupName", "ForceDelete"], groups::delete),
    operation("DeleteLifecycleHook", &["LifecycleHookName", "AutoScalingGroupName"], hooks::delete),
    operation("DeleteTags", &["Tags"], tags::delete),
    operation(
        "DescribeAutoScalingGroups",
        &["AutoScalingGroupNames", "Filters", "IncludeInstances", "MaxRecords", "NextToken"],
        describe::groups,
    ),
    operation("DescribeAutoScalingInstances", &["InstanceIds", "MaxRecords", "NextToken"], describe::instances),
    operation("DescribeLifecycleHooks", &["AutoScalingGroupName", "LifecycleHookNames"], hooks::describe),
    operation(
        "DescribeScalingActivities",
        &["ActivityIds", "AutoScalingGroupName", "IncludeDeletedGroups", "MaxRecords", "NextToken"],
        describe::activities,
    ),
    operation("DescribeTags", &["Filters", "MaxRecords", "NextToken"], tags::describe),
    operation(
        "EnterStandby",
        &["InstanceIds", "AutoScalingGroupName", "ShouldDecrementDesiredCapacity"],
        members::enter_standby,
    ),
    operation("ExitStandby", &["InstanceIds", "AutoScalingGroupName"], members::exit_standby),
    operation(
        "LaunchInstances",
        &[
            "AutoScalingGroupName",
            "RequestedCapacity",
            "ClientToken",
            "AvailabilityZones",
            "SubnetIds",
            "RetryStrategy",
        ],
        members::launch,
    ),
    operation(
        "PutLifecycleHook",
        &[
            "LifecycleHookName",
            "AutoScalingGroupName",
            "LifecycleTransition",
            "RoleARN",
            "NotificationTargetARN",
            "NotificationMetadata",
            "HeartbeatTimeout",
            "DefaultResult",
        ],
        hooks::put,
    ),
    operation(
        "RecordLifecycleActionHeartbeat",
        &["LifecycleHookName", "AutoScalingGroupName", "LifecycleActionToken", "InstanceId"],
        hooks::heartbeat,
    ),
    operation("ResumeProcesses", &["AutoScalingGroupName", "ScalingProcesses"], members::resume),
    operation(
        "SetDesiredCapacity",
        &["AutoScalingGroupName", "DesiredCapacity", "HonorCooldown"],
        members::set_desired_capacity,
    ),
    operation("SetInstanceHealth", &["InstanceId", "HealthStatus", "ShouldRespectGracePeriod"], members::set_health),
    operation(
        "SetInstanceProtection",
        &["InstanceIds", "AutoScalingGroupName", "ProtectedFromScaleIn"],
        members::set_protection,
    ),
    operation("StartInstanceRefresh", &["AutoScalingGroupName", "Strategy", "Preferences"], members::start_refresh),
    operation("SuspendProcesses", &["AutoScalingGroupName", "ScalingProcesses"], members::suspend),
    operation(
        "TerminateInstanceInAutoScalingGroup",
        &["InstanceId", "InstanceIds", "AutoScalingGroupName", "ShouldDecrementDesiredCapacity"],
        members::terminate,
    ),
    operation(
        "UpdateAutoScalingGroup",
        &[
            "AutoScalingGroupName",
            "LaunchTemplate",
            "MinSize",
            "MaxSize",
            "DesiredCapacity",
            "DefaultCooldown",
            "AvailabilityZones",
            "VPCZoneIdentifier",
            "HealthCheckType",
            "HealthCheckGracePeriod",
            "NewInstancesProtectedFromScaleIn",
            "MaxInstanceLifetime",
            "InstanceMaintenancePolicy",
            "AvailabilityZoneDistribution",
            "InstanceLifecyclePolicy",
            "DeletionProtection",
        ],
        groups::update,
    ),
];
