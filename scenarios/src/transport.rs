//! The controller's way to the region, with faults injected: it dies at a call, or every call is made twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use failover_aws::{Transport, TransportError};
use failover_simulator::Region;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::broken::{Asked, Broken};
use crate::embedded::Jitter;
use crate::injected::{Crash, InjectedFaults};

/// What takes the place of the network. Clones are one.
#[derive(Debug, Clone)]
pub(crate) struct FaultyTransport(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    region: Region,
    faults: InjectedFaults,
    broken: Option<Broken>,
    calls: AtomicU64,
    crashed: AtomicBool,
    crash: Notify,
    jitter: Jitter,
}

impl FaultyTransport {
    /// `active` is the first active instance.
    pub(crate) fn new(region: &Region, faults: InjectedFaults, active: Option<&str>) -> Self {
        Self(Arc::new(Shared {
            region: region.clone(),
            faults,
            broken: faults.breakage.map(|breakage| Broken::new(breakage, active)),
            calls: AtomicU64::new(0),
            crashed: AtomicBool::new(false),
            crash: Notify::new(),
            jitter: Jitter::from_thread(),
        }))
    }

    /// How many calls the controller made.
    pub(crate) fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Whether the controller died.
    pub(crate) fn has_crashed(&self) -> bool {
        self.0.crashed.load(Ordering::Relaxed)
    }

    /// Waits until the controller dies.
    pub(crate) async fn crash(&self) {
        self.0.crash.notified().await;
    }
}

impl Shared {
    /// The controller dies here: its caller never hears of the call again.
    async fn die(&self) -> TransportError {
        self.dies();
        std::future::pending().await
    }

    fn dies(&self) {
        if !self.crashed.swap(true, Ordering::Relaxed) {
            self.crash.notify_one();
        }
    }

    /// The call as a controller makes it that may be broken.
    async fn ask(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, failover_simulator::ConnectionError> {
        let Some(broken) = &self.broken else { return self.region.call(request).await };
        match broken.ask(request) {
            Asked::Sent { action, request } => {
                self.region.call(request).await.map(|answer| broken.hear(action.as_deref(), answer))
            }
            Asked::MadeUp(answer) => Ok(answer),
        }
    }
}

/// A call that is never answered ends when its caller gives up: that is the moment after it.
struct UntilAnswered<'a> {
    shared: &'a Shared,
    number: u64,
    answered: bool,
}

impl Drop for UntilAnswered<'_> {
    fn drop(&mut self) {
        if !self.answered && self.shared.faults.crash == Some(Crash::After(self.number)) {
            self.shared.dies();
        }
    }
}

impl Transport for FaultyTransport {
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let shared = Arc::clone(&self.0);
        let number = shared.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let reseeding = shared.jitter.reseeding();
        async move {
            let _reseeding = reseeding;
            if shared.faults.crash == Some(Crash::Before(number)) {
                return Err(shared.die().await);
            }
            let again = shared.faults.double_calls.then(|| request.clone());
            let mut until_answered = UntilAnswered { shared: &shared, number, answered: false };
            let mut answer = shared.ask(request).await;
            if let Some(request) = again {
                answer = shared.ask(request).await;
            }
            until_answered.answered = true;
            if shared.faults.crash == Some(Crash::After(number)) {
                return Err(shared.die().await);
            }
            answer.map_err(|error| TransportError::Broken(error.to_string()))
        }
        .boxed()
    }
}
