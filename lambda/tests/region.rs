//! Invocations over a region in AWS's place: what came of them is told as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use failover_aws::{Aws, Clock, Transport, TransportError};
use failover_core::ids::ServiceName;
use failover_core::ledger::Ledger;
use failover_core::report::Outcome;
use failover_engine::{Deadline, Engine, Names};
use failover_lambda::{EndedAs, HandlerError, Invocation, LambdaResult, handle};
use failover_simulator::faults::CallFault;
use failover_simulator::setup::DataName;
use failover_simulator::{AddressSetup, Fault, InstanceSetup, Region, Setup, VolumeSetup};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const SPEC: &str = "service = \"db\"\ntopology = \"standby\"\n\n[[volume]]\nname = \"data\"\n";
const SPECS: &str = "/failover/services/";

#[derive(Debug)]
struct Way(Region);

impl Transport for Way {
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let region = self.0.clone();
        async move { region.call(request).await.map_err(|error| TransportError::Broken(error.to_string())) }.boxed()
    }
}

/// A region with the service `db` under control.
struct Account {
    region: Region,
    engine: Engine,
    active: String,
}

impl Account {
    async fn new() -> Self {
        let region = Region::new(Setup::default());
        let tags = |more: &[(&str, &str)]| {
            let all = [("failover:service", "db")].iter().chain(more);
            all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let workload = || Some("db".to_owned());
        let instance = |zone: &str| {
            let (zone, tags) = (zone.to_owned(), tags(&[]));
            region.add_instance(InstanceSetup { zone, tags, workload: workload(), ..InstanceSetup::default() })
        };
        let active = instance("eu-central-1a");
        instance("eu-central-1b");
        let volume = region.add_volume(VolumeSetup {
            tags: tags(&[("failover:volume", "data")]),
            data: Some(DataName { service: "db".to_owned(), volume_name: "data".to_owned() }),
            ..VolumeSetup::default()
        });
        region.attach_at_start(&volume, &active, "/dev/sdf");
        region.add_address(AddressSetup {
            instance_id: Some(active.clone()),
            service: Some("db".to_owned()),
            tags: tags(&[]),
        });
        let clock = {
            let region = region.clone();
            Clock::new(move || Timestamp::try_from(region.wall_now()).unwrap())
        };
        let names = Names { table: "failover".to_owned(), spec_path: SPECS.to_owned(), topic: None };
        let aws = Aws::over(Arc::new(Way(region.clone())), clock.clone(), "eu-central-1");
        let engine = Engine::new(aws, &names, "function");
        engine.store().create_table().await.unwrap();
        engine.apply(SPEC).await.unwrap();
        Self { region, engine, active }
    }

    async fn invoke(&self, event: &Value) -> Result<LambdaResult, HandlerError> {
        handle(&self.engine, event.clone(), Deadline::none()).await
    }

    async fn ledger(&self) -> Ledger {
        self.engine.store().read(&db()).await.unwrap().unwrap().ledger
    }

    fn fail(&self, action: &str) {
        let fault = CallFault::Fail {
            action: action.to_owned(),
            code: "AccessDeniedException".to_owned(),
            status: 400,
            count: 1000,
            after_effect: false,
        };
        self.region.inject(Fault::Calls(fault)).unwrap();
    }

    /// Specs of services that can't be driven.
    fn break_others(&self) {
        self.region.add_parameter(&format!("{SPECS}broken"), "service = 7");
        self.region.add_parameter(&format!("{SPECS}new"), &SPEC.replace("\"db\"", "\"new\""));
    }
}

fn db() -> ServiceName {
    ServiceName::new("db").unwrap()
}

fn scheduled() -> Value {
    json!({ "source": "aws.events", "detail-type": "Scheduled Event" })
}

fn stopped(instance: &str) -> Value {
    json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification",
        "detail": { "instance-id": instance, "state": "stopped" } })
}

#[tokio::test(start_paused = true)]
async fn a_drill_is_one_and_a_failover_is_none() {
    let account = Account::new().await;
    for (drill, by) in [(true, Some("ops")), (false, None)] {
        let mut event = json!({ "service": "db", "to": "standby", "drill": drill });
        if let Some(by) = by {
            event["by"] = by.into();
        }
        let result = account.invoke(&event).await.unwrap();
        let [report] = &result.services["db"].reports[..] else { panic!("{result:?}") };
        assert_eq!((report.drill, result.services["db"].ended), (drill, EndedAs::Settled));
        assert_eq!(report.cause, format!("requested by {}", by.unwrap_or("an invocation of the function")));
        let kept = account.engine.history(&db(), 1).await.unwrap().remove(0);
        assert_eq!(kept, *report, "the history tells another story");
        assert_eq!(account.ledger().await.active, report.to.as_ref().unwrap().instance_id);
        tokio::time::sleep(std::time::Duration::from_hours(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_leads_where_it_says_and_within_the_loss_that_it_accepts() {
    let account = Account::new().await;
    let event = json!({ "service": "db", "to": "eu-central-1c" });
    let result = account.invoke(&event).await.unwrap();
    let [report] = &result.services["db"].reports[..] else { panic!("{result:?}") };
    // There is nobody in that zone: it is refused, and leads nowhere else.
    assert!(report.to.is_none() && report.reason.contains("is in eu-central-1b"), "{report:?}");
    assert_eq!(account.ledger().await.active.as_str(), account.active);
    let near = Deadline::within(Duration::from_secs(14));
    let event = json!({ "service": "db", "to": "standby", "accept_data_loss_seconds": 77 });
    handle(&account.engine, event, near).await.unwrap();
    assert_eq!(account.ledger().await.request.unwrap().accepted_loss_seconds, Some(77));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_lambda_hands_over_again_is_not_taken_twice() {
    let account = Account::new().await;
    let now = account.engine.now();
    let event = json!({ "service": "db", "to": "standby" });
    let again = || Invocation::until(now + SignedDuration::from_mins(600), now, "request-1").unwrap();
    handle(&account.engine, event.clone(), again()).await.unwrap();
    let there = account.ledger().await.active;
    assert_ne!(there.as_str(), account.active);
    tokio::time::sleep(std::time::Duration::from_hours(2)).await;
    let result = handle(&account.engine, event, again()).await.unwrap();
    assert!(result.services["db"].reports.is_empty(), "{result:?}");
    assert_eq!(account.ledger().await.active, there);
}

#[tokio::test(start_paused = true)]
async fn a_tick_names_what_is_broken_and_succeeds_while_anything_could_be_looked_at() {
    let account = Account::new().await;
    account.break_others();
    let result = account.invoke(&scheduled()).await.unwrap();
    assert_eq!(result.services_observed, Some(1));
    assert_eq!(result.broken().map(|(service, _)| service).collect::<Vec<_>>(), ["broken", "new"]);
    assert_eq!(result.services["new"].reasons, ["it was never adopted"]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_could_look_at_nothing_fails_and_says_what_is_broken() {
    let account = Account::new().await;
    account.break_others();
    // Its spec is written over: nothing is left that could be looked at.
    let put = json!({ "Name": format!("{SPECS}db"), "Value": "service = 8", "Type": "String", "Overwrite": true });
    let request = http::Request::post("https://ssm.eu-central-1.amazonaws.com/")
        .header("x-amz-target", "AmazonSSM.PutParameter")
        .header("content-type", "application/x-amz-json-1.1")
        .body(Bytes::from(put.to_string()))
        .unwrap();
    assert_eq!(account.region.call(request).await.unwrap().status(), 200);
    let error = account.invoke(&scheduled()).await.unwrap_err();
    assert_eq!(error.kind(), "Failover.Broken");
    let result = error.result().unwrap();
    assert_eq!(result.services_observed, Some(0));
    assert_eq!(result.broken().map(|(service, _)| service).collect::<Vec<_>>(), ["broken", "db", "new"]);
    assert!(error.text().contains("db: ") && error.text().contains("new: it was never adopted"), "{}", error.text());
}

#[tokio::test(start_paused = true)]
async fn a_tick_of_which_every_run_failed_fails() {
    let account = Account::new().await;
    let near = Deadline::within(Duration::from_secs(14));
    handle(&account.engine, json!({ "service": "db", "to": "standby" }), near).await.unwrap();
    account.fail("UpdateItem");
    let error = account.invoke(&scheduled()).await.unwrap_err();
    let result = error.result().unwrap();
    assert_eq!((result.services_observed, result.services["db"].ended), (Some(1), EndedAs::Failed));
    assert!(error.text().contains("AccessDeniedException"), "{}", error.text());
}

#[tokio::test(start_paused = true)]
async fn an_event_about_what_cannot_be_driven_fails_so_that_it_comes_again() {
    let account = Account::new().await;
    let result = account.invoke(&stopped(&account.active)).await.unwrap();
    assert_eq!(result.services["db"].ended, EndedAs::Settled);
    let foreign = account.region.add_instance(InstanceSetup::default());
    let result = account.invoke(&stopped(&foreign)).await.unwrap();
    assert_eq!(result.nothing.as_deref(), Some("it is about no service under control"));
    account.fail("UpdateItem");
    let error = account.invoke(&stopped(&account.active)).await.unwrap_err();
    assert_eq!(error.kind(), "Failover.Broken");
    assert_eq!(error.result().unwrap().services["db"].ended, EndedAs::Failed);
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_is_told_with_its_report() {
    let account = Account::new().await;
    let soon = Deadline::within(Duration::from_secs(30));
    let result = handle(&account.engine, json!({ "service": "db", "to": "standby" }), soon).await.unwrap();
    let service = &result.services["db"];
    assert_eq!(service.ended, EndedAs::OutOfTime);
    assert!(!service.reasons.is_empty(), "{service:?}");
    let [report] = &service.reports[..] else { panic!("{service:?}") };
    assert_eq!((report.outcome, report.from.instance_id.as_str()), (Outcome::InProgress, &*account.active));
}

#[tokio::test(start_paused = true)]
async fn what_is_tagged_and_not_under_control_yet_is_no_failure() {
    let account = Account::new().await;
    let tags = [("failover:service".to_owned(), "ghost".to_owned())].into();
    let tagged = account.region.add_instance(InstanceSetup { tags, ..InstanceSetup::default() });
    tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    let result = account.invoke(&stopped(&tagged)).await.unwrap();
    assert_eq!(result.services["ghost"].ended, EndedAs::NotAdopted);
    assert!(result.services["ghost"].reasons[0].contains("failover apply"), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn what_could_be_found_is_driven_although_the_rest_could_not() {
    let account = Account::new().await;
    let foreign = account.region.add_instance(InstanceSetup::default());
    account.fail("DescribeTags");
    let record = |body: &Value| json!({ "eventSource": "aws:sqs", "body": body.to_string() });
    let event = json!({ "Records": [record(&stopped(&foreign)), record(&stopped(&account.active))] });
    let error = account.invoke(&event).await.unwrap_err();
    assert!(error.text().starts_with("which services the event is about could not be found out: "), "{}", error.text());
    assert_eq!(error.result().unwrap().services["db"].ended, EndedAs::Settled);
}

#[tokio::test(start_paused = true)]
async fn time_is_kept_for_the_answer() {
    let now: Timestamp = "2026-01-05T09:10:00Z".parse().unwrap();
    let end = now + SignedDuration::from_secs(30);
    let invocation = Invocation::until(end, now, "r1").unwrap();
    assert_eq!(invocation.deadline, Deadline::within(Duration::from_secs(27)));
    assert!(Invocation::until(end - SignedDuration::from_secs(1), now, "r1").is_err());
}
