"""A service under control in a served region, as the people of its account have it: boto3, the command, and what is true of the region."""

import json
import os
import subprocess
import tempfile
import time

import botocore.exceptions

from harness import Api, expect

SERVICE = "sample"
SPEC = 'service = "sample"\ntopology = "standby"\n'
ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
"""Of the sample's active instance, its warm standby and its cold one."""

CONTROLLER_SECONDS = 180
"""How much time of a slow machine the controller may need for a failover, besides what AWS takes."""
MICROSECONDS = 1_000_000


class Account:
    """The sample service's account."""

    def __init__(self, endpoint, command, speed):
        self.api = Api(endpoint, "people")
        self.command, self.speed = command, speed
        # Measured, it is as exact as the machine is idle; losses are judged by it.
        self.api.speed = speed

    # --- the controller ---

    def failover(self, *arguments):
        """What the command prints."""
        environment = dict(AWS_REGION="eu-central-1", AWS_ACCESS_KEY_ID="people", AWS_SECRET_ACCESS_KEY="people")
        environment["AWS_ENDPOINT_URL"] = self.api.endpoint
        line = [self.command, *arguments, "--output", "json"]
        ended = subprocess.run(line, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        expect(ended.returncode == 0, f"{' '.join(arguments)}: {ended.returncode}: {ended.stdout} {ended.stderr}")
        return json.loads(ended.stdout)

    def apply(self, spec):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "failover.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(SPEC + spec)
            return self.failover("apply", path)

    def reports(self):
        return {report["failover_id"]: report for report in self.failover("history", "--service", SERVICE)}

    def report_after(self, earlier):
        """The report of the next failover that ends."""
        new = lambda seen: [report for name, report in seen.items() if name not in earlier]
        seen = self.api.until(self.reports, new, "a report", more_seconds=CONTROLLER_SECONDS)
        expect(len(new(seen)) == 1, f"several failovers: {new(seen)}")
        return new(seen)[0]

    def event(self, event, wait=False):
        status, _, text = self.api.http("/_region/event" + ("?wait" if wait else ""), json.dumps(event))
        expect(status in (200, 202), f"event refused: {text!r}")

    def drill(self, zone):
        """A drill by manual request to the function, to its end: done, in that zone, with nothing lost."""
        earlier = self.reports()
        self.event({"service": SERVICE, "to": zone, "drill": True, "by": "anna"})
        report = self.report_after(earlier)
        expect(report["outcome"] == "done", f"the drill ended {report['outcome']}: {report['reason']}")
        expect(report["to"]["zone"] == zone and report["drill"], f"another failover: {report}")
        expect(report["data_loss_seconds"] == 0, f"a drill that loses data: {report}")
        self.serves(report["to"]["instance_id"])
        return report

    def ticks(self):
        """How many of the ticks the function has done."""
        ended = json.loads(self.api.http("/_region/invocations")[2])
        done = [each for each in ended if each["result"]["outcome"] == "ok"]
        return len([each for each in done if each["event"].get("detail-type") == "Scheduled Event"])

    def tick(self):
        """One more tick, at once and to its end."""
        self.event({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}, wait=True)

    # --- what AWS shows ---

    def volume_of(self, name):
        """The volume of this data that whoever serves has attached."""
        filters = {"failover:service": SERVICE, "failover:volume": name}
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in filters.items()]
        serving = self.serving()
        has = lambda volume: any(it["InstanceId"] == serving and it["State"] == "attached" for it in volume["Attachments"])
        look = lambda: [volume for volume in self.api.ec2.describe_volumes(Filters=filters)["Volumes"] if has(volume)]
        return self.api.until(look, lambda found: len(found) == 1, f"one volume {name} at {serving}")[0]

    def snapshots(self):
        """All snapshots of the account, oldest first."""
        return sorted(self.api.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"], key=lambda it: it["StartTime"])

    def back_up(self, volume):
        """A backup as AWS Backup or Data Lifecycle Manager make it: with all of the volume's tags. EBS takes one of a volume in 15 s."""
        busy = ("SnapshotCreationPerVolumeRateExceeded", "ConcurrentSnapshotLimitExceeded")
        tags = [{"ResourceType": "snapshot", "Tags": volume["Tags"]}] if volume["Tags"] else []

        def create():
            try:
                return self.api.ec2.create_snapshot(VolumeId=volume["VolumeId"], Description="nightly", TagSpecifications=tags)
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in busy:
                    raise
                return None

        return self.api.until(create, lambda made: made is not None, f"a backup of {volume['VolumeId']}")["SnapshotId"]

    # --- what is true ---

    def timing(self):
        return json.loads(self.api.http("/_region/timing")[2])

    def set_timing(self, timing):
        status, _, text = self.api.http("/_region/timing", json.dumps(timing))
        expect(status == 200, f"{timing} refused: {text!r}")

    def truth(self):
        return json.loads(self.api.http("/_region/truth")[2])

    def serving(self):
        """Who serves the service's clients."""
        look = lambda: self.truth()["serving"].get(SERVICE)
        return self.api.until(look, lambda seen: seen is not None, "an instance that serves")["instance"]

    def serves(self, instance):
        """It comes to serve: for EC2 it may a little earlier than for clients."""
        look = lambda: self.truth()["serving"].get(SERVICE, {}).get("instance")
        self.api.until(look, lambda seen: seen == instance, f"{instance} serves")

    def expect_sound(self):
        """What is so at every time: nothing wrote beside the active instance, nothing that was acknowledged was deleted."""
        truth = self.truth()
        expect(truth["two_writers"] == [], f"two writers: {truth['two_writers']}")
        expect(truth["deleted_only_copy"] == [], f"only copies deleted: {truth['deleted_only_copy']}")
        expect(json.loads(self.api.http("/_region/dlq")[2]) == [], "the function failed three times")


def missing(truth, volumes, originals):
    """Acknowledged seconds of region time that any of the volumes lacks, from when the first of each was written to: what is put there in
    pieces, while time passes, serves before that."""
    since = max(min(segment["from"] for segment in truth["contents"][volume]) for volume in originals)
    promised = [(max(it["from"], since), it["to"]) for it in truth["acknowledged"][SERVICE]]
    gaps = [gap for volume in volumes for gap in _minus(promised, truth["contents"][volume])]
    total, end = 0, 0
    for start, stop in sorted(gaps):
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total / MICROSECONDS


def _minus(promised, held):
    """What of some stretches is in none of the others."""
    rest = [(start, stop) for start, stop in promised if start < stop]
    for hole in held:
        cut = []
        for start, stop in rest:
            cut += [(start, min(stop, hole["from"])), (max(start, hole["to"]), stop)]
        rest = [(start, stop) for start, stop in cut if start < stop]
    return rest


def last_written(truth, resource, writer):
    """Up to when a volume or a snapshot has what an instance wrote."""
    return max(segment["to"] for segment in truth["contents"][resource] if segment["writer"] == writer)


def play(stories, name, account):
    """Plays one story: prints what it shows, as the other scripts print their checks."""
    began, shown = time.monotonic(), 0
    for what in stories[name](account):
        shown += 1
        print(f"ok      {what} ({time.monotonic() - began:.1f} s)", flush=True)
    account.expect_sound()
    print(f"{shown} passed, 0 failed")
