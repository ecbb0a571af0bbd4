//! Every event that AWS documents and the function is meant for, and what it leads to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use aws_lambda_events::autoscaling::AutoScalingEvent;
use aws_lambda_events::cloudwatch_alarms::{CloudWatchAlarm, CloudWatchMetricAlarm};
use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sns::SnsEvent;
use aws_lambda_events::sqs::SqsEvent;
use failover_core::ids::{AlarmName, GroupName, InstanceId, ServiceName, Zone};
use failover_core::ledger::Destination;
use failover_engine::Subject;
use failover_lambda::{ManualRequest, Trigger, trigger};
use serde_json::Value;

const INSTANCE: &str = "i-0123456789abcdef0";
const VOLUME: &str = "vol-0123456789abcdef0";
const OTHER_VOLUME: &str = "vol-0fedcba9876543210";
const SNAPSHOT: &str = "snap-0123456789abcdef0";
const OTHER_SNAPSHOT: &str = "snap-0fedcba9876543210";

fn samples() -> BTreeMap<String, Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/events");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap())
        })
        .collect()
}

fn drive(what: &str, subjects: &[Subject]) -> Trigger {
    Trigger::Drive { what: what.to_owned(), subjects: subjects.to_vec() }
}

fn at(id: &str) -> Subject {
    Subject::Resource(id.to_owned())
}

fn alarm(name: &str) -> Subject {
    Subject::Alarm(AlarmName::new(name).unwrap())
}

fn tick(what: &str) -> Trigger {
    Trigger::Tick { what: what.to_owned() }
}

fn nothing(reason: &str) -> Trigger {
    Trigger::Nothing { reason: reason.to_owned() }
}

fn request(to: Destination) -> ManualRequest {
    let service = ServiceName::new("billing-db").unwrap();
    ManualRequest { service, to, drill: false, accepted_loss_seconds: None, by: None }
}

fn about_resources() -> Vec<(&'static str, Trigger)> {
    let volume_and_snapshots = [at(SNAPSHOT), at(VOLUME), at(OTHER_SNAPSHOT), at(OTHER_VOLUME)];
    vec![
        ("instance-state-change-stopped", drive("i-0123456789abcdef0 is stopped", &[at(INSTANCE)])),
        ("instance-state-change-pending", drive("i-0123456789abcdef0 is pending", &[at(INSTANCE)])),
        ("spot-interruption-warning", drive("i-0123456789abcdef0 will be interrupted: stop", &[at(INSTANCE)])),
        (
            "rebalance-recommendation",
            drive("i-0123456789abcdef0 is at an elevated risk of interruption", &[at(INSTANCE)]),
        ),
        ("snapshot-succeeded", drive("snap-0123456789abcdef0: createSnapshot succeeded", &[at(SNAPSHOT), at(VOLUME)])),
        (
            "multi-volume-snapshots-succeeded",
            drive("several snapshots: createSnapshots succeeded", &volume_and_snapshots),
        ),
        ("volume-created", drive("vol-0123456789abcdef0: createVolume available", &[at(VOLUME)])),
        ("volume-attach-failed", drive("vol-0123456789abcdef0: attachVolume failed", &[at(VOLUME)])),
        ("volume-initialized", drive("vol-0123456789abcdef0: initializeVolume succeeded", &[at(VOLUME)])),
        (
            "health-instance-retirement",
            drive("AWS Health: AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED", &[at(INSTANCE)]),
        ),
        ("sns-nested-state-change", drive("i-0123456789abcdef0 is terminated", &[at(INSTANCE)])),
    ]
}

fn about_alarms() -> Vec<(&'static str, Trigger)> {
    let status = [alarm("billing-db-status"), at(INSTANCE)];
    let status_alarm = drive("alarm \"billing-db-status\" is ALARM", &status);
    let stalled = [alarm("billing-db-stalled"), at(VOLUME)];
    vec![
        ("alarm-state-change", status_alarm.clone()),
        ("alarm-state-change-back-to-ok", drive("alarm \"billing-db-status\" is OK", &status)),
        ("alarm-state-change-metric-math", drive("alarm \"billing-db-stalled\" is ALARM", &stalled)),
        ("alarm-state-change-composite", drive("alarm \"billing-db-any\" is ALARM", &[alarm("billing-db-any")])),
        ("alarm-action", status_alarm.clone()),
        ("sns-alarm", status_alarm),
        (
            "sns-alarms-several-records",
            drive(
                "alarm \"billing-db-status\" is ALARM; alarm \"billing-db-stalled\" is ALARM",
                &[status.as_slice(), stalled.as_slice()].concat(),
            ),
        ),
    ]
}

fn about_everything_or_nothing() -> Vec<(&'static str, Trigger)> {
    vec![
        ("health-operational-issue", tick("AWS Health: AWS_EC2_OPERATIONAL_ISSUE")),
        ("scheduled-by-rule", tick("scheduled")),
        ("scheduled-by-scheduler", tick("scheduled")),
        ("sns-subscription-confirmation", nothing("the event confirms a subscription")),
        ("sns-text", nothing("Records[0].Sns.Message is no JSON: \"Hello, is this topic still in use?\"")),
        ("sns-own-notice", nothing("Records[0].Sns.Message is about no service under control")),
        ("sns-test-notification", nothing("Records[0].Sns.Message is a test of a group's notifications")),
        ("sqs-test-notification", nothing("Records[0].body is a test of a group's notifications")),
        ("sqs-topic-test-notification", nothing("Records[0].body.Message is a test of a group's notifications")),
    ]
}

fn about_groups() -> Vec<(&'static str, Trigger)> {
    let group = Subject::Group(GroupName::new("my-asg").unwrap());
    let both = [at(INSTANCE), group.clone()];
    let said = |what: &str| format!("group \"my-asg\": {what}");
    let about_instance = |what: &str| drive(&said(&format!("i-0123456789abcdef0{what}")), &both);
    let held = about_instance(" is held by hook my-lifecycle-hook");
    let no_instance = drive(&said("an instance: EC2 Instance Launch Unsuccessful"), &[group]);
    vec![
        ("autoscaling-launch-lifecycle-action", held.clone()),
        ("autoscaling-terminate-lifecycle-action", held.clone()),
        ("autoscaling-launch-successful", about_instance(": EC2 Instance Launch Successful")),
        ("autoscaling-launch-unsuccessful", no_instance),
        ("autoscaling-terminate-successful", about_instance(": EC2 Instance Terminate Successful")),
        ("autoscaling-terminate-unsuccessful", about_instance(": EC2 Instance Terminate Unsuccessful")),
        ("sns-group-notification", about_instance(": \"EC2_INSTANCE_TERMINATE\"")),
        ("sns-lifecycle-hook", held.clone()),
        ("sqs-lifecycle-hook", held.clone()),
        ("sqs-topic-lifecycle-hook", held.clone()),
        ("sqs-eventbridge", held.clone()),
        ("sqs-several-records", held.clone()),
        ("lifecycle-hook-direct", held),
    ]
}

fn requests() -> Vec<(&'static str, Trigger)> {
    let anna = Some("anna".to_owned());
    let drill = ManualRequest {
        drill: true,
        by: anna.clone(),
        ..request(Destination::Zone(Zone::new("eu-central-1b").unwrap()))
    };
    let with_loss = ManualRequest {
        accepted_loss_seconds: Some(900),
        by: anna,
        ..request(Destination::Instance(InstanceId::new(INSTANCE).unwrap()))
    };
    vec![
        ("request-standby", Trigger::Manual(request(Destination::Standby))),
        ("request-drill-to-zone", Trigger::Manual(drill)),
        ("request-instance-with-loss", Trigger::Manual(with_loss)),
    ]
}

#[test]
fn every_sample_leads_where_it_should() {
    let samples = samples();
    let expected =
        [about_resources(), about_alarms(), about_groups(), about_everything_or_nothing(), requests()].concat();
    for (name, expected) in &expected {
        let event = samples.get(*name).unwrap_or_else(|| panic!("{name}.json is missing"));
        assert_eq!(trigger(event).as_ref(), Ok(expected), "{name}");
    }
    let with_expectation: BTreeSet<&str> = expected.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<&str> = samples.keys().map(String::as_str).collect();
    assert_eq!(there, with_expectation, "every sample has an expectation");
}

/// The samples are ours; that they have AWS's shapes is confirmed by the types that others wrote for them.
#[test]
fn the_samples_have_the_shapes_that_others_expect() {
    for (name, event) in samples() {
        let text = event.to_string();
        let shape: Result<(), serde_json::Error> = if name.starts_with("autoscaling-") {
            serde_json::from_str::<AutoScalingEvent>(&text).map(drop)
        } else if event.get("detail-type").is_some() {
            serde_json::from_str::<EventBridgeEvent>(&text).map(drop)
        } else if event.get("alarmData").is_some() {
            serde_json::from_str::<CloudWatchMetricAlarm>(&text).map(drop)
        } else if event.pointer("/Records/0/body").is_some() {
            serde_json::from_str::<SqsEvent>(&text).map(drop)
        } else if event.get("Records").is_some() {
            serde_json::from_str::<SnsEvent>(&text).map(drop)
        } else {
            // Requests are our own form; hooks' messages have no type; a confirmation never comes to a function by itself.
            Ok(())
        };
        shape.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let alarm: CloudWatchAlarm = serde_json::from_value(samples().remove("alarm-action").unwrap()).unwrap();
    assert_eq!(alarm.alarm_data.alarm_name, "billing-db-status");
}
