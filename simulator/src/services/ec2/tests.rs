//! EC2 as a caller sees it: raw query requests in, XML out, under virtual time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::faults::{CallFault, CreationFault, Fault, ForceStop, InstanceFault, ZoneFault, ZoneLoss};
use crate::setup::Setup;
use crate::test_support::{Reply, Sample, call, exact_region, exact_sample, sample, seconds, try_call, until};
use crate::{ConnectionError, Region, TimingModel};

#[tokio::test(start_paused = true)]
async fn an_instance_goes_through_its_states_in_order() {
    let region = exact_region();
    let launched =
        call(&region, "RunInstances&ImageId=ami-12345678&MinCount=1&MaxCount=1&SubnetId=subnet-00000000000a10001")
            .await;
    assert_eq!(launched.status, 200, "{}", launched.body);
    let id = launched.text("instanceId").to_owned();
    assert_eq!(launched.text("availabilityZone"), "eu-central-1b");
    let describe = format!("DescribeInstances&InstanceId.1={id}");
    assert_eq!(until(&region, &describe, "name", "running").await, ["pending", "running"]);
    let status = format!("DescribeInstanceStatus&InstanceId.1={id}");
    assert_eq!(until(&region, &status, "status", "ok").await, ["initializing", "ok"]);
    let stopped = call(&region, format!("StopInstances&InstanceId.1={id}")).await;
    assert!(
        stopped.body.contains(
            "<currentState><code>64</code><name>stopping</name></currentState><previousState><code>16</code>"
        )
    );
    assert_eq!(until(&region, &describe, "name", "stopped").await, ["stopping", "stopped"]);
    // Start on running and stop on stopped succeed without a change.
    assert_eq!(call(&region, format!("StopInstances&InstanceId.1={id}")).await.status, 200);
    call(&region, format!("StartInstances&InstanceId.1={id}")).await;
    assert_eq!(until(&region, &describe, "name", "running").await, ["pending", "running"]);
    call(&region, format!("TerminateInstances&InstanceId.1={id}")).await;
    let refused = call(&region, format!("StartInstances&InstanceId.1={id}")).await;
    assert_eq!(refused.error(), (400, "IncorrectInstanceState"));
    assert_eq!(until(&region, &describe, "name", "terminated").await, ["shutting-down", "terminated"]);
    seconds(4000).await;
    assert_eq!(call(&region, &describe).await.error(), (400, "InvalidInstanceID.NotFound"));
}

#[tokio::test(start_paused = true)]
async fn attaching_is_refused_in_awss_own_words() {
    let Sample { region, first, second, volume, .. } = exact_sample();
    let attach = |volume: &str, instance: &str, device: &str| {
        format!("AttachVolume&VolumeId={volume}&InstanceId={instance}&Device={device}")
    };
    let made = call(&region, "CreateVolume&AvailabilityZone=eu-central-1b&Size=10&VolumeType=gp3").await;
    let other = made.text("volumeId").to_owned();
    assert_eq!((made.text("status"), made.text("iops"), made.text("throughput")), ("creating", "3000", "125"));
    assert_eq!(call(&region, attach(&other, &second, "/dev/sdf")).await.error(), (400, "IncorrectState"));
    until(&region, format!("DescribeVolumes&VolumeId.1={other}"), "status", "available").await;
    let mismatch = call(&region, attach(&other, &first, "/dev/sdg")).await;
    assert_eq!(mismatch.error(), (400, "InvalidVolume.ZoneMismatch"));
    assert_eq!(
        mismatch.text("Message"),
        format!("The volume '{other}' is not in the same availability zone as instance '{first}'")
    );
    let in_use = call(&region, attach(&volume, &first, "/dev/sdg")).await;
    assert_eq!(
        (in_use.error(), in_use.text("Message")),
        ((400, "VolumeInUse"), format!("{volume} is already attached to an instance").as_str())
    );
    call(&region, format!("StartInstances&InstanceId.1={second}")).await;
    let pending = call(&region, attach(&other, &second, "/dev/sdf")).await;
    assert_eq!(
        (pending.error(), pending.text("Message")),
        ((400, "IncorrectState"), format!("Instance '{second}' is not 'running'.").as_str())
    );
    until(&region, format!("DescribeInstances&InstanceId.1={second}"), "name", "running").await;
    let taken = call(&region, attach(&other, &second, "/dev/xvda")).await;
    assert_eq!(taken.error(), (400, "InvalidParameterValue"));
    assert_eq!(
        taken.text("Message"),
        "Invalid value '/dev/xvda' for unixDevice. Attachment point /dev/xvda is already in use"
    );
    assert_eq!(call(&region, attach(&other, &second, "/dev/sdf")).await.text("status"), "attaching");
    seconds(16).await;
    let attached = call(&region, format!("DescribeVolumes&Filter.1.Name=attachment.instance-id&Filter.1.Value.1={second}&Filter.2.Name=attachment.device&Filter.2.Value.1=/dev/sdf")).await;
    assert_eq!((attached.text("volumeId"), attached.text("status")), (other.as_str(), "in-use"));
    assert!(attached.body.contains("<status>attached</status>"));
    assert_eq!(call(&region, format!("DeleteVolume&VolumeId={other}")).await.error(), (400, "VolumeInUse"));
    call(&region, format!("DetachVolume&VolumeId={other}")).await;
    until(&region, format!("DescribeVolumes&VolumeId.1={other}"), "status", "available").await;
    let again = call(&region, format!("DetachVolume&VolumeId={other}")).await;
    assert_eq!(
        (again.error(), again.text("Message")),
        ((400, "IncorrectState"), format!("Volume '{other}'is in the 'available' state.").as_str())
    );
    let wrong = call(&region, format!("DetachVolume&VolumeId={volume}&InstanceId={second}")).await;
    assert_eq!(wrong.error(), (400, "InvalidAttachment.NotFound"));
}

#[tokio::test(start_paused = true)]
async fn a_mounted_volume_is_busy_until_force_stop_or_unmount() {
    for release in ["force", "stop", "unmount"] {
        let Sample { region, first, volume, .. } = exact_sample();
        call(&region, format!("DetachVolume&VolumeId={volume}")).await;
        let describe = format!("DescribeVolumes&VolumeId.1={volume}");
        let attachment = |reply: &Reply| reply.text("attachmentSet").to_owned();
        seconds(300).await;
        assert!(attachment(&call(&region, &describe).await).contains("<status>busy</status>"), "{release}");
        assert!(region.truth().serving().contains_key("db"), "nothing has fenced the guest yet");
        match release {
            "force" => drop(call(&region, format!("DetachVolume&VolumeId={volume}&Force=true")).await),
            "stop" => drop(call(&region, format!("StopInstances&InstanceId.1={first}")).await),
            _ => region.quiesce(&first),
        }
        until(&region, &describe, "status", "available").await;
        assert!(region.truth().serving().is_empty(), "{release}");
        assert!(region.truth().lost_seconds(&[&volume]) < 1e-6);
    }
}

#[tokio::test(start_paused = true)]
async fn snapshots_hold_their_moment_and_cannot_be_used_before_they_are_complete() {
    let Sample { region, volume, .. } = exact_sample();
    seconds(100).await;
    let made = call(&region, format!("CreateSnapshot&VolumeId={volume}&TagSpecification.1.ResourceType=snapshot&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v")).await;
    let snapshot = made.text("snapshotId").to_owned();
    assert_eq!(made.text("status"), "pending");
    let restore = format!("CreateVolume&AvailabilityZone=eu-central-1b&SnapshotId={snapshot}&VolumeType=gp3");
    let early = call(&region, &restore).await;
    assert_eq!(
        (early.error(), early.text("Message")),
        ((400, "IncorrectState"), "Snapshot is in invalid state - pending")
    );
    let too_soon = call(&region, format!("CreateSnapshot&VolumeId={volume}")).await;
    assert_eq!(too_soon.error(), (400, "SnapshotCreationPerVolumeRateExceeded"));
    let describe = "DescribeSnapshots&Owner.1=self&Filter.1.Name=tag:k&Filter.1.Value.1=v";
    assert_eq!(until(&region, describe, "status", "completed").await, ["pending", "completed"]);
    let small = call(&region, format!("{restore}&Size=1")).await;
    assert_eq!(small.error(), (400, "InvalidParameterValue"));
    let restored = call(&region, &restore).await.text("volumeId").to_owned();
    let truth = region.truth();
    assert_eq!(truth.content(&restored), truth.content(&snapshot));
    let held: f64 = truth.content(&snapshot).iter().map(|segment| segment.interval.seconds()).sum();
    assert!((held - 100.0).abs() < 0.01, "the snapshot holds the 100 s until its request, not {held}");
    assert!(truth.lost_seconds(&[&restored]) > 30.0, "what was written after the request is on no restored volume");
}

#[tokio::test(start_paused = true)]
async fn five_pending_snapshots_of_a_volume_are_enough() {
    let mut timing = TimingModel::exact_calls();
    timing.snapshots.base = crate::timing::Distribution::fixed(3600.0);
    let Sample { region, volume, first, .. } = sample(Setup { timing, ..Setup::default() });
    for _ in 0..5 {
        assert_eq!(call(&region, format!("CreateSnapshot&VolumeId={volume}")).await.status, 200);
        seconds(16).await;
    }
    assert_eq!(
        call(&region, format!("CreateSnapshot&VolumeId={volume}")).await.error(),
        (400, "ConcurrentSnapshotLimitExceeded")
    );
    // The set is refused as a whole for one volume's sake, and taken without it.
    let set = format!("CreateSnapshots&InstanceSpecification.InstanceId={first}");
    assert_eq!(call(&region, &set).await.error(), (400, "ConcurrentSnapshotLimitExceeded"));
    let without = call(&region, format!("{set}&InstanceSpecification.ExcludeDataVolumeId.1={volume}")).await;
    assert_eq!((without.status, without.text("state")), (200, "pending"));
    assert_eq!(call(&region, format!("{set}&InstanceSpecification.ExcludeBootVolume=true&InstanceSpecification.ExcludeDataVolumeId.1={volume}")).await.error().0, 400);
}

#[tokio::test(start_paused = true)]
async fn failed_snapshots_and_volumes_end_in_error() {
    let Sample { region, volume, .. } = exact_sample();
    region.inject(Fault::Creations(CreationFault::FailSnapshots { count: 1 })).unwrap();
    region.inject(Fault::Creations(CreationFault::FailVolumes { count: 1 })).unwrap();
    let snapshot = call(&region, format!("CreateSnapshot&VolumeId={volume}")).await.text("snapshotId").to_owned();
    assert_eq!(
        until(&region, format!("DescribeSnapshots&SnapshotId.1={snapshot}"), "status", "error").await,
        ["pending", "error"]
    );
    let made = call(&region, "CreateVolume&AvailabilityZone=eu-central-1a&Size=1").await.text("volumeId").to_owned();
    assert_eq!(
        until(&region, format!("DescribeVolumes&VolumeId.1={made}"), "status", "error").await,
        ["creating", "error"]
    );
}

#[tokio::test(start_paused = true)]
async fn client_tokens_make_volumes_and_launches_once() {
    let region = exact_region();
    let query = "CreateVolume&AvailabilityZone=eu-central-1a&Size=10&ClientToken=t1";
    let first = call(&region, query).await.text("volumeId").to_owned();
    assert_eq!(call(&region, query).await.text("volumeId"), first);
    let changed = call(&region, "CreateVolume&AvailabilityZone=eu-central-1a&Size=11&ClientToken=t1").await;
    assert_eq!(changed.error(), (400, "IdempotentParameterMismatch"));
    let run =
        "RunInstances&ImageId=ami-12345678&MinCount=2&MaxCount=2&ClientToken=t1&SubnetId=subnet-00000000000a10000";
    let launched = call(&region, run).await;
    assert_eq!(call(&region, run).await.text("instancesSet"), launched.text("instancesSet"));
    // The trap that AWS documents: with a subnet of another zone the token is another one.
    let elsewhere = call(&region, run.replace("10000", "10001")).await;
    assert_ne!(elsewhere.text("instanceId"), launched.text("instanceId"));
}

#[tokio::test(start_paused = true)]
async fn an_address_moves_in_one_call_and_its_traffic_follows() {
    let Sample { region, first, second, address, volume } = exact_sample();
    let associate = |instance: &str| format!("AssociateAddress&AllocationId={address}&InstanceId={instance}");
    let held = call(&region, "DescribeAddresses").await.text("associationId").to_owned();
    assert_eq!(call(&region, associate(&first)).await.text("associationId"), held, "idempotent");
    let refused = call(&region, format!("{}&AllowReassociation=false", associate(&second))).await;
    assert_eq!(refused.error(), (400, "Resource.AlreadyAssociated"));
    call(&region, format!("StartInstances&InstanceId.1={second}")).await;
    let pending = call(&region, associate(&second)).await;
    assert_eq!(
        (pending.error(), pending.text("Message")),
        (
            (400, "InvalidInstanceID"),
            format!("The pending instance '{second}' is not in a valid state for this operation.").as_str()
        )
    );
    until(&region, format!("DescribeInstances&InstanceId.1={second}"), "name", "running").await;
    assert_ne!(call(&region, associate(&second)).await.text("associationId"), held);
    assert_eq!(call(&region, "DescribeAddresses").await.text("instanceId"), second);
    assert!(region.truth().serving().contains_key("db"), "packets still go to the old instance");
    seconds(9).await;
    assert!(region.truth().serving().is_empty());
    assert_eq!(
        call(&region, format!("DisassociateAddress&AssociationId={held}")).await.error(),
        (400, "InvalidAssociationID.NotFound")
    );
    drop(volume);
}

#[tokio::test(start_paused = true)]
async fn the_four_forms_of_stop() {
    // A guest that ignores the shutdown holds a plain and a forced stop for minutes; skipping it does not wait.
    for (form, at_least, at_most) in [
        ("", 180, 300),
        ("&Force=true", 180, 300),
        ("&SkipOsShutdown=true", 2, 15),
        ("&Force=true&SkipOsShutdown=true", 2, 15),
    ] {
        let Sample { region, first, .. } = exact_sample();
        region.inject(Fault::of_instance(first.clone(), InstanceFault::IgnoreShutdown)).unwrap();
        call(&region, format!("StopInstances&InstanceId.1={first}{form}")).await;
        until(&region, format!("DescribeInstances&InstanceId.1={first}"), "name", "stopped").await;
        let took = region.transitions().last().unwrap().duration().as_secs();
        assert!((at_least..=at_most).contains(&took), "{form} took {took} s");
    }
    // On a failed host a plain stop hangs; a later forced one makes it go on, if the fault lets it.
    for (force_stop, ends) in [(ForceStop::AfterSeconds(90.0), true), (ForceStop::Never, false)] {
        let Sample { region, first, .. } = exact_sample();
        region.inject(Fault::of_instance(first.clone(), InstanceFault::FailHost { force_stop })).unwrap();
        call(&region, format!("StopInstances&InstanceId.1={first}")).await;
        seconds(3600).await;
        let describe = format!("DescribeInstances&InstanceId.1={first}");
        assert_eq!(call(&region, &describe).await.text("name"), "stopping");
        call(&region, format!("StopInstances&InstanceId.1={first}&Force=true")).await;
        seconds(91).await;
        assert_eq!(call(&region, &describe).await.text("name"), if ends { "stopped" } else { "stopping" });
    }
}

#[tokio::test(start_paused = true)]
async fn termination_releases_what_the_instance_held() {
    let Sample { region, first, volume, .. } = exact_sample();
    let root = call(&region, format!("DescribeVolumes&Filter.1.Name=attachment.delete-on-termination&Filter.1.Value.1=true&Filter.2.Name=attachment.instance-id&Filter.2.Value.1={first}")).await;
    let root = root.text("volumeId").to_owned();
    call(&region, format!("TerminateInstances&InstanceId.1={first}")).await;
    until(&region, format!("DescribeVolumes&VolumeId.1={volume}"), "status", "available").await;
    seconds(60).await;
    assert_eq!(
        call(&region, format!("DescribeVolumes&VolumeId.1={root}")).await.error(),
        (400, "InvalidVolume.NotFound")
    );
    assert!(!call(&region, "DescribeAddresses").await.body.contains("associationId"));
    assert!(region.truth().deleted_only_copy().is_empty());
}

#[tokio::test(start_paused = true)]
async fn capacity_and_protection_are_refused() {
    let Sample { region, first, second, .. } = exact_sample();
    region.inject(Fault::of_zone("eu-central-1b", ZoneFault::RefuseCapacity { for_seconds: Some(60.0) })).unwrap();
    let start = format!("StartInstances&InstanceId.1={second}");
    assert_eq!(call(&region, &start).await.error(), (500, "InsufficientInstanceCapacity"));
    seconds(61).await;
    assert_eq!(call(&region, &start).await.status, 200);
    call(&region, format!("ModifyInstanceAttribute&InstanceId={first}&DisableApiTermination.Value=true")).await;
    assert_eq!(
        call(&region, format!("TerminateInstances&InstanceId.1={first}")).await.error(),
        (400, "OperationNotPermitted")
    );
}

#[tokio::test(start_paused = true)]
async fn requests_that_make_no_sense_are_named() {
    let Sample { region, first, .. } = exact_sample();
    for (query, status, code) in [
        ("DescribeUnicorns".to_owned(), 400, "UnsupportedOperation"),
        (format!("StopInstances&InstanceId.1={first}&DryRun=true"), 412, "DryRunOperation"),
        ("DescribeInstances&InstanceId.1=i-xyz".to_owned(), 400, "InvalidInstanceID.Malformed"),
        ("DescribeInstances&InstanceId.1=i-0123456789abcdef0".to_owned(), 400, "InvalidInstanceID.NotFound"),
        ("DescribeVolumes&VolumeId.1=vol-0123456789abcdef0".to_owned(), 400, "InvalidVolume.NotFound"),
        ("DescribeVolumes&VolumeId.1=volume".to_owned(), 400, "InvalidVolumeID.Malformed"),
        ("DescribeSnapshots&SnapshotId.1=snap-0123456789abcdef0".to_owned(), 400, "InvalidSnapshot.NotFound"),
        ("DescribeAddresses&AllocationId.1=eipalloc-0123456789abcdef0".to_owned(), 400, "InvalidAllocationID.NotFound"),
        ("DescribeInstances&Filter.1.Name=colour&Filter.1.Value.1=red".to_owned(), 400, "UnsupportedOperation"),
        ("DescribeInstances&MaxResults=4".to_owned(), 400, "InvalidParameterValue"),
        (format!("DescribeInstances&MaxResults=5&InstanceId.1={first}"), 400, "InvalidParameterCombination"),
        ("StopInstances".to_owned(), 400, "MissingParameter"),
        (format!("StopInstances&InstanceId.1={first}&Hibernate=true"), 400, "UnsupportedOperation"),
        ("CreateVolume&AvailabilityZone=eu-central-1z&Size=1".to_owned(), 400, "InvalidZone.NotFound"),
        ("CreateVolume&AvailabilityZone=eu-central-1a".to_owned(), 400, "MissingParameter"),
        ("CreateVolume&AvailabilityZone=eu-central-1a&Size=10&VolumeType=io2".to_owned(), 400, "MissingParameter"),
        ("CreateTags&ResourceId.1=subnet-1&Tag.1.Key=a".to_owned(), 400, "InvalidID"),
        (format!("CreateTags&ResourceId.1={first}&Tag.1.Key=aws:x"), 400, "InvalidParameterValue"),
    ] {
        let reply = call(&region, &query).await;
        assert_eq!(reply.error(), (status, code), "{query}: {}", reply.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_down_takes_its_calls_with_it() {
    for mode in [ZoneLoss::Power, ZoneLoss::Network] {
        let mut timing = TimingModel::exact_calls();
        timing.zone_down.hang_probability = 0.0;
        timing.zone_down.stuck_probability = 0.0;
        let Sample { region, first, second, volume, .. } = sample(Setup { timing, ..Setup::default() });
        let zone = "eu-central-1a".to_owned();
        region.inject(Fault::of_zone(zone.clone(), ZoneFault::Down { mode })).unwrap();
        assert_eq!(call(&region, "DescribeInstances").await.error(), (500, "InternalError"));
        assert_eq!(call(&region, format!("DescribeInstances&InstanceId.1={first}")).await.error().0, 500);
        assert_eq!(call(&region, format!("DescribeInstances&InstanceId.1={second}")).await.status, 200);
        assert_eq!(call(&region, format!("StopInstances&InstanceId.1={first}")).await.error().0, 500);
        assert_eq!(call(&region, format!("CreateSnapshot&VolumeId={volume}")).await.error().0, 500);
        assert!(region.truth().serving().is_empty(), "clients do not reach the zone");
        seconds(600).await;
        let written: f64 = region.truth().content(&volume).iter().map(|segment| segment.interval.seconds()).sum();
        assert_eq!(written > 500.0, mode == ZoneLoss::Network, "a zone that is only cut off goes on writing");
        region.inject(Fault::of_zone(zone, ZoneFault::Up)).unwrap();
        seconds(200).await;
        assert_eq!(region.truth().serving().get("db").unwrap().instance, first);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_in_a_dead_zone_hang_or_get_stuck() {
    let mut timing = TimingModel::exact_calls();
    timing.zone_down.stuck_probability = 1.0;
    timing.zone_down.lost_answer_probability = 1.0;
    let Sample { region, first, .. } = sample(Setup { timing, ..Setup::default() });
    region.inject(Fault::of_zone("eu-central-1a", ZoneFault::Down { mode: ZoneLoss::Power })).unwrap();
    let stop = format!("StopInstances&InstanceId.1={first}");
    assert!(matches!(try_call(&region, &stop).await, Err(ConnectionError::NoAnswer { .. })));
    assert_eq!(region.state()["instances"][&first]["state"], "stopping", "no answer, but an effect");
    region.inject(Fault::of_zone("eu-central-1a", ZoneFault::Up)).unwrap();
    until(&region, format!("DescribeInstances&InstanceId.1={first}"), "name", "stopped").await;
}

#[tokio::test(start_paused = true)]
async fn reads_lag_and_disagree() {
    let mut timing = TimingModel::exact_calls();
    timing.calls.visibility_lag_seconds = 5.0;
    timing.calls.stale_read_probability = 0.5;
    let region = Region::new(Setup { timing, ..Setup::default() });
    seconds(60).await;
    let made = call(&region, "CreateVolume&AvailabilityZone=eu-central-1a&Size=1").await.text("volumeId").to_owned();
    let describe = format!("DescribeVolumes&VolumeId.1={made}");
    let mut codes = Vec::new();
    for _ in 0..40 {
        codes.push(call(&region, &describe).await.status);
    }
    assert!(codes.contains(&200) && codes.contains(&400), "a new id is found by some reads only: {codes:?}");
    seconds(6).await;
    assert_eq!(call(&region, &describe).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn throttling_has_awss_sizes() {
    let mut timing = TimingModel::exact_calls();
    timing.calls.throttling = true;
    let region = Region::new(Setup { timing, ..Setup::default() });
    let mut served = 0;
    let refused = loop {
        let reply = call(&region, "DescribeInstances").await;
        if reply.status != 200 {
            break reply;
        }
        served += 1;
    };
    assert_eq!((served, refused.error()), (50, (503, "RequestLimitExceeded")));
    // A filtered one takes from a bucket of its own.
    assert_eq!(call(&region, "DescribeInstances&Filter.1.Name=tag-key&Filter.1.Value.1=x").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn faults_of_calls_come_before_or_after_the_effect() {
    let Sample { region, second, .. } = exact_sample();
    let fail = |after_effect| {
        Fault::Calls(CallFault::Fail {
            action: "StartInstances".to_owned(),
            code: "Unavailable".to_owned(),
            status: 503,
            count: 1,
            after_effect,
        })
    };
    let start = format!("StartInstances&InstanceId.1={second}");
    region.inject(fail(false)).unwrap();
    assert_eq!(call(&region, &start).await.error(), (503, "Unavailable"));
    assert_eq!(region.state()["instances"][&second]["state"], "stopped");
    region.inject(fail(true)).unwrap();
    assert_eq!(call(&region, &start).await.error(), (503, "Unavailable"));
    assert_eq!(region.state()["instances"][&second]["state"], "pending");
    region
        .inject(Fault::Calls(CallFault::Hang { action: "DescribeVolumes".to_owned(), count: 1, after_effect: false }))
        .unwrap();
    assert!(try_call(&region, "DescribeVolumes").await.is_err());
    assert_eq!(call(&region, "DescribeVolumes").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn tags_and_pages() {
    let region = exact_region();
    for number in 0..12 {
        let made = call(&region, format!("CreateVolume&AvailabilityZone=eu-central-1a&Size=1&TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=n&TagSpecification.1.Tag.1.Value={number}")).await;
        assert_eq!(made.status, 200);
    }
    let (mut pages, mut found, mut token) = (0, 0, String::new());
    loop {
        let reply = call(&region, format!("DescribeVolumes&MaxResults=5{token}")).await;
        pages += 1;
        found += reply.body.matches("<volumeId>").count();
        if !reply.body.contains("<nextToken>") {
            break;
        }
        token = format!("&NextToken={}", reply.text("nextToken"));
    }
    assert_eq!((pages, found), (3, 12));
    let one = call(&region, "DescribeVolumes&Filter.1.Name=tag:n&Filter.1.Value.1=7&Filter.1.Value.2=8").await;
    assert_eq!(one.body.matches("<volumeId>").count(), 2);
    let id = one.text("volumeId").to_owned();
    call(&region, format!("CreateTags&ResourceId.1={id}&Tag.1.Key=a%26b&Tag.1.Value=%3C")).await;
    let tags = call(&region, format!("DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1={id}")).await;
    assert!(tags.body.contains("<key>a&amp;b</key><value>&lt;</value>"));
    call(&region, format!("DeleteTags&ResourceId.1={id}&Tag.1.Key=n")).await;
    assert_eq!(
        call(&region, format!("DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1={id}"))
            .await
            .body
            .matches("<item>")
            .count(),
        1
    );
}
