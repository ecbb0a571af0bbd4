"""The data services: what the other checks of them leave out of their tables' parameters."""

from harness import check, expect

TABLE = dict(
    KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
)


def key(sort):
    return {"pk": {"S": "p"}, "sk": {"S": sort}}


@check("dynamodb: a table of provisioned throughput, with AWS's defaults spelt out; tables are listed in pages")
def _(api, shared):
    shared["data-table"] = name = f"{api.name}-data"
    api.dynamodb.create_table(
        TableName=name, **TABLE, BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        SSESpecification={"Enabled": False}, StreamSpecification={"StreamEnabled": False}, TableClass="STANDARD",
    )  # fmt: skip
    api.dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    shown = api.dynamodb.describe_table(TableName=name)["Table"]
    expect(shown["ProvisionedThroughput"]["ReadCapacityUnits"] == 5, shown)
    api.dynamodb.create_table(TableName=f"{name}-2", **TABLE, BillingMode="PAY_PER_REQUEST")
    pages = list(api.dynamodb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 1}))
    expect([name] in [page["TableNames"] for page in pages] and len(pages) >= 2, pages)
    api.dynamodb.get_waiter("table_exists").wait(TableName=f"{name}-2", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    api.dynamodb.delete_table(TableName=f"{name}-2")


@check("dynamodb: writes have conditions, names, values and what they return")
def _(api, shared):
    client, name = api.dynamodb, shared["data-table"]
    told = dict(TableName=name, ReturnConsumedCapacity="TOTAL", ReturnItemCollectionMetrics="NONE", ReturnValuesOnConditionCheckFailure="ALL_OLD")
    client.put_item(Item={**key("a"), "n": {"N": "1"}}, **told, ReturnValues="ALL_OLD")
    condition = dict(ConditionExpression="#n = :n", ExpressionAttributeNames={"#n": "n"})
    one, two = ({":n": {"N": number}} for number in ("1", "2"))
    old = client.put_item(Item={**key("a"), "n": {"N": "2"}}, **told, **condition, ExpressionAttributeValues=one, ReturnValues="ALL_OLD")
    expect(old["Attributes"]["n"] == {"N": "1"} and old["ConsumedCapacity"]["TableName"] == name, old)
    updated = client.update_item(
        Key=key("a"), **told, **condition, ExpressionAttributeValues=two, UpdateExpression="SET #n = #n + :n", ReturnValues="UPDATED_NEW"
    )
    expect(updated["Attributes"] == {"n": {"N": "4"}} and "ConsumedCapacity" in updated, updated)
    delete = lambda client, values: client.delete_item(Key=key("a"), **told, **condition, ExpressionAttributeValues=values, ReturnValues="ALL_OLD")
    error = api.refused("ConditionalCheckFailedException", lambda: delete(api.blunt["dynamodb"], one))
    expect(error.response["Item"]["n"] == {"N": "4"}, error.response)
    gone = delete(client, {":n": {"N": "4"}})
    expect(gone["Attributes"]["n"] == {"N": "4"}, gone)
    expect("Item" not in client.get_item(TableName=name, Key=key("a"), ConsistentRead=True), "it is still there")


@check("dynamodb: reads have projections, names, selections, segments; what names an index is refused, as there is none")
def _(api, shared):
    client, name = api.dynamodb, shared["data-table"]
    for sort in "abc":
        client.put_item(TableName=name, Item={**key(sort), "n": {"N": "1"}, "m": {"S": "x"}})
    told = dict(ReturnConsumedCapacity="TOTAL")
    narrow = dict(ProjectionExpression="#n", ExpressionAttributeNames={"#n": "n"})
    read = client.get_item(TableName=name, Key=key("a"), ConsistentRead=True, **narrow, **told)
    expect(read["Item"] == {"n": {"N": "1"}} and "ConsumedCapacity" in read, read)
    items = {name: {"Keys": [key("a")], "ConsistentRead": True, **narrow}}
    batch = client.batch_get_item(RequestItems=items, ReturnConsumedCapacity="NONE")
    expect(batch["Responses"][name] == [{"n": {"N": "1"}}], batch)
    taken = client.transact_get_items(TransactItems=[{"Get": {"TableName": name, "Key": key("a"), **narrow}}], ReturnConsumedCapacity="NONE")
    expect(taken["Responses"] == [{"Item": {"n": {"N": "1"}}}], taken)
    where = dict(
        TableName=name, ConsistentRead=True, KeyConditionExpression="#p = :p", ExpressionAttributeValues={":p": {"S": "p"}},
        ExpressionAttributeNames={"#p": "pk", "#n": "n"},
    )  # fmt: skip
    found = client.query(**where, ProjectionExpression="#n", Select="SPECIFIC_ATTRIBUTES", **told)
    expect(found["Items"] == [{"n": {"N": "1"}}] * 3, found)
    segments = [client.scan(TableName=name, ConsistentRead=True, Segment=number, TotalSegments=2, **told)["Count"] for number in (0, 1)]
    expect(sum(segments) == 3, segments)
    scanned = client.scan(TableName=name, ConsistentRead=True, FilterExpression="#n = :n", ExpressionAttributeNames={"#n": "n"},
                          ExpressionAttributeValues={":n": {"N": "1"}}, Select="COUNT")  # fmt: skip
    expect(scanned["Count"] == 3 and "Items" not in scanned, scanned)
    scanned = client.scan(TableName=name, ConsistentRead=True, **narrow)
    expect(scanned["Items"] == [{"n": {"N": "1"}}] * 3, scanned)
    blunt = api.blunt["dynamodb"]
    api.refused("ValidationException", lambda: blunt.scan(TableName=name, IndexName="none"))
    del where["ExpressionAttributeNames"]["#n"], where["ConsistentRead"]
    api.refused("ValidationException", lambda: blunt.query(**where, IndexName="none"))


@check("dynamodb: batches and transactions write with all that they can be told")
def _(api, shared):
    client, name = api.dynamodb, shared["data-table"]
    told = dict(ReturnConsumedCapacity="NONE", ReturnItemCollectionMetrics="NONE")
    puts = [{"PutRequest": {"Item": key(sort)}} for sort in ("d", "e", "f")]
    client.batch_write_item(RequestItems={name: [*puts, {"DeleteRequest": {"Key": key("b")}}]}, **told)
    names = dict(ExpressionAttributeNames={"#n": "n"}, ReturnValuesOnConditionCheckFailure="ALL_OLD", TableName=name)
    value = {":n": {"N": "1"}}
    client.transact_write_items(
        TransactItems=[
            {"ConditionCheck": dict(Key=key("a"), ConditionExpression="#n = :n", ExpressionAttributeValues=value, **names)},
            {"Put": dict(Item={**key("g"), "n": {"N": "7"}}, ConditionExpression="NOT #n = :n", ExpressionAttributeValues=value, **names)},
            {"Delete": dict(Key=key("c"), ConditionExpression="#n = :n", ExpressionAttributeValues=value, **names)},
            {"Update": dict(Key=key("d"), UpdateExpression="SET #n = :n", ConditionExpression="attribute_not_exists(#n)",
                            ExpressionAttributeValues=value, **names)},
        ],
        ClientRequestToken=f"{api.name}-all", **told,
    )  # fmt: skip
    left = {item["sk"]["S"]: item.get("n", {}).get("N") for item in client.scan(TableName=name, ConsistentRead=True)["Items"]}
    expect(left == {"a": "1", "d": "1", "e": None, "f": None, "g": "7"}, left)
    client.delete_table(TableName=name)


@check("ssm: parameters have descriptions, are described in pages, and secrets are opened where asked")
def _(api, _):
    client, path = api.ssm, f"/{api.name}/data"
    client.put_parameter(Name=f"{path}/a", Value="1", Type="String", Description="first")
    client.put_parameter(Name=f"{path}/b", Value="hush", Type="SecureString", KeyId="alias/aws/ssm")
    chosen = [{"Key": "Path", "Option": "Recursive", "Values": [path]}]
    pages = list(client.get_paginator("describe_parameters").paginate(ParameterFilters=chosen, Shared=False, PaginationConfig={"PageSize": 1}))
    shown = [parameter for page in pages for parameter in page["Parameters"]]
    expect([parameter["Name"] for parameter in shown] == [f"{path}/a", f"{path}/b"] and shown[0]["Description"] == "first", shown)
    read = client.get_parameters(Names=[f"{path}/b"], WithDecryption=True)["Parameters"]
    expect(read[0]["Value"] == "hush", read)
    below = client.get_parameters_by_path(Path=path, WithDecryption=True, MaxResults=10)["Parameters"]
    expect([parameter["Value"] for parameter in below] == ["1", "hush"], below)
    client.delete_parameters(Names=[f"{path}/a", f"{path}/b"])


@check("sns: messages go to a topic as a target too, in structures and with bytes; topics are listed in pages of 100")
def _(api, _):
    arns = [api.sns.create_topic(Name=f"{api.name}-many-{number:03}")["TopicArn"] for number in range(101)]
    pages = list(api.sns.get_paginator("list_topics").paginate())
    listed = [topic["TopicArn"] for page in pages for topic in page["Topics"]]
    expect(len(pages) >= 2 and set(arns) <= set(listed), (len(pages), len(listed)))
    attributes = {"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    api.sns.publish(TargetArn=arns[0], Message='{"default": "x"}', MessageStructure="json", MessageAttributes=attributes)
    for arn in arns:
        api.sns.delete_topic(TopicArn=arn)


@check("cloudwatch: alarms have actions for every state, can be muted, and are found by their actions")
def _(api, _):
    actions = {state: [f"arn:aws:sns:eu-central-1:123456789012:{state}"] for state in ("OKActions", "AlarmActions", "InsufficientDataActions")}
    api.cloudwatch.put_metric_alarm(
        AlarmName=f"{api.name}-actions", Namespace="AWS/EC2", MetricName="StatusCheckFailed", Statistic="Maximum", Period=60,
        EvaluationPeriods=3, DatapointsToAlarm=2, Threshold=0.5, ComparisonOperator="GreaterThanThreshold", ActionsEnabled=False, **actions,
    )  # fmt: skip
    found = api.cloudwatch.describe_alarms(ActionPrefix=actions["AlarmActions"][0], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    expect([alarm["AlarmName"] for alarm in found] == [f"{api.name}-actions"], found)
    wanted = {**actions, "DatapointsToAlarm": 2, "ActionsEnabled": False}
    expect(wanted.items() <= found[0].items(), found)
    api.cloudwatch.delete_alarms(AlarmNames=[f"{api.name}-actions"])
