"""Auto Scaling: what a launch template gives its group's instances, batches, pages, and what is refused."""

from checks_ec2 import IMAGE, KEY, look, refused_naming, tags_of
from harness import check, expect

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"


def template(api, name, **data):
    api.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t3.micro", **data})


def group(api, name):
    api.settle()
    found = api.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return found[0] if found else None


def in_service(api, name, count):
    """The ids of the group's members, once so many are in service and no others are there."""
    states = lambda: {i["InstanceId"]: i["LifecycleState"] for i in group(api, name)["Instances"]}
    done = lambda seen: len(seen) == count and set(seen.values()) <= {"InService"}
    return sorted(api.until(states, done, f"{count} in service in {name}"))


def create(api, client, name, **more):
    arguments = dict(AutoScalingGroupName=name, MinSize=0, MaxSize=4, DesiredCapacity=0, AvailabilityZones=api.zones()[:1])
    client.create_auto_scaling_group(**{**arguments, **more})


@check("group: a launch template's mapping and tags of volumes reach every volume of every instance")
def _(api, shared):
    name = shared["batch-template"] = f"{api.name}-batch-template"
    mapping = [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "gp3", "VolumeSize": 12, "Iops": 3500, "Throughput": 200, "Encrypted": True, "KmsKeyId": KEY}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeType": "io1", "VolumeSize": 10, "Iops": 200, "DeleteOnTermination": True}},
    ]
    template(
        api, name, BlockDeviceMappings=mapping, DisableApiTermination=True, DisableApiStop=True, KeyName="operators", EbsOptimized=True,
        TagSpecifications=api.tags("instance") + api.tags("volume", made_by="template"), SecurityGroupIds=["sg-0123456789abcdef0"],
        SecurityGroups=["default"],
        MetadataOptions={
            "HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 1, "InstanceMetadataTags": "enabled",
        },
        Monitoring={"Enabled": False}, Placement={"Tenancy": "default"}, UserData="IyEvYmluL3NoCg==",
        InstanceInitiatedShutdownBehavior="terminate", IamInstanceProfile={"Arn": "arn:aws:iam::123456789012:instance-profile/agent"},
    )  # fmt: skip
    shared["batch"] = f"{api.name}-batch"
    create(api, api.autoscaling, shared["batch"], LaunchTemplate={"LaunchTemplateName": name}, MinSize=1, DesiredCapacity=3)
    shared["three-members"] = in_service(api, shared["batch"], 3)
    volumes = look(api, shared["three-members"][0], 2)
    root, data = volumes["/dev/xvda"], volumes["/dev/sdf"]
    expect((root["Size"], root["Iops"], root["Throughput"], root["Encrypted"]) == (12, 3500, 200, True), root)
    expect((data["Size"], data["VolumeType"], data["Iops"], data["Encrypted"]) == (10, "io1", 200, False), data)
    for volume in (root, data):
        expect(tags_of(volume) == {"Name": api.name, "made_by": "template"}, volume)
        expect(volume["Attachments"][0]["DeleteOnTermination"] is True, volume)


@check("group: without a version of its launch template it shows none")
def _(api, shared):
    shown = group(api, shared["batch"])
    expect("Version" not in shown["LaunchTemplate"], shown["LaunchTemplate"])
    expect("Version" not in shown["Instances"][0]["LaunchTemplate"], shown["Instances"][0])


@check("batch: EnterStandby, ExitStandby and TerminateInstanceInAutoScalingGroup move all or none")
def _(api, shared):
    name, members, blunt = shared["batch"], shared["three-members"], api.blunt["autoscaling"]
    states = lambda: {i["InstanceId"]: i["LifecycleState"] for i in group(api, name)["Instances"]}
    enter = lambda client, ids: client.enter_standby(AutoScalingGroupName=name, InstanceIds=ids, ShouldDecrementDesiredCapacity=True)
    leave = lambda client, ids: client.exit_standby(AutoScalingGroupName=name, InstanceIds=ids)
    # Three would go below the least size of one.
    api.refused("ValidationError", lambda: enter(blunt, members))
    api.refused("ValidationError", lambda: enter(blunt, [members[0], "i-0123456789abcdef0"]))
    expect(set(states().values()) == {"InService"}, states())
    moved = enter(api.autoscaling, members[:2])["Activities"]
    expect(len(moved) == 2 and group(api, name)["DesiredCapacity"] == 1, moved)
    api.refused("ValidationError", lambda: leave(blunt, members))
    expect(states()[members[0]] == "Standby", states())
    leave(api.autoscaling, members[:2])
    expect(set(states().values()) == {"InService"} and group(api, name)["DesiredCapacity"] == 3, group(api, name))
    end = lambda client, ids: client.terminate_instance_in_auto_scaling_group(
        AutoScalingGroupName=name, InstanceIds=ids, ShouldDecrementDesiredCapacity=True
    )
    api.refused("ValidationError", lambda: end(blunt, members))
    api.refused("ValidationError", lambda: end(blunt, [members[0], "i-0123456789abcdef0"]))
    expect(set(states().values()) == {"InService"} and group(api, name)["DesiredCapacity"] == 3, group(api, name))
    ended = end(api.autoscaling, members[:2])["Activities"]
    expect(len(ended) == 2 and group(api, name)["DesiredCapacity"] == 1, ended)
    in_service(api, name, 1)


@check("group: activities come in pages of 100 unless asked otherwise, the newest first, of deleted groups too")
def _(api, shared):
    name, client = shared["batch"], api.autoscaling
    (member,) = in_service(api, name, 1)
    client.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
    here = [i for i in in_service(api, name, 2) if i != member]
    for _ in range(28):
        client.enter_standby(AutoScalingGroupName=name, InstanceIds=here, ShouldDecrementDesiredCapacity=True)
        client.exit_standby(AutoScalingGroupName=name, InstanceIds=here)
    first = client.describe_scaling_activities(AutoScalingGroupName=name)
    expect(50 < len(first["Activities"]) <= 100, len(first["Activities"]))
    pages = list(client.get_paginator("describe_scaling_activities").paginate(AutoScalingGroupName=name, PaginationConfig={"PageSize": 30}))
    ids = [activity["ActivityId"] for page in pages for activity in page["Activities"]]
    expect(ids[: len(first["Activities"])] == [activity["ActivityId"] for activity in first["Activities"]], "order")
    (one,) = client.describe_scaling_activities(ActivityIds=ids[:1])["Activities"]
    expect(one["ActivityId"] == ids[0], one)
    client.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    api.until(lambda: group(api, name), lambda seen: seen is None, "the group's end")
    kept = client.describe_scaling_activities(AutoScalingGroupName=name, IncludeDeletedGroups=True)["Activities"]
    expect(kept, "the activities went with the group")


@check("group: a page that begins after a group that has gone goes on after it")
def _(api, shared):
    names = [f"{api.name}-token-{letter}" for letter in "abc"]
    for name in names:
        create(api, api.autoscaling, name, LaunchTemplate={"LaunchTemplateName": shared["batch-template"]}, Tags=[{"Key": "token", "Value": api.name}])
    describe = lambda **more: api.autoscaling.describe_auto_scaling_groups(
        Filters=[{"Name": "tag:token", "Values": [api.name]}], MaxRecords=2, **more
    )
    shown = lambda page: [g["AutoScalingGroupName"] for g in page["AutoScalingGroups"]]
    first = api.until(describe, lambda page: shown(page) == names[:2] and "NextToken" in page, "the first page")
    api.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=names[1])
    api.until(lambda: group(api, names[1]), lambda seen: seen is None, "its end")
    api.settle()
    rest = describe(NextToken=first["NextToken"])
    expect(shown(rest) == names[2:], shown(rest))
    for name in (names[0], names[2]):
        api.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name)


@check("group: everything that it can be made with, and all of it changed")
def _(api, shared):
    client, name = api.autoscaling, f"{api.name}-everything"
    with_hook = dict(
        LifecycleHookName="up", LifecycleTransition=LAUNCHING, HeartbeatTimeout=60, DefaultResult="CONTINUE", NotificationMetadata="note",
        NotificationTargetARN=api.sns.create_topic(Name=f"{api.name}-all")["TopicArn"], RoleARN="arn:aws:iam::123456789012:role/r",
    )  # fmt: skip
    settings = dict(
        DefaultCooldown=60, HealthCheckType="EC2", HealthCheckGracePeriod=30, NewInstancesProtectedFromScaleIn=True, MaxInstanceLifetime=86400,
        InstanceMaintenancePolicy={"MinHealthyPercentage": 90, "MaxHealthyPercentage": 120},
        AvailabilityZoneDistribution={"CapacityDistributionStrategy": "balanced-only"},
        InstanceLifecyclePolicy={"RetentionTriggers": {"TerminateHookAbandon": "retain"}}, DeletionProtection="prevent-force-deletion",
    )  # fmt: skip
    by_id = api.ec2.describe_launch_templates(LaunchTemplateNames=[shared["batch-template"]])["LaunchTemplates"][0]["LaunchTemplateId"]
    tag = dict(Key="k", Value="v", ResourceId=name, ResourceType="auto-scaling-group", PropagateAtLaunch=True)
    create(
        api, client, name, LaunchTemplate={"LaunchTemplateId": by_id, "Version": "1"}, **settings, Tags=[tag],
        LifecycleHookSpecificationList=[with_hook], CapacityRebalance=False, TerminationPolicies=["Default"],
    )  # fmt: skip
    made = api.until(lambda: group(api, name), bool, "the group")
    for member, value in settings.items():
        expect(made[member] == value, f"{member}: {made[member]!r} is not {value!r}")
    expect(made["LaunchTemplate"]["Version"] == "1" and made["Tags"] == [tag], made)
    (hook,) = client.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
    expect(with_hook.items() <= hook.items(), hook)
    changed = dict(
        MinSize=0, MaxSize=3, DesiredCapacity=0, DefaultCooldown=61, HealthCheckType="EC2,EBS", HealthCheckGracePeriod=31,
        NewInstancesProtectedFromScaleIn=False, MaxInstanceLifetime=86401, InstanceMaintenancePolicy={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200},
        AvailabilityZoneDistribution={"CapacityDistributionStrategy": "balanced-best-effort"},
        InstanceLifecyclePolicy={"RetentionTriggers": {"TerminateHookAbandon": "terminate"}}, DeletionProtection="none",
    )  # fmt: skip
    update = lambda **more: client.update_auto_scaling_group(AutoScalingGroupName=name, **more)
    update(**changed, LaunchTemplate={"LaunchTemplateName": shared["batch-template"], "Version": "$Latest"}, AvailabilityZones=api.zones()[1:2])
    seen = api.until(lambda: group(api, name), lambda seen: seen["MaxSize"] == 3, "the change")
    for member, value in {**changed, "AvailabilityZones": api.zones()[1:2]}.items():
        expect(seen[member] == value, f"{member}: {seen[member]!r} is not {value!r}")
    subnets = [subnet["SubnetId"] for subnet in api.ec2.describe_subnets()["Subnets"]]
    defaults = dict(CapacityRebalance=False, TerminationPolicies=["Default"])
    update(VPCZoneIdentifier=subnets[0], LaunchTemplate={"LaunchTemplateId": by_id, "Version": "$Default"}, **defaults)
    api.until(lambda: group(api, name)["VPCZoneIdentifier"], lambda seen: seen == subnets[0], "the subnet")
    shared["everything"] = name


@check("group: what is not modelled is refused by name, nested or not")
def _(api, shared):
    client, name = api.blunt["autoscaling"], shared["everything"]
    update = lambda **more: lambda: client.update_auto_scaling_group(AutoScalingGroupName=name, **more)
    refused_naming(api, "CapacityRebalance", update(CapacityRebalance=True))
    refused_naming(api, "MixedInstancesPolicy", update(MixedInstancesPolicy={"InstancesDistribution": {"OnDemandBaseCapacity": 1}}))
    refused_naming(api, "TerminationPolicies", update(TerminationPolicies=["OldestInstance"]))
    refresh = lambda **more: lambda: client.start_instance_refresh(AutoScalingGroupName=name, **more)
    refused_naming(api, "SkipMatching", refresh(Preferences={"SkipMatching": True}))
    refused_naming(api, "DesiredConfiguration", refresh(DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateName": "other"}}))
    refused_naming(api, "Filters", lambda: client.describe_scaling_activities(Filters=[{"Name": "Status", "Values": ["Failed"]}]))


@check("group: instances, health and protection by their other parameters; a refresh with its preferences")
def _(api, shared):
    client, name = api.autoscaling, shared["everything"]
    client.put_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName="up", DefaultResult="ABANDON", HeartbeatTimeout=7200)
    client.update_auto_scaling_group(AutoScalingGroupName=name, MaxInstanceLifetime=0)
    launched = client.launch_instances(
        AutoScalingGroupName=name, RequestedCapacity=1, ClientToken=f"{api.name}-subnets", RetryStrategy="retry-with-group-configuration",
        SubnetIds=group(api, name)["VPCZoneIdentifier"].split(","),
    )  # fmt: skip
    (member,) = launched["Instances"][0]["InstanceIds"]
    waiting = lambda: [i["LifecycleState"] for i in group(api, name)["Instances"]]
    api.until(waiting, lambda seen: seen == ["Pending:Wait"], "an instance that waits")
    client.record_lifecycle_action_heartbeat(AutoScalingGroupName=name, LifecycleHookName="up", InstanceId=member)
    client.delete_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName="up")
    api.until(waiting, lambda seen: seen and seen != ["Pending:Wait"], "the hook's end")
    client.set_instance_health(InstanceId=member, HealthStatus="Healthy", ShouldRespectGracePeriod=True)
    client.set_instance_protection(AutoScalingGroupName=name, InstanceIds=[member], ProtectedFromScaleIn=False)
    create(api, client, f"{api.name}-page", LaunchTemplate={"LaunchTemplateName": shared["batch-template"]}, DesiredCapacity=1)
    api.until(lambda: group(api, f"{api.name}-page"), bool, "another group")
    in_service(api, f"{api.name}-page", 1)
    # With its hook deleted the member is abandoned, and another takes its place: whose instances they are is what stays the same.
    pages = lambda: [
        {i["AutoScalingGroupName"] for i in page["AutoScalingInstances"]}
        for page in client.get_paginator("describe_auto_scaling_instances").paginate(PaginationConfig={"PageSize": 1})
    ]
    api.until(pages, lambda seen: {name} in seen and {f"{api.name}-page"} in seen, "a page for each group's instance")
    client.delete_auto_scaling_group(AutoScalingGroupName=f"{api.name}-page", ForceDelete=True)
    tags = [dict(Key=key, Value="v", ResourceId=name, ResourceType="auto-scaling-group", PropagateAtLaunch=False) for key in "xyz"]
    client.create_or_update_tags(Tags=tags)
    api.settle()
    pages = list(client.get_paginator("describe_tags").paginate(PaginationConfig={"PageSize": 1}))
    expect(len(pages) >= 3 and all(tag in [t for page in pages for t in page["Tags"]] for tag in tags), pages)
    client.delete_tags(Tags=tags)
    api.until(lambda: group(api, name)["DesiredCapacity"], lambda seen: seen == 1, "the desired capacity")
    client.start_instance_refresh(AutoScalingGroupName=name, Strategy="Rolling", Preferences={"InstanceWarmup": 0})
    other = lambda: [i["InstanceId"] for i in group(api, name)["Instances"] if i["LifecycleState"] == "InService"]
    api.until(other, lambda seen: len(seen) == 1 and seen != [member], "the replacement")
    client.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    api.until(lambda: group(api, name), lambda seen: seen is None, "the group's end")
    api.ec2.delete_launch_template(LaunchTemplateName=shared["batch-template"])
