"""People at work in the account of a service that is under control, with boto3, while the built Lambda looks after it.

    people.py ENDPOINT SPEED FAILOVER STORY

ENDPOINT serves the sample at that speed with the Lambda behind its rules; FAILOVER is the command. Region time runs SPEED times as fast, but
the controller's clock is the machine's: durations of failover.toml, and losses, are seconds of the machine.
"""

import sys

from account import CONTROLLER_SECONDS, SERVICE, ZONES, Account, last_written, missing, play
from harness import expect

ENLARGED_GIB, RAISED_IOPS = 200, 6000
BACKUPS_BEFORE, BACKUPS_AFTER = 6, 5
TICKS = 10
MAX_LOSS_SECONDS = 600
COPYING_PER_WRITING = 6
"""How long a snapshot takes for what was written in a second, while a set is to be seen half done."""


def enlarge(account):
    """The disk of the active instance is enlarged and made faster, then a drill restores it in another zone as it is now."""
    ec2 = account.api.ec2
    before = account.volume_of("data")
    expect(before["Size"] < ENLARGED_GIB and before["Iops"] < RAISED_IOPS, f"as it is to be: {before}")
    ec2.modify_volume(VolumeId=before["VolumeId"], Size=ENLARGED_GIB, Iops=RAISED_IOPS)
    as_wanted = lambda volume: (volume["Size"], volume["Iops"]) == (ENLARGED_GIB, RAISED_IOPS)
    account.api.until(lambda: account.api.volume(before["VolumeId"]), as_wanted, "the new size and performance")
    yield "a volume in use is enlarged and made faster"

    account.drill(ZONES[1])
    after = account.volume_of("data")
    expect(after["VolumeId"] != before["VolumeId"] and after["AvailabilityZone"] == ZONES[1], f"not restored: {after}")
    expect(as_wanted(after), f"restored with {after['Size']} GiB and {after['Iops']} IOPS")
    same = ("VolumeType", "Encrypted", "KmsKeyId")
    expect(all(after.get(key) == before.get(key) for key in same), f"{before} became {after}")
    yield "a drill to another zone is done, at the new size and performance"

    lost = missing(account.truth(), [after["VolumeId"]], [before["VolumeId"]])
    expect(lost == 0, f"{lost:.3f} s of what was acknowledged are missing")
    yield "nothing is missing"


def back_up(account):
    """Backups with copied tags outlive retention, and the controller's own copies do not."""
    api = account.api
    account.apply('[[volume]]\nname = "data"\n[data]\nkeep_snapshots = 1\nsnapshot_every_seconds = 60\n')
    theirs, own_seen = [], set()

    def own():
        """The controller's own, oldest first: nobody else makes snapshots."""
        shown = [snapshot for snapshot in account.snapshots() if snapshot["SnapshotId"] not in theirs]
        own_seen.update(snapshot["SnapshotId"] for snapshot in shown)
        return shown

    give = lambda snapshot_id, tags: api.ec2.create_tags(Resources=[snapshot_id], Tags=tags)
    api.until(own, lambda seen: seen, "a periodic copy", more_seconds=CONTROLLER_SECONDS)
    yield "the controller takes a periodic copy"

    first = account.volume_of("data")
    theirs += [account.back_up(first) for _ in range(BACKUPS_BEFORE)]
    # As somebody would who wants it to count as one.
    give(theirs[-1], [{"Key": "failover:copy", "Value": "failover"}])
    account.drill(ZONES[1])
    own()
    restored = account.volume_of("data")
    expect(restored["VolumeId"] != first["VolumeId"], "the volume itself cannot have moved")
    expect("failover:role" in {tag["Key"] for tag in restored["Tags"]}, f"not as a failover restores: {restored['Tags']}")
    theirs += [account.back_up(restored) for _ in range(BACKUPS_AFTER)]
    yield f"{len(theirs)} backups carry the tags of a volume, and of one that a failover restored"

    account.drill(ZONES[2])
    copy = [snapshot for snapshot in own() if snapshot["VolumeId"] == restored["VolumeId"]][-1]
    # All that the controller's own has, on another snapshot of the same volume.
    give(theirs[-1], copy["Tags"])
    expect(len(own_seen) >= 3, f"all but one are to go, of {own_seen}")
    pending = lambda: [it["SnapshotId"] for it in account.snapshots() if it["SnapshotId"] in theirs and it["State"] != "completed"]
    api.until(pending, lambda pending: not pending, "completed backups")
    yield "two of them are given the tags of the controller's own copies"

    since = account.ticks()
    api.until(account.ticks, lambda now: now >= since + TICKS, f"{TICKS} ticks", more_seconds=CONTROLLER_SECONDS)
    gone = set(theirs) - {snapshot["SnapshotId"] for snapshot in account.snapshots()}
    expect(not gone, f"backups are gone: {gone}")
    yield f"{TICKS} ticks later all backups are there"

    completed = lambda: [snapshot["SnapshotId"] for snapshot in own() if snapshot["State"] == "completed"]
    kept = api.until(completed, lambda kept: len(kept) == 1, "one own copy", more_seconds=CONTROLLER_SECONDS)
    expect(api.snapshot_in(kept[0], "completed")["StartTime"] >= copy["StartTime"], f"{kept}, which is older than {copy}")
    yield f"of the {len(own_seen)} own copies the newest is left"


TWO_VOLUMES = f"""
[[volume]]
name = "data"
[[volume]]
name = "log"
[detect]
alarms = ["{SERVICE}-status"]
confirm_seconds = 0
[fence]
when_unconfirmed = "proceed"
confirm_within_seconds = 30
[data]
max_loss_seconds = {MAX_LOSS_SECONDS}
snapshot_every_seconds = 60
"""


def lose_zone(account):
    """A zone is lost while one of a set of two copies is done: both volumes go back to the set before, and the loss is told."""
    api, ec2 = account.api, account.api.ec2
    originals = add_log(account)
    old = account.serving()
    is_whole = lambda seen: seen and done(seen[0]) == {"data", "log"}
    whole = api.until(lambda: sets(account, originals), is_whole, "a whole set", more_seconds=CONTROLLER_SECONDS)[0]
    yield "a periodic set of two volumes is whole"

    # A backup of the data alone: it is newer than the set, and leaves less of the data than of the log for the next set to copy.
    backup = account.back_up(account.volume_of("data"))
    api.snapshot_in(backup, "completed")
    pace = {"fixed": {"seconds": COPYING_PER_WRITING * 3600 / account.timing()["guests"]["write_gib_per_hour"]}}
    # What hangs in the zone that is down is waited for in the machine's time, which the region's does not shorten.
    account.set_timing({"snapshots": {"per_changed_gib": pace}, "zone_down": {"hang_probability": 0.0, "lost_answer_probability": 0.0}})
    # What is not seen to be its own is no copy to the controller: the next set is due at once instead of in a minute.
    log_copy, tags = whole["log"]["SnapshotId"], whole["log"]["Tags"]
    ec2.delete_tags(Resources=[log_copy], Tags=[{"Key": "failover:copy"}])
    api.settle()
    account.tick()
    half = lambda seen: len(seen) > 1 and done(seen[-1]) == {"data"}
    broken = api.until(lambda: sets(account, originals), half, "a set that is half done", more_seconds=CONTROLLER_SECONDS)[-1]
    api.fault({"zone": {"name": ZONES[0], "fault": {"down": {"mode": "power"}}}})
    earlier = account.reports()
    api.cloudwatch.set_alarm_state(AlarmName=f"{SERVICE}-status", StateValue="ALARM", StateReason="the zone is gone")
    ec2.create_tags(Resources=[log_copy], Tags=tags)
    expect(done(sets(account, originals)[-1]) == {"data"}, f"no half of a set: {sets(account, originals)[-1]}")
    expect(broken["data"]["StartTime"] > whole["data"]["StartTime"], f"{broken} is not the newer one")
    yield "the zone is lost in the middle of the next set"

    report = account.report_after(earlier)
    expect(report["outcome"] == "done", f"it ended {report['outcome']}: {report['reason']}")
    expect(report["to"]["instance_id"] != old, f"to itself: {report}")
    account.serves(report["to"]["instance_id"])
    restored = {name: account.volume_of(name) for name in originals}
    chosen = {name: volume["SnapshotId"] for name, volume in restored.items()}
    expect(chosen == {name: copy["SnapshotId"] for name, copy in whole.items()}, f"restored from {chosen}, of {whole}")
    truth = account.truth()
    ends = {name: last_written(truth, volume["VolumeId"], old) for name, volume in restored.items()}
    expect(len(set(ends.values())) == 1, f"not of one moment: {ends}")
    yield "both volumes are of the moment of the whole set"

    lost = missing(truth, [volume["VolumeId"] for volume in restored.values()], originals.values()) / account.speed
    told = report["data_loss_seconds"]
    expect(0 < lost <= told <= MAX_LOSS_SECONDS, f"{told} s are told, {lost:.3f} s are missing, {MAX_LOSS_SECONDS} s allowed")
    yield f"no less is told than is lost ({told} s, {lost:.1f} s)"


def add_log(account):
    """Gives the service a second volume, which means to start over: the ids of both by name."""
    api = account.api
    data = account.volume_of("data")
    account.failover("pause", "--service", SERVICE)
    tags = {"failover:service": SERVICE, "failover:volume": "log"}
    specification = {"ResourceType": "volume", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
    log = api.available_volume(ZONES[0], TagSpecifications=[specification])
    api.attached(log, data["Attachments"][0]["InstanceId"], "/dev/sdg")
    api.dynamodb.delete_item(TableName="failover", Key={"pk": {"S": "ledger"}, "sk": {"S": SERVICE}})
    api.settle()
    account.apply(TWO_VOLUMES)
    return {"data": data["VolumeId"], "log": log}


def sets(account, originals):
    """The controller's periodic copies, oldest first, each set by the names of its volumes."""
    names = {volume: name for name, volume in originals.items()}
    found = {}
    for snapshot in account.snapshots():
        tags = {tag["Key"]: tag["Value"] for tag in snapshot.get("Tags", [])}
        if "failover:id" in tags and snapshot["Description"].startswith("failover: "):
            found.setdefault(tags["failover:id"], {})[names[snapshot["VolumeId"]]] = snapshot
    return list(found.values())


def done(copies):
    return {name for name, snapshot in copies.items() if snapshot["State"] == "completed"}


STORIES = {"enlarge": enlarge, "back-up": back_up, "lose-zone": lose_zone}

if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[4] not in STORIES:
        sys.exit(__doc__)
    play(STORIES, sys.argv[4], Account(sys.argv[1].rstrip("/"), sys.argv[3], float(sys.argv[2])))
