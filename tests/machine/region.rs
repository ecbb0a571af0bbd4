//! The region that the machine believes to be in: the simulated one, served on loopback, with the sample service under control.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use failover_aws::Store;
use failover_core::agent::{AgentReport, AgentState};
use failover_core::ids::{InstanceId, ServiceName};
use failover_engine::Names;
use failover_scenarios::embedded::{Sample, engine, sample};
use failover_simulator::serve::{ServeOptions, Served, serve};
use failover_simulator::{Region as Simulated, Setup};
use tokio::runtime::Runtime;

/// Its name.
pub(crate) const NAME: &str = "eu-central-1";
/// The service's `failover.toml`, as an operator applies it.
const SPEC: &str = r#"service = "sample"
topology = "standby"

[[volume]]
name = "data"
mount = "/srv/data"
filesystem = "ext4"

[agent]
units = ["sample.service"]
ready = { tcp = "127.0.0.1:5432" }
"#;

/// A served region. Nobody controls it: the ledger stays as it is.
pub(crate) struct Region {
    /// What there is in it.
    pub(crate) sample: Sample,
    served: Served,
    store: Store,
    runtime: Runtime,
}

impl Region {
    /// A region whose sample service is adopted: its ledger names the active instance and the volume.
    pub(crate) fn serve() -> Self {
        let runtime = Runtime::new().unwrap();
        let (sample, served, store) = runtime.block_on(async {
            let region = Simulated::new(Setup {
                region_name: NAME.to_owned(),
                origin: SystemTime::now(),
                speed: 1.0,
                ..Setup::default()
            });
            let sample = sample::add(&region);
            let engine = engine(&region, NAME, &Names::default(), "machine");
            engine.store().create_table().await.unwrap();
            engine.apply(SPEC).await.unwrap();
            let served = serve(region, ServeOptions::default()).await.unwrap();
            (sample, served, engine.store().clone())
        });
        Self { sample, served, store, runtime }
    }

    /// Where it is served.
    pub(crate) fn address(&self) -> SocketAddr {
        self.served.address()
    }

    /// What the active instance's agent said last; none if it never said anything.
    pub(crate) fn report(&self) -> Option<AgentReport> {
        let service = ServiceName::new(sample::SERVICE).unwrap();
        let instance = InstanceId::new(&self.sample.active).unwrap();
        self.runtime.block_on(self.store.reports(&service)).get(&instance).cloned()
    }

    /// Waits for a report. A service that failed ends the wait at once.
    pub(crate) fn wait_for(&self, what: &str, limit: Duration, wanted: impl Fn(&AgentReport) -> bool) -> AgentReport {
        let began = Instant::now();
        loop {
            let report = self.report();
            if let Some(report) = report.as_ref().filter(|report| wanted(report)) {
                return report.clone();
            }
            if let Some(AgentReport { state: AgentState::Failed(why), .. }) = &report {
                panic!("{what}: the agent failed: {why}");
            }
            assert!(began.elapsed() < limit, "{what}: not within {limit:?}; the last report is {report:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
