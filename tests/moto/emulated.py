"""The built function against moto, an emulator of AWS that others wrote. One case per call:

    emulated.py prepare ENDPOINT SERVICE same|other warm|cold       makes what an operator would have; prints it as JSON
    emulated.py play    ENDPOINT BOOTSTRAP LOG TRIGGER  < that JSON   sends events to the function and looks at what became of it

TRIGGER: state-change, alarm or drill. Any difference from what is expected ends with a traceback and exit code 1.
"""

import json
import sys

import events
from runtime_api import Function
from setup import REGION, VOLUME, ZONES, Clients, ledger, prepare, run_instance, tags_of

# The engine's own margin and the function's are within it; AWS allows 900.
FUNCTION_TIMEOUT_SECONDS = 60


def main(arguments):
    match arguments:
        case ["prepare", endpoint, service, zones, state]:
            print(json.dumps(prepare(Clients(endpoint), service, ZONES[zones], state)))
        case ["play", endpoint, bootstrap, log_path, trigger]:
            play(Case(Clients(endpoint), json.load(sys.stdin)), endpoint, bootstrap, log_path, trigger)
        case _:
            sys.exit(__doc__)


class Case:
    """What was prepared, and what is seen of it now."""

    def __init__(self, clients, made):
        self.clients = clients
        self.made = made
        self.service, self.active, self.standby = made["service"], made["active"], made["standby"]

    def instances(self):
        answer = self.clients.ec2.describe_instances(InstanceIds=[self.active, self.standby])
        return {i["InstanceId"]: i for reservation in answer["Reservations"] for i in reservation["Instances"]}

    def volumes(self):
        filters = [{"Name": "tag:failover:service", "Values": [self.service]}]
        return {v["VolumeId"]: v for v in self.clients.ec2.describe_volumes(Filters=filters)["Volumes"]}

    def snapshots(self):
        filters = [{"Name": "tag:failover:service", "Values": [self.service]}]
        return self.clients.ec2.describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]

    def address(self):
        return self.clients.ec2.describe_addresses(AllocationIds=[self.made["allocation"]])["Addresses"][0]

    def spec(self):
        return self.clients.ssm.get_parameter(Name=f"/failover/services/{self.service}")["Parameter"]["Value"]

    def messages(self):
        """What the topic's subscriber has got: subjects and bodies."""
        queued = self.clients.sqs.receive_message(QueueUrl=self.made["queue"], MaxNumberOfMessages=10, WaitTimeSeconds=1)
        envelopes = [json.loads(message["Body"]) for message in queued.get("Messages", [])]
        return [(envelope["Subject"], json.loads(envelope["Message"])) for envelope in envelopes]

    def everything(self):
        """All that a failover could change, to be compared."""
        return json.dumps(
            [self.instances(), self.volumes(), self.snapshots(), self.address(), self.spec(), ledger(self.clients, self.service)],
            default=str, sort_keys=True,
        )


def play(case, endpoint, bootstrap, log_path, trigger):
    environment = {
        "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": endpoint,
        # Nothing of the machine's own settings counts.
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "FAILOVER_TABLE": "failover", "FAILOVER_TOPIC": case.made["topic"],
    }
    function = Function(bootstrap, environment, FUNCTION_TIMEOUT_SECONDS, log_path)
    try:
        what_changes_nothing(case, function)
        answer = failover(case, function, trigger)
        report = look_at_report(case, answer, trigger)
        look_at_aws(case, report)
        look_at_records(case, report)
        look_at_metrics(function, report)
        after_it_nothing_more(case, function, trigger)
    finally:
        function.end()


def what_changes_nothing(case, function):
    before = case.everything()
    # Malformed: the runtime's error endpoint is called, with words that say where and what is allowed.
    kind, error = function.invoke(events.state_change("i-nonsense", "stopped"))
    expect(kind, "error")
    expect(error["errorType"], "Failover.BadEvent")
    expect_in("detail.instance-id is \"i-nonsense\"; allowed is i- and 8 to 17 hexadecimal digits", error["errorMessage"])
    kind, error = function.invoke({"service": case.service, "to": "standby", "dril": True})
    expect((kind, error["errorType"]), ("error", "Failover.BadEvent"))
    expect_in("unknown keys \"dril\"", error["errorMessage"])
    # Well-formed, and about an instance that is none of ours.
    kind, answer = function.invoke(events.state_change("i-00000000000000000", "stopped"))
    expect((kind, answer["services"], answer["nothing"]), ("response", {}, "it is about no service under control"))
    # Tagged, but no spec was applied: not under control, and no fault.
    tags = [{"Key": "failover:service", "Value": f"{case.service}-to-be"}]
    stranger = run_instance(case.clients.ec2, case.made["zones"][0], tags)
    kind, answer = function.invoke(events.state_change(stranger, "running"))
    expect((kind, answer["services"][f"{case.service}-to-be"]["ended"]), ("response", "not_adopted"))
    # About ours, and it is well: the event only says when to look.
    kind, answer = function.invoke(events.state_change(case.active, "stopped"))
    expect((kind, answer["services"][case.service]["ended"]), ("response", "settled"))
    # The minute's tick.
    kind, answer = function.invoke(events.scheduled())
    expect((kind, answer["services"]), ("response", {}))
    expect(before, case.everything())


def failover(case, function, trigger):
    if trigger == "drill":
        event = {"service": case.service, "to": "standby", "drill": True, "by": "anna"}
    else:
        # moto stops at once; AWS takes its time, and the event says so in either case.
        case.clients.ec2.stop_instances(InstanceIds=[case.active])
        alarm = events.alarm_through_topic(f"{case.service}-status", case.active)
        event = alarm if trigger == "alarm" else events.state_change(case.active, "stopped")
    kind, answer = function.invoke(event, request_id="00000000-0000-4000-8000-000000000001")
    expect(kind, "response", answer)
    return answer


def look_at_report(case, answer, trigger):
    expect(list(answer["services"]), [case.service])
    service = answer["services"][case.service]
    expect(service["ended"], "settled", answer)
    [report] = service["reports"]
    expect((report["outcome"], report["epoch"], report["drill"]), ("done", 2, trigger == "drill"), report)
    expect((report["from"]["instance_id"], report["to"]["instance_id"]), (case.active, case.standby))
    expect(report["data_loss_seconds"], 0)
    expect(report["to"]["zone"], case.made["zones"][1])
    return report


def look_at_aws(case, report):
    instances = case.instances()
    expect(instances[case.active]["State"]["Name"], "stopped")
    expect(instances[case.standby]["State"]["Name"], "running")
    expect(case.address()["InstanceId"], case.standby)
    volumes = case.volumes()
    old = volumes[case.made["volume"]]
    if case.made["zones"][0] == case.made["zones"][1]:
        expect(list(volumes), [case.made["volume"]])
        head = old
    else:
        head = look_at_copy(case, report, old, volumes)
    [attachment] = head["Attachments"]
    expect((attachment["InstanceId"], attachment["Device"]), (case.standby, "/dev/sdf"))
    expect({key: head[key] for key in VOLUME}, VOLUME)
    expect_tags({"failover:service": case.service, "failover:volume": "data", "owner": "billing-team"}, head)


def look_at_copy(case, report, old, volumes):
    """In another zone: a new volume from a snapshot of the old one; the old one stays."""
    made_for = {"failover:service": case.service, "failover:volume": "data", "failover:id": report["failover_id"], "failover:epoch": "2"}
    [snapshot] = case.snapshots()
    expect((snapshot["VolumeId"], snapshot["State"], snapshot["VolumeSize"]), (old["VolumeId"], "completed", VOLUME["Size"]))
    expect_tags({**made_for, "failover:copy": "failover", "failover:source": old["VolumeId"], "owner": "billing-team"}, snapshot)
    [new] = [volume for identifier, volume in volumes.items() if identifier != old["VolumeId"]]
    expect((new["AvailabilityZone"], new["SnapshotId"]), (case.made["zones"][1], snapshot["SnapshotId"]))
    expect_tags({**made_for, "failover:role": "restored", "failover:snapshot": snapshot["SnapshotId"]}, new)
    # Kept, with its data, and no longer where anybody would write to it.
    expect(old["AvailabilityZone"], case.made["zones"][0])
    expect_in(old["State"], ["available", "in-use"])
    expect([attachment["InstanceId"] for attachment in old["Attachments"] if attachment["InstanceId"] != case.active], [])
    return new


def look_at_records(case, report):
    record = ledger(case.clients, case.service)
    expect((record["active"], record["active_zone"], record["epoch"]), (case.standby, case.made["zones"][1], 2))
    expect(record.get("failover"), None)
    expect(case.spec(), case.made["spec"])
    [(subject, message)] = case.messages()
    expect_in(case.service, subject)
    expect((message["outcome"], message["failover_id"]), ("done", report["failover_id"]))
    expect(message, report)


def look_at_metrics(function, report):
    [line] = [json.loads(line) for line in function.printed if report["failover_id"] in line]
    expect((line["Service"], line["Failovers"], line["DataLossSeconds"]), (report["service"], 1, 0))
    expect(line["DowntimeSeconds"], report["downtime_seconds"])
    [directive] = line["_aws"]["CloudWatchMetrics"]
    expect((directive["Namespace"], directive["Dimensions"]), ("Failover", [["Service"]]))


def after_it_nothing_more(case, function, trigger):
    """The same event again, late ones, and a tick: the service stays where it is."""
    before = case.everything()
    again = {"service": case.service, "to": "standby", "drill": True, "by": "anna"}
    late = again if trigger == "drill" else events.state_change(case.active, "stopped")
    for event in [late, events.state_change(case.standby, "running"), events.scheduled()]:
        kind, answer = function.invoke(event, request_id="00000000-0000-4000-8000-000000000001")
        expect(kind, "response", answer)
        for service in answer["services"].values():
            expect((service["ended"], service.get("reports", [])), ("settled", []), answer)
    expect(before, case.everything())
    expect(case.messages(), [])


def expect(found, wanted, context=None):
    if found != wanted:
        beside = f"\nin {json.dumps(context, indent=1, default=str)}" if context is not None else ""
        raise AssertionError(f"found  {found!r}\nwanted {wanted!r}{beside}")


def expect_in(part, whole):
    if part not in whole:
        raise AssertionError(f"{part!r} is not in {whole!r}")


def expect_tags(wanted, resource):
    tags = tags_of(resource)
    expect({key: tags.get(key) for key in wanted}, wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
