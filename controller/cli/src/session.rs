//! The controller, connected: to AWS, or to an embedded region in its place.

use std::sync::Arc;

use failover_aws::Aws;
use failover_core::ids::ServiceName;
use failover_core::ledger::{Destination, Request};
use failover_engine::{Engine, EngineError, Names, Watcher};
use failover_scenarios::embedded::Embedded;
use failover_simulator::Region;

use crate::config::{Config, Place};
use crate::error::CliError;

/// What every command works with. Built once.
#[derive(Clone)]
pub struct Session {
    /// AWS.
    pub aws: Aws,
    /// The controller.
    pub engine: Engine,
    /// The embedded region, where there is one.
    pub region: Option<Region>,
    /// Who asks, as far as the machine knows.
    pub by: String,
    names: Names,
    /// Unique to this process.
    holder: String,
    service: Option<ServiceName>,
}

impl Session {
    /// Connects. Makes no call to a real AWS yet.
    pub async fn open(config: &Config) -> Result<Self, CliError> {
        let (aws, region, by, holder) = match &config.place {
            Place::Aws(settings) => {
                let by = operator();
                let holder = format!("cli/{by}/{}/{:08x}", std::process::id(), fastrand::u32(..));
                (Aws::from_environment(settings).await?, None, by, holder)
            }
            Place::Simulated => {
                // The SDK's jitter comes from this thread's generator.
                fastrand::seed(config.seed);
                let embedded = Embedded::new(config.seed, &config.names).await?;
                (embedded.aws, Some(embedded.region), "operator".to_owned(), "cli".to_owned())
            }
        };
        let engine = Engine::new(aws.clone(), &config.names, holder.as_str());
        let (names, service) = (config.names.clone(), config.service.clone());
        Ok(Self { aws, engine, region, by, names, holder, service })
    }

    /// The controller under a name of its own in leases: runs that overlap must not share one.
    pub fn another_engine(&self, suffix: u64) -> Engine {
        Engine::new(self.aws.clone(), &self.names, format!("{}/{suffix}", self.holder))
    }

    /// The controller, watched.
    pub fn watched(&self, watcher: Arc<dyn Watcher>) -> Engine {
        self.engine.clone().watched_by(watcher)
    }

    /// What an operator asks for now.
    pub fn request_to(&self, to: &Destination, drill: bool) -> Request {
        Request {
            // One command line is one request: its edit is repeated by the SDK only until it is known to have landed.
            id: None,
            to: to.clone(),
            drill,
            accepted_loss_seconds: None,
            at: self.engine.now(),
            by: self.by.clone(),
        }
    }

    /// The service that is meant: the one that was named, or the only one.
    pub async fn service(&self) -> Result<ServiceName, CliError> {
        let specs = self.engine.specs().all().await.map_err(EngineError::from)?;
        let known = || specs.keys().map(ToString::to_string).collect();
        match (&self.service, specs.len()) {
            (Some(name), _) if specs.contains_key(name) => Ok(name.clone()),
            (Some(name), _) => Err(CliError::UnknownService { name: name.clone(), known: known() }),
            (None, 0) => {
                Err(CliError::NoServices { table: self.names.table.clone(), spec_path: self.names.spec_path.clone() })
            }
            (None, 1) => specs.into_keys().next().ok_or(CliError::ManyServices { known: Vec::new() }),
            (None, _) => Err(CliError::ManyServices { known: known() }),
        }
    }
}

/// `user@host`, for the record of who asked. It is not proof of anything: AWS's own trail is.
fn operator() -> String {
    let user =
        ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|host| host.trim().to_owned());
    let host = host.filter(|host| !host.is_empty());
    format!("{}@{}", user.as_deref().unwrap_or("unknown"), host.as_deref().unwrap_or("unknown"))
}
