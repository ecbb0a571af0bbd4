//! The loop: lease, observe, decide, record, act; until the service is settled or the host's time is nearly up.
//!
//! ```text
//! which service ──► lease ──► observe ──► decide ──► record intent (compare-and-set) ──► act (one call, deadline)
//!                               ▲                                                          │
//!                               └──────────────── record outcome ◄─────────────────────────┘
//! ```
//!
//! The same engine runs in the Lambda, in the daemon, under the command line and against the simulated region; only its
//! [`Host`] differs: how long it may run. What it must do after a crash is what it does anyway: look and decide.

mod adopt;
mod agents;
mod drive;
mod error;
mod host;
mod look;
mod operate;
mod post;
mod tick;
mod watch;

use std::sync::Arc;

use failover_aws::{Aws, Clock, Specs, Store};

pub use drive::{Ended, Run};
pub use error::{EngineError, in_one_line};
pub use host::Host;
pub use look::Survey;
pub use operate::{Applied, Check, Status};
pub use tick::{Clue, Tick};
pub use watch::{Moment, MomentKind, Watcher};

/// How to find what belongs to the controller in AWS.
#[derive(Debug, Clone)]
pub struct Names {
    /// The DynamoDB table of ledgers.
    pub table: String,
    /// The SSM path under which specs are kept.
    pub spec_path: String,
    /// The SNS topic that hears of ended and halted failovers.
    pub topic: Option<String>,
}

impl Names {
    /// The environment variable that names the table, for the function and the command alike.
    pub const TABLE_VARIABLE: &str = "FAILOVER_TABLE";
    /// The one that names the path of the specs.
    pub const SPEC_PATH_VARIABLE: &str = "FAILOVER_SPEC_PATH";
    /// The one that names the topic.
    pub const TOPIC_VARIABLE: &str = "FAILOVER_TOPIC";
}

impl Default for Names {
    fn default() -> Self {
        Self { table: "failover".to_owned(), spec_path: "/failover/services/".to_owned(), topic: None }
    }
}

/// The controller, for all services of one account and region. Cheap to clone; built once.
#[derive(Clone)]
pub struct Engine {
    aws: Aws,
    store: Store,
    specs: Specs,
    topic: Option<String>,
    clock: Clock,
    holder: String,
    watcher: Option<Arc<dyn Watcher>>,
}

impl Engine {
    /// An engine over `aws`. `holder` names this process in leases: no two that run may share it.
    pub fn new(aws: Aws, clock: Clock, names: &Names, holder: impl Into<String>) -> Self {
        Self {
            store: Store::new(&aws, names.table.clone()),
            specs: Specs::new(&aws, &names.spec_path),
            topic: names.topic.clone(),
            aws,
            clock,
            holder: holder.into(),
            watcher: None,
        }
    }

    /// Tells `watcher` of everything that happens.
    #[must_use]
    pub fn watched_by(mut self, watcher: Arc<dyn Watcher>) -> Self {
        self.watcher = Some(watcher);
        self
    }

    /// The records in DynamoDB, for set-up and history.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The specs in SSM.
    pub fn specs(&self) -> &Specs {
        &self.specs
    }

    /// The time, as the engine sees it.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}
