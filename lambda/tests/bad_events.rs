//! Events that are not what they should be: each is refused with a short error that says where and what is allowed, never with a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use failover_lambda::{EventError, Trigger, trigger};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};

/// Long enough for a path, a value and what is allowed; short enough for a line of a log.
const SHORT: usize = 1_000;

fn refusal(event: &Value) -> String {
    let error = trigger(event).expect_err(&event.to_string()).to_string();
    assert!(error.len() < SHORT, "{error}");
    error
}

fn instance_event(detail: &Value) -> Value {
    json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": detail })
}

fn ec2(detail_type: &str, detail: &Value) -> Value {
    json!({ "source": "aws.ec2", "detail-type": detail_type, "resources": [], "detail": detail })
}

fn in_topic(message: &str) -> Value {
    json!({ "Records": [{ "EventSource": "aws:sns", "Sns": { "Type": "Notification", "Message": message } }] })
}

fn check(cases: &[(Value, &[&str])]) {
    for (event, words) in cases {
        let error = refusal(event);
        for word in *words {
            assert!(error.contains(word), "{event}\n  {error}\n  lacks {word:?}");
        }
    }
}

#[test]
fn an_event_of_no_known_form_is_refused() {
    check(&[
        (json!(null), &["null", "EventBridge"]),
        (json!(17), &["17"]),
        (json!("stop"), &["\"stop\""]),
        (json!([1, 2]), &["an array of 2"]),
        (json!({}), &["without keys", "service and to"]),
        (json!({ "instance": "i-0123456789abcdef0" }), &["the keys \"instance\""]),
        // A bare notification is nothing that Lambda would hand over: it is somebody's experiment.
        (json!({ "AlarmName": "a", "NewStateValue": "ALARM" }), &["AlarmName", "Records"]),
    ]);
}

#[test]
fn an_event_from_eventbridge_names_where_it_is_wrong() {
    check(&[
        (json!({ "detail-type": "Scheduled Event" }), &["source is missing"]),
        (json!({ "detail-type": 7, "source": "aws.ec2" }), &["detail-type is 7", "a string"]),
        (
            json!({ "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2" }),
            &["detail is missing"],
        ),
        (instance_event(&json!("stopped")), &["detail is \"stopped\"", "an object"]),
        (instance_event(&json!({})), &["detail.instance-id is missing"]),
        (instance_event(&json!({ "instance-id": null, "state": "stopped" })), &["detail.instance-id is missing"]),
        (instance_event(&json!({ "instance-id": ["i-1"], "state": "stopped" })), &["instance-id is an array of 1"]),
        (instance_event(&json!({ "instance-id": "i-XYZ", "state": "stopped" })), &["\"i-XYZ\"", "hexadecimal"]),
        (instance_event(&json!({ "instance-id": "i-0123456789abcdef0" })), &["detail.state is missing"]),
        (
            ec2("EC2 Spot Instance Interruption Warning", &json!({ "instance-id": "i-0123456789abcdef0" })),
            &["detail.instance-action is missing"],
        ),
        (
            ec2("EC2 Instance Rebalance Recommendation", &json!({ "instance": "i-1" })),
            &["detail.instance-id is missing"],
        ),
        (
            ec2("EBS Volume Notification", &json!({ "event": "createVolume", "result": "available" })),
            &["resources is an array of 0", "a volume"],
        ),
        (
            ec2(
                "EBS Snapshot Notification",
                &json!({ "event": "createSnapshot", "result": "succeeded", "snapshot_id": "snap-" }),
            ),
            &["detail.snapshot_id is \"snap-\"", "a snapshot"],
        ),
        (
            ec2(
                "EBS Multi-Volume Snapshots Completion Status",
                &json!({ "event": "createSnapshots", "result": "failed", "snapshots": [{ "source": "x" }] }),
            ),
            &["detail.snapshots[0].snapshot_id is missing"],
        ),
        (
            ec2(
                "EBS Multi-Volume Snapshots Completion Status",
                &json!({ "event": "createSnapshots", "result": "succeeded", "snapshots": [] }),
            ),
            &["detail.snapshots is an array of 0", "at least one"],
        ),
        (
            json!({ "source": "aws.health", "detail-type": "AWS Health Event",
                "detail": { "eventTypeCode": "X", "service": "EC2", "affectedEntities": [{ "entity": 1 }] } }),
            &["detail.affectedEntities[0].entityValue is missing"],
        ),
    ]);
}

#[test]
fn an_alarm_names_where_it_is_wrong() {
    let alarm = |detail: &Value| json!({ "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": detail });
    check(&[
        (alarm(&json!({})), &["detail.alarmName is missing"]),
        (alarm(&json!({ "alarmName": "", "state": { "value": "ALARM" } })), &["detail.alarmName is \"\"", "255"]),
        (alarm(&json!({ "alarmName": "a" })), &["detail.state is missing"]),
        (
            alarm(&json!({ "alarmName": "a", "state": { "value": "RED" } })),
            &["detail.state.value is \"RED\"", "INSUFFICIENT_DATA"],
        ),
        (json!({ "alarmArn": "arn:aws:cloudwatch:r:a:alarm:x" }), &["alarmData is missing"]),
        (json!({ "alarmData": { "alarmName": 3 } }), &["alarmData.alarmName is 3"]),
        (in_topic(r#"{"AlarmName": "a"}"#), &["Records[0].Sns.Message.NewStateValue is missing"]),
    ]);
}

#[test]
fn what_comes_through_a_topic_names_the_record() {
    let bucket = json!({ "Records": [{ "eventSource": "aws:s3", "s3": {} }] });
    let second = json!({ "Records": [
        { "EventSource": "aws:sns", "Sns": { "Message": "hello" } },
        { "EventSource": "aws:sns", "Sns": {} },
    ] });
    check(&[
        (json!({ "Records": "all" }), &["Records is \"all\"", "an array"]),
        (json!({ "Records": [1] }), &["Records[0]", "an object"]),
        (bucket, &["Records[0].eventSource is \"aws:s3\"", "aws:sns", "aws:sqs"]),
        (second, &["Records[1].Sns.Message is missing"]),
        (in_topic(r#"{"service": "billing-db", "to": "standby"}"#), &["direct invocation"]),
    ]);
    assert!(matches!(trigger(&json!({ "Records": [] })), Ok(Trigger::Nothing { .. })));
}

fn in_queue(body: &str) -> Value {
    json!({ "Records": [{ "eventSource": "aws:sqs", "body": body }] })
}

#[test]
fn what_comes_through_a_queue_names_the_record() {
    let hook = r#"{"LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "LifecycleHookName": "h", "AutoScalingGroupName": "a:b"}"#;
    let envelope = json!({ "Type": "Notification", "Message": hook }).to_string();
    let good = json!({ "LifecycleTransition": "x", "LifecycleHookName": "h", "AutoScalingGroupName": "g" }).to_string();
    let second = json!({ "Records": [
        { "eventSource": "aws:sqs", "body": good }, { "eventSource": "aws:sqs", "body": "{" },
    ] });
    check(&[
        (json!({ "Records": [{ "eventSource": "aws:sqs" }] }), &["Records[0].body is missing"]),
        (
            json!({ "Records": [{ "eventSource": "aws:sqs", "body": {} }] }),
            &["Records[0].body is an object", "a string"],
        ),
        (in_queue("hello"), &["Records[0].body is \"hello\"", "JSON"]),
        (in_queue(hook), &["Records[0].body.AutoScalingGroupName is \"a:b\"", "without ':'"]),
        (in_queue(&envelope), &["Records[0].body.Message.AutoScalingGroupName is \"a:b\""]),
        (in_queue(r#"{"service": "billing-db", "to": "standby"}"#), &["direct invocation"]),
        // The good one comes again with the bad one.
        (second, &["Records[1].body is \"{\""]),
    ]);
    // A person's words to the topic before the queue are left alone, as they are without the queue.
    let words = json!({ "Type": "Notification", "Message": "hello" }).to_string();
    assert!(matches!(trigger(&in_queue(&words)), Ok(Trigger::Nothing { .. })));
}

#[test]
fn a_groups_event_names_where_it_is_wrong() {
    let group = |detail_type: &str, detail: Value| json!({ "source": "aws.autoscaling", "detail-type": detail_type, "detail": detail });
    let action = "EC2 Instance-launch Lifecycle Action";
    let launched = "EC2 Instance Launch Successful";
    check(&[
        (group(action, json!({ "AutoScalingGroupName": "g" })), &["detail.LifecycleHookName is missing"]),
        (group(action, json!({ "LifecycleHookName": "h" })), &["detail.AutoScalingGroupName is missing"]),
        (
            group(launched, json!({ "EC2InstanceId": "i-0123456789abcdef0" })),
            &["detail.AutoScalingGroupName is missing"],
        ),
        (group(launched, json!({ "AutoScalingGroupName": "" })), &["detail.AutoScalingGroupName is \"\"", "255"]),
        (
            group(launched, json!({ "AutoScalingGroupName": "g", "EC2InstanceId": "i-XYZ" })),
            &["detail.EC2InstanceId is \"i-XYZ\"", "hexadecimal"],
        ),
        (group(launched, json!({ "AutoScalingGroupName": "g", "EC2InstanceId": 7 })), &["detail.EC2InstanceId is 7"]),
        (json!({ "LifecycleTransition": "x" }), &["LifecycleHookName is missing"]),
        (json!({ "Event": "autoscaling:EC2_INSTANCE_LAUNCH" }), &["AutoScalingGroupName is missing"]),
        (in_topic(r#"{"Event": "autoscaling:EC2_INSTANCE_LAUNCH"}"#), &["Records[0].Sns.Message.AutoScalingGroupName"]),
    ]);
    let other = group("EC2 Auto Scaling Instance Refresh Started", json!({ "AutoScalingGroupName": "g" }));
    assert!(matches!(trigger(&other), Ok(Trigger::Nothing { .. })));
}

#[test]
fn a_request_names_the_key_and_what_is_allowed() {
    let with = |key: &str, value: Value| {
        let mut request = json!({ "service": "billing-db", "to": "standby" });
        request[key] = value;
        request
    };
    check(&[
        (json!({ "to": "standby" }), &["service is missing"]),
        (json!({ "service": "billing-db" }), &["to is missing", "standby"]),
        (json!({ "drill": true }), &["service is missing"]),
        (with("service", json!("Billing DB")), &["service is \"Billing DB\"", "a-z"]),
        (with("to", json!("standbye")), &["to is \"standbye\"", "Availability Zone"]),
        // A region is no zone: taken for one, it would become a failover that is refused, and told to people.
        (with("to", json!("eu-central-1")), &["to is \"eu-central-1\"", "Availability Zone"]),
        (with("to", json!("i-12")), &["to is \"i-12\"", "an instance id"]),
        (with("to", json!({ "zone": "eu-central-1a" })), &["to is an object"]),
        (with("drill", json!("yes")), &["drill is \"yes\"", "true or false"]),
        (with("accept_data_loss_seconds", json!(-1)), &["accept_data_loss_seconds is -1", "0 or more"]),
        (with("accept_data_loss_seconds", json!(1.5)), &["accept_data_loss_seconds is 1.5"]),
        (with("accept_data_loss_seconds", json!("5m")), &["accept_data_loss_seconds is \"5m\""]),
        (with("by", json!("a\u{1b}[31mb")), &["by is", "printable"]),
        (with("by", json!("x".repeat(129))), &["by is", "128"]),
        (with("dril", json!(true)), &["unknown keys \"dril\"", "drill"]),
    ]);
    let mut many = with("a", json!(1));
    for key in 0..20_000 {
        many[format!("unknown {key}")] = json!(1);
    }
    assert!(refusal(&many).contains("more"));
}

#[test]
fn what_is_too_large_is_refused_by_its_size() {
    let event = instance_event(&json!({ "instance-id": "i-0123456789abcdef0", "state": "x".repeat(1024 * 1024) }));
    assert_eq!(trigger(&event), Err(EventError::TooLarge { allowed_bytes: 1024 * 1024 }));
    // A long value in an event that is small enough is cut, not repeated.
    let event = instance_event(&json!({ "instance-id": "x".repeat(500_000) }));
    assert!(refusal(&event).contains("instance-id is \"xxx"));
    let event = instance_event(&json!({ "instance-id": "i-0123456789abcdef0", "state": "é".repeat(200_000) }));
    let Ok(Trigger::Drive { what, .. }) = trigger(&event) else { panic!("the state is only for the log") };
    assert!(what.len() < SHORT, "{what}");
}

#[test]
fn an_event_about_more_resources_than_one_would_follow_is_a_tick() {
    let entities: Vec<Value> = (0..20_000).map(|number| json!({ "entityValue": format!("i-{number:08x}") })).collect();
    let event = json!({ "source": "aws.health", "detail-type": "AWS Health Event",
        "detail": { "eventTypeCode": "AWS_EC2_OPERATIONAL_NOTIFICATION", "service": "EC2", "affectedEntities": entities } });
    assert_eq!(trigger(&event), Ok(Trigger::Tick { what: "AWS Health: AWS_EC2_OPERATIONAL_NOTIFICATION".to_owned() }));
}

fn sample_texts() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/events");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Any JSON, up to some depth, with the keys of real events more often than others.
fn any_json() -> impl Strategy<Value = Value> {
    let keys = prop_oneof![
        2 => prop::sample::select(vec![
            "detail-type", "source", "detail", "resources", "instance-id", "state", "alarmName", "value", "alarmData", "Records",
            "EventSource", "Sns", "Message", "Type", "AlarmName", "NewStateValue", "Trigger", "Dimensions", "service", "to", "drill",
            "eventSource", "body", "AutoScalingGroupName", "EC2InstanceId", "LifecycleHookName", "LifecycleTransition", "Event",
            "snapshots", "snapshot_id", "affectedEntities", "entityValue", "eventTypeCode", "event", "result",
        ]).prop_map(str::to_owned),
        1 => ".{0,8}",
    ];
    let texts = prop_oneof![
        prop::sample::select(vec![
            "aws.ec2",
            "aws.cloudwatch",
            "aws.health",
            "aws.events",
            "aws:sns",
            "aws:sqs",
            "aws.autoscaling",
            "EC2 Instance-launch Lifecycle Action",
            "EC2 Instance Launch Unsuccessful",
            "autoscaling:TEST_NOTIFICATION",
            "autoscaling:EC2_INSTANCE_TERMINATE",
            "{\"Type\":\"Notification\",\"Message\":\"{}\"}",
            "{\"LifecycleTransition\":\"x\",\"LifecycleHookName\":\"h\",\"AutoScalingGroupName\":\"g\"}",
            "ALARM",
            "standby",
            "i-0123456789abcdef0",
            "{}",
            "EC2 Instance State-change Notification",
            "EBS Snapshot Notification",
            "EBS Volume Notification",
            "Scheduled Event",
            "CloudWatch Alarm State Change",
            "AWS Health Event",
            "EBS Multi-Volume Snapshots Completion Status",
            "{\"AlarmName\":\"a\",\"NewStateValue\":\"OK\"}",
            "arn:aws:ec2::r:snapshot/snap-0123456789abcdef0",
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        texts.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn understood_or_shortly_refused(event: &Value) -> Result<(), TestCaseError> {
    let said = match trigger(event) {
        Ok(Trigger::Drive { what, subjects }) => {
            prop_assert!(!subjects.is_empty(), "a look at nothing");
            what
        }
        Ok(Trigger::Tick { what }) => what,
        Ok(Trigger::Nothing { reason }) => reason,
        Ok(Trigger::Manual(request)) => format!("{request:?}"),
        Err(error) => error.to_string(),
    };
    prop_assert!(said.len() < SHORT, "{said}");
    prop_assert!(!said.contains('\n') && !said.contains('\u{1b}'), "{said}");
    Ok(())
}

/// What fails is kept beside this file, as `bad_events.regressions`, and tried first from then on.
fn config(cases: u32) -> ProptestConfig {
    let failure_persistence = Some(Box::new(FileFailurePersistence::WithSource("regressions")) as _);
    ProptestConfig { cases, failure_persistence, ..ProptestConfig::default() }
}

/// From a seed, since what fails is written down whole (`SplitMix64`).
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let word = |index: u64| {
        let mut word = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)).to_le_bytes()
    };
    (1..).flat_map(word).take(bytes).collect()
}

/// A copy in which the value at some place is another.
fn replaced(value: &Value, countdown: &mut usize, by: &Value) -> Value {
    if *countdown == 0 {
        *countdown = usize::MAX;
        return by.clone();
    }
    *countdown -= 1;
    match value {
        Value::Array(items) => items.iter().map(|item| replaced(item, countdown, by)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, item)| (key.clone(), replaced(item, countdown, by)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn any_json_is_understood_or_refused(event in any_json()) {
        understood_or_shortly_refused(&event)?;
    }

    #[test]
    fn a_sample_with_another_value_somewhere_is_understood_or_refused(
        sample in prop::sample::select(sample_texts()), place in 0_usize..60, by in any_json(),
    ) {
        let sample: Value = serde_json::from_str(&sample).unwrap();
        let mut countdown = place;
        understood_or_shortly_refused(&replaced(&sample, &mut countdown, &by))?;
    }

    #[test]
    fn a_message_cut_or_damaged_on_its_way_through_a_topic_is_understood_or_refused(
        sample in prop::sample::select(sample_texts()), cut in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = sample.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len()).max(1) * 2);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        understood_or_shortly_refused(&in_topic(&text))?;
        understood_or_shortly_refused(&in_queue(&text))?;
        if let Ok(event) = serde_json::from_str::<Value>(&text) {
            understood_or_shortly_refused(&event)?;
        }
    }
}

proptest! {
    #![proptest_config(config(8))]

    #[test]
    fn a_megabyte_of_noise_is_refused(seed in any::<u64>(), bytes in 1_048_576..1_148_576_usize) {
        let text = String::from_utf8_lossy(&noise(seed, bytes)).into_owned();
        understood_or_shortly_refused(&Value::String(text.clone()))?;
        understood_or_shortly_refused(&in_topic(&text))?;
        understood_or_shortly_refused(&json!({ "detail-type": text, "source": "aws.ec2" }))?;
        let half: String = text.chars().take(100_000).collect();
        understood_or_shortly_refused(&in_topic(&half))?;
        understood_or_shortly_refused(&json!({ "detail-type": half, "source": half }))?;
        understood_or_shortly_refused(&json!({ "service": half, half.clone(): half }))?;
    }
}
