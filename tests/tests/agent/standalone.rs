//! Agents without a ledger: the address says who serves.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use failover_agent::Until;
use failover_agent::standalone::Standalone;
use failover_aws::{Aws, Metadata, Transport};
use failover_core::ids::InstanceId;
use failover_core::spec::Spec;
use failover_scenarios::embedded;
use failover_simulator::{Fault, Region};
use failover_tests::say;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::bench::{Bench, Floor};
use crate::stage::{Stage, story};

const SPEC: &str = "service = \"sample\"\ntopology = \"auto-scaling\"\n[agent]\nunits = [\"sample.service\"]\n";

struct Lone {
    machine: Bench,
    stop: watch::Sender<bool>,
}

/// Machines of instances that have nothing in common but the address: units may run on two while one takes over, if only one has it.
fn live(stage: &Stage, instance: &str) -> Lone {
    let machine = Floor::default().machine(instance);
    let transport: Arc<dyn Transport> = stage.line(instance);
    let aws = Aws::over(Arc::clone(&transport), embedded::clock(&stage.embedded.region), stage.embedded.aws.region());
    let metadata = Metadata::over(transport);
    let (stop, stopped) = watch::channel(false);
    let me = InstanceId::new(instance).unwrap();
    let agent = Standalone::new(&aws, &metadata, me, Spec::parse(SPEC).unwrap(), machine.clone()).unwrap();
    tokio::task::spawn_local(async move { Box::pin(agent.run(stopped, Until::Stopped)).await.unwrap() });
    Lone { machine, stop }
}

impl Lone {
    fn serves(&self) -> bool {
        !self.machine.state.borrow().running.is_empty()
    }
}

/// Whom the address leads to, as the region itself knows.
fn holder(region: &Region, allocation: &str) -> Option<String> {
    let state = region.state();
    state["addresses"][allocation]["instance"].as_str().map(str::to_owned)
}

fn inject(region: &Region, fault: &serde_json::Value) {
    region.inject(Fault::from_json(fault.to_string().as_bytes()).unwrap()).unwrap();
}

async fn until(what: &str, within_seconds: u64, mut seen: impl FnMut() -> bool) {
    let began = tokio::time::Instant::now();
    while !seen() {
        assert!(began.elapsed() < Duration::from_secs(within_seconds), "not within {within_seconds} s: {what}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn a_living_holder_is_never_robbed_and_a_dead_one_s_address_is_taken() {
    story(async {
        let stage = Stage::new(1).await;
        let sample = &stage.embedded.sample;
        let region = stage.embedded.region.clone();
        let first = live(&stage, &sample.active);
        let second = live(&stage, &sample.warm_standby);
        until("the holder serves", 30, || first.serves()).await;
        sleep(Duration::from_mins(2)).await;
        assert!(!second.serves());
        assert_eq!(holder(&region, &sample.address).as_deref(), Some(sample.active.as_str()));
        inject(&region, &serde_json::json!({ "instance": { "name": sample.active, "fault": "stop" } }));
        until("the other takes it", 120, || {
            holder(&region, &sample.address).as_deref() == Some(sample.warm_standby.as_str())
        })
        .await;
        until("the other serves", 30, || second.serves()).await;
        first.machine.reboot();
        // The old one comes back, and stays away.
        let start = serde_json::json!({ "instance": { "name": sample.active, "fault": "start" } });
        let started = || region.inject(Fault::from_json(start.to_string().as_bytes()).unwrap()).is_ok();
        until("it has stopped, and starts", 600, started).await;
        sleep(Duration::from_mins(2)).await;
        assert_eq!(holder(&region, &sample.address).as_deref(), Some(sample.warm_standby.as_str()));
        assert!(second.serves() && !first.serves());
        second.stop.send_replace(true);
    });
}

#[test]
fn of_two_that_claim_at_once_one_has_it_and_the_other_stops() {
    let mut both = 0;
    for seed in 1..=60_u64 {
        let met = Rc::new(RefCell::new(false));
        let seen = Rc::clone(&met);
        story(async move {
            let stage = Stage::new(seed).await;
            let sample = &stage.embedded.sample;
            let region = stage.embedded.region.clone();
            // Neither has it: its holder is dead, or it is free.
            if seed % 2 == 0 {
                inject(&region, &serde_json::json!({ "instance": { "name": sample.active, "fault": "terminate" } }));
            } else {
                inject(&region, &serde_json::json!({ "instance": { "name": sample.active, "fault": "stop" } }));
            }
            inject(&region, &serde_json::json!({ "instance": { "name": sample.cold_standby, "fault": "start" } }));
            sleep(Duration::from_secs(90)).await;
            let one = live(&stage, &sample.warm_standby);
            sleep(Duration::from_millis((seed % 11) * 37)).await;
            let two = live(&stage, &sample.cold_standby);
            for _ in 0..600 {
                sleep(Duration::from_millis(100)).await;
                if one.serves() && two.serves() {
                    *seen.borrow_mut() = true;
                }
            }
            let holder = holder(&region, &sample.address).expect("nobody has it");
            assert_eq!(
                (one.serves(), two.serves()),
                (holder == sample.warm_standby, holder == sample.cold_standby),
                "seed {seed}"
            );
            assert_ne!(one.serves(), two.serves(), "seed {seed}");
        });
        both += u32::from(*met.borrow());
    }
    // The test means something only if they met.
    assert!(both > 20, "they met in {both} of 60");
    say(&format!("two standalone agents claimed at once in {both} of 60 stories; one had the address each time"));
}
