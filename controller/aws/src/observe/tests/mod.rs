//! Unknown is never absent; one call per part; by id where the tag can't be asked for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alarms;
mod unknown;

use std::time::Duration;

use failover_core::group::{HookResult, Lifecycle, Transition};
use failover_core::ids::{AddressId, AlarmName, GroupName, InstanceId, ServiceName, SnapshotId, SubnetId, VolumeId};
use failover_core::world::{AttachmentState, Check, InstanceState, Part, Sight, SnapshotState, VolumeState, World};
use tokio::time::Instant;

use super::Interest;
use crate::testing::{Reply, Request, Script, now};

const ONE: &str = "i-00000000000000001";
const TWO: &str = "i-00000000000000002";
const THREE: &str = "i-00000000000000003";

fn interest(service: &str, members: &[&str]) -> Interest {
    let mut interest = Interest::new(ServiceName::new(service).unwrap());
    interest.members = members.iter().map(|id| InstanceId::new(*id).unwrap()).collect();
    interest
}

fn id(text: &str) -> InstanceId {
    InstanceId::new(text).unwrap()
}

fn instance(id: &str, service: &str, state: &str) -> String {
    format!(
        "<item><instancesSet><item><instanceId>{id}</instanceId><instanceState><name>{state}</name></instanceState>\
         <placement><availabilityZone>eu-central-1a</availabilityZone></placement>\
         <tagSet><item><key>failover:service</key><value>{service}</value></item></tagSet>\
         <blockDeviceMapping><item><deviceName>/dev/sdf</deviceName><ebs><volumeId>vol-00000001</volumeId></ebs></item></blockDeviceMapping>\
         </item></instancesSet></item>"
    )
}

fn reservations(items: &[String]) -> Reply {
    Reply::ec2(&format!("<reservationSet>{}</reservationSet>", items.concat()))
}

fn statuses(ids: &[&str]) -> Reply {
    let item = |id: &&str| {
        format!(
            "<item><instanceId>{id}</instanceId><systemStatus><status>ok</status></systemStatus>\
             <instanceStatus><status>impaired</status></instanceStatus></item>"
        )
    };
    Reply::ec2(&format!("<instanceStatusSet>{}</instanceStatusSet>", ids.iter().map(item).collect::<String>()))
}

async fn observe(script: &Script, interest: &Interest, parts: &[Part]) -> World {
    let mut world = World::unseen(now());
    script.aws().observe(interest, parts, &mut world).await;
    world
}

#[tokio::test(start_paused = true)]
async fn one_call_tells_of_all_instances_when_the_tag_shows_them() {
    let script = Script::of([reservations(&[instance(ONE, "db", "running"), instance(TWO, "db", "stopped")])]);
    let world = observe(&script, &interest("db", &[ONE, TWO]), &[Part::Instances]).await;
    assert_eq!(world.instances.get(&id(ONE)).unwrap().state, InstanceState::Running);
    assert_eq!(world.instances.get(&id(TWO)).unwrap().state, InstanceState::Stopped);
    assert_eq!(world.instances.get(&id(ONE)).unwrap().devices["/dev/sdf"].as_str(), "vol-00000001");
    assert_eq!(world.instances.complete.at(), now());
    let request = &script.requests()[0];
    assert!(request.has("Filter.1.Name=tag:failover:service") && request.has("Filter.1.Value.1=db"), "{request:?}");
    // Parts that were not asked for stay as they were.
    assert!(matches!(world.volumes.sight(&VolumeId::new("vol-00000001").unwrap()), Sight::Unknown(_)));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_the_tag_does_not_show_is_asked_for_by_id() {
    let script = Script::new(|request| match request {
        it if it.has("Filter.1.Name") => reservations(&[]),
        it if it.has(ONE) => reservations(&[instance(ONE, "db", "terminated")]),
        _ => Reply::error(400, "InvalidInstanceID.NotFound", "The instance ID does not exist"),
    });
    let world = observe(&script, &interest("db", &[ONE, TWO]), &[Part::Instances]).await;
    assert_eq!(world.instances.get(&id(ONE)).unwrap().state, InstanceState::Terminated);
    assert_eq!(world.instances.sight(&id(TWO)), Sight::Absent);
    assert_eq!(script.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_down_hides_its_own_instances_only() {
    let script = Script::new(|request| match request {
        it if it.has("InstanceId.1=") && it.has(ONE) => reservations(&[instance(ONE, "db", "running")]),
        _ => Reply::error(500, "InternalError", "An internal error has occurred"),
    });
    let world = observe(&script, &interest("db", &[ONE, TWO]), &[Part::Instances]).await;
    assert!(!world.instances.is_complete());
    assert_eq!(world.instances.get(&id(ONE)).unwrap().state, InstanceState::Running);
    let Sight::Unknown(why) = world.instances.sight(&id(TWO)) else { panic!("{:?}", world.instances) };
    assert!(why.contains("InternalError"), "{why}");
    let stranger = id("i-0000000000000000a");
    assert!(
        matches!(world.instances.sight(&stranger), Sight::Unknown(_)),
        "a failed call must not make anything absent"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_that_hang_end_in_time_and_the_rest_is_known_soon() {
    let script = Script::new(|request| match request {
        it if it.has("InstanceId.1=") && it.has(ONE) => reservations(&[instance(ONE, "db", "running")]),
        _ => Reply::Hang,
    });
    let start = Instant::now();
    let world = observe(&script, &interest("db", &[ONE, TWO]), &[Part::Instances]).await;
    assert!(start.elapsed() <= Duration::from_millis(10_100), "{:?}", start.elapsed());
    assert_eq!(world.instances.get(&id(ONE)).unwrap().state, InstanceState::Running);
    let Sight::Unknown(why) = world.instances.sight(&id(TWO)) else { panic!() };
    assert!(why.contains("Timeout"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_by_tag_still_counts() {
    let slow = |request: &Request| {
        if request.has("Filter.1.Name") {
            return Reply::Later(Duration::from_secs(4), Box::new(reservations(&[instance(TWO, "db", "running")])));
        }
        reservations(&[instance(ONE, "db", "stopped")])
    };
    let script = Script::new(slow);
    let world = observe(&script, &interest("db", &[ONE]), &[Part::Instances]).await;
    assert!(world.instances.is_complete());
    assert_eq!(world.instances.iter_known().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_allowed_is_not_asked_for_again_by_id() {
    let script = Script::new(|_| Reply::error(403, "UnauthorizedOperation", "You are not authorized"));
    let world = observe(&script, &interest("db", &[ONE, TWO]), &[Part::Instances]).await;
    assert_eq!(script.requests().len(), 1);
    assert!(matches!(world.instances.sight(&id(ONE)), Sight::Unknown(why) if why.contains("UnauthorizedOperation")));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_we_do_not_know_is_named_and_not_guessed() {
    let script = Script::of([reservations(&[instance(ONE, "db", "hibernating")])]);
    let world = observe(&script, &interest("db", &[ONE]), &[Part::Instances]).await;
    assert!(matches!(world.instances.sight(&id(ONE)), Sight::Unknown(why) if why.contains("hibernating")));
}

#[tokio::test(start_paused = true)]
async fn a_thing_without_a_usable_id_makes_the_list_incomplete() {
    let script = Script::of([reservations(&[instance("j-1", "db", "running"), instance(ONE, "db", "running")])]);
    let world = observe(&script, &interest("db", &[ONE]), &[Part::Instances]).await;
    assert!(!world.instances.is_complete());
    assert!(world.instances.get(&id(ONE)).is_some());
}

#[tokio::test(start_paused = true)]
async fn pages_are_read_to_the_end_and_a_lost_page_makes_the_list_unknown() {
    let page = |next: &str, id: &str| {
        let token = if next.is_empty() { String::new() } else { format!("<nextToken>{next}</nextToken>") };
        Reply::ec2(&format!("<reservationSet>{}</reservationSet>{token}", instance(id, "db", "running")))
    };
    let script = Script::of([page("t1", ONE), page("", TWO)]);
    let world = observe(&script, &interest("db", &[ONE, TWO]), &[Part::Instances]).await;
    assert_eq!(world.instances.iter_known().count(), 2);
    assert!(script.requests()[1].has("NextToken=t1"));

    let denied = Reply::error(403, "UnauthorizedOperation", "no");
    let script = Script::of([page("t1", ONE), denied]);
    let world = observe(&script, &interest("db", &[ONE, TWO]), &[Part::Instances]).await;
    assert!(!world.instances.is_complete());
}

#[tokio::test(start_paused = true)]
async fn checks_of_stopped_instances_are_absent_and_those_not_asked_for_unknown() {
    let script = Script::of([
        reservations(&[instance(ONE, "db", "running"), instance("i-0000000000000000b", "db", "pending")]),
        statuses(&[ONE]),
    ]);
    let world = observe(&script, &interest("db", &[ONE]), &[Part::Instances, Part::Checks]).await;
    let checks = world.checks.get(&id(ONE)).unwrap();
    assert_eq!(
        (checks.system, checks.instance, checks.attached_ebs),
        (Check::Ok, Check::Impaired, Check::NotApplicable)
    );
    assert!(matches!(world.checks.sight(&id("i-0000000000000000b")), Sight::Unknown(_)));
    assert!(script.requests()[1].has("InstanceId.1="));
}

#[tokio::test(start_paused = true)]
async fn checks_of_a_service_that_is_new_wait_for_its_instances() {
    let script =
        Script::of([reservations(&[instance(ONE, "db", "running"), instance(TWO, "db", "stopped")]), statuses(&[ONE])]);
    let world = observe(&script, &interest("db", &[]), &[Part::Checks, Part::Instances]).await;
    assert!(world.checks.get(&id(ONE)).is_some());
    assert_eq!(world.checks.sight(&id(TWO)), Sight::Absent);
    assert_eq!(script.actions(), ["DescribeInstances", "DescribeInstanceStatus"]);
}

#[tokio::test(start_paused = true)]
async fn one_unknown_id_does_not_hide_the_checks_of_the_others() {
    let script = Script::new(|request| match request {
        it if it.has(TWO) => Reply::error(400, "InvalidInstanceID.NotFound", "does not exist"),
        _ => statuses(&[ONE]),
    });
    let world = observe(&script, &interest("db", &[ONE, TWO]), &[Part::Checks]).await;
    assert!(world.checks.get(&id(ONE)).is_some());
    assert_eq!(world.checks.sight(&id(TWO)), Sight::Absent);
}

const VOLUME: &str = "<volumeSet><item><volumeId>vol-00000001</volumeId><size>20</size><snapshotId>snap-00000001</snapshotId>\
    <availabilityZone>eu-central-1a</availabilityZone><status>in-use</status><createTime>2026-01-01T00:00:00.000Z</createTime>\
    <attachmentSet><item><volumeId>vol-00000001</volumeId><instanceId>i-00000000000000001</instanceId><device>/dev/sdf</device>\
    <status>busy</status></item></attachmentSet><volumeType>gp3</volumeType><iops>3000</iops><throughput>125</throughput>\
    <encrypted>true</encrypted><kmsKeyId>arn:key</kmsKeyId></item></volumeSet>";

#[tokio::test(start_paused = true)]
async fn a_volume_is_read_whole() {
    let script = Script::of([Reply::ec2(VOLUME)]);
    let world = observe(&script, &interest("db", &[]), &[Part::Volumes]).await;
    let volume = world.volumes.get(&VolumeId::new("vol-00000001").unwrap()).unwrap();
    assert_eq!(volume.state, VolumeState::InUse);
    assert_eq!(volume.attachments[0].state, AttachmentState::Busy);
    assert_eq!(
        (volume.shape.size_gib, volume.shape.iops, volume.shape.throughput_mib_per_second),
        (20, Some(3000), Some(125))
    );
    assert_eq!((volume.shape.encrypted, volume.shape.kms_key.as_deref()), (true, Some("arn:key")));
    assert_eq!(volume.restored_from.as_ref().unwrap().as_str(), "snap-00000001");
}

#[tokio::test(start_paused = true)]
async fn a_volume_without_a_key_is_not_encrypted() {
    let plain =
        VOLUME.replace("<encrypted>true</encrypted><kmsKeyId>arn:key</kmsKeyId>", "<encrypted>false</encrypted>");
    let plain = plain.replace("<iops>3000</iops><throughput>125</throughput>", "");
    for text in [plain.clone(), plain.replace("<encrypted>false</encrypted>", "")] {
        let world = observe(&Script::of([Reply::ec2(&text)]), &interest("db", &[]), &[Part::Volumes]).await;
        let shape = &world.volumes.get(&VolumeId::new("vol-00000001").unwrap()).unwrap().shape;
        assert_eq!((shape.encrypted, &shape.kms_key), (false, &None));
        assert_eq!((shape.iops, shape.throughput_mib_per_second), (None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn an_archived_snapshot_is_not_one_to_restore_from() {
    let item = |id: &str, state: &str, more: &str| {
        format!(
            "<item><snapshotId>{id}</snapshotId><volumeId>vol-00000001</volumeId><status>{state}</status>\
             <startTime>2026-01-01T00:00:00.000Z</startTime><volumeSize>20</volumeSize>{more}</item>"
        )
    };
    let items = [
        item("snap-00000001", "pending", "<progress>80%</progress>"),
        item("snap-00000002", "completed", ""),
        item("snap-00000003", "completed", "<storageTier>archive</storageTier>"),
        item("snap-00000004", "melting", ""),
    ];
    let script = Script::of([Reply::ec2(&format!("<snapshotSet>{}</snapshotSet>", items.concat()))]);
    let world = observe(&script, &interest("db", &[]), &[Part::Snapshots]).await;
    let snapshot =
        |id: &str| world.snapshots.get(&SnapshotId::new(id).unwrap()).map(|it| (it.state, it.progress_percent));
    assert_eq!(snapshot("snap-00000001"), Some((SnapshotState::Pending, 80)));
    assert_eq!(snapshot("snap-00000002"), Some((SnapshotState::Completed, 100)));
    assert_eq!(snapshot("snap-00000003").unwrap().0, SnapshotState::Error);
    assert_eq!(snapshot("snap-00000004"), None);
    assert!(script.requests()[0].has("Owner.1=self"));
}

#[tokio::test(start_paused = true)]
async fn an_address_of_the_spec_is_found_without_its_tag() {
    let address = "<addressesSet><item><allocationId>eipalloc-00000001</allocationId><publicIp>203.0.113.1</publicIp>\
        <instanceId></instanceId></item></addressesSet>";
    let script = Script::of([Reply::ec2("<addressesSet/>"), Reply::ec2(address)]);
    let mut interest = interest("db", &[]);
    let allocation: AddressId = "eipalloc-00000001".parse().unwrap();
    interest.addresses.insert(allocation.clone());
    let world = observe(&script, &interest, &[Part::Addresses]).await;
    assert_eq!(world.addresses.get(&allocation).unwrap().instance, None);
    assert!(script.requests()[1].has("AllocationId.1=eipalloc-00000001"));
}

#[tokio::test(start_paused = true)]
async fn without_alarms_nothing_is_asked_and_with_them_a_failure_is_unknown() {
    let script = Script::of([]);
    let world = observe(&script, &interest("db", &[]), &[Part::Alarms]).await;
    assert!(world.alarms.is_complete());

    let script = Script::new(|_| Reply::Broken);
    let mut interest = interest("db", &[]);
    let alarm = AlarmName::new("db-status").unwrap();
    interest.alarms.insert(alarm.clone());
    let world = observe(&script, &interest, &[Part::Alarms]).await;
    assert!(matches!(world.alarms.sight(&alarm), Sight::Unknown(why) if why.contains("NoAnswer")));
    assert_eq!(script.actions(), ["DescribeAlarms"; 3]);
}

#[tokio::test(start_paused = true)]
async fn all_services_are_looked_at_in_calls_that_do_not_grow_with_them() {
    let ids: Vec<String> = (0..300).map(|number| format!("i-{number:017x}")).collect();
    let items: Vec<String> =
        ids.iter().enumerate().map(|(at, id)| instance(id, &format!("s{}", at / 2), "running")).collect();
    let answer = reservations(&items);
    let checks = statuses(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let script = Script::new(move |request| match request.action.as_str() {
        "DescribeInstances" => answer.clone(),
        "DescribeInstanceStatus" => checks.clone(),
        _ => Reply::ec2(""),
    });
    let interests: Vec<Interest> =
        (0..150).map(|at| interest(&format!("s{at}"), &[ids[2 * at].as_str(), ids[2 * at + 1].as_str()])).collect();
    let worlds = script.aws().observe_all(&interests).await;
    assert_eq!(script.requests().len(), 5);
    assert_eq!(worlds.len(), 150);
    for interest in &interests {
        let world = &worlds[&interest.service];
        assert_eq!(
            world.instances.iter_known().map(|(id, _)| id.clone()).collect::<std::collections::BTreeSet<_>>(),
            interest.members
        );
        assert_eq!(world.checks.iter_known().count(), 2);
        assert!(world.volumes.is_complete());
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_tick_in_a_zone_outage_still_knows_the_healthy_members() {
    let script = Script::new(|request| match request {
        it if it.action == "DescribeInstances" && it.has("InstanceId.1=") && it.has(ONE) => {
            reservations(&[instance(ONE, "db", "running")])
        }
        it if it.action == "DescribeInstances" => Reply::error(503, "Unavailable", "zone"),
        _ => Reply::ec2(""),
    });
    let db = interest("db", &[ONE, TWO]);
    let worlds = script.aws().observe_all(std::slice::from_ref(&db)).await;
    let world = &worlds[&db.service];
    assert!(world.instances.get(&id(ONE)).is_some());
    assert!(matches!(world.instances.sight(&id(TWO)), Sight::Unknown(_)));
    assert!(!world.instances.is_complete());
}

const GROUP: &str = "db-group";

fn group_name() -> GroupName {
    GroupName::new(GROUP).unwrap()
}

fn member(id: &str, lifecycle: &str) -> String {
    format!(
        "<member><InstanceId>{id}</InstanceId><AvailabilityZone>eu-central-1a</AvailabilityZone>\
         <LifecycleState>{lifecycle}</LifecycleState><HealthStatus>Healthy</HealthStatus></member>"
    )
}

fn group(name: &str, service: &str, members: &[String]) -> String {
    format!(
        "<member><AutoScalingGroupName>{name}</AutoScalingGroupName><MinSize>1</MinSize><MaxSize>2</MaxSize>\
         <DesiredCapacity>1</DesiredCapacity><VPCZoneIdentifier>subnet-0000000b,subnet-0000000a</VPCZoneIdentifier>\
         <AvailabilityZones><member>eu-central-1a</member><member>eu-central-1b</member></AvailabilityZones>\
         <SuspendedProcesses><member><ProcessName>AZRebalance</ProcessName></member></SuspendedProcesses>\
         <Tags><member><Key>failover:service</Key><Value>{service}</Value></member></Tags>\
         <Instances>{}</Instances></member>",
        members.concat()
    )
}

fn groups(items: &[String]) -> Reply {
    Reply::autoscaling(&format!("<AutoScalingGroups>{}</AutoScalingGroups>", items.concat()))
}

fn hooks() -> Reply {
    let hook = |name: &str, transition: &str| {
        format!(
            "<member><LifecycleHookName>{name}</LifecycleHookName><LifecycleTransition>autoscaling:{transition}</LifecycleTransition>\
             <HeartbeatTimeout>300</HeartbeatTimeout></member>"
        )
    };
    let all = [
        hook("failover-launch", "EC2_INSTANCE_LAUNCHING"),
        hook("failover-end", "EC2_INSTANCE_TERMINATING"),
        hook("of-times-to-come", "EC2_INSTANCE_DREAMING"),
    ];
    Reply::autoscaling(&format!("<LifecycleHooks>{}</LifecycleHooks>", all.concat()))
}

fn subnets() -> Reply {
    let subnet = |id: &str, zone: &str| {
        format!("<item><subnetId>{id}</subnetId><availabilityZone>{zone}</availabilityZone></item>")
    };
    Reply::ec2(&format!(
        "<subnetSet>{}{}</subnetSet>",
        subnet("subnet-0000000a", "eu-central-1a"),
        subnet("subnet-0000000b", "eu-central-1b")
    ))
}

fn grouped(service: &str, named: &[&str]) -> Interest {
    let mut interest = interest(service, &[]);
    interest.groups = Some(named.iter().map(|name| GroupName::new(*name).unwrap()).collect());
    interest
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_group_asks_for_none() {
    let script = Script::of([]);
    let world = observe(&script, &interest("db", &[]), &[Part::Groups]).await;
    assert!(world.groups.is_complete() && world.groups.items.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_is_read_whole_with_its_hooks_and_the_zones_of_its_subnets() {
    let script = Script::new(|request| match request.action.as_str() {
        "DescribeAutoScalingGroups" => {
            groups(&[group(GROUP, "db", &[member(ONE, "Pending:Wait"), member(TWO, "Warmed:Stopped")])])
        }
        "DescribeLifecycleHooks" => hooks(),
        "DescribeSubnets" => subnets(),
        _ => Reply::Broken,
    });
    let aws = script.aws();
    let mut world = World::unseen(now());
    let interest = grouped("db", &[GROUP]);
    aws.observe(&interest, &[Part::Groups], &mut world).await;
    let seen = world.groups.get(&group_name()).unwrap();
    assert_eq!((seen.min, seen.max, seen.desired), (1, 2, 1));
    assert_eq!(seen.members[&id(ONE)].lifecycle, Lifecycle::PendingWait);
    assert!(seen.members[&id(ONE)].healthy);
    assert_eq!(seen.members[&id(TWO)].lifecycle, Lifecycle::Other("Warmed:Stopped".to_owned()));
    assert_eq!(seen.zones.len(), 2);
    assert_eq!(seen.suspended.iter().collect::<Vec<_>>(), ["AZRebalance"]);
    assert_eq!(seen.subnets.iter().map(SubnetId::as_str).collect::<Vec<_>>(), ["subnet-0000000b", "subnet-0000000a"]);
    let zones: Vec<_> = seen.subnets.iter().map(|subnet| seen.subnet_zones[subnet].as_str()).collect();
    assert_eq!(zones, ["eu-central-1b", "eu-central-1a"]);
    let hooks: Vec<_> = seen.hooks.iter().map(|(name, hook)| (name.as_str(), hook.transition)).collect();
    assert_eq!(hooks, [("failover-end", Transition::Terminating), ("failover-launch", Transition::Launching)]);
    assert_eq!(seen.hooks.values().next().unwrap().heartbeat_timeout_seconds, 300);
    let first = &script.requests()[0];
    assert!(first.has("Filters.member.1.Name=tag:failover:service") && first.has("Values.member.1=db"), "{first:?}");

    // A subnet never changes its zone.
    aws.observe(&interest, &[Part::Groups], &mut world).await;
    assert_eq!(world.groups.get(&group_name()).unwrap().subnet_zones.len(), 2);
    let mut asked = script.actions()[..3].to_vec();
    asked.sort();
    assert_eq!(asked, ["DescribeAutoScalingGroups", "DescribeLifecycleHooks", "DescribeSubnets"]);
    assert_eq!(script.actions()[3..], ["DescribeAutoScalingGroups", "DescribeLifecycleHooks"]);
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_member_and_a_hook_that_lets_go_are_seen_as_such() {
    let script = Script::new(|request| match request.action.as_str() {
        "DescribeAutoScalingGroups" => {
            let ill = member(TWO, "InService").replace("Healthy", "Unhealthy");
            let unsaid = member(THREE, "InService").replace("<HealthStatus>Healthy</HealthStatus>", "");
            groups(&[group(GROUP, "db", &[member(ONE, "InService").replace("Healthy", "HEALTHY"), ill, unsaid])])
        }
        "DescribeLifecycleHooks" => {
            let hook = |name: &str, result: &str| {
                format!(
                    "<member><LifecycleHookName>{name}</LifecycleHookName>\
                     <LifecycleTransition>autoscaling:EC2_INSTANCE_TERMINATING</LifecycleTransition>\
                     <HeartbeatTimeout>300</HeartbeatTimeout>{result}</member>"
                )
            };
            let result = |text: &str| format!("<DefaultResult>{text}</DefaultResult>");
            let all = [hook("goes", &result("CONTINUE")), hook("stays", &result("ABANDON")), hook("unsaid", "")];
            Reply::autoscaling(&format!("<LifecycleHooks>{}</LifecycleHooks>", all.concat()))
        }
        _ => subnets(),
    });
    let world = observe(&script, &grouped("db", &[]), &[Part::Groups]).await;
    let seen = world.groups.get(&group_name()).unwrap();
    assert_eq!([ONE, TWO, THREE].map(|member| seen.members[&id(member)].healthy), [true, false, false]);
    let results: Vec<_> = seen.hooks.iter().map(|(name, hook)| (name.as_str(), hook.default_result)).collect();
    assert_eq!(
        results,
        [("goes", HookResult::Continue), ("stays", HookResult::Abandon), ("unsaid", HookResult::Abandon)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_named_group_is_found_without_its_tag_and_one_that_is_not_there_is_absent() {
    let script = Script::new(|request| match request.action.as_str() {
        "DescribeAutoScalingGroups" if request.has("AutoScalingGroupNames.member.1=db-group") => {
            groups(&[group(GROUP, "", &[])])
        }
        "DescribeAutoScalingGroups" => groups(&[]),
        "DescribeLifecycleHooks" => hooks(),
        _ => subnets(),
    });
    let world = observe(&script, &grouped("db", &[GROUP, "gone"]), &[Part::Groups]).await;
    assert!(world.groups.get(&group_name()).is_some());
    assert_eq!(world.groups.sight(&GroupName::new("gone").unwrap()), Sight::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_group_without_readable_hooks_or_numbers_is_unknown_and_names_why() {
    let denied = |request: &Request| match request.action.as_str() {
        "DescribeAutoScalingGroups" => groups(&[group(GROUP, "db", &[])]),
        "DescribeLifecycleHooks" => Reply::autoscaling_error(403, "AccessDenied", "no hooks for you"),
        _ => Reply::error(500, "InternalError", ""),
    };
    let world = observe(&Script::new(denied), &grouped("db", &[]), &[Part::Groups]).await;
    assert!(world.groups.is_complete());
    assert!(matches!(world.groups.sight(&group_name()), Sight::Unknown(why) if why.contains("no hooks for you")));

    for (wrong, right) in
        [("<MinSize>-1</MinSize>", "<MinSize>1</MinSize>"), ("subnet-XYZ", "subnet-0000000b"), ("i-XYZ", ONE)]
    {
        let bad = group(GROUP, "db", &[member(ONE, "InService")]).replace(right, wrong);
        let script = Script::of([groups(&[bad])]);
        let world = observe(&script, &grouped("db", &[]), &[Part::Groups]).await;
        let named = if wrong.contains("-1<") { "-1" } else { wrong };
        assert!(matches!(world.groups.sight(&group_name()), Sight::Unknown(why) if why.contains(named)), "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn groups_that_cannot_be_seen_are_unknown_and_not_absent() {
    let script = Script::new(|_| Reply::autoscaling_error(403, "AccessDenied", "no"));
    let world = observe(&script, &grouped("db", &[GROUP]), &[Part::Groups]).await;
    assert!(!world.groups.is_complete());
    assert!(matches!(world.groups.sight(&group_name()), Sight::Unknown(why) if why.contains("AccessDenied")));
    assert_eq!(script.actions(), ["DescribeAutoScalingGroups"]);
}

#[tokio::test(start_paused = true)]
async fn zones_that_cannot_be_seen_are_missing_and_hide_no_group() {
    let script = Script::new(|request| match request {
        it if it.action == "DescribeAutoScalingGroups" => groups(&[group(GROUP, "db", &[])]),
        it if it.action == "DescribeLifecycleHooks" => hooks(),
        it if it.has("subnet-0000000a") && !it.has("subnet-0000000b") => subnets(),
        _ => Reply::error(500, "InternalError", "zone"),
    });
    let world = observe(&script, &grouped("db", &[]), &[Part::Groups]).await;
    let seen = world.groups.get(&group_name()).unwrap();
    assert!(seen.subnet_zones.contains_key(&SubnetId::new("subnet-0000000a").unwrap()), "{seen:?}");
    assert_eq!(seen.hooks.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_does_not_carry_the_tag_is_seen_all_the_same() {
    let script = Script::new(|request| match request.action.as_str() {
        "DescribeAutoScalingGroups" => groups(&[group(
            GROUP,
            "db",
            &[member(ONE, "InService"), member(TWO, "Pending"), member(THREE, "Terminating")],
        )]),
        "DescribeInstances" if request.has("Filter.1.Name") => reservations(&[]),
        "DescribeInstances" if request.has(ONE) => reservations(&[instance(ONE, "", "running")]),
        "DescribeInstances" => Reply::error(400, "InvalidInstanceID.NotFound", "does not exist"),
        "DescribeLifecycleHooks" => hooks(),
        _ => subnets(),
    });
    let db = grouped("db", &[]);
    let world = observe(&script, &db, &[Part::Instances, Part::Groups]).await;
    let worlds = script.aws().observe_all(std::slice::from_ref(&db)).await;
    for world in [&world, &worlds[&db.service]] {
        assert_eq!(world.instances.get(&id(ONE)).unwrap().state, InstanceState::Running);
        // What was just launched may not be known everywhere yet; what ends may be known no more.
        assert!(matches!(world.instances.sight(&id(TWO)), Sight::Unknown(_)));
        assert_eq!(world.instances.sight(&id(THREE)), Sight::Absent);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_tick_reads_hooks_only_where_one_holds_an_instance() {
    let script = Script::new(|request| match request.action.as_str() {
        "DescribeAutoScalingGroups" => groups(&[
            group("calm", "s1", &[member(ONE, "InService")]),
            group("held", "s2", &[member(TWO, "Terminating:Wait")]),
        ]),
        "DescribeLifecycleHooks" => hooks(),
        "DescribeInstances" => reservations(&[instance(ONE, "s1", "running"), instance(TWO, "s2", "running")]),
        _ => Reply::ec2(""),
    });
    let interests = [grouped("s1", &[]), grouped("s2", &[]), interest("s3", &[])];
    let worlds = script.aws().observe_all(&interests).await;
    let of = |service: &str, name: &str| {
        worlds[&ServiceName::new(service).unwrap()].groups.get(&GroupName::new(name).unwrap()).cloned()
    };
    assert_eq!(of("s1", "calm").unwrap().hooks.len(), 0);
    assert_eq!(of("s2", "held").unwrap().hooks.len(), 2);
    assert_eq!(of("s1", "held"), None);
    assert!(worlds[&interests[2].service].groups.items.is_empty());
    let asked: Vec<_> = script.requests().into_iter().filter(|it| it.action == "DescribeLifecycleHooks").collect();
    assert!(asked.len() == 1 && asked[0].has("AutoScalingGroupName=held"), "{asked:?}");
    assert_eq!(script.actions().iter().filter(|action| *action == "DescribeSubnets").count(), 0);
}
