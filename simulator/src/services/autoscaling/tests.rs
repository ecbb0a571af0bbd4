#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use http::Request;

use crate::Region;
use crate::faults::{CallFault, Fault};
use crate::setup::group::{GroupSetup, HookSetup};
use crate::test_support::exact_region;

/// Status and body of a call.
async fn call(region: &Region, query: &str) -> (u16, String) {
    let body = Bytes::from(format!("Version=2011-01-01&Action={query}"));
    let request = Request::post("http://autoscaling.eu-central-1.amazonaws.com/").body(body).unwrap();
    let response = region.call(request).await.unwrap();
    (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn answers_and_errors_have_the_envelopes_of_the_query_protocol() {
    let region = exact_region();
    let (status, body) = call(&region, "DescribeAutoScalingGroups").await;
    assert_eq!(status, 200);
    let head = "<DescribeAutoScalingGroupsResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><DescribeAutoScalingGroupsResult>";
    assert!(body.starts_with(head), "{body}");
    let (status, body) = call(&region, "SetDesiredCapacity&AutoScalingGroupName=none&DesiredCapacity=1").await;
    assert_eq!(status, 400);
    assert!(
        body.contains("<Type>Sender</Type><Code>ValidationError</Code><Message>AutoScalingGroup name not found"),
        "{body}"
    );
    for (query, code) in [
        ("MakeCoffee", "UnsupportedOperation"),
        ("DescribeAutoScalingGroups&Colour=blue", "UnsupportedOperation"),
        ("DescribeAutoScalingGroups&MaxRecords=many", "ValidationError"),
        ("CompleteLifecycleAction&AutoScalingGroupName.x.y=1", "ValidationError"),
        ("PutLifecycleHook&AutoScalingGroupName=", "ValidationError"),
    ] {
        let (status, body) = call(&region, query).await;
        assert_eq!(status, 400, "{query}");
        assert!(body.contains(&format!("<Code>{code}</Code>")), "{query}: {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn operations_without_a_result_have_none() {
    let region = exact_region();
    region.add_group(GroupSetup { sizes: [0, 2, 1], ..GroupSetup::default() });
    let (status, body) = call(&region, "SetDesiredCapacity&AutoScalingGroupName=group&DesiredCapacity=2").await;
    assert_eq!(status, 200);
    assert!(body.contains("<SetDesiredCapacityResponse") && !body.contains("Result>"), "{body}");
    assert_eq!(region.state()["groups"]["group"]["size"]["desired"], 2);
}

#[tokio::test(start_paused = true)]
async fn faults_of_calls_strike_auto_scaling_too() {
    let region = exact_region();
    region.add_group(GroupSetup { hooks: vec![HookSetup::terminating("down")], ..GroupSetup::default() });
    region.inject(Fault::Calls(CallFault::Throttle { action: None, for_seconds: 60.0, probability: 1.0 })).unwrap();
    assert!(call(&region, "DescribeAutoScalingGroups").await.1.contains("<Code>Throttling</Code>"));
    tokio::time::sleep(std::time::Duration::from_mins(2)).await;
    let fault = Fault::Calls(CallFault::Fail {
        action: "DescribeAutoScalingGroups".to_owned(),
        code: "ResourceContention".to_owned(),
        status: 500,
        count: 1,
        after_effect: false,
    });
    region.inject(fault).unwrap();
    let (status, body) = call(&region, "DescribeAutoScalingGroups").await;
    assert!(status == 500 && body.contains("<Type>Receiver</Type><Code>ResourceContention</Code>"), "{body}");
    assert_eq!(call(&region, "DescribeAutoScalingGroups").await.0, 200);
}
