//! A bench for this crate's own tests: the simulated region in AWS's place, and a way to it on which something may happen at any call.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod way;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use failover_aws::{Acquired, Aws, Clock, Store, Stored};
use failover_core::ids::{InstanceId, ServiceName};
use failover_core::ledger::{Destination, Ledger, Request};
use failover_simulator::setup::DataName;
use failover_simulator::{AddressSetup, AlarmSetup, InstanceSetup, Region, Setup, VolumeSetup};
use jiff::{SignedDuration, Timestamp};

use self::way::{Shared, Way};
use crate::{Deadline, Engine, Names, Run};

pub(crate) use self::way::{Ahead, At, Call};

pub(crate) const SERVICE: &str = "db";
pub(crate) const TABLE: &str = "failover";
const REGION: &str = "eu-central-1";

/// A region with one service of the topology `standby`: the active instance in zone a, a running standby in b, a stopped one in c.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) region: Region,
    shared: Arc<Shared>,
    pub(crate) topic: String,
    pub(crate) active: String,
    pub(crate) standby: String,
    pub(crate) cold: String,
    pub(crate) volume: String,
}

/// What every `failover.toml` here begins with.
pub(crate) const HEAD: &str = "service = \"db\"\ntopology = \"standby\"\n\n[[volume]]\nname = \"data\"\n";
/// What that of the sample service goes on with.
pub(crate) const ALARM: &str = "\n[detect]\nalarms = [\"db-status\"]\nconfirm_seconds = 10\n";

pub(crate) fn spec_text() -> String {
    format!("{HEAD}{ALARM}")
}

impl Bench {
    /// The region, its table and its topic, and nothing under control.
    pub(crate) async fn bare() -> Self {
        let workload_tag = Some("failover:service".to_owned());
        let region = Region::new(Setup { region_name: REGION.to_owned(), workload_tag, ..Setup::default() });
        let instance = |letter: char, running| {
            region.add_instance(InstanceSetup {
                zone: format!("{REGION}{letter}"),
                running,
                tags: own(),
                workload: Some(SERVICE.to_owned()),
                ..InstanceSetup::default()
            })
        };
        let (active, standby, cold) = (instance('a', true), instance('b', true), instance('c', false));
        let volume = region.add_volume(VolumeSetup {
            tags: own().into_iter().chain([("failover:volume".to_owned(), "data".to_owned())]).collect(),
            data: Some(DataName { service: SERVICE.to_owned(), volume_name: "data".to_owned() }),
            ..VolumeSetup::default()
        });
        region.attach_at_start(&volume, &active, "/dev/sdf");
        let address =
            AddressSetup { instance_id: Some(active.clone()), service: Some(SERVICE.to_owned()), tags: own() };
        region.add_address(address);
        let name = "db-status".to_owned();
        region.add_alarm(AlarmSetup { name, instance_id: active.clone(), ..AlarmSetup::default() });
        let topic = region.add_topic("failover").unwrap();
        let bench = Self { region, shared: Arc::default(), topic, active, standby, cold, volume };
        bench.engine("setup").store().create_table().await.unwrap();
        bench
    }

    /// The same, with the service under control, settled, and nothing called yet.
    pub(crate) async fn new() -> Self {
        let bench = Self::bare().await;
        let engine = bench.engine("setup");
        engine.apply(&spec_text()).await.unwrap();
        let run = engine.run(&service(), Deadline::none()).await.unwrap();
        assert!(run.is_settled(), "{run:?}");
        bench.shared.calls.lock().unwrap().clear();
        bench
    }

    /// A controller.
    pub(crate) fn engine(&self, holder: &str) -> Engine {
        self.engine_ahead(holder, &Ahead::default())
    }

    /// A controller whose host's clock may be ahead.
    pub(crate) fn engine_ahead(&self, holder: &str, ahead: &Ahead) -> Engine {
        let (region, ahead) = (self.region.clone(), ahead.clone());
        let clock = Clock::new(move || Timestamp::try_from(region.wall_now()).unwrap() + ahead.seconds());
        let way = Way { region: self.region.clone(), by: holder.to_owned(), shared: Arc::clone(&self.shared) };
        let names = Names {
            table: TABLE.to_owned(),
            spec_path: "/failover/services/".to_owned(),
            topic: Some(self.topic.clone()),
        };
        Engine::new(Aws::over(Arc::new(way), clock, REGION), &names, holder)
    }

    /// The records, on a way where nothing happens and nothing is noted.
    pub(crate) fn store(&self) -> Store {
        let way = Way { region: self.region.clone(), by: "test".to_owned(), shared: Arc::default() };
        let region = self.region.clone();
        let clock = Clock::new(move || Timestamp::try_from(region.wall_now()).unwrap());
        Store::new(&Aws::over(Arc::new(way), clock, REGION), TABLE)
    }

    /// At every call from now on, `rule` says what happens there.
    pub(crate) fn at(&self, rule: impl FnMut(&Call) -> At + Send + 'static) {
        self.shared.rules.lock().unwrap().push(Box::new(rule));
    }

    /// The same, at the first call that `when` is true for.
    pub(crate) fn at_first(
        &self,
        when: impl Fn(&Call) -> bool + Send + 'static,
        what: impl FnOnce() -> At + Send + 'static,
    ) {
        let mut what = Some(what);
        self.at(move |call| if when(call) { what.take().map_or(At::Nothing, |what| what()) } else { At::Nothing });
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, when: impl Fn(&Call) -> bool) -> usize {
        self.calls().iter().filter(|call| when(call)).count()
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::try_from(self.region.wall_now()).unwrap()
    }

    pub(crate) async fn stored(&self) -> Stored {
        self.store().read(&service()).await.unwrap().unwrap()
    }

    /// Writes the ledger as `change` makes it, whoever holds the lease.
    pub(crate) async fn rewrite(&self, change: impl Fn(&mut Ledger)) {
        let edit = |mut ledger: Ledger| {
            change(&mut ledger);
            Ok::<_, std::convert::Infallible>(ledger)
        };
        self.store().edit(&service(), self.now(), edit).await.unwrap();
    }

    /// Takes the lease for somebody who does not come back, as if the one that is held had ended.
    pub(crate) async fn take_lease(&self, holder: &str) {
        let later = self.now() + SignedDuration::from_hours(1);
        let until = later + SignedDuration::from_mins(1);
        let acquired = self.store().acquire(&service(), holder, later, until).await.unwrap();
        assert!(matches!(acquired, Acquired::Held(_)), "{acquired:?}");
    }

    /// An operator's request for a failover.
    pub(crate) fn request(&self) -> Request {
        Request {
            id: None,
            to: Destination::Standby,
            drill: false,
            accepted_loss_seconds: None,
            at: self.now(),
            by: "ops".to_owned(),
        }
    }

    /// A whole failover as an operator asks for it, driven by `engine`.
    pub(crate) async fn fail_over(&self, engine: &Engine) -> Run {
        self.engine("operator").request(&service(), self.request()).await.unwrap();
        engine.run(&service(), Deadline::none()).await.unwrap()
    }

    /// Puts an item into the table as it is.
    pub(crate) async fn put_item(&self, item: &serde_json::Value) {
        let body = serde_json::json!({ "TableName": TABLE, "Item": item }).to_string();
        let request = http::Request::post(format!("https://dynamodb.{REGION}.amazonaws.com/"))
            .header("x-amz-target", "DynamoDB_20120810.PutItem")
            .header("content-type", "application/x-amz-json-1.0")
            .body(Bytes::from(body))
            .unwrap();
        let answer = self.region.call(request).await.unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
    }

    /// The messages that people got.
    pub(crate) fn messages(&self) -> Vec<(Option<String>, String)> {
        self.region.messages(&self.topic)
    }

    /// A resource's tags.
    pub(crate) fn tags(&self, id: &str) -> BTreeMap<String, String> {
        let truth = self.region.truth();
        truth.resources().iter().find(|resource| resource.id == id).unwrap().tags.clone()
    }
}

/// The service's tag.
pub(crate) fn own() -> BTreeMap<String, String> {
    BTreeMap::from([("failover:service".to_owned(), SERVICE.to_owned())])
}

pub(crate) fn service() -> ServiceName {
    ServiceName::new(SERVICE).unwrap()
}

pub(crate) fn instance(id: &str) -> InstanceId {
    InstanceId::new(id).unwrap()
}

/// Waits in the region's time.
pub(crate) async fn pause(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
