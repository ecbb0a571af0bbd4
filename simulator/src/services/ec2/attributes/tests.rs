//! Stop protection: what it holds, and what it does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::Region;
use crate::faults::{Fault, FaultError, GroupFault, InstanceFault};
use crate::setup::group::GroupSetup;
use crate::setup::{InstanceSetup, Setup};
use crate::test_support::{Sample, call, exact_sample, seconds, until};
use crate::timing::TimingModel;

async fn protect(region: &Region, id: &str, protected: bool) {
    let answer =
        call(region, format!("ModifyInstanceAttribute&InstanceId={id}&DisableApiStop.Value={protected}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn state(region: &Region, id: &str) -> String {
    call(region, format!("DescribeInstances&InstanceId.1={id}")).await.text("name").to_owned()
}

/// Every form of stop and the termination are refused, and nothing has happened.
async fn all_is_refused(region: &Region, id: &str) {
    for form in ["", "&Force=true", "&SkipOsShutdown=true", "&Force=true&SkipOsShutdown=true"] {
        let refused = call(region, format!("StopInstances&InstanceId.1={id}{form}")).await;
        assert_eq!(
            (refused.error(), refused.text("Message")),
            (
                (400, "OperationNotPermitted"),
                format!("The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.")
                    .as_str()
            ),
            "{form}"
        );
    }
    let refused = call(region, format!("TerminateInstances&InstanceId.1={id}")).await;
    assert_eq!(
        (refused.error(), refused.text("Message")),
        (
            (400, "OperationNotPermitted"),
            format!("The instance '{id}' may not be terminated. Modify its 'disableApiStop' instance attribute and try again.")
                .as_str()
        )
    );
    seconds(600).await;
    assert_eq!(state(region, id).await, "running");
}

#[tokio::test(start_paused = true)]
async fn a_protected_instance_is_neither_stopped_nor_terminated_over_the_api() {
    let Sample { region, first, second, .. } = exact_sample();
    protect(&region, &first, true).await;
    all_is_refused(&region, &first).await;
    let attribute = format!("DescribeInstanceAttribute&InstanceId={first}&Attribute=disableApiTermination");
    assert_eq!(call(&region, attribute).await.text("value"), "false", "AWS: the other attribute stays as it is");
    call(&region, format!("StartInstances&InstanceId.1={second}")).await;
    until(&region, format!("DescribeInstances&InstanceId.1={second}"), "name", "running").await;
    // One protected instance keeps the whole batch.
    let both = call(&region, format!("StopInstances&InstanceId.1={second}&InstanceId.2={first}")).await;
    assert_eq!(both.error(), (400, "OperationNotPermitted"));
    assert_eq!(state(&region, &second).await, "running");
    let by_hand = region.inject(Fault::of_instance(first.clone(), InstanceFault::Stop { force: true }));
    assert!(matches!(by_hand, Err(FaultError::Refused { .. })), "{by_hand:?}");
    assert_eq!(call(&region, format!("RebootInstances&InstanceId.1={first}")).await.status, 200);
    protect(&region, &first, false).await;
    assert_eq!(call(&region, format!("StopInstances&InstanceId.1={first}")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_guests_own_shutdown_is_not_held() {
    for (terminate, end) in [(false, "stopped"), (true, "terminated")] {
        let Sample { region, first, .. } = exact_sample();
        protect(&region, &first, true).await;
        region.inject(Fault::of_instance(first.clone(), InstanceFault::ShutDownOs { terminate })).unwrap();
        until(&region, format!("DescribeInstances&InstanceId.1={first}"), "name", end).await;
    }
}

/// A group of one, without hooks; the region and the member.
async fn protected_member() -> (Region, String) {
    let region = Region::new(Setup { timing: TimingModel::exact_calls(), ..Setup::default() });
    region.add_group(GroupSetup {
        name: "db".to_owned(),
        instance: InstanceSetup::default(),
        first: Some("eu-central-1a".to_owned()),
        ..GroupSetup::default()
    });
    let member = region.group_members("db")[0].instance.clone();
    protect(&region, &member, true).await;
    (region, member)
}

#[tokio::test(start_paused = true)]
async fn a_member_of_a_group_is_held_as_any_instance_but_not_from_its_group() {
    let (region, member) = protected_member().await;
    all_is_refused(&region, &member).await;
    let of_member = |fault| Fault::of_instance(member.clone(), fault);
    let group = Fault::Group { name: "db".to_owned(), fault: GroupFault::ScaleIn };
    for fault in [
        of_member(InstanceFault::TerminateInGroup { decrement: false }),
        of_member(InstanceFault::SetHealth { healthy: false }),
        group,
    ] {
        // One seed, one id: it is the same member in a region of its own.
        let (region, same) = protected_member().await;
        assert_eq!(same, member);
        region.inject(fault).unwrap();
        until(&region, format!("DescribeInstances&InstanceId.1={member}"), "name", "terminated").await;
    }
}
