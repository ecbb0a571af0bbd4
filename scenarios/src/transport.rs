//! The controller's way to the region, with faults injected: it dies at a call, or every call is made twice.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use failover_aws::{Transport, TransportError};
use failover_simulator::{ConnectionError, Region};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::broken::{self, Asked, Broken};
use crate::embedded::Jitter;
use crate::injected::{Crash, InjectedFaults};
use crate::layout::Made;
use crate::witness::Witness;

/// What takes the place of the network, as one controller has it.
#[derive(Debug, Clone)]
pub(crate) struct FaultyTransport {
    shared: Arc<Shared>,
    /// How the controller is called in leases.
    holder: Arc<str>,
}

#[derive(Debug)]
struct Shared {
    region: Region,
    faults: InjectedFaults,
    broken: Option<Broken>,
    calls: AtomicU64,
    crashed: AtomicBool,
    crash: Notify,
    jitter: Jitter,
    witness: Mutex<Witness>,
}

impl FaultyTransport {
    pub(crate) fn new(region: &Region, faults: InjectedFaults, made: &Made) -> Self {
        let shared = Shared {
            region: region.clone(),
            faults,
            broken: faults.breakage.map(|breakage| Broken::new(breakage, made)),
            calls: AtomicU64::new(0),
            crashed: AtomicBool::new(false),
            crash: Notify::new(),
            jitter: Jitter::from_thread(),
            witness: Mutex::default(),
        };
        Self { shared: Arc::new(shared), holder: "".into() }
    }

    /// The same way for another controller.
    pub(crate) fn of(&self, holder: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), holder: holder.into() }
    }

    /// How many calls the controller made.
    pub(crate) fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// Whether the controller died.
    pub(crate) fn has_crashed(&self) -> bool {
        self.shared.crashed.load(Ordering::Relaxed)
    }

    /// What the controller has changed so far.
    pub(crate) fn witness(&self) -> Witness {
        self.shared.witnessed().clone()
    }

    /// Waits until the controller dies.
    pub(crate) async fn crash(&self) {
        self.shared.crash.notified().await;
    }
}

impl Shared {
    fn witnessed(&self) -> MutexGuard<'_, Witness> {
        self.witness.lock().unwrap_or_else(PoisonError::into_inner)
    }

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
    async fn ask(&self, by: &str, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ConnectionError> {
        let Some(broken) = &self.broken else { return self.send(by, request).await };
        match broken.ask(request) {
            Asked::Sent { action, request } => {
                self.send(by, request).await.map(|answer| broken.hear(action.as_deref(), answer))
            }
            Asked::OneByOne(requests) => {
                let mut answers = Vec::new();
                for request in requests {
                    answers.push(self.send(by, request).await?);
                }
                Ok(broken::as_one(&answers).or_else(|| answers.pop()).unwrap_or_default())
            }
            Asked::InTurn(requests) => {
                let mut last = Ok(http::Response::default());
                for request in requests {
                    last = self.send(by, request).await;
                }
                last
            }
            Asked::MadeUp(answer) => Ok(answer),
        }
    }

    async fn send(&self, by: &str, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ConnectionError> {
        let since = self.region.wall_now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let asked = self.witnessed().asks(by, &request, u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let answer = self.region.call(request).await;
        self.witnessed().hears(asked, answer.as_ref().ok());
        answer
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
        let (shared, holder) = (Arc::clone(&self.shared), Arc::clone(&self.holder));
        let number = shared.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let reseeding = shared.jitter.reseeding();
        async move {
            let _reseeding = reseeding;
            if shared.faults.crash == Some(Crash::Before(number)) {
                return Err(shared.die().await);
            }
            let again = shared.faults.double_calls.then(|| request.clone());
            let mut until_answered = UntilAnswered { shared: &shared, number, answered: false };
            let mut answer = shared.ask(&holder, request).await;
            if let Some(request) = again {
                answer = shared.ask(&holder, request).await;
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
