//! What the engine works with: AWS, its records, its clock, and who watches.

use std::sync::Arc;

use failover_aws::{Aws, Specs, Store};
use failover_core::ids::ServiceName;

use crate::names::Names;
use crate::watch::{ProgressEvent, ProgressKind, Watcher};

/// The controller, for all services of one account and region. Cheap to clone; built once.
#[derive(Clone)]
pub struct Engine {
    pub(crate) aws: Aws,
    pub(crate) store: Store,
    pub(crate) specs: Specs,
    pub(crate) topic: Option<String>,
    pub(crate) holder: String,
    pub(crate) watcher: Option<Arc<dyn Watcher>>,
}

impl Engine {
    /// An engine over `aws`, whose clock it goes by. `holder` names this process in leases: no two that run may share it.
    pub fn new(aws: Aws, names: &Names, holder: impl Into<String>) -> Self {
        Self {
            store: Store::new(&aws, names.table.clone()),
            specs: Specs::new(&aws, &names.spec_path),
            topic: names.topic.clone(),
            aws,
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

    /// The time, as AWS tells it.
    pub fn now(&self) -> jiff::Timestamp {
        self.aws.clock().now()
    }

    /// Tells the log and the watcher what happened.
    pub(crate) fn tell(&self, service: &ServiceName, kind: ProgressKind, text: impl Into<String>) {
        let event = ProgressEvent { at: self.now(), service: service.clone(), kind, text: text.into() };
        tracing::info!(at = %event.at, service = %event.service, kind = event.kind.as_str(), "{}", event.text);
        if let Some(watcher) = &self.watcher {
            watcher.see(&event);
        }
    }
}
