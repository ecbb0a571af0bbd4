"""What all other checks met: were the answers such as AWS's own models allow, and was everything asked that the region answers?"""

import botocore

import answers
from harness import check, expect
from models import model, request
from tables import read_tables

XML = '<{0}Response xmlns="http://x/"><requestId>r</requestId>{1}</{0}Response>'
QUERY = '<{0}Response xmlns="http://x/"><{0}Result>{1}</{0}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{0}Response>'

NEVER_ANSWERED = ["dynamodb Query IndexName", "dynamodb Scan IndexName", "ec2 DescribeSubnets NextToken"]
"""Tables have no indexes here, and there are fewer subnets than a page's least size: what names either is refused in AWS's own words, which
other checks look for."""

RIGHT = [
    ("ec2", "StopInstances", XML, "<instancesSet><item><instanceId>i</instanceId></item></instancesSet>"),
    ("ec2", "DeleteVolume", XML, "<return>true</return>"),
    ("sns", "Publish", QUERY, "<MessageId>m</MessageId>"),
    ("ssm", "PutParameter", "{1}", '{"Version": 1, "Tier": "Standard"}'),
    ("dynamodb", "DescribeTable", "{1}", '{"Table": {"TableName": "t", "CreationDateTime": 1.5, "TableStatus": "ACTIVE"}}'),
]
WRONG = [
    ("ec2", "StopInstances", XML, "<instancesSet><item><colour>blue</colour></item></instancesSet>", "colour is unknown"),
    ("ec2", "StopInstances", XML, "<instancesSet><member><instanceId>i</instanceId></member></instancesSet>", "in a list of item"),
    ("ec2", "CreateVolume", XML, "<size>many</size>", "no integer"),
    ("ec2", "CreateVolume", XML, "<encrypted>yes</encrypted>", "no boolean"),
    ("ec2", "CreateVolume", XML, "<status>sleepy</status>", "none of"),
    ("ec2", "CreateVolume", XML, "<createTime>today</createTime>", "no timestamp"),
    ("ec2", "CreateVolume", XML, "<size>1</size><size>1</size>", "comes twice"),
    ("ec2", "DeleteVolume", XML, "<size>1</size>", "unknown"),
    ("sns", "Publish", XML, "<MessageId>m</MessageId>", "PublishResult"),
    ("sns", "GetTopicAttributes", QUERY, "<Attributes><member>x</member></Attributes>", "no entry of a map"),
    ("autoscaling", "DescribeAutoScalingGroups", QUERY, "", "lacks AutoScalingGroups"),
    ("autoscaling", "DescribeAutoScalingGroups", QUERY, "<AutoScalingGroups><member/></AutoScalingGroups>", "lacks AutoScalingGroupName"),
    ("ssm", "PutParameter", "{1}", '{"Version": "1"}', "no long"),
    ("ssm", "PutParameter", "{1}", '{"Colour": "blue"}', "unknown"),
    ("ssm", "PutParameter", "{1}", '{"Tier": "Gold"}', "none of"),
    ("dynamodb", "GetItem", "{1}", '{"Item": {"k": {"S": 1}}}', "no string"),
    ("dynamodb", "DescribeTable", "{1}", '{"Table": {"CreationDateTime": "today"}}', "no timestamp"),
    ("dynamodb", "DescribeTable", "{1}", '{"Table": null}', "is null"),
]


def found(service, operation, frame, inner):
    body = frame.replace("{0}", operation).replace("{1}", inner).encode()
    return answers.check_answer(model(service).operation_model(operation), 200, body)


@check("models: an answer that is wrong is found to be so, in XML and in JSON", last=True)
def _(_api, _shared):
    for service, operation, frame, inner in RIGHT:
        expect(found(service, operation, frame, inner) == [], (operation, inner, found(service, operation, frame, inner)))
    for service, operation, frame, inner, complaint in WRONG:
        complaints = found(service, operation, frame, inner)
        expect(any(complaint in each for each in complaints), (operation, inner, complaints))


@check("ec2: every operation can be tried by a dry run, which has no effect", last=True)
def _(api, _shared):
    made = lambda: {name for kind in ("instances", "volumes", "snapshots", "addresses") for name in api.region()[kind]}
    before = made()
    operations = [operation for service, operation in api.witness.answered if service == "ec2"]
    for operation in operations:
        call = getattr(api.dry["ec2"], botocore.xform_name(operation))
        api.refused("DryRunOperation", lambda: call(**request("ec2", operation), DryRun=True), 412)
    expect(len(operations) > 30 and made() <= before, "a dry run had an effect")


@check("models: every answer was as AWS's own models say", last=True)
def _(api, _shared):
    faults = api.witness.faults
    expect(not faults, "\n    ".join([f"{len(faults)} kinds of faults", *sorted(faults)]))
    expect(sum(1 for _ in api.witness.answered) > 80, "too few operations were answered for this to show anything")


@check("tables: every operation that the region has was asked and answered", last=True)
def _(api, _shared):
    tables = read_tables(api.endpoint)
    silent = [f"{s} {o}" for s, operations in tables.items() for o in operations if (s, o) not in api.witness.answered]
    expect(not silent, f"never answered: {silent}")


@check("tables: every parameter that the region takes was in a request that was answered", last=True)
def _(api, _shared):
    """So that a row that is lost from a table shows: the request that needs it is refused then."""
    unused = []
    for service, operations in read_tables(api.endpoint).items():
        for operation, table in operations.items():
            sent = api.witness.answered.get((service, operation), set())
            unused += [f"{service} {operation} {path}" for path in table.rows if path not in sent]
    unused = [each for each in unused if each not in NEVER_ANSWERED]
    expect(not unused, "\n    ".join([f"{len(unused)} parameters were never in a request", *unused]))


@check("tables: every parameter that is said to be modelled was read", last=True)
def _(api, _shared):
    unread = [
        f"{service} {operation} {path}"
        for service, operations in read_tables(api.endpoint).items()
        for operation, table in operations.items()
        for path, how in table.rows.items()
        if how["kind"] == "modelled" and not how["read"]
    ]
    expect(not unread, "\n    ".join([f"{len(unread)} parameters are said to be modelled, but nobody reads them", *unread]))
