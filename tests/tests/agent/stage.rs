//! A simulated region with a service, agents in it, and a hand that moves the ledger as a controller does.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use failover_agent::{Agent, Until};
use failover_aws::{Aws, Metadata, Store, Transport, TransportError};
use failover_core::agent::{AgentReport, AgentState};
use failover_core::ids::{InstanceId, ServiceName};
use failover_core::ledger::{Change, Failover, Ledger};
use failover_core::spec::Spec;
use failover_engine::Names;
use failover_scenarios::embedded::{self, Embedded};
use failover_simulator::Region;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::bench::{Bench, Floor};

pub(crate) const UNIT: &str = "sample.service";

pub(crate) const SPEC: &str = r#"service = "sample"
topology = "standby"

[[volume]]
name = "data"
mount = "/var/lib/sample"
filesystem = "xfs"

[agent]
units = ["sample.service"]
on_active = ["promote"]
on_quiesce = ["checkpoint"]
ready = { tcp = "127.0.0.1:5432" }
ready_within_seconds = 30
"#;

/// What goes wrong with calls of the table.
pub(crate) mod table_fault {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const THROTTLED: u8 = 1;
    pub(crate) const HANGING: u8 = 2;
    pub(crate) const NO_TABLE: u8 = 3;
}

/// The way of one instance to AWS and to its own metadata service.
pub(crate) struct Line {
    region: Region,
    inner: Arc<dyn Transport>,
    instance: String,
    pub(crate) table_fault: AtomicU8,
    /// An item of the metadata service that it has not by itself, and its text.
    pub(crate) announced: Mutex<Option<(&'static str, &'static str)>>,
}

impl fmt::Debug for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Line")
    }
}

impl Transport for Line {
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        if request.uri().host() == Some("169.254.169.254") {
            let announced = *self.announced.lock().unwrap();
            if let Some((_, text)) = announced.filter(|(item, _)| request.uri().path().ends_with(item)) {
                return async move { Ok(http::Response::new(Bytes::from(text))) }.boxed();
            }
            let answer =
                self.region.metadata(&self.instance, request.method(), request.uri().path(), request.headers());
            return async move {
                let answer = answer.ok_or_else(|| TransportError::Refused("it does not run".to_owned()))?;
                let mut response = http::Response::builder().status(answer.status);
                if let Some(ttl) = answer.token_ttl_seconds {
                    response = response.header("x-aws-ec2-metadata-token-ttl-seconds", ttl);
                }
                response.body(Bytes::from(answer.body)).map_err(|error| TransportError::Broken(error.to_string()))
            }
            .boxed();
        }
        let refuse = |code: &str| {
            let body =
                json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "no" }).to_string();
            let response = http::Response::builder().status(400).body(Bytes::from(body)).unwrap();
            async move { Ok(response) }.boxed()
        };
        match self.table_fault.load(Ordering::Relaxed) {
            table_fault::THROTTLED => refuse("ProvisionedThroughputExceededException"),
            table_fault::NO_TABLE => refuse("ResourceNotFoundException"),
            table_fault::HANGING => std::future::pending().boxed(),
            _ => self.inner.call(request),
        }
    }
}

/// A region with the sample service.
pub(crate) struct Stage {
    pub(crate) embedded: Embedded,
    pub(crate) floor: Floor,
    pub(crate) store: Store,
    pub(crate) service: ServiceName,
    pub(crate) spec: Spec,
}

/// One instance's agent, started again whenever it was killed.
pub(crate) struct Lived {
    pub(crate) machine: Bench,
    pub(crate) line: Arc<Line>,
    pub(crate) me: InstanceId,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Stage {
    pub(crate) async fn new(seed: u64) -> Self {
        fastrand::seed(seed);
        let names = Names::default();
        let embedded = Embedded::new(seed, &names).await.unwrap();
        let store = Store::new(&embedded.aws, names.table.clone());
        let service = ServiceName::new("sample").unwrap();
        Self { embedded, floor: Floor::default(), store, service, spec: Spec::parse(SPEC).unwrap() }
    }

    /// The active instance's agent serves.
    pub(crate) async fn serving(seed: u64) -> (Self, Lived) {
        Self::serving_under(seed, "").await
    }

    /// The same, with a `[fence]` in the spec.
    pub(crate) async fn serving_under(seed: u64, fence: &str) -> (Self, Lived) {
        let mut stage = Self::new(seed).await;
        stage.spec = Spec::parse(&format!("{SPEC}\n[fence]\n{fence}")).unwrap();
        let active = stage.live(&stage.embedded.sample.active);
        stage.until_state(&active.me, 30, |state| *state == AgentState::Ready).await;
        (stage, active)
    }

    pub(crate) fn line(&self, instance: &str) -> Arc<Line> {
        let region = self.embedded.region.clone();
        let inner = embedded::transport(&region);
        Arc::new(Line {
            region,
            inner,
            instance: instance.to_owned(),
            table_fault: AtomicU8::new(table_fault::NONE),
            announced: Mutex::default(),
        })
    }

    /// The agent of an instance comes alive.
    pub(crate) fn live(&self, instance: &str) -> Lived {
        let machine = self.floor.machine(instance);
        let line = self.line(instance);
        let transport: Arc<dyn Transport> = line.clone();
        let clock = embedded::clock(&self.embedded.region);
        let aws = Aws::over(Arc::clone(&transport), clock, self.embedded.aws.region());
        let metadata = Metadata::over(transport);
        let (stop, stopped) = watch::channel(false);
        let (me, spec, table) = (InstanceId::new(instance).unwrap(), self.spec.clone(), self.store.table().to_owned());
        let (bench, my_id) = (machine.clone(), me.clone());
        let task = tokio::task::spawn_local(async move {
            loop {
                let agent = Agent::new(&aws, &table, &metadata, my_id.clone(), spec.clone(), bench.clone());
                tokio::select! {
                    biased;
                    () = bench.crash.notified() => {}
                    _ = agent.run(stopped.clone(), Until::Stopped) => return,
                }
                // systemd starts it again.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        Lived { machine, line, me, stop, task }
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        self.store.read(&self.service).await.unwrap().unwrap().ledger
    }

    pub(crate) async fn apply(&self, change: Change) {
        let now = self.embedded.aws.clock().now();
        self.store.edit(&self.service, now, |ledger| ledger.apply(&change, now)).await.unwrap();
    }

    pub(crate) async fn report(&self, instance: &InstanceId) -> Option<AgentReport> {
        self.store.reports(&self.service).await.get(instance).cloned()
    }

    pub(crate) async fn state(&self, instance: &InstanceId) -> Option<AgentState> {
        self.report(instance).await.map(|report| report.state)
    }

    /// A failover away from the active instance begins.
    pub(crate) async fn begin(&self, to: &InstanceId, planned: bool) {
        let ledger = self.ledger().await;
        let zone = ledger.members.get(to).map_or(ledger.active_zone.clone(), |member| member.zone.clone());
        let now = self.embedded.aws.clock().now();
        let failover: Failover = serde_json::from_value(json!({
            "id": format!("test-{}", now.as_millisecond()), "cause": { "operator": "a test" }, "drill": false, "planned": planned, "destination": "standby",
            "from": { "instance_id": ledger.active, "zone": ledger.active_zone }, "to": { "instance_id": to, "zone": zone },
            "accepted_loss_seconds": null, "excluded": {}, "down_since": null, "started_at": now,
            "fence": { "open": { "since": null } }, "older_copies": null, "data_loss_seconds": 0, "promoted_at": null,
            "attempts": {}, "steps": [], "warnings": [], "halted": null,
        }))
        .unwrap();
        self.apply(Change::Begin(Box::new(failover))).await;
    }

    /// Waits until something is seen; says after how many seconds.
    pub(crate) async fn until(&self, what: &str, within_seconds: u64, mut seen: impl AsyncFnMut() -> bool) -> f64 {
        let began = tokio::time::Instant::now();
        while !seen().await {
            assert!(began.elapsed() < Duration::from_secs(within_seconds), "not within {within_seconds} s: {what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        began.elapsed().as_secs_f64()
    }

    pub(crate) async fn until_state(
        &self,
        instance: &InstanceId,
        within_seconds: u64,
        wanted: impl Fn(&AgentState) -> bool,
    ) -> f64 {
        let what = format!("the state of {instance}");
        self.until(&what, within_seconds, async || self.state(instance).await.is_some_and(|state| wanted(&state))).await
    }
}

impl Lived {
    pub(crate) fn set_table_fault(&self, fault: u8) {
        self.line.table_fault.store(fault, Ordering::Relaxed);
    }

    pub(crate) fn is_up(&self) -> bool {
        self.machine.state.borrow().is_up()
    }

    /// SIGTERM; says when it has ended.
    pub(crate) async fn shut_down(self) -> Bench {
        self.stop.send_replace(true);
        tokio::time::timeout(Duration::from_mins(2), self.task).await.expect("the agent does not end").unwrap();
        self.machine
    }

    /// The power goes: nothing is told to anybody.
    pub(crate) fn cut(self) -> Bench {
        self.task.abort();
        self.machine.reboot();
        self.machine
    }
}

/// Runs a story under virtual time.
pub(crate) fn story<F: Future>(story: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, story)
}
