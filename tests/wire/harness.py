"""What the checks of a served region share: clients, waiting, and what is made again and again."""

import json
import time
import urllib.error
import urllib.request

import boto3
import botocore.exceptions
from botocore.config import Config

from models import SERVICES
from witness import Witness

REGION_SECONDS_TO_WAIT = 900
"""No transition that these checks wait for takes longer under the default timing model."""


CHECKS, LAST_CHECKS = [], []


def check(name, last=False):
    """Registers a check, which fails by raising. The last ones look at what all others met."""

    def register(function):
        function.check_name = name
        (LAST_CHECKS if last else CHECKS).append(function)
        return function

    return register


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


class Api:
    """Clients of one region, and what the checks share."""

    def __init__(self, endpoint, seed):
        self.endpoint, self.seed = endpoint, seed
        self.name = f"wire-{seed}"
        self.witness = Witness()
        # A patient client for what has to work, a blunt one for what has to fail.
        self.patient = self._clients(Config(retries={"mode": "standard", "total_max_attempts": 8}, read_timeout=30))
        self.blunt = self._clients(Config(retries={"total_max_attempts": 1}, read_timeout=20))
        self.hasty = self._clients(Config(retries={"total_max_attempts": 1}, read_timeout=2))
        # What botocore itself would refuse to send goes through this one.
        self.dry = self._clients(Config(retries={"mode": "standard", "total_max_attempts": 8}, parameter_validation=False))
        self.speed = self._speed()

    def _clients(self, config):
        session = boto3.session.Session(
            aws_access_key_id="AKIAWIRETRUTH", aws_secret_access_key="wire-truth", region_name="eu-central-1"
        )
        self.witness.watch(session.events)
        return {name: session.client(name, endpoint_url=self.endpoint, config=config) for name in SERVICES}

    def elsewhere(self, service, region_name):
        """A client of another service or region."""
        session = boto3.session.Session(
            aws_access_key_id="AKIAWIRETRUTH", aws_secret_access_key="wire-truth", region_name=region_name
        )
        return session.client(service, endpoint_url=self.endpoint, config=Config(retries={"total_max_attempts": 1}))

    def __getattr__(self, name):
        try:
            return self.__dict__["patient"][name]
        except KeyError:
            raise AttributeError(name) from None

    def _speed(self):
        first, began = self.region()["now_seconds"], time.monotonic()
        time.sleep(0.5)
        return max(0.1, (self.region()["now_seconds"] - first) / (time.monotonic() - began))

    def http(self, path, body=None, headers=None, method=None):
        """A raw request: status, headers, text."""
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(self.endpoint + path, data=data, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def region(self):
        return json.loads(self.http("/_region")[2])

    def fault(self, fault):
        status, _, text = self.http("/_region/fault", json.dumps(fault))
        expect(status == 200, f"fault {fault} refused: {text!r}")

    def refused(self, code, call, status=None):
        """The call must fail with this code; returns the error."""
        try:
            answer = call()
        except botocore.exceptions.ClientError as error:
            got = error.response["Error"]
            expect(got["Code"] == code, f"expected {code}, got {got}")
            got_status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            expect(status is None or got_status == status, f"expected HTTP {status}, got {got_status}")
            return error
        raise AssertionError(f"expected {code}, got the answer {answer}")

    def until(self, look, done, what, more_seconds=5):
        """Looks until it is done. What is not visible yet (eventual consistency) counts as not done. What others do in the region takes them
        time of this machine, too: that many seconds more."""
        deadline = time.monotonic() + more_seconds + REGION_SECONDS_TO_WAIT / self.speed
        seen = None
        while time.monotonic() < deadline:
            try:
                seen = look()
                if done(seen):
                    return seen
            except botocore.exceptions.ClientError as error:
                if "NotFound" not in error.response["Error"]["Code"]:
                    raise
                seen = error
            time.sleep(min(1.0, max(0.01, 1.0 / self.speed)))
        raise AssertionError(f"{what} was never reached; last seen: {seen}")

    def settle(self):
        """Lets so much time pass that every read shows what has been written: no read lags longer under the default timing model."""
        time.sleep(2.1 / self.speed)

    # --- what the checks make ---

    def zones(self):
        return [zone["ZoneName"] for zone in self.ec2.describe_availability_zones()["AvailabilityZones"]]

    def tags(self, kind, **more):
        tags = [{"Key": "Name", "Value": self.name}] + [{"Key": key, "Value": value} for key, value in more.items()]
        return [{"ResourceType": kind, "Tags": tags}]

    def launch(self, zone, **more):
        arguments = dict(
            ImageId="ami-0123456789abcdef0",
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            Placement={"AvailabilityZone": zone},
            TagSpecifications=self.tags("instance"),
        )
        return self.ec2.run_instances(**{**arguments, **more})["Instances"][0]

    def instance(self, instance_id):
        return self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]

    def instance_in(self, instance_id, state):
        return self.until(lambda: self.instance(instance_id), lambda seen: seen["State"]["Name"] == state, f"{instance_id} {state}")

    def running(self, zone, **more):
        instance_id = self.launch(zone, **more)["InstanceId"]
        self.instance_in(instance_id, "running")
        return instance_id

    def volume(self, volume_id):
        return self.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]

    def volume_in(self, volume_id, state):
        return self.until(lambda: self.volume(volume_id), lambda seen: seen["State"] == state, f"{volume_id} {state}")

    def available_volume(self, zone, **more):
        arguments = dict(AvailabilityZone=zone, Size=1, VolumeType="gp3", TagSpecifications=self.tags("volume"))
        volume_id = self.ec2.create_volume(**{**arguments, **more})["VolumeId"]
        self.volume_in(volume_id, "available")
        return volume_id

    def snapshot_in(self, snapshot_id, state):
        look = lambda: self.ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]
        return self.until(look, lambda seen: seen["State"] == state, f"{snapshot_id} {state}")

    def attached(self, volume_id, instance_id, device):
        self.ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device=device)
        state = lambda seen: [attachment["State"] for attachment in seen["Attachments"]]
        return self.until(lambda: self.volume(volume_id), lambda seen: state(seen) == ["attached"], f"{volume_id} attached")
