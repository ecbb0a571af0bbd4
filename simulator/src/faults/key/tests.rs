//! Volumes whose keys cannot be used.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value;

use super::KeyFault;
use crate::Region;
use crate::faults::{CreationFault, Fault, FaultError};
use crate::setup::VolumeSetup;
use crate::test_support::{Sample, call, exact_region, exact_sample, seconds, until};

const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";
const KEY_ID: &str = "11111111-2222-3333-4444-555555555555";

fn disable(region: &Region, name: &str) -> Result<(), FaultError> {
    region.inject(Fault::Key { name: name.to_owned(), fault: KeyFault::Disable })
}

fn enable(region: &Region, name: &str) {
    region.inject(Fault::Key { name: name.to_owned(), fault: KeyFault::Enable }).unwrap();
}

fn fail_keys(region: &Region, count: u32) {
    region.inject(Fault::Creations(CreationFault::FailKeys { count })).unwrap();
}

/// Asks for a volume of 10 GiB; its id, `creating`.
async fn create(region: &Region, more: &str) -> String {
    let made = call(region, format!("CreateVolume&AvailabilityZone=eu-central-1a&Size=10{more}")).await;
    assert_eq!((made.status, made.text("status")), (200, "creating"), "{}", made.body);
    made.text("volumeId").to_owned()
}

/// Whether a volume is there once its creation has ended.
async fn becomes_available(region: &Region, volume: &str) -> bool {
    seconds(30).await;
    let seen = call(region, format!("DescribeVolumes&VolumeId.1={volume}")).await;
    if seen.status == 200 {
        assert_eq!(seen.text("status"), "available");
        return true;
    }
    assert_eq!(seen.error(), (400, "InvalidVolume.NotFound"));
    let all = call(region, "DescribeVolumes").await;
    assert!(!all.body.contains(volume), "it is in no list: {}", all.body);
    false
}

/// The details of the events about a volume that tell of a failure.
fn failures(region: &Region, volume: &str) -> Vec<(String, String)> {
    let state = region.state();
    let events = state["events"]["emitted"].as_array().unwrap().iter().map(|emitted| emitted["event"].clone());
    let about =
        |event: &Value| event["resources"].to_string().contains(volume) && event["detail"]["result"] == "failed";
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    events.filter(about).map(|event| (text(&event["detail"]["event"]), text(&event["detail"]["cause"]))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_volume_without_a_usable_key_vanishes_and_spoils_its_token() {
    let region = exact_region();
    fail_keys(&region, 1);
    let plain = create(&region, "").await;
    let encrypted = format!("&Encrypted=true&KmsKeyId={KEY}&ClientToken=t1");
    let lost = create(&region, &encrypted).await;
    // As long as it is being created, it is there, and its token is good.
    assert_eq!(create(&region, &encrypted).await, lost);
    assert!(becomes_available(&region, &plain).await, "what has no key needs none");
    assert!(!becomes_available(&region, &lost).await);
    assert_eq!(failures(&region, &lost), [("createVolume".to_owned(), format!("{KEY} is disabled."))]);
    for parameters in [encrypted.clone(), encrypted.replace("t1", "t1&VolumeType=gp3"), "&ClientToken=t1".to_owned()] {
        for hour in 0..2 {
            let query = format!("CreateVolume&AvailabilityZone=eu-central-1a&Size=10{parameters}");
            let again = call(&region, query).await;
            assert_eq!(again.error(), (400, "IdempotentParameterMismatch"), "{parameters} in hour {hour}");
            assert!(again.text("Message").contains("already deleted"), "{}", again.body);
            seconds(3600).await;
        }
    }
    let renewed = create(&region, &encrypted.replace("t1", "t2")).await;
    assert!(becomes_available(&region, &renewed).await, "one failure was asked for");
}

#[tokio::test(start_paused = true)]
async fn a_disabled_key_fails_whatever_is_made_with_it_until_it_is_enabled() {
    let region = exact_region();
    disable(&region, KEY).unwrap();
    let with = |key: &str| format!("&Encrypted=true&KmsKeyId={key}");
    for _ in 0..3 {
        let lost = create(&region, &with(KEY)).await;
        assert!(!becomes_available(&region, &lost).await);
    }
    let other = create(&region, &with(&KEY.replace("1111", "9999"))).await;
    assert!(becomes_available(&region, &other).await, "another key is another key");
    let usual = create(&region, "&Encrypted=true").await;
    assert!(becomes_available(&region, &usual).await, "AWS's own key cannot be disabled");
    assert!(matches!(disable(&region, "alias/aws/ebs"), Err(FaultError::Refused { .. })));
    // Its id is the same key as its ARN.
    enable(&region, KEY_ID);
    let made = create(&region, &with(KEY)).await;
    assert!(becomes_available(&region, &made).await);
}

#[tokio::test(start_paused = true)]
async fn a_restore_needs_the_key_of_its_snapshot() {
    let region = exact_region();
    let volume = region.add_volume(VolumeSetup { kms_key_id: Some(KEY.to_owned()), ..VolumeSetup::default() });
    assert_eq!(region.hardware()["volumes"][&volume]["encrypted"], true);
    disable(&region, KEY_ID).unwrap();
    let snapshot = call(&region, format!("CreateSnapshot&VolumeId={volume}")).await.text("snapshotId").to_owned();
    until(&region, format!("DescribeSnapshots&SnapshotId.1={snapshot}"), "status", "completed").await;
    let restore = format!("CreateVolume&AvailabilityZone=eu-central-1b&SnapshotId={snapshot}");
    let lost = call(&region, &restore).await.text("volumeId").to_owned();
    assert!(!becomes_available(&region, &lost).await);
    assert!(region.truth().deleted_only_copy().is_empty(), "the snapshot is still there");
    enable(&region, KEY_ID);
    let made = call(&region, &restore).await.text("volumeId").to_owned();
    assert!(becomes_available(&region, &made).await);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_key_is_felt_when_a_volume_is_attached_anew() {
    let Sample { region, first, .. } = exact_sample();
    let volume = region.add_volume(VolumeSetup { kms_key_id: Some(KEY.to_owned()), ..VolumeSetup::default() });
    let attach = format!("AttachVolume&VolumeId={volume}&InstanceId={first}&Device=/dev/sdg");
    let describe = format!("DescribeVolumes&VolumeId.1={volume}");
    call(&region, &attach).await;
    seconds(20).await;
    disable(&region, KEY).unwrap();
    seconds(3600).await;
    assert!(call(&region, &describe).await.body.contains("<status>attached</status>"), "it goes on where it is");
    call(&region, format!("DetachVolume&VolumeId={volume}")).await;
    until(&region, &describe, "status", "available").await;
    assert_eq!(call(&region, &attach).await.text("status"), "attaching");
    assert_eq!(until(&region, &describe, "status", "available").await, ["in-use", "available"]);
    assert_eq!(failures(&region, &volume), [("attachVolume".to_owned(), format!("{KEY} is disabled."))]);
    enable(&region, KEY);
    call(&region, &attach).await;
    seconds(20).await;
    assert!(call(&region, &describe).await.body.contains("<status>attached</status>"));
}
