"""Events as AWS documents them, about given resources."""

import json
import uuid

ACCOUNT, REGION = "123456789012", "eu-central-1"


def bridge(source, detail_type, detail, resources):
    return {
        "version": "0", "id": str(uuid.uuid4()), "detail-type": detail_type, "source": source, "account": ACCOUNT,
        "time": "2026-01-05T09:10:00Z", "region": REGION, "resources": resources, "detail": detail,
    }


def state_change(instance, state):
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance}"
    return bridge("aws.ec2", "EC2 Instance State-change Notification", {"instance-id": instance, "state": state}, [arn])


def scheduled():
    return bridge("aws.events", "Scheduled Event", {}, [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/failover-tick"])


def alarm_through_topic(name, instance):
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
    notification = {
        "AlarmName": name, "AlarmDescription": None, "AWSAccountId": ACCOUNT, "NewStateValue": "ALARM",
        "AlarmConfigurationUpdatedTimestamp": "2026-01-01T00:00:00.000+0000", "OldStateValue": "OK",
        "NewStateReason": "Threshold Crossed: 2 out of the last 2 datapoints were greater than or equal to the threshold (1.0).",
        "StateChangeTime": "2026-01-05T09:10:00.123+0000", "Region": "EU (Frankfurt)",
        "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}",
        "OKActions": [], "AlarmActions": [topic], "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "StatusCheckFailed", "Namespace": "AWS/EC2", "StatisticType": "Statistic", "Statistic": "MAXIMUM",
            "Unit": None, "Dimensions": [{"value": instance, "name": "InstanceId"}], "Period": 60, "EvaluationPeriods": 2,
            "DatapointsToAlarm": 2, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1.0,
            "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "",
        },
    }
    sns = {
        "Type": "Notification", "MessageId": str(uuid.uuid4()), "TopicArn": topic,
        "Subject": f"ALARM: \"{name}\" in EU (Frankfurt)", "Message": json.dumps(notification),
        "Timestamp": "2026-01-05T09:10:00.500Z", "SignatureVersion": "1", "Signature": "EXAMPLE",
        "SigningCertUrl": "EXAMPLE", "UnsubscribeUrl": "EXAMPLE", "MessageAttributes": {},
    }
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": f"{topic}:1", "Sns": sns}
    return {"Records": [record]}
