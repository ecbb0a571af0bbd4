#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use http::{HeaderMap, Method, StatusCode};

use super::MetadataAnswer;
use crate::Region;
use crate::faults::{Fault, InstanceFault};
use crate::setup::InstanceSetup;
use crate::setup::group::{GroupSetup, HookSetup};
use crate::test_support::{Sample, exact_sample, seconds};

fn ask(region: &Region, id: &str, method: &Method, path: &str, headers: &[(&'static str, &str)]) -> MetadataAnswer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    region.metadata(id, method, path, &map).expect("a running instance")
}

fn token(region: &Region, id: &str, ttl: &str) -> String {
    ask(region, id, &Method::PUT, "/latest/api/token", &[(super::TTL_HEADER, ttl)]).body
}

fn get(region: &Region, id: &str, path: &str) -> (u16, String) {
    let token = token(region, id, "60");
    let answer = ask(region, id, &Method::GET, &format!("/latest/{path}"), &[(super::TOKEN_HEADER, &token)]);
    (answer.status.as_u16(), answer.body)
}

#[tokio::test(start_paused = true)]
async fn a_token_comes_first_lasts_and_belongs_to_its_instance() {
    let Sample { region, first, second, .. } = exact_sample();
    let put =
        |headers: &[(&'static str, &str)]| ask(&region, &first, &Method::PUT, "/latest/api/token", headers).status;
    assert_eq!(put(&[]), StatusCode::BAD_REQUEST);
    assert_eq!(put(&[(super::TTL_HEADER, "21601")]), StatusCode::BAD_REQUEST);
    assert_eq!(put(&[(super::TTL_HEADER, "60"), ("x-forwarded-for", "10.0.0.1")]), StatusCode::FORBIDDEN);
    let read = |token: &str| {
        ask(&region, &first, &Method::GET, "/latest/meta-data/instance-id", &[(super::TOKEN_HEADER, token)])
    };
    assert_eq!(read("").status, StatusCode::UNAUTHORIZED);
    assert_eq!(read("AQAEnonsense").status, StatusCode::UNAUTHORIZED);
    let token = token(&region, &first, "30");
    assert_eq!(read(&token).body, first);
    region.inject(Fault::of_instance(second.clone(), InstanceFault::Start)).unwrap();
    let foreign =
        ask(&region, &second, &Method::GET, "/latest/meta-data/instance-id", &[(super::TOKEN_HEADER, &token)]);
    assert_eq!(foreign.status, StatusCode::UNAUTHORIZED);
    seconds(30).await;
    assert_eq!(read(&token).status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn items_are_what_the_region_knows() {
    let Sample { region, first, second, .. } = exact_sample();
    let id = region.add_instance(InstanceSetup {
        tags: [("failover:service".to_owned(), "db".to_owned()), ("a b".to_owned(), "hidden".to_owned())].into(),
        ..InstanceSetup::default()
    });
    for (path, expected) in [
        ("meta-data/instance-id", id.as_str()),
        ("meta-data/placement/availability-zone", "eu-central-1a"),
        ("meta-data/placement/region", "eu-central-1"),
        ("meta-data/tags/instance/failover:service", "db"),
        ("meta-data/tags/instance", "failover:service"),
        ("meta-data/iam/security-credentials/", "failover-instance"),
    ] {
        assert_eq!(get(&region, &id, path), (200, expected.to_owned()), "{path}");
    }
    for path in [
        "meta-data/public-ipv4",
        "meta-data/tags/instance/none",
        "meta-data/autoscaling/target-lifecycle-state",
        "meta-data/spot/instance-action",
        "meta-data/events/recommendations/rebalance",
        "meta-data/nonsense",
        "user-data",
    ] {
        assert_eq!(get(&region, &id, path).0, 404, "{path}");
    }
    let document: serde_json::Value =
        serde_json::from_str(&get(&region, &id, "dynamic/instance-identity/document").1).unwrap();
    assert_eq!((&document["instanceId"], &document["region"]), (&id.as_str().into(), &"eu-central-1".into()));
    let credentials: serde_json::Value =
        serde_json::from_str(&get(&region, &id, "meta-data/iam/security-credentials/failover-instance").1).unwrap();
    assert_eq!(credentials["Code"], "Success");
    assert_eq!(credentials["AccessKeyId"].as_str().unwrap().len(), 20);
    assert_eq!(get(&region, &first, "meta-data/public-ipv4").0, 200);
    region.inject(Fault::of_instance(id.clone(), InstanceFault::SpotWarning { stop: false })).unwrap();
    region.inject(Fault::of_instance(id.clone(), InstanceFault::Rebalance)).unwrap();
    assert!(get(&region, &id, "meta-data/spot/instance-action").1.contains("\"action\":\"terminate\""));
    assert!(get(&region, &id, "meta-data/events/recommendations/rebalance").1.contains("noticeTime"));
    // A stopped instance asks nothing.
    assert!(region.metadata(&second, &Method::GET, "/latest/meta-data/instance-id", &HeaderMap::new()).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_target_lifecycle_state_is_where_the_instance_is_going() {
    let region = crate::test_support::exact_region();
    region.add_group(GroupSetup {
        hooks: vec![HookSetup::launching("up"), HookSetup::terminating("down")],
        first: Some("eu-central-1a".to_owned()),
        ..GroupSetup::default()
    });
    let path = "meta-data/autoscaling/target-lifecycle-state";
    let id = region.group_members("group")[0].instance.clone();
    assert_eq!(get(&region, &id, path).1, "InService");
    region.inject(Fault::of_instance(id.clone(), InstanceFault::TerminateInGroup { decrement: false })).unwrap();
    assert_eq!(get(&region, &id, path).1, "Terminated");
    seconds(20).await;
    let replacement = region.group_members("group")[1].instance.clone();
    assert_eq!(region.group_members("group")[1].lifecycle_state, "Pending:Wait");
    assert_eq!(get(&region, &replacement, path).1, "InService");
}
