"""What an operator would have set up before the controller comes: instances, a volume, an address, a topic."""

import json

import boto3

REGION = "eu-central-1"
ZONES = {"same": ["eu-central-1a", "eu-central-1a"], "other": ["eu-central-1a", "eu-central-1b"]}
VOLUME = {"VolumeType": "gp3", "Size": 12, "Iops": 4000, "Throughput": 250}
OWN_TAG = {"Key": "owner", "Value": "billing-team"}

SPEC = """\
service = "{service}"
topology = "standby"

[[volume]]
name = "data"
mount = "/var/lib/postgresql"
filesystem = "xfs"

[detect]
alarms = ["{service}-status"]
confirm_seconds = 0

[fence]
stop_grace_seconds = 0

[limits]
cooldown_seconds = 0
"""


class Clients:
    def __init__(self, endpoint):
        make = lambda name: boto3.client(
            name, region_name=REGION, endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.ec2, self.dynamodb, self.sns, self.sqs, self.ssm = map(make, ["ec2", "dynamodb", "sns", "sqs", "ssm"])


def prepare(clients, service, zones, standby_state):
    """A service as it is before anything fails. Answers what was made, by role."""
    tags = [{"Key": "failover:service", "Value": service}, OWN_TAG]
    active = run_instance(clients.ec2, zones[0], tags)
    standby = run_instance(clients.ec2, zones[1], tags)
    if standby_state == "cold":
        clients.ec2.stop_instances(InstanceIds=[standby])
    volume_tags = [*tags, {"Key": "failover:volume", "Value": "data"}]
    volume = clients.ec2.create_volume(
        AvailabilityZone=zones[0], TagSpecifications=[{"ResourceType": "volume", "Tags": volume_tags}], **VOLUME
    )["VolumeId"]
    clients.ec2.attach_volume(VolumeId=volume, InstanceId=active, Device="/dev/sdf")
    allocation = clients.ec2.allocate_address(
        Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}]
    )["AllocationId"]
    clients.ec2.associate_address(AllocationId=allocation, InstanceId=active)
    topic, queue = subscribed_topic(clients, service)
    return {
        "service": service, "active": active, "standby": standby, "volume": volume, "allocation": allocation,
        "topic": topic, "queue": queue, "zones": zones, "standby_state": standby_state, "spec": SPEC.format(service=service),
    }


def run_instance(ec2, zone, tags):
    subnets = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [zone]}])["Subnets"]
    images = ec2.describe_images(Owners=["amazon"])["Images"]
    answer = ec2.run_instances(
        ImageId=images[0]["ImageId"], InstanceType="m6i.large", MinCount=1, MaxCount=1, SubnetId=subnets[0]["SubnetId"],
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    return answer["Instances"][0]["InstanceId"]


def subscribed_topic(clients, service):
    topic = clients.sns.create_topic(Name=f"failover-{service}")["TopicArn"]
    queue = clients.sqs.create_queue(QueueName=f"failover-{service}")["QueueUrl"]
    queue_arn = clients.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    return topic, queue


def ledger(clients, service):
    key = {"pk": {"S": "ledger"}, "sk": {"S": service}}
    item = clients.dynamodb.get_item(TableName="failover", Key=key, ConsistentRead=True)["Item"]
    return json.loads(item["body"]["S"])


def tags_of(resource):
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}
