//! What goes over the wire for each step, and what its answers mean.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use failover_core::group::HookResult;
use failover_core::ids::{GroupName, HookName, InstanceId, SnapshotId, SubnetId, VolumeId, VolumeName, Zone};
use failover_core::step::{FailureClass, SnapshotSource, Step, StepOutcome, StopMode, Together};
use failover_core::world::{Tags, VolumeShape};
use tokio::time::Instant;

use super::Acted;
use crate::testing::{Reply, Script};

const WITHIN: Duration = Duration::from_secs(20);

fn instance() -> InstanceId {
    InstanceId::new("i-00000000000000001").unwrap()
}

fn volume(number: u8) -> VolumeId {
    VolumeId::new(format!("vol-0000000{number}")).unwrap()
}

async fn act(script: &Script, step: &Step) -> Acted {
    script.aws().act(step, WITHIN).await
}

fn accepted(made: &[&str]) -> StepOutcome {
    StepOutcome::Accepted { made: made.iter().map(ToString::to_string).collect() }
}

fn class(acted: &Acted) -> Option<FailureClass> {
    match acted.outcome {
        StepOutcome::Failed { class, .. } => Some(class),
        _ => None,
    }
}

fn instance_in(state: &str) -> Reply {
    Reply::ec2(&format!(
        "<reservationSet><item><instancesSet><item><instanceId>i-00000000000000001</instanceId>\
         <instanceState><name>{state}</name></instanceState></item></instancesSet></item></reservationSet>"
    ))
}

fn wrong_state() -> Reply {
    Reply::error(400, "IncorrectInstanceState", "The instance is not in a state from which it can be …")
}

#[tokio::test(start_paused = true)]
async fn a_forced_stop_skips_the_operating_system() {
    let script = Script::of([Reply::ec2(""), Reply::ec2("")]);
    let stop = |mode| Step::StopInstance { instance: instance(), mode };
    assert_eq!(act(&script, &stop(StopMode::Forced)).await, Acted { outcome: accepted(&[]), api_calls: 1 });
    act(&script, &stop(StopMode::Graceful)).await;
    let requests = script.requests();
    assert!(requests[0].has("Force=true") && requests[0].has("SkipOsShutdown=true"), "{requests:?}");
    assert!(!requests[1].has("Force") && !requests[1].has("SkipOsShutdown"), "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn start_and_stop_are_done_where_a_look_shows_it() {
    let cases = [
        (Step::StartInstance { instance: instance() }, "running", true),
        (Step::StartInstance { instance: instance() }, "pending", true),
        (Step::StartInstance { instance: instance() }, "stopping", false),
        (Step::StopInstance { instance: instance(), mode: StopMode::Graceful }, "stopping", true),
        (Step::StopInstance { instance: instance(), mode: StopMode::Forced }, "stopping", false),
        (Step::StopInstance { instance: instance(), mode: StopMode::Forced }, "terminated", true),
        (Step::StopInstance { instance: instance(), mode: StopMode::Graceful }, "pending", false),
    ];
    for (step, state, done) in cases {
        let script = Script::of([wrong_state(), instance_in(state)]);
        let acted = act(&script, &step).await;
        assert_eq!(acted.api_calls, 2);
        assert_eq!(acted.outcome == accepted(&[]), done, "{step} on {state}: {acted:?}");
        assert!(done || class(&acted) == Some(FailureClass::Conflict));
    }
}

#[tokio::test(start_paused = true)]
async fn an_effect_is_sent_once_and_what_got_no_answer_may_have_happened() {
    let start = Step::StartInstance { instance: instance() };
    for (reply, expected) in [
        (Reply::error(503, "RequestLimitExceeded", "slow down"), FailureClass::Retryable),
        (Reply::error(500, "InsufficientInstanceCapacity", "none left"), FailureClass::Capacity),
        (Reply::Broken, FailureClass::UnknownOutcome),
        (Reply::Refused, FailureClass::Retryable),
        (Reply::Hang, FailureClass::UnknownOutcome),
        (Reply::Answer(502, "<html>bad gateway</html>".to_owned()), FailureClass::Retryable),
        // It may well have been done.
        (Reply::Answer(200, "<html>cut off".to_owned()), FailureClass::UnknownOutcome),
    ] {
        let script = Script::new(move |_| reply.clone());
        let acted = act(&script, &start).await;
        assert_eq!(class(&acted), Some(expected), "{acted:?}");
        assert_eq!(script.requests().len(), 1, "{acted:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_step_takes_longer_than_it_may() {
    let script = Script::new(|_| Reply::Hang);
    let within = Duration::from_secs(1);
    let begun = Instant::now();
    let acted = script.aws().act(&Step::StartInstance { instance: instance() }, within).await;
    assert_eq!(class(&acted), Some(FailureClass::UnknownOutcome));
    // Only the read before the snapshots hangs: nothing can have happened.
    let acted = script.aws().act(&snapshots(&["data"], None), within).await;
    assert_eq!(class(&acted), Some(FailureClass::Retryable));
    assert_eq!(begun.elapsed().as_secs(), 2);
}

fn restore(volume_type: &str, encrypted: bool) -> Step {
    Step::RestoreVolume {
        name: VolumeName::new("data").unwrap(),
        snapshot: SnapshotId::new("snap-00000001").unwrap(),
        zone: Zone::new("eu-central-1b").unwrap(),
        shape: VolumeShape {
            size_gib: 20,
            volume_type: volume_type.to_owned(),
            iops: Some(3000),
            throughput_mib_per_second: Some(125),
            encrypted,
            kms_key: Some("key-1".to_owned()),
        },
        initialization_rate_mib_per_second: Some(300),
        tags: Tags::from([("failover:service".to_owned(), "db".to_owned())]),
        client_token: "token-1".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_restored_volume_is_shaped_like_its_source() {
    let script = Script::new(|_| Reply::ec2("<volumeId>vol-00000009</volumeId>"));
    assert_eq!(act(&script, &restore("gp3", true)).await.outcome, accepted(&["vol-00000009"]));
    act(&script, &restore("gp2", false)).await;
    act(&script, &restore("io2", false)).await;
    let requests = script.requests();
    for part in [
        "SnapshotId=snap-00000001",
        "AvailabilityZone=eu-central-1b",
        "Size=20",
        "VolumeType=gp3",
        "Iops=3000",
        "Throughput=125",
        "Encrypted=true",
        "KmsKeyId=key-1",
        "VolumeInitializationRate=300",
        "ClientToken=token-1",
        "TagSpecification.1.ResourceType=volume",
        "TagSpecification.1.Tag.1.Key=failover:service",
    ] {
        assert!(requests[0].has(part), "{part} in {:?}", requests[0]);
    }
    assert!(["Iops", "Throughput", "Kms", "Encrypted"].iter().all(|part| !requests[1].has(part)), "{:?}", requests[1]);
    assert!(requests[2].has("Iops=3000") && !requests[2].has("Throughput"), "{:?}", requests[2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_detached_or_deleted_already_is_accepted() {
    let detach = Step::DetachVolume { volume: volume(1), instance: instance(), force: true };
    let script =
        Script::of([Reply::error(400, "IncorrectState", "Volume 'vol-00000001' is in the 'available' state.")]);
    assert_eq!(act(&script, &detach).await.outcome, accepted(&[]));
    assert!(script.requests()[0].has("Force=true"));
    let script = Script::of([Reply::error(400, "IncorrectState", "Volume 'vol-00000001' is in the 'creating' state.")]);
    assert_eq!(class(&act(&script, &detach).await), Some(FailureClass::Conflict));

    let script = Script::of([Reply::error(400, "InvalidVolume.NotFound", "gone")]);
    assert_eq!(act(&script, &Step::DeleteVolume { volume: volume(1) }).await.outcome, accepted(&[]));
    let script = Script::of([Reply::error(400, "InvalidSnapshot.NotFound", "gone")]);
    let delete = Step::DeleteSnapshot { snapshot: SnapshotId::new("snap-00000001").unwrap() };
    assert_eq!(act(&script, &delete).await.outcome, accepted(&[]));
}

#[tokio::test(start_paused = true)]
async fn a_volume_in_use_is_attached_only_if_it_is_so_where_it_shall_be() {
    let attach = Step::AttachVolume { volume: volume(1), instance: instance(), device: "/dev/sdf".to_owned() };
    for (holder, done) in [("i-00000000000000001", true), ("i-00000000000000002", false)] {
        let seen = format!(
            "<volumeSet><item><volumeId>vol-00000001</volumeId><size>1</size><availabilityZone>eu-central-1a</availabilityZone>\
             <status>in-use</status><createTime>2026-01-01T00:00:00.000Z</createTime><volumeType>gp3</volumeType>\
             <attachmentSet><item><instanceId>{holder}</instanceId><device>/dev/sdf</device><status>attached</status></item></attachmentSet>\
             </item></volumeSet>"
        );
        let in_use = Reply::error(400, "VolumeInUse", "vol-00000001 is already attached to an instance");
        let script = Script::of([in_use, Reply::ec2(&seen)]);
        let acted = act(&script, &attach).await;
        assert_eq!(acted.outcome == accepted(&[]), done, "{acted:?}");
        assert!(script.requests()[0].has("Device=/dev/sdf"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_moves_in_one_call() {
    let script = Script::of([Reply::ec2("<associationId>eipassoc-1</associationId>")]);
    let step = Step::MoveAddress { address: "eipalloc-00000001".parse().unwrap(), instance: instance() };
    assert_eq!(act(&script, &step).await, Acted { outcome: accepted(&[]), api_calls: 1 });
    assert!(script.requests()[0].has("AllowReassociation=true"));
}

fn tags(name: &str) -> Tags {
    let pairs =
        [("failover:id", "f1"), ("failover:attempt", "0"), ("failover:volume", name), ("failover:service", "db")];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn snapshots(names: &[&str], together: Option<Together>) -> Step {
    let source = |(number, name): (u8, &&str)| SnapshotSource {
        name: VolumeName::new(*name).unwrap(),
        volume: volume(number),
        tags: tags(name),
    };
    Step::TakeSnapshots { sources: (1..).zip(names).map(source).collect(), together }
}

fn on_instance() -> Together {
    Together { instance: instance(), exclude: vec![volume(7)], or_each: true }
}

fn there(snapshot: u8, of: u8, attempt: &str) -> String {
    format!(
        "<item><snapshotId>snap-0000000{snapshot}</snapshotId><volumeId>vol-0000000{of}</volumeId><status>pending</status>\
         <startTime>2026-01-01T00:00:00.000Z</startTime><volumeSize>20</volumeSize><tagSet>\
         <item><key>failover:id</key><value>f1</value></item><item><key>failover:attempt</key><value>{attempt}</value></item>\
         </tagSet></item>"
    )
}

const NONE: &str = "<snapshotSet/>";

#[tokio::test(start_paused = true)]
async fn one_volume_is_copied_alone() {
    let script =
        Script::of([Reply::ec2(NONE), Reply::ec2("<snapshotId>snap-00000001</snapshotId><status>pending</status>")]);
    let acted = act(&script, &snapshots(&["data"], Some(on_instance()))).await;
    assert_eq!(acted, Acted { outcome: accepted(&["snap-00000001"]), api_calls: 2 });
    assert_eq!(script.actions(), ["DescribeSnapshots", "CreateSnapshot"]);
    let read = &script.requests()[0];
    assert!(read.has("tag:failover:id") && read.has("vol-00000001"), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn volumes_of_one_instance_share_a_point_in_time() {
    let both = "<snapshotSet><item><snapshotId>snap-00000001</snapshotId><volumeId>vol-00000001</volumeId></item>\
        <item><snapshotId>snap-00000002</snapshotId><volumeId>vol-00000002</volumeId></item></snapshotSet>";
    let script = Script::of([Reply::ec2(NONE), Reply::ec2(both), Reply::ec2(""), Reply::ec2("")]);
    let acted = act(&script, &snapshots(&["data", "logs"], Some(on_instance()))).await;
    assert_eq!(acted, Acted { outcome: accepted(&["snap-00000001", "snap-00000002"]), api_calls: 4 });
    let requests = script.requests();
    for part in [
        "InstanceSpecification.InstanceId=i-00000000000000001",
        "ExcludeBootVolume=true",
        "ExcludeDataVolumeId.1=vol-00000007",
    ] {
        assert!(requests[1].has(part), "{part} in {:?}", requests[1]);
    }
    assert!(requests[1].has("Key=failover:together") && requests[1].has("Value=i-00000000000000001"), "{requests:?}");
    assert!(!requests[1].has("failover:volume") && requests[1].has("failover:id"), "{:?}", requests[1]);
    assert_eq!(script.actions()[2..], ["CreateTags", "CreateTags"]);
    assert!(requests[3].has("snap-00000002") && requests[3].has("Value=logs"), "{:?}", requests[3]);
}

#[tokio::test(start_paused = true)]
async fn where_the_instance_is_refused_each_volume_is_copied_alone() {
    let script = Script::new(|request| match request.action.as_str() {
        "DescribeSnapshots" => Reply::ec2(NONE),
        "CreateSnapshots" => Reply::error(400, "IncorrectState", "stopped"),
        _ => Reply::ec2("<snapshotId>snap-00000003</snapshotId>"),
    });
    let acted = act(&script, &snapshots(&["data", "logs"], Some(on_instance()))).await;
    assert_eq!(acted.outcome, accepted(&["snap-00000003", "snap-00000003"]));
    assert_eq!(acted.api_calls, 4);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_step_copies_nothing_twice_and_completes_the_tags() {
    let found = format!("<snapshotSet>{}{}{}</snapshotSet>", there(1, 1, "0"), there(2, 2, "0"), there(3, 1, "9"));
    let script = Script::of([Reply::ec2(&found), Reply::ec2(""), Reply::ec2("")]);
    let acted = act(&script, &snapshots(&["data", "logs"], Some(on_instance()))).await;
    assert_eq!(acted.outcome, accepted(&["snap-00000001", "snap-00000002"]));
    assert_eq!(script.actions(), ["DescribeSnapshots", "CreateTags", "CreateTags"]);
}

#[tokio::test(start_paused = true)]
async fn what_failed_or_was_made_by_another_attempt_does_not_count_as_made() {
    let failed = there(1, 1, "0").replace("pending", "error");
    let other = there(1, 1, "9");
    let of_another = there(1, 1, "0").replace("<value>f1</value>", "<value>f0</value>");
    for before in [failed, other, of_another] {
        let script = Script::of([
            Reply::ec2(&format!("<snapshotSet>{before}</snapshotSet>")),
            Reply::ec2("<snapshotId>snap-00000005</snapshotId>"),
        ]);
        let acted = act(&script, &snapshots(&["data"], None)).await;
        assert_eq!(acted.outcome, accepted(&["snap-00000005"]), "{before}");
        assert_eq!(script.actions(), ["DescribeSnapshots", "CreateSnapshot"]);
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_is_missing_is_made_and_on_its_own() {
    let script = Script::of([
        Reply::ec2(&format!("<snapshotSet>{}</snapshotSet>", there(1, 1, "0"))),
        Reply::ec2("<snapshotId>snap-00000002</snapshotId>"),
        Reply::ec2(""),
    ]);
    let acted = act(&script, &snapshots(&["data", "logs"], Some(on_instance()))).await;
    assert_eq!(acted.outcome, accepted(&["snap-00000002", "snap-00000001"]));
    assert_eq!(script.actions(), ["DescribeSnapshots", "CreateSnapshot", "CreateTags"]);
    assert!(script.requests()[1].has("VolumeId=vol-00000002"), "{:?}", script.requests()[1]);
}

#[tokio::test(start_paused = true)]
async fn a_set_of_which_one_is_there_is_completed_one_by_one() {
    // A second set would be of another moment than the one that is there, and pass for one with it.
    let script = Script::new(|request| match request.action.as_str() {
        "DescribeSnapshots" => Reply::ec2(&format!("<snapshotSet>{}</snapshotSet>", there(1, 1, "0"))),
        _ => Reply::ec2("<snapshotId>snap-00000002</snapshotId>"),
    });
    act(&script, &snapshots(&["data", "logs", "wal"], Some(on_instance()))).await;
    assert_eq!(script.actions(), ["DescribeSnapshots", "CreateSnapshot", "CreateSnapshot", "CreateTags"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_were_made_the_older_counts() {
    let later = |number| there(number, 1, "0").replace("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:09.000Z");
    for (items, expected) in
        [([there(1, 1, "0"), later(2)], "snap-00000001"), ([later(1), there(2, 1, "0")], "snap-00000002")]
    {
        let script =
            Script::of([Reply::ec2(&format!("<snapshotSet>{}</snapshotSet>", items.concat())), Reply::ec2("")]);
        assert_eq!(act(&script, &snapshots(&["data"], None)).await.outcome, accepted(&[expected]));
    }
}

#[tokio::test(start_paused = true)]
async fn over_a_list_that_is_not_whole_no_snapshot_is_made() {
    let unreadable = there(1, 1, "0").replace("snap-00000001", "snap-XYZ");
    let script = Script::of([Reply::ec2(&format!("<snapshotSet>{unreadable}</snapshotSet>"))]);
    let acted = act(&script, &snapshots(&["data"], None)).await;
    assert_eq!(class(&acted), Some(FailureClass::Retryable), "{acted:?}");
    assert_eq!(script.actions(), ["DescribeSnapshots"]);
}

#[tokio::test(start_paused = true)]
async fn where_one_moment_matters_a_refused_set_is_not_taken_one_by_one() {
    for (code, or_each, expected) in [
        ("IncorrectState", false, FailureClass::Conflict),
        ("UnauthorizedOperation", true, FailureClass::Denied),
        ("SnapshotCreationPerVolumeRateExceeded", true, FailureClass::Retryable),
    ] {
        let script = Script::new(move |request| match request.action.as_str() {
            "DescribeSnapshots" => Reply::ec2(NONE),
            "CreateSnapshots" => Reply::error(400, code, "no"),
            _ => Reply::ec2("<snapshotId>snap-00000003</snapshotId>"),
        });
        let together = Together { or_each, ..on_instance() };
        let acted = act(&script, &snapshots(&["data", "logs"], Some(together))).await;
        assert_eq!(class(&acted), Some(expected), "{code}");
        assert_eq!(script.actions(), ["DescribeSnapshots", "CreateSnapshots"], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_could_not_be_told_again_is_not_made() {
    let mut step = snapshots(&["data"], None);
    let Step::TakeSnapshots { sources, .. } = &mut step else { panic!() };
    sources[0].tags.remove("failover:id");
    let script = Script::of([]);
    assert_eq!(class(&act(&script, &step).await), Some(FailureClass::Invalid));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_before_a_snapshot_makes_none() {
    let script = Script::new(|_| Reply::error(503, "Unavailable", ""));
    let acted = act(&script, &snapshots(&["data"], None)).await;
    assert_eq!(class(&acted), Some(FailureClass::Retryable));
    assert!(script.actions().iter().all(|action| action == "DescribeSnapshots"), "{:?}", script.actions());
}

fn group() -> GroupName {
    GroupName::new("db-group").unwrap()
}

fn complete(result: HookResult) -> Step {
    Step::CompleteHook { group: group(), hook: HookName::new("failover-end").unwrap(), instance: instance(), result }
}

fn extend() -> Step {
    Step::ExtendHook { group: group(), hook: HookName::new("failover-end").unwrap(), instance: instance() }
}

fn replace() -> Step {
    Step::ReplaceMember { group: group(), instance: instance() }
}

fn no_active_action() -> Reply {
    let message = "No active Lifecycle Action found with instance ID i-00000000000000001";
    Reply::autoscaling_error(400, "ValidationError", message)
}

fn group_with(member: &str) -> Reply {
    Reply::autoscaling(&format!(
        "<AutoScalingGroups><member><AutoScalingGroupName>db-group</AutoScalingGroupName><MinSize>1</MinSize><MaxSize>1</MaxSize>\
         <DesiredCapacity>1</DesiredCapacity><Instances>{member}</Instances></member></AutoScalingGroups>"
    ))
}

fn member_in(lifecycle: &str) -> Reply {
    group_with(&format!(
        "<member><InstanceId>i-00000000000000001</InstanceId><AvailabilityZone>eu-central-1a</AvailabilityZone>\
         <LifecycleState>{lifecycle}</LifecycleState><HealthStatus>Healthy</HealthStatus></member>"
    ))
}

#[tokio::test(start_paused = true)]
async fn a_hook_is_completed_by_its_instance() {
    let script = Script::of([Reply::autoscaling(""), Reply::autoscaling("")]);
    let acted = act(&script, &complete(HookResult::Continue)).await;
    assert_eq!(acted, Acted { outcome: accepted(&[]), api_calls: 1 });
    act(&script, &complete(HookResult::Abandon)).await;
    let requests = script.requests();
    assert_eq!(script.actions(), ["CompleteLifecycleAction"; 2]);
    for part in [
        "AutoScalingGroupName=db-group",
        "LifecycleHookName=failover-end",
        "InstanceId=i-00000000000000001",
        "LifecycleActionResult=CONTINUE",
    ] {
        assert!(requests[0].has(part), "{part} in {:?}", requests[0]);
    }
    assert!(!requests[0].has("LifecycleActionToken"), "{:?}", requests[0]);
    assert!(requests[1].has("LifecycleActionResult=ABANDON"), "{:?}", requests[1]);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_holds_nothing_is_completed_already_and_cannot_be_extended() {
    let script = Script::of([no_active_action(), no_active_action()]);
    assert_eq!(act(&script, &complete(HookResult::Continue)).await.outcome, accepted(&[]));
    assert_eq!(class(&act(&script, &extend()).await), Some(FailureClass::Gone));
    assert_eq!(script.actions(), ["CompleteLifecycleAction", "RecordLifecycleActionHeartbeat"]);

    let no_hook = || Reply::autoscaling_error(400, "ValidationError", "No Lifecycle Hook found with name failover-end");
    let script = Script::of([no_hook(), no_hook(), Reply::autoscaling("")]);
    assert_eq!(class(&act(&script, &complete(HookResult::Continue)).await), Some(FailureClass::Invalid));
    assert_eq!(class(&act(&script, &extend()).await), Some(FailureClass::Invalid));
    assert_eq!(act(&script, &extend()).await.outcome, accepted(&[]));
    assert!(script.requests()[2].has("LifecycleHookName=failover-end") && script.requests()[2].has("InstanceId=i-"));
}

#[tokio::test(start_paused = true)]
async fn a_group_replaces_a_member_and_keeps_its_capacity() {
    let script = Script::of([Reply::autoscaling("")]);
    assert_eq!(act(&script, &replace()).await, Acted { outcome: accepted(&[]), api_calls: 1 });
    let request = &script.requests()[0];
    assert_eq!(request.action, "TerminateInstanceInAutoScalingGroup");
    assert!(request.has("ShouldDecrementDesiredCapacity=false") && request.has("InstanceId=i-"), "{request:?}");
    assert!(!request.has("AutoScalingGroupName"), "{request:?}");

    let message = "Instance Id not found - No managed instance found for instance ID i-00000000000000001";
    let script = Script::of([Reply::autoscaling_error(400, "ValidationError", message)]);
    assert_eq!(act(&script, &replace()).await.outcome, accepted(&[]));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_leaves_already_is_replaced_and_one_that_stays_is_not() {
    let busy = || Reply::autoscaling_error(400, "ScalingActivityInProgress", "a scaling activity is in progress");
    let wrong = || Reply::autoscaling_error(400, "ValidationError", "The instance is not in a state for it");
    let cases = [
        (busy(), member_in("Terminating:Wait"), None),
        (wrong(), member_in("Terminating"), None),
        (wrong(), group_with(""), None),
        (busy(), member_in("InService"), Some(FailureClass::Retryable)),
        (wrong(), member_in("InService"), Some(FailureClass::Invalid)),
        // A group that can't be seen is no proof.
        (busy(), Reply::autoscaling("<AutoScalingGroups/>"), Some(FailureClass::Retryable)),
        (wrong(), Reply::autoscaling_error(403, "AccessDenied", "no"), Some(FailureClass::Invalid)),
    ];
    for (refusal, observe, expected) in cases {
        let script = Script::of([refusal, observe]);
        let acted = act(&script, &replace()).await;
        assert_eq!(class(&acted), expected, "{acted:?}");
        assert_eq!(acted.api_calls, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_is_told_where_to_launch_and_of_nothing_else() {
    let subnet = |digit: u8| SubnetId::new(format!("subnet-0000000{digit}")).unwrap();
    let script = Script::of([Reply::autoscaling("")]);
    let step = |subnets| Step::SetSubnets { group: group(), subnets };
    assert_eq!(act(&script, &step(vec![subnet(1), subnet(2)])).await.outcome, accepted(&[]));
    let request = &script.requests()[0];
    assert!(request.has("VPCZoneIdentifier=subnet-00000001,subnet-00000002"), "{request:?}");
    assert!(["MinSize", "MaxSize", "DesiredCapacity", "Zones"].iter().all(|part| !request.has(part)), "{request:?}");

    let script = Script::of([]);
    assert_eq!(class(&act(&script, &step(vec![])).await), Some(FailureClass::Invalid));
}

#[tokio::test(start_paused = true)]
async fn what_a_group_answers_has_the_class_that_says_how_to_go_on_and_is_sent_once() {
    for (status, code, expected) in [
        (500, "ResourceContention", FailureClass::Retryable),
        (400, "Throttling", FailureClass::Retryable),
        (403, "AccessDenied", FailureClass::Denied),
        (400, "ValidationError", FailureClass::Invalid),
    ] {
        let reply = Reply::autoscaling_error(status, code, "…");
        let script = Script::new(move |_| reply.clone());
        for step in [complete(HookResult::Continue), extend()] {
            assert_eq!(class(&act(&script, &step).await), Some(expected), "{code}");
        }
        assert_eq!(script.requests().len(), 2, "{code}");
    }
    for (reply, expected) in
        [(Reply::Hang, FailureClass::UnknownOutcome), (Reply::Broken, FailureClass::UnknownOutcome)]
    {
        let script = Script::new(move |_| reply.clone());
        assert_eq!(class(&act(&script, &replace()).await), Some(expected));
        assert_eq!(script.requests().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_volume_is_empty() {
    let script = Script::of([Reply::ec2("<volumeId>vol-00000009</volumeId>")]);
    let Step::RestoreVolume { name, zone, shape, tags, client_token, .. } = restore("gp3", true) else { panic!() };
    let shape = VolumeShape { iops: None, throughput_mib_per_second: None, kms_key: None, ..shape };
    let acted = act(&script, &Step::CreateBlank { name, zone, shape, tags, client_token }).await;
    assert_eq!(acted, Acted { outcome: accepted(&["vol-00000009"]), api_calls: 1 });
    let request = &script.requests()[0];
    assert_eq!(request.action, "CreateVolume");
    for part in [
        "AvailabilityZone=eu-central-1b",
        "Size=20",
        "VolumeType=gp3",
        "Encrypted=true",
        "ClientToken=token-1",
        "TagSpecification.1.ResourceType=volume",
        "TagSpecification.1.Tag.1.Key=failover:service",
    ] {
        assert!(request.has(part), "{part} in {request:?}");
    }
    assert!(
        ["SnapshotId", "Iops", "Throughput", "KmsKeyId", "InitializationRate"].iter().all(|part| !request.has(part))
    );
}
