"""What people write today: one Lambda behind the lifecycle hooks of an Auto Scaling group of one.

terminate hook -> snapshot the data volume -> wait -> complete
launch hook    -> newest snapshot -> create a volume in the instance's zone -> wait -> attach -> complete

Written from the usual recipes, with boto3's own waiters. It is here to be compared with, not to be used.
"""

import logging
import os

import boto3

SERVICE = os.environ.get("SERVICE", "sample")
DEVICE = "/dev/sdf"

log = logging.getLogger()
log.setLevel(logging.INFO)
ec2 = boto3.client("ec2")
autoscaling = boto3.client("autoscaling")


def tagged():
    return [{"Name": "tag:failover:service", "Values": [SERVICE]}]


def complete(detail, result):
    autoscaling.complete_lifecycle_action(
        LifecycleHookName=detail["LifecycleHookName"],
        AutoScalingGroupName=detail["AutoScalingGroupName"],
        LifecycleActionToken=detail["LifecycleActionToken"],
        InstanceId=detail["EC2InstanceId"],
        LifecycleActionResult=result,
    )


def on_terminate(detail):
    filters = tagged() + [{"Name": "attachment.instance-id", "Values": [detail["EC2InstanceId"]]}]
    for volume in ec2.describe_volumes(Filters=filters)["Volumes"]:
        snapshot = ec2.create_snapshot(
            VolumeId=volume["VolumeId"],
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": [tag for tag in volume["Tags"] if not tag["Key"].startswith("aws:")]}],
        )
        ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot["SnapshotId"]])
        log.info("%s -> %s", volume["VolumeId"], snapshot["SnapshotId"])
    complete(detail, "CONTINUE")


def on_launch(detail):
    instance_id = detail["EC2InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance_id])
    instance = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    snapshots = ec2.describe_snapshots(Filters=tagged() + [{"Name": "status", "Values": ["completed"]}], OwnerIds=["self"])["Snapshots"]
    if not snapshots:
        complete(detail, "ABANDON")
        return
    newest = max(snapshots, key=lambda snapshot: snapshot["StartTime"])
    volume = ec2.create_volume(
        SnapshotId=newest["SnapshotId"],
        AvailabilityZone=instance["Placement"]["AvailabilityZone"],
        VolumeType="gp3",
        TagSpecifications=[{"ResourceType": "volume", "Tags": newest["Tags"]}],
    )
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume["VolumeId"]])
    ec2.attach_volume(VolumeId=volume["VolumeId"], InstanceId=instance_id, Device=DEVICE)
    ec2.get_waiter("volume_in_use").wait(VolumeIds=[volume["VolumeId"]])
    complete(detail, "CONTINUE")


def handler(event, context):
    kind = event.get("detail-type", "")
    if kind == "EC2 Instance-terminate Lifecycle Action":
        on_terminate(event["detail"])
    elif kind == "EC2 Instance-launch Lifecycle Action":
        on_launch(event["detail"])
    else:
        log.info("nothing to do for %s", kind)
