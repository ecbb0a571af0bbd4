//! Bad input of every kind, through the Lambda's own code: a clear error or a refusal, and nothing is changed in AWS.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use failover_core::ids::ServiceName;
use failover_core::ledger::Ledger;
use failover_engine::{Deadline, Engine, Names};
use failover_lambda::handle;
use failover_scenarios::Agents;
use failover_scenarios::embedded;
use failover_scenarios::layout::{Made, REGION, SERVICE, Standby};
use failover_simulator::faults::InstanceFault;
use failover_simulator::setup::DataName;
use failover_simulator::{AddressSetup, Fault, Region, Setup, VolumeSetup};
use serde_json::{Value, json};

const LAYOUT: Standby = Standby {
    standbys: &[('b', true)],
    volumes: &["data"],
    encrypted: false,
    confirm_seconds: 20,
    agents: Agents::None,
    spec: "",
};

struct Bench {
    region: Region,
    made: Made,
    engine: Engine,
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

impl Bench {
    async fn new() -> Self {
        let region = Region::new(Setup { seed: 3, region_name: REGION.to_owned(), ..Setup::default() });
        let made = LAYOUT.build(&region);
        let engine = embedded::engine(&region, REGION, &Names::default(), "test");
        engine.store().create_table().await.unwrap();
        engine.apply(&LAYOUT.failover_toml()).await.unwrap();
        Self { region, made, engine }
    }

    async fn ledger(&self) -> Ledger {
        self.engine.store().read(&ServiceName::new(SERVICE).unwrap()).await.unwrap().unwrap().ledger
    }

    /// Calls of EC2 that change something.
    fn changes(&self) -> u64 {
        let counts = self.region.call_counts();
        counts
            .iter()
            .filter(|((service, action), _)| *service == "ec2" && !action.starts_with("Describe"))
            .map(|(_, count)| count)
            .sum()
    }

    fn stop_active(&self) -> Value {
        let active = self.made.active.clone().unwrap();
        self.region.inject(Fault::of_instance(active.clone(), InstanceFault::Stop { force: true })).unwrap();
        json!({
            "version": "0", "id": "1", "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2",
            "account": "123456789012", "time": "2026-01-05T09:00:00Z", "region": REGION,
            "resources": [format!("arn:aws:ec2:{REGION}:123456789012:instance/{active}")],
            "detail": { "instance-id": active, "state": "stopped" }
        })
    }

    /// The event leads to a refusal that says why, and to no change.
    async fn is_refused_because(&self, words: &[&str]) {
        // AWS's reads lag: a resource that was made just now may not be listed yet.
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        let event = self.stop_active();
        handle(&self.engine, event, Deadline::none()).await.unwrap();
        let refused = self.ledger().await.refused.unwrap().reason;
        for word in words {
            assert!(refused.contains(word), "{word:?} is not in {refused:?}");
        }
        assert_eq!(self.changes(), 0, "something was changed");
    }
}

fn tags(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = [("failover:service", SERVICE)];
    own.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn two_addresses_of_one_service() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let second = bench.region.add_address(AddressSetup { tags: tags(&[]), ..AddressSetup::default() });
        bench.is_refused_because(&["several addresses", &second]).await;
    });
}

#[test]
fn two_volumes_of_one_name() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let second = bench.region.add_volume(VolumeSetup {
            zone: format!("{REGION}a"),
            tags: tags(&[("failover:volume", "data")]),
            data: Some(DataName { service: "another".to_owned(), volume_name: "data".to_owned() }),
            ..VolumeSetup::default()
        });
        // One that merely exists is no matter; one beside the service's own may be what it writes to.
        bench.region.attach_at_start(&second, bench.made.active.as_deref().unwrap(), "/dev/sdx");
        bench.is_refused_because(&["several volumes", "data", &second]).await;
    });
}

#[test]
fn a_spec_that_someone_broke() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let broken = LAYOUT.failover_toml().replace("topology = \"standby\"", "topology = \"cluster\"");
        put_parameter(&bench.region, &format!("/failover/services/{SERVICE}"), &broken).await;
        let error = handle(&bench.engine, bench.stop_active(), Deadline::none()).await.unwrap_err().text();
        for word in ["topology", "cluster", "standby", "auto-scaling"] {
            assert!(error.contains(word), "{word:?} is not in {error:?}");
        }
        assert_eq!(bench.changes(), 0);
    });
}

#[test]
fn events_about_nothing_of_ours() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let mut event = bench.stop_active();
        event["detail"]["instance-id"] = json!("i-0fedcba9876543210");
        event["resources"] = json!(["arn:aws:ec2:us-west-2:999999999999:instance/i-0fedcba9876543210"]);
        let answer = handle(&bench.engine, event, Deadline::none()).await.unwrap();
        assert!(answer.services.is_empty() && answer.nothing.is_some(), "{answer:?}");
        assert_eq!(bench.changes(), 0);
    });
}

#[test]
fn malformed_events_fail_clearly_and_change_nothing() {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let good = bench.stop_active();
        let text = good.to_string();
        let mut cases = vec![json!(null), json!(3), json!([]), json!("noise"), json!({}), json!({ "service": 7 })];
        cases.push(json!({ "service": SERVICE, "to": "moon" }));
        cases.push(json!({ "noise": "x".repeat(1_100_000) }));
        for detail in
            [json!(null), json!([]), json!({}), json!({ "instance-id": 5 }), json!({ "instance-id": "vol-1" })]
        {
            let mut event = good.clone();
            event["detail"] = detail;
            cases.push(event);
        }
        assert!(serde_json::from_str::<Value>(&text[..text.len() / 2]).is_err(), "a truncated event is no JSON");
        for case in cases {
            let error = handle(&bench.engine, case.clone(), Deadline::none()).await.unwrap_err().text();
            let shown = case.to_string().chars().take(80).collect::<String>();
            assert!(!error.is_empty() && error.len() < 1_000, "{shown}: {} characters", error.len());
        }
        assert_eq!(bench.changes(), 0);
        assert!(bench.ledger().await.failover.is_none());
    });
}

#[test]
fn a_set_up_that_is_ambiguous_is_not_adopted() {
    runtime().block_on(async {
        let region = Region::new(Setup { seed: 4, region_name: REGION.to_owned(), ..Setup::default() });
        let made = LAYOUT.build(&region);
        region.add_address(AddressSetup {
            instance_id: made.active.clone(),
            tags: tags(&[]),
            ..AddressSetup::default()
        });
        let engine = embedded::engine(&region, REGION, &Names::default(), "test");
        engine.store().create_table().await.unwrap();
        let error = engine.apply(&LAYOUT.failover_toml()).await.unwrap_err().to_string();
        assert!(error.contains("several addresses"), "{error}");
        let service = ServiceName::new(SERVICE).unwrap();
        assert!(engine.store().read(&service).await.unwrap().is_none(), "nothing was written");
        assert!(engine.specs().get(&service).await.unwrap().is_none(), "nothing was written");
    });
}

async fn put_parameter(region: &Region, name: &str, value: &str) {
    let body = json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": true }).to_string();
    let request = http::Request::builder()
        .method("POST")
        .uri(format!("https://ssm.{REGION}.amazonaws.com/"))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonSSM.PutParameter")
        .body(bytes::Bytes::from(body))
        .unwrap();
    let answer = region.call(request).await.unwrap();
    assert_eq!(answer.status(), 200);
}
