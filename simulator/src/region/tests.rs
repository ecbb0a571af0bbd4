//! What every answer of a region has.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use http::{Request, Response};

use crate::Region;
use crate::faults::{CallFault, Fault};
use crate::setup::Setup;
use crate::test_support::{exact_region, seconds};
use crate::timing::{Distribution, TimingModel};

async fn ec2(region: &Region, action: &str) -> Response<Bytes> {
    let body = Bytes::from(format!("Version=2016-11-15&Action={action}"));
    region.call(Request::post("http://ec2.eu-central-1.amazonaws.com/").body(body).unwrap()).await.unwrap()
}

fn dates(response: &Response<Bytes>) -> Vec<&str> {
    response.headers().get_all("date").iter().map(|date| date.to_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_answer_tells_the_regions_time_errors_too() {
    let region = exact_region();
    assert_eq!(dates(&ec2(&region, "DescribeVolumes").await), ["Mon, 05 Jan 2026 09:00:00 GMT"]);
    seconds(3600 * 24 + 61).await;
    let now = ["Tue, 06 Jan 2026 09:01:01 GMT"];
    let refused = ec2(&region, "DescribeVolumes&VolumeId.1=vol-0123456789abcdef0").await;
    assert_eq!((refused.status().as_u16(), dates(&refused)), (400, now.to_vec()));
    let unknown = ec2(&region, "MakeCoffee").await;
    assert_eq!((unknown.status().as_u16(), dates(&unknown)), (400, now.to_vec()));
    let fault = CallFault::Fail {
        action: "DescribeVolumes".to_owned(),
        code: "InternalError".to_owned(),
        status: 500,
        count: 1,
        after_effect: false,
    };
    region.inject(Fault::Calls(fault)).unwrap();
    let failed = ec2(&region, "DescribeVolumes").await;
    assert_eq!((failed.status().as_u16(), dates(&failed)), (500, now.to_vec()));
    let json = Request::post("http://dynamodb.eu-central-1.amazonaws.com/")
        .header("x-amz-target", "DynamoDB_20120810.ListTables")
        .header("content-type", "application/x-amz-json-1.0")
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    let listed = region.call(json).await.unwrap();
    assert_eq!((listed.status().as_u16(), dates(&listed)), (200, now.to_vec()));
}

/// A client compares its clock with the moment at which the answer left, not with that of the effect.
#[tokio::test(start_paused = true)]
async fn an_answer_is_dated_when_it_leaves() {
    let mut timing = TimingModel::exact_calls();
    timing.calls.describe_latency = Distribution::fixed(30.0);
    let region = Region::new(Setup { timing, ..Setup::default() });
    assert_eq!(dates(&ec2(&region, "DescribeVolumes").await), ["Mon, 05 Jan 2026 09:00:30 GMT"]);
    region.record_calls(false);
    assert_eq!(dates(&ec2(&region, "DescribeVolumes").await), ["Mon, 05 Jan 2026 09:01:00 GMT"]);
}
