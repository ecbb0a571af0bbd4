//! Elastic Volumes as a caller sees them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::faults::{Fault, FaultError, VolumeFault, ZoneFault, ZoneLoss};
use crate::setup::{Setup, VolumeSetup};
use crate::test_support::{Sample, call, exact_region, sample, seconds, until};
use crate::timing::Distribution;
use crate::{Region, TimingModel};

/// Modifying for 5 s, the new shape 3 s later, completed after 100 s more.
fn timing() -> TimingModel {
    let mut timing = TimingModel::exact_calls();
    timing.volumes.modifying = Distribution::fixed(5.0);
    timing.volumes.modification_effect = Distribution::fixed(3.0);
    timing.volumes.optimizing = Distribution::fixed(100.0);
    timing.volumes.optimizing_per_used_gib = Distribution::NONE;
    timing
}

fn timed_sample() -> Sample {
    sample(Setup { timing: timing(), ..Setup::default() })
}

/// State of the modification and its progress, and the volume's size now.
async fn seen(region: &Region, volume: &str) -> (String, u32, u32) {
    let modification = call(region, format!("DescribeVolumesModifications&VolumeId.1={volume}")).await;
    let size = call(region, format!("DescribeVolumes&VolumeId.1={volume}")).await.text("size").parse().unwrap();
    (modification.text("modificationState").to_owned(), modification.text("progress").parse().unwrap(), size)
}

/// The results of the events of a kind about a volume.
fn told(region: &Region, event: &str) -> Vec<String> {
    let state = region.state();
    let emitted = state["events"]["emitted"].as_array().unwrap();
    let details = emitted.iter().map(|emitted| &emitted["event"]["detail"]).filter(|detail| detail["event"] == event);
    details.map(|detail| detail["result"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_volume_grows_while_it_is_in_use() {
    let Sample { region, volume, .. } = timed_sample();
    let asked = call(&region, format!("ModifyVolume&VolumeId={volume}&Size=200&Iops=6000")).await;
    assert_eq!((asked.status, asked.text("modificationState")), (200, "modifying"), "{}", asked.body);
    assert_eq!((asked.text("originalSize"), asked.text("targetSize")), ("20", "200"));
    assert_eq!((asked.text("originalIops"), asked.text("targetIops")), ("3000", "6000"));
    assert_eq!((asked.text("originalThroughput"), asked.text("targetThroughput")), ("125", "125"));
    assert_eq!(seen(&region, &volume).await, ("modifying".to_owned(), 0, 20));
    seconds(6).await;
    let (state, _, size) = seen(&region, &volume).await;
    assert_eq!((state.as_str(), size), ("optimizing", 20), "the size takes effect seconds after optimizing begins");
    seconds(3).await;
    let shown = call(&region, format!("DescribeVolumes&VolumeId.1={volume}")).await;
    assert_eq!((shown.text("size"), shown.text("iops"), shown.text("status")), ("200", "6000", "in-use"));
    seconds(50).await;
    let (state, progress, _) = seen(&region, &volume).await;
    assert!(state == "optimizing" && (40..60).contains(&progress), "{state} {progress}");
    seconds(50).await;
    assert_eq!(seen(&region, &volume).await, ("completed".to_owned(), 100, 200));
    assert!(call(&region, format!("DescribeVolumesModifications&VolumeId.1={volume}")).await.body.contains("endTime"));
    assert_eq!(told(&region, "modifyVolume"), ["optimizing", "completed"]);
    assert_eq!(region.hardware()["volumes"][&volume]["modification"], "completed");
    assert!(region.truth().serving().contains_key("db"), "the guest noticed nothing");
}

#[tokio::test(start_paused = true)]
async fn snapshots_have_the_size_of_their_moment_and_nothing_smaller_comes_of_them() {
    let Sample { region, volume, .. } = timed_sample();
    let before = call(&region, format!("CreateSnapshot&VolumeId={volume}")).await;
    assert_eq!(before.text("volumeSize"), "20");
    call(&region, format!("ModifyVolume&VolumeId={volume}&Size=200")).await;
    seconds(20).await;
    let after = call(&region, format!("CreateSnapshot&VolumeId={volume}")).await;
    assert_eq!(after.text("volumeSize"), "200", "a snapshot can be taken while the volume is optimizing");
    let snapshot = after.text("snapshotId").to_owned();
    until(&region, format!("DescribeSnapshots&SnapshotId.1={snapshot}"), "status", "completed").await;
    let restore = format!("CreateVolume&AvailabilityZone=eu-central-1b&SnapshotId={snapshot}&VolumeType=gp3");
    let small = call(&region, format!("{restore}&Size=20")).await;
    assert_eq!(
        (small.error(), small.text("Message")),
        (
            (400, "InvalidParameterValue"),
            format!("Volume of 20GiB is smaller than snapshot '{snapshot}', expect size &gt;= 200GiB").as_str()
        )
    );
    assert_eq!(call(&region, &restore).await.text("size"), "200");
}

#[tokio::test(start_paused = true)]
async fn what_no_volume_can_become_is_refused() {
    let Sample { region, volume, .. } = timed_sample();
    for (asked, code, text) in [
        ("", "InvalidParameterValue", "at least one of"),
        ("&Size=19", "InvalidParameterValue", "New size cannot be smaller than existing size"),
        ("&Size=70000", "InvalidParameterValue", "between 1 and 65536 GiB"),
        ("&VolumeType=gp9", "UnknownVolumeType", "gp9"),
        ("&Iops=20000", "InvalidParameterValue", "ratio"),
        ("&Throughput=1000", "InvalidParameterValue", "ratio"),
        ("&VolumeType=gp2&Iops=3000", "InvalidParameterCombination", "not supported for gp2"),
        ("&VolumeType=io1", "InvalidParameterValue", "ratio"),
        ("&VolumeType=st1", "InvalidParameterValue", "between 125 and 16384 GiB"),
        ("&MultiAttachEnabled=true", "UnsupportedOperation", "MultiAttachEnabled"),
    ] {
        let refused = call(&region, format!("ModifyVolume&VolumeId={volume}{asked}")).await;
        assert_eq!(refused.error(), (400, code), "{asked}: {}", refused.body);
        assert!(refused.text("Message").contains(text), "{asked}: {}", refused.body);
    }
    let never = call(&region, format!("DescribeVolumesModifications&VolumeId.1={volume}")).await;
    assert_eq!(
        (never.error(), never.text("Message")),
        (
            (400, "InvalidVolumeModification.NotFound"),
            format!("Modification for volume '{volume}' does not exist.").as_str()
        )
    );
    let gone = call(&region, "ModifyVolume&VolumeId=vol-0aaaaaaaaaaaaaaaa&Size=30").await;
    assert_eq!(gone.error(), (400, "InvalidVolume.NotFound"));
    let gone = call(&region, "DescribeVolumesModifications&VolumeId.1=vol-0aaaaaaaaaaaaaaaa").await;
    assert_eq!(gone.error(), (400, "InvalidVolume.NotFound"));
    let made = call(&region, "CreateVolume&AvailabilityZone=eu-central-1a&Size=10").await.text("volumeId").to_owned();
    let early = call(&region, format!("ModifyVolume&VolumeId={made}&Size=30")).await;
    assert_eq!(early.error(), (400, "IncorrectState"));
}

#[tokio::test(start_paused = true)]
async fn one_modification_follows_another_and_four_are_enough_for_a_day() {
    let Sample { region, volume, .. } = timed_sample();
    for (size, state) in [(30, "MODIFYING"), (40, "OPTIMIZING"), (50, "OPTIMIZING"), (60, "OPTIMIZING")] {
        let modify = format!("ModifyVolume&VolumeId={volume}&Size={size}");
        assert_eq!(call(&region, &modify).await.text("targetSize"), size.to_string());
        seconds(if state == "MODIFYING" { 1 } else { 50 }).await;
        let refused = call(&region, &modify).await;
        assert_eq!(
            (refused.error(), refused.text("Message")),
            (
                (400, "IncorrectModificationState"),
                format!("Volume {volume} cannot be modified in modification state {state}").as_str()
            )
        );
        seconds(3600).await;
    }
    let fifth = format!("ModifyVolume&VolumeId={volume}&Size=70");
    let refused = call(&region, &fifth).await;
    assert_eq!(refused.error(), (400, "VolumeModificationRateExceeded"));
    assert!(refused.text("Message").contains("maximum modification rate per volume limit"), "{}", refused.body);
    seconds(19 * 3600).await;
    assert_eq!(call(&region, &fifth).await.error(), (400, "VolumeModificationRateExceeded"), "the day rolls");
    seconds(3600).await;
    assert_eq!(call(&region, &fifth).await.status, 200, "the first one is a day old");
}

#[tokio::test(start_paused = true)]
async fn another_type_comes_with_its_own_performance() {
    let region = Region::new(Setup { timing: timing(), ..Setup::default() });
    for (from, size_gib, asked, iops, throughput) in [
        ("gp2", 500, "&VolumeType=gp3", Some("3000"), Some("250")),
        ("gp2", 100, "&VolumeType=gp3", Some("3000"), Some("128")),
        ("gp2", 2000, "&VolumeType=gp3", Some("6000"), Some("250")),
        ("gp2", 500, "&VolumeType=gp3&Throughput=125", Some("3000"), Some("125")),
        ("gp3", 100, "&VolumeType=gp2", Some("300"), None),
        ("gp2", 100, "&Size=200", Some("600"), None),
        ("gp3", 100, "&VolumeType=io2", Some("3000"), None),
        ("gp3", 200, "&VolumeType=st1", None, None),
        ("st1", 200, "&VolumeType=gp3", Some("3000"), Some("125")),
    ] {
        let setup = VolumeSetup { size_gib, volume_type: from.to_owned(), ..VolumeSetup::default() };
        let volume = region.add_volume(setup);
        let answer = call(&region, format!("ModifyVolume&VolumeId={volume}{asked}")).await;
        assert_eq!(answer.status, 200, "{from} {asked}: {}", answer.body);
        let target = |name: &str| answer.body.contains(&format!("<{name}>")).then(|| answer.text(name));
        assert_eq!((target("targetIops"), target("targetThroughput")), (iops, throughput), "{from} {asked}");
        seconds(10).await;
        let after = call(&region, format!("DescribeVolumes&VolumeId.1={volume}")).await;
        let shown = |name: &str| after.body.contains(&format!("<{name}>")).then(|| after.text(name));
        assert_eq!((shown("iops"), shown("throughput")), (iops, throughput), "{from} {asked}");
        assert_eq!(shown("volumeType"), target("targetVolumeType"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_is_modifying_is_not_attached() {
    let Sample { region, first, .. } = timed_sample();
    let volume = region.add_volume(VolumeSetup::default());
    call(&region, format!("ModifyVolume&VolumeId={volume}&Size=30")).await;
    let attach = format!("AttachVolume&VolumeId={volume}&InstanceId={first}&Device=/dev/sdg");
    let refused = call(&region, &attach).await;
    assert_eq!(
        (refused.error(), refused.text("Message")),
        (
            (400, "OperationNotPermitted"),
            format!("Cannot attach volume {volume} when it is in modification state: MODIFYING").as_str()
        )
    );
    seconds(6).await;
    assert_eq!(call(&region, &attach).await.text("status"), "attaching");
}

#[tokio::test(start_paused = true)]
async fn a_modification_that_fails_leaves_the_volume_as_it_was() {
    let Sample { region, volume, .. } = timed_sample();
    let fail = || region.inject(Fault::Volume { name: volume.clone(), fault: VolumeFault::FailModification });
    assert!(matches!(fail(), Err(FaultError::WrongState { state: "not being modified", .. })));
    call(&region, format!("ModifyVolume&VolumeId={volume}&Size=30&VolumeType=io2&Iops=500")).await;
    fail().unwrap();
    seconds(200).await;
    assert_eq!(seen(&region, &volume).await, ("failed".to_owned(), 0, 20));
    let shown = call(&region, format!("DescribeVolumes&VolumeId.1={volume}")).await;
    assert_eq!((shown.text("volumeType"), shown.text("iops")), ("gp3", "3000"));
    assert_eq!(told(&region, "modifyVolume"), ["optimizing", "failed"]);
    // It may be tried again at once, and then it is too late to fail.
    assert_eq!(call(&region, format!("ModifyVolume&VolumeId={volume}&Size=30")).await.status, 200);
    seconds(20).await;
    assert!(matches!(fail(), Err(FaultError::WrongState { state: "optimizing", .. })));
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_down_holds_a_modification() {
    let Sample { region, volume, .. } = timed_sample();
    call(&region, format!("ModifyVolume&VolumeId={volume}&Size=30")).await;
    let fault = |fault| region.inject(Fault::of_zone("eu-central-1a", fault)).unwrap();
    fault(ZoneFault::Down { mode: ZoneLoss::Network });
    seconds(3600).await;
    assert_eq!(seen(&region, &volume).await, ("modifying".to_owned(), 0, 20));
    fault(ZoneFault::Up);
    let describe = format!("DescribeVolumesModifications&VolumeId.1={volume}");
    assert_eq!(
        until(&region, describe, "modificationState", "completed").await,
        ["modifying", "optimizing", "completed"]
    );
}

#[tokio::test(start_paused = true)]
async fn modifications_are_filtered_and_come_in_pages() {
    let region = exact_region();
    let mut volumes: Vec<String> = (0..4).map(|_| region.add_volume(VolumeSetup::default())).collect();
    for (index, volume) in volumes.iter().enumerate().skip(1) {
        let size = 20 + index;
        assert_eq!(call(&region, format!("ModifyVolume&VolumeId={volume}&Size={size}")).await.status, 200);
    }
    volumes.remove(0);
    volumes.sort();
    let all = call(&region, "DescribeVolumesModifications").await.body;
    assert_eq!(all.matches("<item>").count(), 3, "what was never modified is not there: {all}");
    let first = call(&region, "DescribeVolumesModifications&MaxResults=2").await;
    assert!(first.body.contains(&volumes[0]) && first.body.contains(&volumes[1]), "{}", first.body);
    let next = format!("DescribeVolumesModifications&MaxResults=2&NextToken={}", first.text("nextToken"));
    let rest = call(&region, next).await;
    assert_eq!((rest.text("volumeId"), rest.body.matches("<item>").count()), (volumes[2].as_str(), 1));
    for (filter, value, count) in [
        ("target-size", "22", 1),
        ("original-size", "20", 3),
        ("original-size", "22", 0),
        ("modification-state", "modifying", 3),
        ("modification-state", "completed", 0),
        ("target-volume-type", "gp3", 3),
        ("original-volume-type", "gp2", 0),
        ("target-iops", "3000", 3),
        ("original-iops", "3000", 3),
        ("volume-id", volumes[1].as_str(), 1),
        ("start-time", "1*", 0),
        ("start-time", "20*", 3),
    ] {
        let query = format!("DescribeVolumesModifications&Filter.1.Name={filter}&Filter.1.Value.1={value}");
        let found = call(&region, query).await.body;
        assert_eq!(found.matches("<item>").count(), count, "{filter}={value}: {found}");
    }
}
