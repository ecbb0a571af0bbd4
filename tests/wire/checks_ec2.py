"""EC2: what a launch makes, what batches do to several instances, and what AWS refuses."""

import botocore.exceptions

from harness import check, expect

IMAGE = "ami-0123456789abcdef0"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def volumes_of(api, instance_id):
    """Device name to volume, as DescribeVolumes shows it."""
    api.settle()
    filters = [{"Name": "attachment.instance-id", "Values": [instance_id]}]
    volumes = api.ec2.describe_volumes(Filters=filters)["Volumes"]
    return {volume["Attachments"][0]["Device"]: volume for volume in volumes}


def look(api, instance_id, count):
    """The volumes of an instance, once all of them are seen."""
    return api.until(lambda: volumes_of(api, instance_id), lambda seen: len(seen) == count, f"{count} volumes of {instance_id}")


def tags_of(resource):
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}


def differs(wanted, seen):
    return {name: (value, seen.get(name)) for name, value in wanted.items() if seen.get(name) != value}


def state(api, instance_id):
    api.settle()
    return api.instance(instance_id)["State"]["Name"]


def refused_naming(api, name, call, code="UnsupportedOperation"):
    """Refused, with a text that names what it is about."""
    error = api.refused(code, call, 400)
    expect(name in str(error), f"no {name!r} in {error}")


# --- what a launch makes ---------------------------------------------------------------------------------------------

ROOT = {"VolumeType": "io2", "VolumeSize": 10, "Iops": 5000, "Encrypted": True, "KmsKeyId": KEY, "DeleteOnTermination": False}
DATA = {"VolumeType": "gp3", "VolumeSize": 20, "Iops": 4000, "Throughput": 500, "Encrypted": True, "DeleteOnTermination": True}


@check("launch: a mapping says size, type, performance, key and fate of every volume, the root's too")
def _(api, shared):
    zone = api.zones()[0]
    source = api.available_volume(zone, Size=3)
    snapshot = api.ec2.create_snapshot(VolumeId=source, TagSpecifications=api.tags("snapshot"))["SnapshotId"]
    api.snapshot_in(snapshot, "completed")
    restored = {"SnapshotId": snapshot, "VolumeInitializationRate": 150, "VolumeSize": 4}
    mapping = [
        {"DeviceName": "/dev/xvda", "Ebs": ROOT},
        {"DeviceName": "/dev/sdf", "Ebs": DATA},
        {"DeviceName": "/dev/sdg", "Ebs": restored},
    ]
    tags = api.tags("instance") + api.tags("volume", made_by="launch")
    instance = shared["mapped"] = api.launch(zone, BlockDeviceMappings=mapping, TagSpecifications=tags)["InstanceId"]
    seen = look(api, instance, 3)
    for device, ebs in (("/dev/xvda", ROOT), ("/dev/sdf", DATA), ("/dev/sdg", restored)):
        wanted = {"Size" if name == "VolumeSize" else name: value for name, value in ebs.items() if name != "DeleteOnTermination"}
        expect(not differs(wanted, seen[device]), (device, differs(wanted, seen[device])))
        attachment = seen[device]["Attachments"][0]
        expect(attachment["DeleteOnTermination"] is ebs.get("DeleteOnTermination", False), attachment)
    expect(seen["/dev/sdf"]["KmsKeyId"].endswith("alias/aws/ebs"), "an encrypted volume without a key has the account's")
    expect(seen["/dev/sdg"]["Encrypted"] is False and seen["/dev/sdg"]["VolumeType"] == "gp2", seen["/dev/sdg"])


@check("launch: the tags of volumes reach all of them, the root volume too")
def _(api, shared):
    for device, volume in look(api, shared["mapped"], 3).items():
        expect(tags_of(volume) == {"Name": api.name, "made_by": "launch"}, (device, volume.get("Tags")))
    expect("made_by" not in tags_of(api.instance(shared["mapped"])), "the instance has its own")


@check("launch: without a mapping there is a root volume of its own, untagged, that goes with its instance")
def _(api, shared):
    instance = shared["plain"] = api.running(api.zones()[0])
    (root,) = look(api, instance, 1).values()
    wanted = {"Size": 8, "VolumeType": "gp3", "Iops": 3000, "Throughput": 125, "Encrypted": False}
    expect(not differs(wanted, root) and tags_of(root) == {}, root)
    expect(root["Attachments"][0]["DeleteOnTermination"] is True, root["Attachments"])


@check("launch: what changes nothing here is taken; zones are named by name, id or subnet")
def _(api, shared):
    zone = api.ec2.describe_availability_zones(AllAvailabilityZones=True)["AvailabilityZones"][-1]
    subnet = api.ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [zone["ZoneName"]]}])["Subnets"][0]
    common = dict(
        ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName="operators", SecurityGroupIds=["sg-0123456789abcdef0"],
        Monitoring={"Enabled": False}, EbsOptimized=True, DisableApiStop=True, UserData="#!/bin/sh",
        InstanceInitiatedShutdownBehavior="terminate", DisableApiTermination=True, ClientToken=f"{api.name}-everything",
        MetadataOptions={
            "HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 2, "InstanceMetadataTags": "enabled",
        },
        IamInstanceProfile={"Arn": "arn:aws:iam::123456789012:instance-profile/agent"}, TagSpecifications=api.tags("instance"),
    )  # fmt: skip
    one = api.ec2.run_instances(**common, Placement={"AvailabilityZoneId": zone["ZoneId"], "Tenancy": "default"})["Instances"][0]
    rest = {**common, "ClientToken": f"{api.name}-subnet", "IamInstanceProfile": {"Name": "agent"}}
    del rest["SecurityGroupIds"]
    two = api.ec2.run_instances(**rest, SubnetId=subnet["SubnetId"], SecurityGroups=["default"])["Instances"][0]
    for made in (one, two):
        expect(made["Placement"]["AvailabilityZone"] == zone["ZoneName"], made["Placement"])
        api.instance_in(made["InstanceId"], "running")
        attribute = lambda name: api.ec2.describe_instance_attribute(InstanceId=made["InstanceId"], Attribute=name)
        expect(attribute("disableApiStop")["DisableApiStop"]["Value"] is True, "DisableApiStop")
        expect(attribute("disableApiTermination")["DisableApiTermination"]["Value"] is True, "DisableApiTermination")
        behaviour = attribute("instanceInitiatedShutdownBehavior")["InstanceInitiatedShutdownBehavior"]["Value"]
        expect(behaviour == "terminate", behaviour)
        api.refused("OperationNotPermitted", lambda: api.blunt["ec2"].stop_instances(InstanceIds=[made["InstanceId"]]))
        off = dict(InstanceId=made["InstanceId"])
        api.ec2.modify_instance_attribute(**off, DisableApiStop={"Value": False})
        api.ec2.modify_instance_attribute(**off, DisableApiTermination={"Value": False})
    shared["pair"] = [one["InstanceId"], two["InstanceId"]]


@check("launch: what is not modelled is refused by name, nested or not, and nothing is launched")
def _(api, _):
    zone = api.zones()[0]
    count = lambda: sum(len(page["Reservations"]) for page in api.ec2.get_paginator("describe_instances").paginate())
    api.settle()
    before = count()
    launch = lambda **more: lambda: api.blunt["ec2"].run_instances(
        **{**dict(ImageId=IMAGE, MinCount=1, MaxCount=1, Placement={"AvailabilityZone": zone}), **more}
    )
    refused_naming(api, "Tenancy", launch(Placement={"AvailabilityZone": zone, "Tenancy": "dedicated"}))
    refused_naming(api, "GroupName", launch(Placement={"AvailabilityZone": zone, "GroupName": "spread"}))
    refused_naming(api, "Monitoring", launch(Monitoring={"Enabled": True}))
    refused_naming(api, "HttpTokens", launch(MetadataOptions={"HttpTokens": "optional"}))
    refused_naming(api, "NoDevice", launch(BlockDeviceMappings=[{"DeviceName": "/dev/sdb", "NoDevice": ""}]))
    refused_naming(api, "InstanceMarketOptions", launch(InstanceMarketOptions={"MarketType": "spot"}))
    refused_naming(api, "network-interface", launch(TagSpecifications=api.tags("network-interface")))
    api.settle()
    expect(count() == before, "something was launched")


@check("launch: a mapping that AWS refuses is refused")
def _(api, shared):
    zone = api.zones()[0]

    def launch(device="/dev/sdf", **ebs):
        mapping = [{"DeviceName": device, "Ebs": ebs}]
        return lambda: api.blunt["ec2"].run_instances(
            ImageId=IMAGE, MinCount=1, MaxCount=1, Placement={"AvailabilityZone": zone}, BlockDeviceMappings=mapping
        )

    snapshot = volumes_of(api, shared["mapped"])["/dev/sdg"]["SnapshotId"]
    api.refused("InvalidBlockDeviceMapping", launch("/dev/xvda", SnapshotId=snapshot))
    api.refused("InvalidBlockDeviceMapping", launch())
    api.refused("InvalidBlockDeviceMapping", launch(SnapshotId=snapshot, VolumeSize=1))
    api.refused("InvalidParameterValue", launch(VolumeSize=10, VolumeType="gp3", Iops=6000))
    api.refused("MissingParameter", launch(VolumeSize=10, VolumeType="io2"))
    api.refused("InvalidParameterDependency", launch(VolumeSize=10, KmsKeyId=KEY))


# --- batches ---------------------------------------------------------------------------------------------------------


@check("batch: StopInstances and StartInstances act on all or none")
def _(api, shared):
    good, bad = shared["pair"]
    api.ec2.terminate_instances(InstanceIds=[bad])
    api.instance_in(bad, "terminated")
    ec2 = api.blunt["ec2"]
    api.refused("IncorrectInstanceState", lambda: ec2.stop_instances(InstanceIds=[good, bad]))
    expect(state(api, good) == "running", "the good one was stopped")
    api.ec2.stop_instances(InstanceIds=[good], Hibernate=False)
    api.instance_in(good, "stopped")
    api.refused("IncorrectInstanceState", lambda: ec2.start_instances(InstanceIds=[good, bad]))
    expect(state(api, good) == "stopped", "the good one was started")
    api.refused("IncorrectState", lambda: ec2.reboot_instances(InstanceIds=[good]))
    api.ec2.start_instances(InstanceIds=[good])
    api.instance_in(good, "running")
    api.ec2.reboot_instances(InstanceIds=[good])
    shared["survivor"] = good


@check("batch: a mapping with one unknown device changes none of the others")
def _(api, shared):
    instance = shared["mapped"]
    change = lambda device: {"DeviceName": device, "Ebs": {"DeleteOnTermination": False}}
    both = [change("/dev/sdf"), change("/dev/sdz")]
    modify = lambda mapping: api.blunt["ec2"].modify_instance_attribute(InstanceId=instance, BlockDeviceMappings=mapping)
    api.refused("InvalidInstanceAttributeValue", lambda: modify(both))
    kept = lambda: volumes_of(api, instance)["/dev/sdf"]["Attachments"][0]["DeleteOnTermination"]
    expect(kept() is True, "the first was changed")
    api.ec2.modify_instance_attribute(InstanceId=instance, BlockDeviceMappings=[change("/dev/sdf")])
    api.until(kept, lambda seen: seen is False, "the change")


@check("batch: TerminateInstances without ids is InvalidParameterCombination")
def _(api, _):
    status, _, text = api.http("/", "Action=TerminateInstances&Version=2016-11-15")
    expect(status == 400 and b"<Code>InvalidParameterCombination</Code>" in text, (status, text))


# --- states ----------------------------------------------------------------------------------------------------------


@check("ec2: what has never run cannot be stopped")
def _(api, _):
    # Nobody can hold an instance in `pending`: launch and ask at once, and again if it was too fast.
    for _ in range(5):
        instance = api.launch(api.zones()[0])["InstanceId"]
        try:
            api.blunt["ec2"].stop_instances(InstanceIds=[instance])
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "IncorrectInstanceState":
                expect("has never reached the 'running' state" in str(error), error)
                return
    raise AssertionError("no instance was seen pending")


@check("volume: nothing is detached from an instance that is shutting down: IncorrectInstanceState")
def _(api, shared):
    for _ in range(5):
        instance = api.running(api.zones()[0])
        volume = api.available_volume(api.zones()[0])
        api.attached(volume, instance, "/dev/sdh")
        api.ec2.terminate_instances(InstanceIds=[instance])
        try:
            api.blunt["ec2"].detach_volume(VolumeId=volume)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "IncorrectInstanceState":
                expect("not in a state in which volumes can be detached" in str(error), error)
                return
    raise AssertionError("no instance was seen shutting down")


# --- volumes and snapshots -------------------------------------------------------------------------------------------


@check("volume: a detach can say from where, and that it is forced; a tag goes only if it has the value named")
def _(api, shared):
    zone, instance = api.zones()[0], shared["plain"]
    volume = api.available_volume(zone)
    api.attached(volume, instance, "/dev/sdh")
    wrong = lambda: api.blunt["ec2"].detach_volume(VolumeId=volume, Device="/dev/sdi")
    api.refused("InvalidAttachment.NotFound", wrong)
    api.ec2.detach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdh", Force=True)
    api.volume_in(volume, "available")
    api.ec2.create_tags(Resources=[volume], Tags=[{"Key": "one", "Value": "1"}, {"Key": "two", "Value": "2"}])
    api.ec2.delete_tags(Resources=[volume], Tags=[{"Key": "one", "Value": "2"}, {"Key": "two", "Value": "2"}])
    api.until(lambda: tags_of(api.volume(volume)), lambda seen: seen == {"Name": api.name, "one": "1"}, "the tags")


@check("volume: performance is bounded by size and by IOPS, as the types allow")
def _(api, _):
    zone = api.zones()[0]
    create = lambda **more: lambda: api.blunt["ec2"].create_volume(AvailabilityZone=zone, DryRun=False, **more)
    for kind, size, iops in (("gp3", 10, 5001), ("io1", 10, 501), ("io2", 10, 10001)):
        error = api.refused("InvalidParameterValue", create(VolumeType=kind, Size=size, Iops=iops))
        expect("ratio" in str(error), error)
    error = api.refused("InvalidParameterValue", create(VolumeType="gp3", Size=10, Iops=3000, Throughput=751))
    expect("ratio" in str(error), error)
    error = api.refused("InvalidParameterValue", create(VolumeType="gp3", Size=10, Throughput=751))
    expect("ratio" in str(error), error)
    for kind, size, iops, throughput in (("gp3", 10, 5000, 1250), ("io1", 10, 500, None), ("io2", 10, 10000, None)):
        more = {} if throughput is None else {"Throughput": throughput}
        api.available_volume(zone, VolumeType=kind, Size=size, Iops=iops, **more)


@check("volume: Multi-Attach is for io1 and io2 only")
def _(api, _):
    zone = api.zones()[0]
    create = lambda kind: lambda: api.blunt["ec2"].create_volume(AvailabilityZone=zone, Size=10, VolumeType=kind, MultiAttachEnabled=True)
    for kind in ("gp2", "gp3"):
        api.refused("InvalidParameterCombination", create(kind))
    made = api.available_volume(zone, Size=10, VolumeType="io1", Iops=100, MultiAttachEnabled=True)
    expect(api.volume(made)["MultiAttachEnabled"] is True, made)


@check("volume: it grows and changes its type and performance while it lives, and is never smaller again")
def _(api, shared):
    ec2, zone = api.ec2, api.zones()[0]
    grown, retyped = api.available_volume(zone, Size=10), api.available_volume(zone, Size=100, VolumeType="gp2")
    missing = lambda: api.blunt["ec2"].describe_volumes_modifications(VolumeIds=[grown])
    api.refused("InvalidVolumeModification.NotFound", missing)
    modify = lambda volume, **more: lambda: api.blunt["ec2"].modify_volume(VolumeId=volume, **more)
    error = api.refused("InvalidParameterValue", modify(grown, Size=9))
    expect("smaller than existing" in str(error), error)
    error = api.refused("InvalidParameterValue", modify(grown, Iops=5001))
    expect("ratio" in str(error), error)
    refused_naming(api, "MultiAttachEnabled", modify(grown, MultiAttachEnabled=False))
    begun = ec2.modify_volume(VolumeId=grown, Size=20, Iops=6000, Throughput=500)["VolumeModification"]
    wanted = {"OriginalSize": 10, "TargetSize": 20, "TargetIops": 6000, "TargetThroughput": 500, "ModificationState": "modifying"}
    expect(not differs(wanted, begun) and begun["StartTime"].tzinfo is not None, begun)
    ec2.modify_volume(VolumeId=retyped, VolumeType="gp3")
    error = api.refused("IncorrectModificationState", modify(grown, Size=30))
    expect("cannot be modified in modification state" in str(error), error)
    api.until(lambda: api.volume(grown)["Size"], lambda size: size == 20, f"{grown} of 20 GiB")
    expect(not differs({"Iops": 6000, "Throughput": 500}, api.volume(grown)), api.volume(grown))
    look = lambda: ec2.describe_volumes_modifications(VolumeIds=[grown, retyped])["VolumesModifications"]
    done = api.until(look, lambda seen: {each["ModificationState"] for each in seen} == {"completed"}, "both completed")
    expect(all(each["Progress"] == 100 and each["EndTime"] >= each["StartTime"] for each in done), done)
    wanted = {"VolumeType": "gp3", "Iops": 3000, "Throughput": 128}
    expect(not differs(wanted, api.volume(retyped)), api.volume(retyped))
    filters = [{"Name": "target-volume-type", "Values": ["gp3"]}, {"Name": "volume-id", "Values": [grown, retyped]}]
    pages = ec2.get_paginator("describe_volumes_modifications").paginate(Filters=filters, PaginationConfig={"PageSize": 1})
    listed = [[each["VolumeId"] for each in page["VolumesModifications"]] for page in pages]
    expect(sorted(sum(listed, [])) == sorted([grown, retyped]) and len(listed) >= 2, listed)
    expect(ec2.modify_volume(VolumeId=grown, VolumeType="io2", Iops=500)["VolumeModification"]["TargetVolumeType"] == "io2", "io2")


@check("volume: the zone can be named by its id; a key needs encryption and is shown")
def _(api, _):
    zone = api.ec2.describe_availability_zones()["AvailabilityZones"][0]
    made = api.ec2.create_volume(
        AvailabilityZoneId=zone["ZoneId"], Size=1, Encrypted=True, KmsKeyId=KEY, TagSpecifications=api.tags("volume")
    )
    expect(made["AvailabilityZone"] == zone["ZoneName"] and made["KmsKeyId"] == KEY, made)
    create = lambda: api.blunt["ec2"].create_volume(AvailabilityZone=zone["ZoneName"], Size=1, KmsKeyId=KEY)
    api.refused("InvalidParameterDependency", create)


@check("snapshot: CreateSnapshots copies tags if asked, leaves out volumes by id, and the root volume by its flag only")
def _(api, shared):
    instance = shared["mapped"]
    api.instance_in(instance, "running")
    volumes = {device: volume["VolumeId"] for device, volume in look(api, instance, 3).items()}
    create = lambda client, excluded, **more: client.create_snapshots(
        InstanceSpecification={"InstanceId": instance, "ExcludeBootVolume": True, "ExcludeDataVolumeIds": excluded}, **more
    )
    api.refused("InvalidParameterValue", lambda: create(api.blunt["ec2"], [volumes["/dev/xvda"]]))
    taken = create(
        api.ec2, [volumes["/dev/sdg"]], CopyTagsFromSource="volume", Description="together",
        TagSpecifications=api.tags("snapshot", epoch="8"),
    )["Snapshots"]  # fmt: skip
    expect([snapshot["VolumeId"] for snapshot in taken] == [volumes["/dev/sdf"]], taken)
    expect(tags_of(taken[0]) == {"Name": api.name, "made_by": "launch", "epoch": "8"}, taken[0]["Tags"])
    expect(taken[0]["Description"] == "together", taken[0])
    shared["set"] = taken[0]["SnapshotId"]


@check("snapshot: of all owners only the account has some")
def _(api, shared):
    api.snapshot_in(shared["set"], "completed")
    owned = lambda *owners: api.ec2.describe_snapshots(OwnerIds=list(owners), SnapshotIds=[shared["set"]])["Snapshots"]
    expect(len(owned("self")) == 1 and owned("amazon") == [], "owners")


# --- tags, filters, pages --------------------------------------------------------------------------------------------


@check("ec2: tags at creation are for the kind of resource that is made")
def _(api, shared):
    ec2, zone = api.blunt["ec2"], api.zones()[0]
    wrong = api.tags("instance")
    for call in (
        lambda: ec2.create_volume(AvailabilityZone=zone, Size=1, TagSpecifications=wrong),
        lambda: ec2.create_snapshot(VolumeId=volumes_of(api, shared["mapped"])["/dev/sdf"]["VolumeId"], TagSpecifications=wrong),
        lambda: ec2.create_snapshots(InstanceSpecification={"InstanceId": shared["mapped"]}, TagSpecifications=wrong),
        lambda: ec2.allocate_address(Domain="vpc", TagSpecifications=wrong),
        lambda: ec2.create_launch_template(
            LaunchTemplateName=f"{api.name}-wrong", LaunchTemplateData={"ImageId": IMAGE}, TagSpecifications=wrong
        ),
    ):
        refused_naming(api, "instance", call)


@check("ec2: a launch template's own data are refused by name where they are not modelled")
def _(api, _):
    make = lambda **data: lambda: api.blunt["ec2"].create_launch_template(
        LaunchTemplateName=f"{api.name}-refused", LaunchTemplateData={"ImageId": IMAGE, **data}
    )
    refused_naming(api, "InstanceRequirements", make(InstanceRequirements={"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 1}}))
    refused_naming(api, "NetworkInterface", make(NetworkInterfaces=[{"DeviceIndex": 0}]))
    refused_naming(api, "GroupName", make(Placement={"GroupName": "spread"}))
    refused_naming(api, "network-interface", make(TagSpecifications=api.tags("network-interface")))
    api.refused("InvalidParameterValue", make(BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "VolumeType": "gp3", "Iops": 3001}}]))


@check("ec2: DescribeLaunchTemplates has pages of 1 to 200")
def _(api, _):
    names = [f"{api.name}-page-{number}" for number in range(3)]
    for name in names:
        api.ec2.create_launch_template(
            LaunchTemplateName=name, VersionDescription="first", ClientToken=name, LaunchTemplateData={"ImageId": IMAGE},
            TagSpecifications=api.tags("launch-template"),
        )  # fmt: skip
    filters = [{"Name": "launch-template-name", "Values": [f"{api.name}-page-*"]}, {"Name": "tag:Name", "Values": [api.name]}]
    pages = list(api.ec2.get_paginator("describe_launch_templates").paginate(Filters=filters, PaginationConfig={"PageSize": 1}))
    shown = [[template["LaunchTemplateName"] for template in page["LaunchTemplates"]] for page in pages]
    expect(sorted(shown) == [[name] for name in names], shown)
    api.ec2.describe_launch_templates(MaxResults=200)
    for size in (0, 201):
        status, _, text = api.http("/", f"Action=DescribeLaunchTemplates&Version=2016-11-15&MaxResults={size}")
        expect(status == 400 and b"InvalidParameterValue" in text, (size, status, text))
    by_id = [page["LaunchTemplates"][0]["LaunchTemplateId"] for page in pages]
    expect(len(api.ec2.describe_launch_templates(LaunchTemplateIds=by_id)["LaunchTemplates"]) == 3, "by id")
    for template in by_id:
        api.ec2.delete_launch_template(LaunchTemplateId=template)


@check("ec2: zones, subnets, statuses and tags are chosen by ids and filters, and read in pages")
def _(api, shared):
    ec2 = api.ec2
    zone = ec2.describe_availability_zones(Filters=[{"Name": "state", "Values": ["available"]}])["AvailabilityZones"][0]
    for more in ({"ZoneNames": [zone["ZoneName"]]}, {"ZoneIds": [zone["ZoneId"]]}):
        expect(ec2.describe_availability_zones(**more)["AvailabilityZones"] == [zone], more)
    subnets = list(ec2.get_paginator("describe_subnets").paginate(PaginationConfig={"PageSize": 5}))[0]["Subnets"]
    expect(ec2.describe_subnets(SubnetIds=[subnets[0]["SubnetId"]])["Subnets"] == [subnets[0]], subnets)
    api.refused("InvalidNextToken", lambda: api.blunt["ec2"].describe_subnets(NextToken="%"))
    instances = [shared["mapped"], shared["plain"]]
    by_zone = [{"Name": "availability-zone", "Values": [api.zones()[0]]}]
    count = lambda: len(ec2.describe_instance_status(InstanceIds=instances, Filters=by_zone, IncludeAllInstances=True)["InstanceStatuses"])
    api.until(count, lambda seen: seen == 2, "two statuses")
    for operation, more in (("describe_instance_status", {"IncludeAllInstances": True}), ("describe_volume_status", {}), ("describe_tags", {})):
        pages = list(ec2.get_paginator(operation).paginate(PaginationConfig={"PageSize": 5}, **more))
        expect(len(pages) > 1, f"{operation}: {len(pages)} page")
    mapped = volumes_of(api, shared["mapped"])["/dev/sdg"]["VolumeId"]
    ok = [{"Name": "volume-status.status", "Values": ["ok"]}]
    (status,) = ec2.describe_volume_status(VolumeIds=[mapped], Filters=ok)["VolumeStatuses"]
    expect(status["InitializationStatusDetails"]["InitializationType"] == "provisioned-rate", status)
    for _ in range(5):
        ec2.create_snapshot(VolumeId=api.available_volume(api.zones()[0]), TagSpecifications=api.tags("snapshot"))
    snapshots = list(ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], PaginationConfig={"PageSize": 5}))
    expect(len(snapshots) > 1 and any(snapshot["SnapshotId"] == shared["set"] for page in snapshots for snapshot in page["Snapshots"]), snapshots)


@check("address: by interface and private address, by public address; a wrong private address is refused")
def _(api, shared):
    instance = api.instance(shared["plain"])
    (interface,) = instance["NetworkInterfaces"]
    made = api.ec2.allocate_address(Domain="vpc", TagSpecifications=api.tags("elastic-ip"))
    here = dict(AllocationId=made["AllocationId"], NetworkInterfaceId=interface["NetworkInterfaceId"])
    wrong = lambda: api.blunt["ec2"].associate_address(**here, PrivateIpAddress="203.0.113.9")
    api.refused("InvalidParameterValue", wrong)
    api.ec2.associate_address(**here, PrivateIpAddress=instance["PrivateIpAddress"], AllowReassociation=False)
    look = lambda: api.ec2.describe_addresses(PublicIps=[made["PublicIp"]])["Addresses"][0]
    shown = api.until(look, lambda seen: seen.get("InstanceId") == shared["plain"], "the association")
    expect(tags_of(shown) == {"Name": api.name}, shown)
    api.ec2.disassociate_address(AssociationId=shown["AssociationId"])
    api.ec2.release_address(AllocationId=made["AllocationId"])


@check("ec2: a stopped instance changes its type and user data; attributes are read back")
def _(api, shared):
    instance = shared["survivor"]
    modify = lambda client, **more: client.modify_instance_attribute(InstanceId=instance, **more)
    api.refused("IncorrectInstanceState", lambda: modify(api.blunt["ec2"], InstanceType={"Value": "m5.large"}))
    api.ec2.stop_instances(InstanceIds=[instance])
    api.instance_in(instance, "stopped")
    modify(api.ec2, InstanceType={"Value": "m5.large"})
    modify(api.ec2, UserData={"Value": b"#!/bin/true"})
    modify(api.ec2, InstanceInitiatedShutdownBehavior={"Value": "stop"})
    attribute = lambda name: api.ec2.describe_instance_attribute(InstanceId=instance, Attribute=name)
    expect(attribute("instanceType")["InstanceType"]["Value"] == "m5.large", "type")
    expect(attribute("userData")["UserData"]["Value"] == "IyEvYmluL3RydWU=", attribute("userData"))
    expect(attribute("instanceInitiatedShutdownBehavior")["InstanceInitiatedShutdownBehavior"]["Value"] == "stop", "behaviour")
    expect(attribute("rootDeviceName")["RootDeviceName"]["Value"] == "/dev/xvda", "root device")
    expect([m["DeviceName"] for m in attribute("blockDeviceMapping")["BlockDeviceMappings"]] == ["/dev/xvda"], "mapping")


@check("ec2: a stop or an end that is asked for in a way that is not modelled is refused")
def _(api, shared):
    ec2, instances = api.blunt["ec2"], [shared["plain"]]
    refused_naming(api, "Hibernate", lambda: ec2.stop_instances(InstanceIds=instances, Hibernate=True))
    refused_naming(api, "SkipOsShutdown", lambda: ec2.terminate_instances(InstanceIds=instances, SkipOsShutdown=True))
    refused_naming(api, "Force", lambda: ec2.terminate_instances(InstanceIds=instances, Force=True))
    expect(state(api, shared["plain"]) == "running", "it had an effect")
    api.ec2.terminate_instances(InstanceIds=instances, Force=False, SkipOsShutdown=False)
